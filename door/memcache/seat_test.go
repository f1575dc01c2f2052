package memcache

import (
	"context"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/hearthcache/hearth/control"
	"github.com/hearthcache/hearth/engine/local"
	"github.com/hearthcache/hearth/gateway"
)

const refused = errFull + "\r\n"

// limited serves a cache "default" that may have two connections, and returns the gateway behind it.
func limited(t *testing.T, open bool) (g *gateway.Gateway, addr string) {
	t.Helper()
	plane, err := control.NewPlane(context.Background(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := plane.Change(context.Background(), control.CreateCache{Name: "default", Settings: map[string]string{"connections": "2"}}); err != nil {
		t.Fatal(err)
	}
	e := local.New(local.Options{})
	t.Cleanup(func() { _ = e.Close() })
	g = gateway.New(gateway.Options{Engine: e, Plane: plane, Open: open})
	return g, listen(t, New(Options{Gateway: g}))
}

// says sends a line and returns all that comes back until as much came as is wanted, or the end.
func says(c *client, line, want string) string {
	c.t.Helper()
	_ = c.nc.SetDeadline(time.Now().Add(10 * time.Second))
	_, _ = io.WriteString(c.nc, line)
	got := make([]byte, len(want))
	n, _ := io.ReadFull(c.in, got)
	return string(got[:n])
}

// awaitPlace returns once a new connection that says line is answered as it wants: the end of another one takes a moment.
func awaitPlace(t *testing.T, addr, line, want string) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		c := dial(t, addr)
		if says(c, line, want) == want {
			return
		}
		c.nc.Close()
		if time.Now().After(deadline) {
			t.Fatal("the place of a closed connection is not given back")
		}
	}
}

func TestConnectionsOfACacheAreLimited(t *testing.T) {
	_, addr := limited(t, true)
	a, b := dial(t, addr), dial(t, addr)
	for _, c := range []*client{a, b} {
		if got := says(c, "mn\r\n", "MN\r\n"); got != "MN\r\n" {
			t.Fatalf("a connection within the limit reads %q", got)
		}
	}
	// One too many is told so, and closed, without having said anything.
	c := dial(t, addr)
	_ = c.nc.SetDeadline(time.Now().Add(10 * time.Second))
	if got, err := io.ReadAll(c.in); string(got) != refused || err != nil {
		t.Errorf("one connection too many reads %q, %v", got, err)
	}
	a.nc.Close()
	awaitPlace(t, addr, "mn\r\n", "MN\r\n")
}

func TestConnectionsThatSignInAreLimited(t *testing.T) {
	g, addr := limited(t, false)
	root, err := g.CreateRoot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	user := "default " + root.Token
	login := fmt.Sprintf("set auth 0 0 %d\r\n%s\r\n", len(user), user)
	// Strangers take no place: they have no cache yet.
	for range 5 {
		if got := says(dial(t, addr), "mn\r\n", errUnauthenticated+"\r\n"); got != errUnauthenticated+"\r\n" {
			t.Errorf("a stranger reads %q", got)
		}
	}
	a, b, c := dial(t, addr), dial(t, addr), dial(t, addr)
	for _, c := range []*client{a, b} {
		if got := says(c, login, "STORED\r\n"); got != "STORED\r\n" {
			t.Fatalf("a connection within the limit reads %q", got)
		}
	}
	if got := says(c, login, refused+"x"); got != refused {
		t.Errorf("one connection too many reads %q and goes on", got)
	}
	a.nc.Close()
	awaitPlace(t, addr, login, "STORED\r\n")
}
