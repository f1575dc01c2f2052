package test

import (
	"context"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	kinds "github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/client"
	"github.com/hearthcache/hearth/fleet"
	"github.com/hearthcache/hearth/test/await"
)

// troubled is a gateway whose server is in trouble.
type troubled struct {
	*server
	t     *testing.T
	cache *client.Cache
	rdb   *redis.Client
}

// readyz returns what /readyz says.
func (s *troubled) readyz() int {
	s.t.Helper()
	resp, err := http.Get(s.url("/readyz"))
	if err != nil {
		s.t.Fatal(err)
	}
	resp.Body.Close()
	return resp.StatusCode
}

// shows fails the test unless the metrics have a line.
func (s *troubled) shows(line string) {
	s.t.Helper()
	if text := s.metrics(s.t); !strings.Contains(text, line+"\n") {
		s.t.Errorf("the metrics do not say %s", line)
	}
}

// fails fails the test unless a write by every door comes to an error in the protocol's form.
func (s *troubled) fails(kind kinds.Kind, word string, status int) {
	s.t.Helper()
	if err := s.cache.Set(s.t.Context(), []byte("k"), []byte("v"), time.Minute); kinds.KindOf(err) != kind {
		s.t.Errorf("gRPC: %v, want kind %d", err, kind)
	}
	if err := s.rdb.Set(s.t.Context(), "k", "v", time.Minute).Err(); err == nil || !strings.HasPrefix(err.Error(), word) {
		s.t.Errorf("RESP: %v, want %s", err, word)
	}
	r, err := http.NewRequest("PUT", s.url("/cache/default?key=k&ttl_seconds=60"), strings.NewReader("v"))
	if err != nil {
		s.t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != status {
		s.t.Errorf("HTTP: %s, want %d", resp.Status, status)
	}
}

// serves fails the test unless all is well within the time that a busy machine may take.
func (s *troubled) serves() {
	s.t.Helper()
	await.That(s.t, "the server is back", func() bool {
		return s.rdb.Set(s.t.Context(), "k", "v", time.Minute).Err() == nil && s.readyz() == http.StatusOK
	})
	if v, ok, err := s.cache.Get(s.t.Context(), []byte("k")); string(v) != "v" || !ok || err != nil {
		s.t.Errorf("%q, %v, %v", v, ok, err)
	}
	s.shows("hearth_servers_up 1")
}

// TestServersInTrouble fills a gateway's server, stops it, and changes the password: every door says what is the matter in
// its own form, readiness and metrics tell, and all is well again when the server is.
func TestServersInTrouble(t *testing.T) {
	redisServer, err := fleet.Start(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer redisServer.Kill()
	command := func(args ...string) {
		t.Helper()
		if _, err := redisServer.Command(args...); err != nil {
			t.Fatal(err)
		}
	}
	password := func(p string) {
		command("ACL", "SETUSER", "gate", "reset", "on", ">"+p, "~h:*", "&h:*", "+@all", "-@admin")
	}
	password("old")
	s := &troubled{t: t, server: start(t, "--engine", "valkey", "--valkey-addrs", redisServer.Addr,
		"--valkey-user", "gate", "--valkey-password", "old")}
	c, err := client.New(client.Options{Endpoint: s.Listen, Timeout: 3 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	s.cache = c.Cache("default")
	s.rdb = redis.NewClient(&redis.Options{Addr: s.RESP, MaxRetries: -1, ReadTimeout: time.Minute})
	defer s.rdb.Close()
	s.admin(t, "cache", "create", "default")
	s.serves()

	command("CONFIG", "SET", "maxmemory", "1")
	s.fails(kinds.Limited, "OOM", http.StatusTooManyRequests)
	if v, err := s.rdb.Get(t.Context(), "k").Result(); v != "v" || err != nil {
		t.Errorf("a read of a full server: %q, %v", v, err)
	}
	if got := s.readyz(); got != http.StatusOK {
		t.Errorf("/readyz of a full server: %d", got)
	}
	s.shows("hearth_servers_full_total 3")
	command("CONFIG", "SET", "maxmemory", "0")
	s.serves()

	if err := syscall.Kill(redisServer.Pid(), syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = syscall.Kill(redisServer.Pid(), syscall.SIGCONT) }()
	short, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if _, _, err := s.cache.Get(short, []byte("k")); kinds.KindOf(err) != kinds.Timeout {
		t.Errorf("a read of a server that hangs: %v", err)
	}
	if got := s.readyz(); got != http.StatusServiceUnavailable {
		t.Errorf("/readyz of a server that hangs: %d", got)
	}
	s.shows("hearth_servers_up 0")
	s.fails(kinds.Timeout, "TRYAGAIN the engine's server cannot be reached", http.StatusServiceUnavailable)
	if err := syscall.Kill(redisServer.Pid(), syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	s.serves()

	password("new")
	command("CLIENT", "KILL", "USER", "gate")
	s.fails(kinds.Unavailable, "TRYAGAIN the engine's server cannot be reached", http.StatusServiceUnavailable)
	if got := s.readyz(); got != http.StatusServiceUnavailable || !strings.Contains(s.log.String(), "WRONGPASS") {
		t.Errorf("/readyz with a password that was changed: %d; the log says why: %v", got, strings.Contains(s.log.String(), "WRONGPASS"))
	}
	s.shows("hearth_servers_up 0")
	password("old")
	s.serves()
}
