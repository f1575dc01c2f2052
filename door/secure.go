package door

import (
	"crypto/tls"
	"net"
	"time"
)

// secure is TLS over a connection of ours. crypto/tls reads and writes through it: during the handshake it waits for
// the network, afterwards it never does.
type secure struct {
	tls      *tls.Conn
	net.Conn               // during the handshake, and for HTTP/1.1
	owner    *Conn         // after it, unless the connection was given away
	gate     chan struct{} // bounds the handshakes that compute at the same time
	inside   bool
	dry      bool // the socket has nothing more for now
}

// Read gives crypto/tls what the socket has.
func (s *secure) Read(p []byte) (int, error) {
	if s.owner == nil {
		s.pass()
		defer s.enter()
		return s.Conn.Read(p)
	}
	if s.dry {
		return 0, errTLSAgain{}
	}
	n, err := s.owner.readSocket(p)
	s.dry = !s.owner.readable || err == errAgain
	if err == errAgain {
		return 0, errTLSAgain{}
	}
	return n, err
}

// Write takes sealed records; the loop sends them with the turn's other output.
func (s *secure) Write(p []byte) (int, error) {
	if s.owner == nil {
		return s.Conn.Write(p)
	}
	s.owner.loop.cipher = append(s.owner.loop.cipher, p...)
	return len(p), nil
}

// enter waits for a place among the handshakes that compute; pass gives it up while the peer is waited for.
func (s *secure) enter() {
	if s.gate != nil && !s.inside {
		s.gate <- struct{}{}
		s.inside = true
	}
}

func (s *secure) pass() {
	if s.inside {
		<-s.gate
		s.inside = false
	}
}

// handshake makes the connection secure; the peer has a bounded time.
func (s *secure) handshake() error {
	if err := s.Conn.SetDeadline(time.Now().Add(handshakeMillis * time.Millisecond)); err != nil {
		return err
	}
	err := s.tls.Handshake()
	s.pass()
	s.gate = nil
	if err != nil {
		return err
	}
	return s.Conn.SetDeadline(time.Time{})
}

// receive opens records until there is something for the session. What TLS itself wants to say is sent.
func (s *secure) receive(c *Conn, p []byte) (int, error) {
	n, err := s.tls.Read(p)
	if _, again := err.(errTLSAgain); again {
		return n, errAgain
	}
	// There may be another record in what crypto/tls has read of the socket.
	c.readable = true
	return n, err
}

// seal replaces what w holds by its records.
func (c *Conn) seal(w *Writer) {
	l := c.loop
	w.segments(func(p []byte, owner Releaser) {
		_, _ = c.secure.tls.Write(p) // never waits; what fails here has failed to read as well
		release(p, owner)
	})
	if c.state == ending && !c.gone {
		_ = c.secure.tls.CloseWrite()
	}
	clear(w.refs)
	w.refs, w.size = w.refs[:0], 0
	w.B, l.cipher = l.cipher, w.B[:0]
}

// errTLSAgain tells crypto/tls that the same read may succeed later.
type errTLSAgain struct{}

// Error says why.
func (errTLSAgain) Error() string { return "not now" }

// Timeout makes it a net.Error.
func (errTLSAgain) Timeout() bool { return true }

// Temporary keeps crypto/tls from giving up the connection.
func (errTLSAgain) Temporary() bool { return true }

// SetWriteDeadline is what crypto/tls calls before its last word; a loop never waits, so needs none.
func (s *secure) SetWriteDeadline(t time.Time) error {
	if s.owner == nil {
		return s.Conn.SetWriteDeadline(t)
	}
	return nil
}
