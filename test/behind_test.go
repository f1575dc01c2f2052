package test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/hearthcache/hearth/client"
	"github.com/hearthcache/hearth/test/await"
)

// talk is a connection whose requests and answers are told apart by the test.
type talk struct {
	net.Conn
	t *testing.T
	r *bufio.Reader
}

func (s *server) talk(t *testing.T, addr string) *talk {
	t.Helper()
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	_ = nc.SetDeadline(time.Now().Add(30 * time.Second)) // sooner than anybody may load
	return &talk{nc, t, bufio.NewReader(nc)}
}

func (c *talk) say(text string) {
	c.t.Helper()
	if _, err := io.WriteString(c, text+"\r\n"); err != nil {
		c.t.Fatal(err)
	}
}

// hear reads an answer of so many lines, and holds it against what it should be.
func (c *talk) hear(want ...string) {
	c.t.Helper()
	for _, w := range want {
		line, err := c.r.ReadString('\n')
		if got := strings.TrimSpace(line); err != nil || got != w {
			c.t.Fatalf("heard %q, %v; want %q", got, err, w)
		}
	}
}

// patient starts a server with a cache in which callers wait, and may load, for longer than the test takes.
func patient(t *testing.T) *server {
	t.Helper()
	s := start(t)
	if err := s.dial(t).CreateCache(t.Context(), "default"); err != nil {
		t.Fatal(err)
	}
	if _, stderr, code := hearth(t, []string{"HEARTH_ENDPOINT=" + s.Listen}, "cache", "set", "default", "collapse=on", "collapse-wait=2m", "collapse-load=2m"); code != 0 {
		t.Fatal(stderr)
	}
	return s
}

// waits returns once so many reads have begun to wait.
func (s *server) waits(t *testing.T, n int) {
	t.Helper()
	await.That(t, fmt.Sprintf("%d callers wait", n), func() bool {
		return strings.Contains(s.metrics(t), fmt.Sprintf("hearth_waited_total{cache=\"default\"} %d\n", n))
	})
}

// TestSetBehindARead has tasks that share a connection, as many Redis clients have it: the set of what one of them loads is
// behind the read of another one, which would wait for it.
func TestSetBehindARead(t *testing.T) {
	t.Run("RESP", func(t *testing.T) {
		s := patient(t)
		shared := s.talk(t, s.RESP)
		shared.say("GET k")
		shared.hear("$-1")
		shared.say("GET k")
		s.waits(t, 1)
		shared.say("SET k v")
		shared.hear("$-1", "+OK")
		shared.say("GET k")
		shared.hear("$1", "v")

		shared.say("GET one\r\nGET one\r\nSET one v\r\nGET one")
		shared.hear("$-1", "$-1", "+OK", "$1", "v")
	})
	t.Run("memcached", func(t *testing.T) {
		s := patient(t)
		shared := s.talk(t, s.Memcache)
		shared.say("get k")
		shared.hear("END")
		shared.say("get k")
		s.waits(t, 1)
		shared.say("set k 0 0 1\r\nv")
		shared.hear("END", "STORED")
		shared.say("get k")
		shared.hear("VALUE k 0 1", "v", "END")
	})
	t.Run("two that wait for each other", func(t *testing.T) {
		s := patient(t)
		a, b := s.talk(t, s.RESP), s.talk(t, s.RESP)
		a.say("GET of-a")
		a.hear("$-1")
		b.say("GET of-b")
		b.hear("$-1")
		a.say("GET of-b")
		b.say("GET of-a")
		s.waits(t, 2)
		a.say("SET of-a v")
		a.hear("$-1", "+OK")
		b.hear("$1", "v")
	})
}

// TestReadsInAPool has tasks that take a connection for one command: nothing comes behind a read that waits, so it waits
// for the set by another connection, also where its own one was told to load.
func TestReadsInAPool(t *testing.T) {
	s := patient(t)
	a, b := s.talk(t, s.RESP), s.talk(t, s.RESP)
	a.say("GET k")
	a.hear("$-1")
	a.say("GET k")
	s.waits(t, 1)
	b.say("SET k v")
	b.hear("+OK")
	a.hear("$1", "v")

	// Who loads nothing waits also where more comes behind.
	b.say("GET other")
	b.hear("$-1")
	a.say("GET other")
	s.waits(t, 2)
	a.say("GET k")
	b.say("SET other v")
	b.hear("+OK")
	a.hear("$1", "v", "$1", "v")
}

// TestLoadersConnectionEnds ends the connection of a loader, of every protocol that has connections: who waits is told to load.
func TestLoadersConnectionEnds(t *testing.T) {
	s := patient(t)
	waiting := func(t *testing.T, n int, end func()) {
		t.Helper()
		waiter := s.talk(t, s.RESP)
		waiter.say("GET " + t.Name())
		s.waits(t, n)
		end()
		waiter.hear("$-1")
	}
	t.Run("RESP", func(t *testing.T) {
		loader := s.talk(t, s.RESP)
		loader.say("GET " + t.Name())
		loader.hear("$-1")
		waiting(t, 1, func() { loader.Close() })
	})
	t.Run("memcached", func(t *testing.T) {
		loader := s.talk(t, s.Memcache)
		loader.say("get " + t.Name())
		loader.hear("END")
		waiting(t, 2, func() { loader.Close() })
	})
	t.Run("gRPC", func(t *testing.T) {
		loader, err := client.New(client.Options{Endpoint: s.Listen})
		if err != nil {
			t.Fatal(err)
		}
		if _, ok, err := loader.Cache("default").Get(context.Background(), []byte(t.Name())); ok || err != nil {
			t.Fatal(ok, err)
		}
		waiting(t, 3, func() { loader.Close() })
	})
}
