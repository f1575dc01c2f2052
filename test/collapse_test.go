package test

import (
	"context"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hearthcache/hearth/client"
)

// TestOneLoad has five hundred environments with connections of their own miss the same item at once, half over gRPC
// and half over RESP, none of which knows anything of collapsed misses.
func TestOneLoad(t *testing.T) {
	s := start(t)
	admin := s.dial(t)
	if err := admin.CreateCache(t.Context(), "default"); err != nil {
		t.Fatal(err)
	}
	if _, stderr, code := hearth(t, []string{"HEARTH_ENDPOINT=" + s.Listen}, "cache", "set", "default", "collapse=on"); code != 0 {
		t.Fatal(stderr)
	}
	var loads atomic.Int64
	origin := func() string {
		loads.Add(1)
		time.Sleep(100 * time.Millisecond) // the origin takes its time
		return "loaded"
	}
	var wg sync.WaitGroup
	for i := range 500 {
		if i%2 == 0 {
			wg.Go(func() { s.readAsideByGRPC(t, origin) })
			continue
		}
		wg.Go(func() { s.readAsideByRESP(t, origin) })
	}
	wg.Wait()
	if n := loads.Load(); n != 1 {
		t.Errorf("the origin saw %d loads", n)
	}
}

func (s *server) dial(t *testing.T) *client.Client {
	t.Helper()
	c, err := client.New(client.Options{Endpoint: s.Listen, Timeout: 20 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func (s *server) readAsideByGRPC(t *testing.T, origin func() string) {
	c, err := client.New(client.Options{Endpoint: s.Listen, Timeout: 20 * time.Second})
	if err != nil {
		t.Error(err)
		return
	}
	defer c.Close()
	ctx := context.Background()
	v, ok, err := c.Cache("default").Get(ctx, []byte("hot"))
	switch {
	case err != nil || (ok && string(v) != "loaded"):
		t.Errorf("Get = %q, %v", v, err)
	case !ok:
		if err := c.Cache("default").Set(ctx, []byte("hot"), []byte(origin()), time.Minute); err != nil {
			t.Error(err)
		}
	}
}

func (s *server) readAsideByRESP(t *testing.T, origin func() string) {
	nc, err := net.Dial("tcp", s.RESP)
	if err != nil {
		t.Error(err)
		return
	}
	defer nc.Close()
	_ = nc.SetDeadline(time.Now().Add(20 * time.Second))
	answer := make([]byte, 64)
	say := func(command string) string {
		fmt.Fprintf(nc, "%s\r\n", command)
		n, err := nc.Read(answer)
		if err != nil {
			t.Error(err)
		}
		return string(answer[:n])
	}
	if got := say("GET hot"); strings.HasPrefix(got, "$-1") {
		say("SET hot " + origin())
	} else if got != "$6\r\nloaded\r\n" {
		t.Errorf("GET = %q", got)
	}
}
