package momento

import (
	"net"
	"net/http"
	"path"
	"sync"
)

// Gate can stop the traffic of a listener's connections without closing one, so that clients have to notice by
// themselves. It is the admin API of a test server, for `hearth serve --dev-faults` alone: GET /block and GET /unblock.
type Gate struct {
	mu   sync.Mutex    // guards open
	open chan struct{} // closed while traffic flows; nil is as closed
}

// Listen returns l with its connections behind the gate.
func (g *Gate) Listen(l net.Listener) net.Listener { return &gatedListener{l, g} }

// ServeHTTP implements http.Handler. Some clients ask for //block.
func (g *Gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch path.Clean(r.URL.Path) {
	case "/block":
		g.Block()
	case "/unblock":
		g.Unblock()
	default:
		http.Error(w, "there is /block and /unblock", http.StatusNotFound)
	}
}

// Block stops the traffic.
func (g *Gate) Block() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.flows() {
		g.open = make(chan struct{})
	}
}

// Unblock lets it flow again.
func (g *Gate) Unblock() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.flows() {
		close(g.open)
	}
}

func (g *Gate) flows() bool {
	if g.open == nil {
		return true
	}
	select {
	case <-g.open:
		return true
	default:
		return false
	}
}

// pass waits until traffic flows, or until closed is closed.
func (g *Gate) pass(closed <-chan struct{}) error {
	g.mu.Lock()
	open := g.open
	g.mu.Unlock()
	if open == nil {
		return nil
	}
	select {
	case <-open:
		return nil
	case <-closed:
		return net.ErrClosed
	}
}

type gatedListener struct {
	net.Listener
	gate *Gate
}

// Accept implements net.Listener.
func (l *gatedListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &gatedConn{Conn: c, gate: l.gate, closed: make(chan struct{})}, nil
}

type gatedConn struct {
	net.Conn
	gate   *Gate
	once   sync.Once
	closed chan struct{}
}

// Read implements net.Conn: what arrives while the gate is closed waits.
func (c *gatedConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if blocked := c.gate.pass(c.closed); blocked != nil {
		return 0, blocked
	}
	return n, err
}

// Write implements net.Conn.
func (c *gatedConn) Write(b []byte) (int, error) {
	if err := c.gate.pass(c.closed); err != nil {
		return 0, err
	}
	return c.Conn.Write(b)
}

// Close implements net.Conn.
func (c *gatedConn) Close() error {
	c.once.Do(func() { close(c.closed) })
	return c.Conn.Close()
}
