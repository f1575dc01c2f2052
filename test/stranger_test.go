package test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// guarded is a server that wants credentials, with the caches "a" and "b".
type guarded struct {
	*server
	t    *testing.T
	root string // the root key, as it was shown once
}

func startGuarded(t *testing.T, start starter, args ...string) *guarded {
	t.Helper()
	g := &guarded{server: start(t, append([]string{"--auth"}, args...)...), t: t}
	g.root = g.rootKey(t)
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

func TestReadersReadAndWritersWrite(t *testing.T) { everywhere(t, readersReadAndWritersWrite) }

func readersReadAndWritersWrite(t *testing.T, start starter) {
	g := startGuarded(t, start)
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
