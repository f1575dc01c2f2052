package test

import (
	"context"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hearthcache/hearth/client"
	"github.com/hearthcache/hearth/test/await"
)

// TestKilledUnderLoad kills the server while clients write, starts it again on the same ports and data, and expects
// that the caches are still there and that the clients go on by themselves.
func TestKilledUnderLoad(t *testing.T) {
	data := t.TempDir()
	s := start(t, "--data", data)
	c, err := client.New(client.Options{Endpoint: s.Listen, Timeout: 2 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.CreateCache(t.Context(), "load"); err != nil {
		t.Fatal(err)
	}

	var done atomic.Int64
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	defer wg.Wait()
	defer stop()
	for i := range 4 {
		wg.Go(func() { writeUntil(ctx, c.Cache("load"), i, &done) })
	}
	for round := range 3 {
		progress(t, &done, 200)
		s.kill()
		s.run(t, "--data", data)
		progress(t, &done, 200)
		if caches, err := c.Caches(t.Context()); err != nil || len(caches) != 1 || caches[0].Name != "load" {
			t.Errorf("round %d: caches are %v, %v", round, caches, err)
		}
	}
}

func writeUntil(ctx context.Context, c *client.Cache, worker int, done *atomic.Int64) {
	for i := 0; ctx.Err() == nil; i++ {
		key := fmt.Appendf(nil, "%d-%d", worker, i%100)
		if c.Set(ctx, key, make([]byte, 100), time.Minute) == nil {
			done.Add(1)
		}
	}
}

// progress waits until n more writes have succeeded.
func progress(t *testing.T, done *atomic.Int64, n int64) {
	t.Helper()
	want := done.Load() + n
	await.That(t, fmt.Sprint(n, " more writes"), func() bool { return done.Load() >= want })
}

// TestIdleConnections opens ten thousand connections that say nothing, and expects that others are served meanwhile.
func TestIdleConnections(t *testing.T) {
	const idle = 10_000
	s := start(t)
	conns := make([]net.Conn, 0, idle)
	defer func() {
		for _, c := range conns {
			c.Close()
		}
	}()
	for i := range idle {
		addr := s.Listen
		if i%2 == 1 {
			addr = s.RESP
		}
		nc, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatalf("connection %d: %v", i, err)
		}
		conns = append(conns, nc)
	}
	c, err := client.New(client.Options{Endpoint: s.Listen})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.CreateCache(t.Context(), "busy"); err != nil {
		t.Fatal(err)
	}
	for i := range 100 {
		if err := c.Cache("busy").Set(t.Context(), fmt.Appendf(nil, "%d", i), []byte("v"), time.Minute); err != nil {
			t.Fatal(err)
		}
	}
}
