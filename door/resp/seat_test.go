package resp

import (
	"context"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/hearthcache/hearth/control"
	"github.com/hearthcache/hearth/engine/local"
	"github.com/hearthcache/hearth/gateway"
)

func TestConnectionsOfACacheAreLimited(t *testing.T) {
	ctx := context.Background()
	plane, err := control.NewPlane(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"default", "other"} {
		if _, err := plane.Change(ctx, control.CreateCache{Name: name, Settings: map[string]string{"connections": "2"}}); err != nil {
			t.Fatal(err)
		}
	}
	e := local.New(local.Options{})
	t.Cleanup(func() { _ = e.Close() })
	addr := listen(t, New(Options{Gateway: gateway.New(gateway.Options{Engine: e, Plane: plane, Open: true}), Cache: "default"}))

	says := func(nc net.Conn, send, want string) {
		t.Helper()
		if got := answerTo(t, nc, send); !strings.HasPrefix(got, want) {
			t.Errorf("%q is answered by %q, want %q", send, got, want)
		}
	}
	dial := func() net.Conn {
		t.Helper()
		nc, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { nc.Close() })
		return nc
	}
	const ping, full = "PING\r\n", "-ERR max number of clients reached"
	a, b := dial(), dial()
	says(a, ping, "+PONG")
	says(b, ping, "+PONG")
	says(dial(), ping, full)
	// A connection that moves to another cache leaves its place to the next.
	says(b, "AUTH other x\r\n", "+OK")
	c := dial()
	says(c, ping, "+PONG")
	says(c, "AUTH other x\r\n", "+OK")
	d := dial()
	says(d, ping, "+PONG")
	says(d, "AUTH other x\r\n", full)
	says(d, ping, "+PONG") // it stays where it was
	a.Close()
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if got := answerTo(t, dial(), ping); strings.HasPrefix(got, "+PONG") {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the place of a closed connection is not given back")
		}
	}
}

// answerTo sends bytes and returns the first that come back.
func answerTo(t *testing.T, nc net.Conn, send string) string {
	t.Helper()
	_ = nc.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := nc.Write([]byte(send)); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 4096)
	n, err := nc.Read(buf)
	if err != nil {
		t.Fatal(err)
	}
	return string(buf[:n])
}
