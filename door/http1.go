package door

import (
	"context"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// handover gives connections to net/http, as the listener that it accepts them from. Its goroutine starts with the
// first of them.
type handover struct {
	server http.Server
	start  sync.Once

	mu     sync.Mutex // guards the rest
	some   *sync.Cond // there are conns, or closed is set
	conns  []net.Conn
	closed bool
}

func newHandover(h http.Handler) *handover {
	plain := new(http.Protocols)
	plain.SetHTTP1(true)
	hand := &handover{
		server: http.Server{
			Handler:           h,
			Protocols:         plain,
			ReadHeaderTimeout: headerMillis * time.Millisecond,
			IdleTimeout:       idleMillis * time.Millisecond,
			MaxHeaderBytes:    headerBytesMax,
			ErrorLog:          log.New(io.Discard, "", 0), // what clients do wrong
		},
	}
	hand.some = sync.NewCond(&hand.mu)
	return hand
}

// take lets net/http serve a connection, unless it has stopped. It never waits.
func (h *handover) take(c net.Conn) bool {
	h.start.Do(func() { go func() { _ = h.server.Serve(h) }() })
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return false
	}
	h.conns = append(h.conns, c)
	h.some.Signal()
	return true
}

// drain ends HTTP/1.1 when its requests are answered, or ctx ends.
func (h *handover) drain(ctx context.Context) {
	if h.server.Shutdown(ctx) != nil {
		_ = h.server.Close()
	}
	_ = h.Close()
}

// Accept returns the next connection.
func (h *handover) Accept() (net.Conn, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for len(h.conns) == 0 && !h.closed {
		h.some.Wait()
	}
	if h.closed {
		return nil, net.ErrClosed
	}
	c := h.conns[0]
	h.conns = h.conns[1:]
	return c, nil
}

// Close ends Accept, and closes what it has not returned.
func (h *handover) Close() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = true
	for _, c := range h.conns {
		_ = c.Close()
	}
	h.conns = nil
	h.some.Broadcast()
	return nil
}

// Addr returns an address that nobody asks for.
func (h *handover) Addr() net.Addr { return &net.TCPAddr{} }

// greeting is the session of a connection that has not said yet which protocol it speaks.
type greeting struct {
	conn *Conn
	text string
}

// Feed waits until the first bytes tell.
func (g *greeting) Feed(in []byte, out *Writer) (int, error) {
	n := min(len(in), len(g.text))
	switch {
	case !strings.HasPrefix(g.text, string(in[:n])):
		g.conn.depart(in)
		return len(in), nil
	case n < len(g.text):
		return 0, nil
	}
	c := g.conn
	c.until = 0
	c.become(c.server.Protocol.Open(c, out))
	return c.session.Feed(in, out)
}

// Woken has nothing to do.
func (g *greeting) Woken(*Writer) error { return nil }

// Drain ends a connection that has not said anything.
func (g *greeting) Drain(*Writer) error { return io.EOF }

// Closed has nothing to do.
func (g *greeting) Closed() {}

// begin opens the session, or waits for the first bytes where two protocols share a port.
func (c *Conn) begin(l *loop) {
	l.out.conn = c
	g, shared := c.server.Protocol.(Greeter)
	if !shared || c.secure != nil {
		c.become(c.server.Protocol.Open(c, &l.out))
		return
	}
	c.become(&greeting{conn: c, text: g.Greeting()})
	l.expect(c, headerMillis)
}

// depart takes the connection from its loop and gives it to HTTP/1.1, with what was read of it.
func (c *Conn) depart(in []byte) {
	c.state = closed
	c.loop.remove(c)
	nc, err := c.disown()
	c.server.forget(c)
	if err != nil {
		c.server.Limits.leave()
		return
	}
	rest := &started{Conn: nc, first: append([]byte(nil), in...)}
	c.server.give(&counted{Conn: rest, limits: c.server.Limits})
}

// started is a connection of which something was read already.
type started struct {
	net.Conn
	first []byte
}

// Read returns what was read already, then what comes.
func (s *started) Read(p []byte) (int, error) {
	if len(s.first) == 0 {
		return s.Conn.Read(p)
	}
	n := copy(p, s.first)
	s.first = s.first[n:]
	if len(s.first) == 0 {
		s.first = nil
	}
	return n, nil
}
