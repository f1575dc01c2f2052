package test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	kinds "github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/client"
)

// guarded is a server that wants credentials, with the caches "a" and "b".
type guarded struct {
	*server
	t    *testing.T
	root string // the root key, as it was shown once
}

func startGuarded(t *testing.T, args ...string) *guarded {
	t.Helper()
	g := &guarded{server: start(t, append([]string{"--auth"}, args...)...), t: t}
	found := regexp.MustCompile(`MOMENTO_API_KEY=(\S+)`).FindStringSubmatch(g.log.String())
	if found == nil {
		t.Fatalf("no root key was shown:\n%s", g.log)
	}
	g.root = found[1]
	for _, name := range []string{"a", "b"} {
		g.cli("cache", "create", name)
	}
	return g
}

// cli runs the command line as the owner and returns what it printed.
func (g *guarded) cli(args ...string) string {
	g.t.Helper()
	return g.as(g.root, args...)
}

// as runs the command line with a key and returns what it printed.
func (g *guarded) as(key string, args ...string) string {
	g.t.Helper()
	out, errs, code := hearth(g.t, []string{"HEARTH_ENDPOINT=" + g.Listen, "MOMENTO_API_KEY=" + key}, args...)
	if code != 0 {
		g.t.Fatalf("hearth %v: %d %s%s", args, code, out, errs)
	}
	return strings.TrimSpace(out)
}

// http makes a request with a token in the header and returns its status.
func (g *guarded) http(token, method, path, body string) int {
	g.t.Helper()
	r, err := http.NewRequest(method, "http://"+g.Listen+path, strings.NewReader(body))
	if err != nil {
		g.t.Fatal(err)
	}
	if token != "" {
		r.Header.Set("Authorization", token)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		g.t.Fatal(err)
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode
}

// resp signs in to a cache, says one command, and returns the answer to it; to AUTH where that is refused.
func (g *guarded) resp(token, cache, command string) string {
	g.t.Helper()
	conn, err := net.Dial("tcp", g.RESP)
	if err != nil {
		g.t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	answers := bufio.NewReader(conn)
	say := func(line string) string {
		fmt.Fprintf(conn, "%s\r\n", line)
		answer, err := answers.ReadString('\n')
		if err != nil {
			return "-closed: " + err.Error()
		}
		return answer
	}
	if token != "" {
		if answer := say("AUTH " + cache + " " + token); answer[0] == '-' {
			return answer
		}
	}
	return say(command)
}

// grpc makes a call of Momento's protocol on a cache.
func (g *guarded) grpc(token string, call func(*client.Client) error) error {
	g.t.Helper()
	c, err := client.New(client.Options{Endpoint: g.Listen, Key: token, Timeout: 10 * time.Second})
	if err != nil {
		g.t.Fatal(err)
	}
	defer c.Close()
	return call(c)
}

// memcache signs in to a cache as memcached's clients do, says one command, and returns the first line of the answer to
// it; to signing in where that is refused.
func (g *guarded) memcache(token, cache, command string) string {
	g.t.Helper()
	conn, err := net.Dial("tcp", g.Memcache)
	if err != nil {
		g.t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	answers := bufio.NewReader(conn)
	say := func(line string) string {
		fmt.Fprintf(conn, "%s\r\n", line)
		answer, err := answers.ReadString('\n')
		if err != nil {
			return "ERROR closed: " + err.Error()
		}
		return answer
	}
	if token != "" {
		login := cache + " " + token
		if answer := say(fmt.Sprintf("set auth 0 0 %d\r\n%s", len(login), login)); answer != "STORED\r\n" {
			return answer
		}
	}
	return say(command)
}

func TestAStrangerGetsNowhere(t *testing.T) {
	g := startGuarded(t)
	good := g.cli("token", "create", "--cache", "a", "--ttl", "10m")
	if code := g.http(good, "PUT", "/cache/a?key=k&ttl_seconds=60", "v"); code != http.StatusNoContent {
		t.Fatalf("a good token writes: %d", code)
	}
	if got := g.resp(good, "a", "GET k"); got != "$1\r\n" {
		t.Fatalf("a good token reads over RESP: %q", got)
	}
	if got := g.memcache(good, "a", "get k"); got != "VALUE k 0 1\r\n" {
		t.Fatalf("a good token reads over memcached's protocol: %q", got)
	}
	revoked := g.cli("key", "create", "--super")
	child := g.as(revoked, "token", "create", "--cache", "a", "--ttl", "10m")
	if got := g.resp(child, "a", "GET k"); got != "$1\r\n" {
		t.Fatalf("a token of a key that is not revoked yet: %q", got)
	}
	keys := g.cli("key", "list")
	for _, id := range regexp.MustCompile(`(?m)^\S{20}`).FindAllString(keys, -1) {
		if strings.Contains(keys, id) && !strings.Contains(lineOf(keys, id), "root") {
			g.cli("key", "revoke", id)
		}
	}
	expired := g.cli("token", "create", "--cache", "a", "--ttl", "1s")
	time.Sleep(1100 * time.Millisecond)
	middle := len(good) / 2

	for who, token := range map[string]string{
		"nobody":           "",
		"garbage":          "garbage",
		"expired":          expired,
		"revoked":          revoked,
		"child of revoked": child,
		"altered":          good[:middle] + string(good[middle]^1) + good[middle+1:],
		"truncated":        strings.TrimRight(good, "=")[:len(good)-8],
		"other tenant":     g.cli("token", "create", "--cache", "b", "--ttl", "10m"),
		"unsigned":         "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.eyJhdWQiOiJoZWFydGgiLCJleHAiOjQwMDAwMDAwMDAsInAiOlt7ImFjY2VzcyI6N31dfQ.",
	} {
		g.nowhere(who, token)
	}
	if code := g.http(good, "GET", "/cache/a?key=k&token="+url.QueryEscape(good), ""); code != http.StatusBadRequest {
		t.Errorf("a token in header and address: %d", code)
	}
	if got := g.resp(good, "a", "GET k"); got != "$1\r\n" {
		t.Errorf("the item is gone: %q", got)
	}
}

func lineOf(text, part string) string {
	for _, l := range strings.Split(text, "\n") {
		if strings.Contains(l, part) {
			return l
		}
	}
	return ""
}

// nowhere tries every protocol on the cache "a", and the administration.
func (g *guarded) nowhere(who, token string) {
	g.t.Helper()
	for _, r := range [][3]string{
		{"GET", "/cache/a?key=k"}, {"PUT", "/cache/a?key=k&ttl_seconds=1", "x"}, {"DELETE", "/cache/a?key=k"},
		{"POST", "/topics/a/t", "x"}, {"GET", "/topics/a/t"},
		{"GET", "/admin/caches"}, {"POST", "/admin/caches", `{"name":"x"}`}, {"DELETE", "/admin/caches/a"}, {"GET", "/admin/keys"},
		{"POST", "/admin/keys", `{"owner":true,"never_expires":true}`}, {"POST", "/admin/tokens", "{}"}, {"GET", "/admin/usage"},
		{"GET", "/api-keys"}, {"POST", "/api-keys", "{}"}, {"DELETE", "/api-keys/x"}, {"GET", "/roles"}, {"POST", "/roles", "{}"},
		{"DELETE", "/roles/x"}, {"GET", "/metrics"},
	} {
		if code := g.http(token, r[0], r[1], r[2]); code != http.StatusUnauthorized && code != http.StatusForbidden {
			g.t.Errorf("%s: %s %s = %d", who, r[0], r[1], code)
		}
	}
	for _, command := range []string{"GET k", "SET k x", "DEL k", "EXISTS k", "EXPIRE k 1", "INCR n", "TYPE k", "MGET k", "MSET k x",
		"SCAN 0", "KEYS *", "DBSIZE", "FLUSHALL", "FLUSHDB", "RANDOMKEY", "PUBLISH t x", "HGETALL k", "LPUSH l x", "RENAME k l"} {
		if got := g.resp(token, "a", command); !regexp.MustCompile(`^-(NOAUTH|WRONGPASS|NOPERM|ERR unknown command)`).MatchString(got) {
			g.t.Errorf("%s: %s = %q", who, command, got)
		}
	}
	for _, command := range []string{"get k", "gets k", "delete k", "touch k 1", "incr k 1", "mg k v", "md k", "set k 0 0 1\r\nx", "ms k 1\r\nx", "flush_all"} {
		if got := g.memcache(token, "a", command); !regexp.MustCompile(`^(CLIENT_ERROR|SERVER_ERROR|ERROR)`).MatchString(got) {
			g.t.Errorf("%s: memcached's %s = %q", who, command, got)
		}
	}
	if strings.HasSuffix(token, ".") || token == "garbage" || token == "" {
		// Not what a client can be made of; the header below is.
		token = "Bearer " + token
	}
	calls := map[string]func(*client.Client) error{
		"Get":         func(c *client.Client) error { _, _, err := c.Cache("a").Get(g.t.Context(), []byte("k")); return err },
		"Set":         func(c *client.Client) error { return c.Cache("a").Set(g.t.Context(), []byte("k"), nil, time.Second) },
		"Delete":      func(c *client.Client) error { return c.Cache("a").Delete(g.t.Context(), []byte("k")) },
		"CreateCache": func(c *client.Client) error { return c.CreateCache(g.t.Context(), "x") },
		"DeleteCache": func(c *client.Client) error { return c.DeleteCache(g.t.Context(), "a") },
		"FlushCache":  func(c *client.Client) error { return c.FlushCache(g.t.Context(), "a") },
		"ListCaches":  func(c *client.Client) error { _, err := c.Caches(g.t.Context()); return err },
	}
	for name, call := range calls {
		if err := g.grpc(token, call); kinds.KindOf(err) != kinds.Unauthenticated && kinds.KindOf(err) != kinds.Denied {
			g.t.Errorf("%s: %s = %v", who, name, err)
		}
	}
}

func TestReadersReadAndWritersWrite(t *testing.T) {
	g := startGuarded(t)
	reader := g.cli("token", "create", "--cache", "a", "--role", "readonly", "--ttl", "10m")
	writer := g.cli("token", "create", "--cache", "a", "--role", "writeonly", "--prefix", "in/", "--ttl", "10m")
	status := func(want int, token, method, path string) {
		t.Helper()
		if code := g.http(token, method, path, "v"); code != want {
			t.Errorf("%s %s = %d, want %d", method, path, code, want)
		}
	}
	status(204, writer, "PUT", "/cache/a?key=in/k&ttl_seconds=60")
	status(403, writer, "GET", "/cache/a?key=in/k")
	status(403, writer, "PUT", "/cache/a?key=out/k&ttl_seconds=60")
	status(200, reader, "GET", "/cache/a?key=in/k")
	status(403, reader, "PUT", "/cache/a?key=in/k&ttl_seconds=60")
	status(403, reader, "DELETE", "/cache/a?key=in/k")
	status(204, writer, "DELETE", "/cache/a?key=in/k")
	for _, c := range []struct{ who, token, command, want string }{
		{"reader", reader, "GET k", "$-1"}, {"reader", reader, "SET k v", "-NOPERM"}, {"reader", reader, "FLUSHDB", "-NOPERM"},
		{"writer", writer, "SET in/k v", "+OK"}, {"writer", writer, "GET in/k", "-NOPERM"},
		{"writer", writer, "SET k v", "-NOPERM"},
	} {
		if got := g.resp(c.token, "a", c.command); !strings.HasPrefix(got, c.want) {
			t.Errorf("%s: %s = %q, want %s", c.who, c.command, got, c.want)
		}
	}
}
