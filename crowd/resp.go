package crowd

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"
)

// respConn speaks as much RESP as environments need, one request at a time.
type respConn struct {
	net.Conn
	r *bufio.Reader
}

const respTimeout = 30 * time.Second

func dialRESP(ctx context.Context, addr, cache, key string) (*respConn, error) {
	var d net.Dialer
	nc, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	if key == "" {
		key = "none" // who needs no key still has to name the cache
	}
	c := &respConn{nc, bufio.NewReader(nc)}
	if _, a := c.do(ctx, "AUTH", cache, key); a.err != nil {
		nc.Close()
		return nil, a.err
	}
	return c, nil
}

func (c *respConn) get(ctx context.Context, key string) ([]byte, answer) {
	return c.do(ctx, "GET", key)
}

func (c *respConn) set(ctx context.Context, key string, v []byte, ttl time.Duration) answer {
	_, a := c.do(ctx, "SET", key, string(v), "PX", strconv.FormatInt(ttl.Milliseconds(), 10))
	a.hit = false
	return a
}

// do sends a command and reads its reply: a bulk or simple string is a hit, null none.
func (c *respConn) do(ctx context.Context, words ...string) (v []byte, a answer) {
	deadline := time.Now().Add(respTimeout)
	if d, ok := ctx.Deadline(); ok && d.Before(deadline) {
		deadline = d
	}
	_ = c.SetDeadline(deadline)
	var b strings.Builder
	fmt.Fprintf(&b, "*%d\r\n", len(words))
	for _, w := range words {
		fmt.Fprintf(&b, "$%d\r\n%s\r\n", len(w), w)
	}
	if _, a.err = io.WriteString(c.Conn, b.String()); a.err != nil {
		return nil, a
	}
	sent := time.Now()
	v, a.hit, a.err = c.reply()
	a.took = time.Since(sent)
	return v, a
}

func (c *respConn) reply() (v []byte, hit bool, err error) {
	line, err := c.r.ReadString('\n')
	if err != nil {
		return nil, false, err
	}
	line = strings.TrimRight(line, "\r\n")
	switch {
	case line == "$-1":
		return nil, false, nil
	case strings.HasPrefix(line, "+"):
		return []byte(line[1:]), true, nil
	case strings.HasPrefix(line, "$"):
		n, err := strconv.Atoi(line[1:])
		if err != nil || n < 0 || n > ValueBytesMax {
			return nil, false, fmt.Errorf("a reply of %q bytes", line[1:])
		}
		v = make([]byte, n+2)
		_, err = io.ReadFull(c.r, v)
		return v[:n], err == nil, err
	}
	return nil, false, fmt.Errorf("the server replied %q", line)
}
