package door

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// Server serves one protocol on any number of listeners. Protocol is required; the rest has usable zeros. A Server is
// used once: after Serve has drained it, it serves no more.
type Server struct {
	Protocol Protocol
	// TLS, unless nil, is spoken on every connection. It should offer the application protocols "h2" and "http/1.1"
	// where the protocol is HTTP/2.
	TLS *tls.Config
	// HTTP answers HTTP/1.1 where the Protocol is a Greeter; nil closes such connections.
	HTTP http.Handler
	// Limits may be shared by all servers of a process; nil is ConnectionsMax for this one.
	Limits *Limits
	// Budget bounds what connections leave unused of their input beyond a little, and the bodies of requests that HTTP
	// answers; it may be shared by all doors of a process. nil is one of its own.
	Budget *Budget
	// Answers bounds copied answers that peers have not taken; it may be shared, too. nil is one of AnswerBytesMax of its own.
	Answers *Budget
	// Loops may be shared by all servers of a process; nil are loops of its own.
	Loops *Loops
	// QueueBytesMax is how much may be queued for a peer before its input is left unread; 0 is QueueBytesMax.
	QueueBytesMax int
	// GuestMax is how long a peer may take to sign in, where its protocol wants that; 0 is 30 seconds.
	GuestMax time.Duration
	// DrainMax is how long requests under way have when the server stops; 0 is ten seconds.
	DrainMax time.Duration

	once  sync.Once
	plain *handover // connections for HTTP/1.1
	gate  chan struct{}

	mu       sync.Mutex // guards the rest
	conns    map[*Conn]struct{}
	gone     chan struct{} // closed when a draining server has lost its last connection
	draining atomic.Bool
	killing  atomic.Bool
}

// Serve accepts connections until ctx ends. Then it closes the listener, tells every session to end, and returns when
// all have, or DrainMax has passed. An error of the listener is returned.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	s.once.Do(s.prepare)
	stop := context.AfterFunc(ctx, func() { _ = l.Close() })
	defer stop()
	err := s.accept(ctx, l)
	_ = l.Close()
	s.drain()
	return err
}

func (s *Server) prepare() {
	if s.Limits == nil {
		s.Limits = &Limits{}
	}
	if s.Budget == nil {
		s.Budget = &Budget{}
	}
	if s.Answers == nil {
		s.Answers = &Budget{Max: AnswerBytesMax}
	}
	if s.Loops == nil {
		s.Loops = &Loops{}
	}
	s.conns = map[*Conn]struct{}{}
	s.gate = make(chan struct{}, max(1, runtime.GOMAXPROCS(0)/2))
	if s.HTTP != nil {
		s.plain = newHandover(countBodies(s.HTTP, s.Budget))
	}
}

// accept takes connections until the listener fails for good or ctx ends.
func (s *Server) accept(ctx context.Context, l net.Listener) error {
	pause := time.Duration(0)
	for {
		nc, err := l.Accept()
		switch {
		case err == nil:
			pause = 0
			s.take(nc)
		case ctx.Err() != nil || errors.Is(err, net.ErrClosed):
			return nil
		case !passes(err):
			return err
		default:
			// There are no descriptors or no memory left: others may give some back.
			pause = min(max(2*pause, 5*time.Millisecond), time.Second)
			select {
			case <-time.After(pause):
			case <-ctx.Done():
			}
		}
	}
}

// passes reports whether an error of Accept may be gone the next time.
func passes(err error) bool {
	var ne net.Error
	return errors.As(err, &ne) && (ne.Timeout() || temporary(ne))
}

// take begins to serve a connection.
func (s *Server) take(nc net.Conn) {
	if !s.Limits.enter() {
		s.refuse(nc)
		return
	}
	if s.TLS == nil {
		s.adopt(nc, nil)
		return
	}
	go s.secure(nc)
}

// refuse closes a connection beyond the limit, after a word if the protocol has one.
func (s *Server) refuse(nc net.Conn) {
	if r, ok := s.Protocol.(Refuser); ok && s.TLS == nil {
		_ = nc.SetWriteDeadline(time.Now().Add(time.Millisecond))
		_, _ = nc.Write(r.Refusal())
	}
	_ = nc.Close()
}

// secure does the TLS handshake, and finds out which protocol was agreed on.
func (s *Server) secure(nc net.Conn) {
	sec := &secure{Conn: nc, gate: s.gate}
	sec.tls = tls.Server(sec, s.TLS)
	if err := sec.handshake(); err != nil {
		_ = nc.Close()
		s.Limits.leave()
		return
	}
	_, greets := s.Protocol.(Greeter)
	if greets && sec.tls.ConnectionState().NegotiatedProtocol != "h2" {
		sec.Conn = &counted{Conn: nc, limits: s.Limits}
		s.give(sec.tls)
		return
	}
	s.adopt(nc, sec)
}

// adopt gives a connection to a loop.
func (s *Server) adopt(nc net.Conn, sec *secure) {
	c := &Conn{server: s, secure: sec, remote: nc.RemoteAddr(), local: nc.LocalAddr(), slot: -1}
	var err error
	if c.loop, err = s.Loops.pick(); err == nil {
		c.fd, err = own(nc)
	}
	_ = nc.Close()
	if err != nil {
		s.Limits.leave()
		return
	}
	if sec != nil {
		sec.Conn, sec.owner = nil, c
	}
	s.mu.Lock()
	s.conns[c] = struct{}{}
	s.mu.Unlock()
	c.loop.wake(c)
}

// give hands a connection to HTTP/1.1; it counts until it is closed.
func (s *Server) give(nc net.Conn) {
	if s.plain == nil || !s.plain.take(nc) {
		_ = nc.Close()
	}
}

// left is called when a connection of a loop has ended.
func (s *Server) left(c *Conn) {
	s.Limits.leave()
	s.forget(c)
}

func (s *Server) forget(c *Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
	if len(s.conns) == 0 && s.gone != nil {
		close(s.gone)
		s.gone = nil
	}
}

// drain lets what is under way finish, within a bounded time.
func (s *Server) drain() {
	patience := s.DrainMax
	if patience == 0 {
		patience = drainMillis * time.Millisecond
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	s.draining.Store(true)
	gone := s.wakeAll()
	if s.plain != nil {
		s.plain.drain(ctx)
	}
	select {
	case <-gone:
		return
	case <-ctx.Done():
	}
	s.killing.Store(true)
	<-s.wakeAll()
}

// wakeAll wakes every connection, and returns what is closed when there is none left.
func (s *Server) wakeAll() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.gone == nil {
		s.gone = make(chan struct{})
	}
	gone := s.gone
	if len(s.conns) == 0 {
		close(gone)
		s.gone = nil
	}
	for c := range s.conns {
		c.Wake()
	}
	return gone
}

// heed lets a connection know that its server stops.
func (c *Conn) heed(w *Writer) {
	switch {
	case !c.server.draining.Load():
	case c.server.killing.Load():
		c.fail()
	case c.state == open && !c.drained:
		c.drained = true
		c.note(c.session.Drain(w))
	}
}

func (s *Server) queueBytesMax() int {
	if s.QueueBytesMax > 0 {
		return s.QueueBytesMax
	}
	return QueueBytesMax
}

func (s *Server) guestMillis() int64 {
	if s.GuestMax > 0 {
		return max(1, s.GuestMax.Milliseconds())
	}
	return guestMillis
}

// queueRoom is how much may be queued for a peer before nothing more is done for it.
func (s *Server) queueRoom() int {
	if s.Answers.Scarce() {
		return QueueBytesLow
	}
	return QueueBytesMax
}

func loopsDefault() int { return runtime.GOMAXPROCS(0) }
