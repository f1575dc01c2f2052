package door

import (
	"crypto/tls"
	"io"
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

	whole int     // complete records that crypto/tls has read and not shown yet; never fewer than there are
	head  [5]byte // of the record that comes, as far as it has come
	heads int     // bytes of head
	rest  int     // bytes of the record that have not come
}

// Read gives crypto/tls what the socket has.
func (s *secure) Read(p []byte) (int, error) {
	n, err := s.read(p)
	s.follow(p[:n])
	return n, err
}

func (s *secure) read(p []byte) (int, error) {
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

// follow finds where records end in what has come.
func (s *secure) follow(in []byte) {
	for len(in) > 0 {
		if s.heads < len(s.head) {
			n := copy(s.head[s.heads:], in)
			in = in[n:]
			if s.heads += n; s.heads == len(s.head) {
				s.rest = int(s.head[3])<<8 | int(s.head[4])
			}
		}
		if s.heads < len(s.head) {
			return
		}
		n := min(s.rest, len(in))
		in = in[n:]
		if s.rest -= n; s.rest == 0 {
			s.heads = 0
			s.whole++
		}
	}
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
	_, again := err.(errTLSAgain)
	switch {
	case again:
		s.whole = 0
		return n, errAgain
	case err == io.EOF && n > 0:
		err = nil // the end comes again
		c.readable = true
	case n == len(p):
		c.readable = true // there may be more of this record
	default:
		s.whole--
		c.readable = !s.dry || s.whole > 0
	}
	return n, err
}

// seal replaces what w holds by its records, as few as hold it: pieces share them.
func (c *Conn) seal(w *Writer) {
	l := c.loop
	if len(w.refs) == 0 {
		c.sealBytes(w.B)
	} else {
		w.segments(c.sealPiece)
		c.sealBytes(l.record)
		l.record = l.record[:0]
	}
	if c.state == ending && !c.gone {
		_ = c.secure.tls.CloseWrite()
	}
	clear(w.refs)
	w.refs, w.size = w.refs[:0], 0
	w.B, l.cipher = l.cipher, w.B[:0]
}

// sealPiece gathers what does not fill a record with what comes next.
func (c *Conn) sealPiece(p []byte, owner Releaser) {
	l := c.loop
	for rest := p; len(rest) > 0; {
		if len(l.record) == 0 && len(rest) >= recordBytes {
			whole := len(rest) - len(rest)%recordBytes
			c.sealBytes(rest[:whole])
			rest = rest[whole:]
			continue
		}
		n := min(len(rest), recordBytes-len(l.record))
		l.record = append(l.record, rest[:n]...)
		rest = rest[n:]
		if len(l.record) == recordBytes {
			c.sealBytes(l.record)
			l.record = l.record[:0]
		}
	}
	release(p, owner)
}

// sealBytes seals p in records of its own. It never waits; what fails here has failed to read as well.
func (c *Conn) sealBytes(p []byte) {
	if len(p) > 0 {
		_, _ = c.secure.tls.Write(p)
	}
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
