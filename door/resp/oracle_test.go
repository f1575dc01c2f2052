package resp

import (
	"fmt"
	"net"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/hearthcache/hearth/respwire"
)

// redisServer starts Debian's redis-server, the oracle, and returns its address.
func redisServer(t testing.TB) string {
	t.Helper()
	port := freePort(t)
	cmd := exec.Command("redis-server", "--port", fmt.Sprint(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no",
		"--dir", t.TempDir(), "--enable-debug-command", "yes", "--databases", "1")
	start(t, cmd)
	return awaitPort(t, port)
}

func start(t testing.TB, cmd *exec.Cmd) {
	t.Helper()
	if err := cmd.Start(); err != nil {
		t.Fatalf("%s is one of test/packages.txt: %v", cmd.Path, err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
}

func freePort(t testing.TB) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

func awaitPort(t testing.TB, port int) string {
	t.Helper()
	addr := fmt.Sprintf("127.0.0.1:%d", port)
	for range 500 {
		if nc, err := net.Dial("tcp", addr); err == nil {
			nc.Close()
			return addr
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("nothing listens on %s", addr)
	return ""
}

// client speaks RESP and keeps the bytes of replies.
type client struct {
	t   testing.TB
	nc  net.Conn
	buf []byte

	sent [][]string // that have not been answered, the first for the next reply
}

func dial(t testing.TB, addr string) *client {
	t.Helper()
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	return &client{t: t, nc: nc}
}

// send writes requests.
func (c *client) send(calls ...[]string) {
	c.t.Helper()
	c.sent = append(c.sent, calls...)
	var out []byte
	for _, call := range calls {
		out = respwire.AppendArray(out, len(call))
		for _, a := range call {
			out = respwire.AppendBulkString(out, a)
		}
	}
	_ = c.nc.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := c.nc.Write(out); err != nil {
		c.t.Fatal(err)
	}
}

// reply reads one reply and returns its bytes, and it decoded. Both are valid until the next one.
func (c *client) reply() ([]byte, respwire.Value) {
	c.t.Helper()
	for {
		v, n, err := respwire.Decode(c.buf)
		if err == nil {
			raw := c.buf[:n:n]
			c.buf = c.buf[n:]
			c.sent = c.sent[min(1, len(c.sent)):]
			return raw, v
		}
		if err != respwire.ErrShort {
			c.t.Fatalf("%v in %q", err, c.buf)
		}
		part := make([]byte, 64<<10)
		m, err := c.nc.Read(part)
		if err != nil {
			c.t.Fatalf("%s: %v after %q, in answer to %q", c.nc.RemoteAddr(), err, c.buf, c.sent)
		}
		c.buf = append(c.buf[:len(c.buf):len(c.buf)], part[:m]...)
	}
}

// do sends one request and returns the text of its reply.
func (c *client) do(args ...string) string {
	c.t.Helper()
	c.send(args)
	raw, _ := c.reply()
	return string(raw)
}

func words1(s string) []string { return strings.Fields(s) }
