package door

import (
	"crypto/tls"
	"io"
	"net"
	"sync/atomic"
)

// Conn is one connection, driven by a loop. Protocols see who is at the other end, and wake their session with it.
type Conn struct {
	server  *Server
	loop    *loop
	session Session
	filler  Filler   // the session, where it is one
	seer    Foreseer // likewise
	presser Presser  // likewise
	fd      int
	slot    int32 // in the loop
	secure  *secure
	remote  net.Addr
	local   net.Addr

	in     []byte    // input that Feed has not used up
	held   int       // bytes of it that count in the server's budget
	queue  []segment // output that the peer has not taken yet
	queued int       // bytes of queue
	copied int       // bytes of memory behind it that is the connection's own
	owed   int       // of them, those that count in the server's budget of answers
	until  int64     // when patience with the peer ends, in milliseconds; 0 is never
	state  state
	guest  atomic.Int64 // when patience with a peer that has not signed in ends, in milliseconds; 0 is never

	readable bool // the socket may have input
	waiting  bool // the session has returned ErrWait
	more     bool // the session has returned ErrMore: what it left can be run
	again    bool // in the loop's list of connections with more to do
	hup      bool // epoll has announced an end or an error
	gone     bool // the peer sends nothing more
	drained  bool // the session was told that the server stops
	wakes    atomic.Bool
}

// state is how far a connection's life has come.
type state uint8

const (
	open    state = iota
	ending        // what is queued is sent, then the connection ends
	parting       // the peer has been told; what it still sends is thrown away for a moment, so that it can read that
	closed
)

// segment is output that waits for the peer. Its bytes belong to the connection, or to owner.
type segment struct {
	p     []byte
	owner Releaser
	room  int // bytes of memory behind p where there is no owner
}

// Wake asks for a call of the session's Woken. It never waits, may be called from anywhere at any time, and several
// calls may become one.
func (c *Conn) Wake() {
	if !c.wakes.Swap(true) {
		c.loop.wake(c)
	}
}

// RemoteAddr returns the peer's address.
func (c *Conn) RemoteAddr() net.Addr { return c.remote }

// LocalAddr returns the address that the peer connected to.
func (c *Conn) LocalAddr() net.Addr { return c.local }

// TLS returns the state of TLS on the connection; nil without TLS.
func (c *Conn) TLS() *tls.ConnectionState {
	if c.secure == nil {
		return nil
	}
	s := c.secure.tls.ConnectionState()
	return &s
}

// Guest ends the connection unless Known is called within Server.GuestMax. Only the session may ask for it, within its methods
// and its opening.
func (c *Conn) Guest() {
	c.guest.Store(nowMillis() + c.server.guestMillis())
	c.loop.timed[c] = struct{}{}
}

// Known says that the peer has signed in. It may be called from anywhere.
func (c *Conn) Known() { c.guest.Store(0) }

// Full reports whether so much waits for the peer that nothing more should be done for it: QueueBytesMax, or less while much
// waits for the peers of all connections. Only the session may ask, within its methods.
func (c *Conn) Full() bool { return c.queued > c.server.queueRoom() }

// Queued returns how many bytes the peer has not taken yet. Only the session may ask, within its methods.
func (c *Conn) Queued() int { return c.queued }

// become makes s the connection's session.
func (c *Conn) become(s Session) {
	c.session = s
	c.filler, _ = s.(Filler)
	c.seer, _ = s.(Foreseer)
	c.presser, _ = s.(Presser)
}

// turn lets the session run on what the socket has, after what was read ahead of the turn.
func (c *Conn) turn(l *loop, ahead []byte) {
	w := &l.out
	w.conn = c
	if c.wakes.Load() {
		c.wakes.Store(false)
		c.heed(w)
		c.wakeSession(w)
	}
	if c.more && !c.waiting {
		c.feed(c.in, w)
	}
	if len(ahead) > 0 {
		c.feedAhead(ahead, w)
	}
	for turns := 0; c.wantsInput(w); turns++ {
		if turns == readsPerTurn {
			l.again(c)
			break
		}
		c.read(l, w)
	}
	if c.waiting && len(c.in) > 0 && c.presser != nil {
		c.presser.Pressed()
	}
	c.flush(w)
	w.reset()
	if c.state == open && !c.waiting && (c.more || c.queued == 0 && c.readable) {
		l.again(c)
	}
	c.wind()
}

// wakeSession lets a session that was woken go on.
func (c *Conn) wakeSession(w *Writer) {
	if c.state != open {
		return
	}
	waited := c.waiting
	c.note(c.session.Woken(w))
	if waited && !c.waiting {
		c.feed(c.in, w)
	}
}

// wantsInput reports whether the session should be given more.
func (c *Conn) wantsInput(w *Writer) bool {
	return c.readable && !c.waiting && !c.more && c.state == open && w.Queued() <= c.server.queueBytesMax()
}

// note draws the consequences of what a session's method returned.
func (c *Conn) note(err error) {
	c.waiting = err == ErrWait
	if ended(err) && c.state == open {
		c.state = ending
	}
}

// read takes what the socket has and gives it to the session.
func (c *Conn) read(l *loop, w *Writer) {
	if c.filler != nil {
		if dst := c.filler.Fill(); len(dst) > 0 {
			if n := c.receive(dst); n > 0 {
				c.note(c.filler.Filled(n, w))
			}
			return
		}
	}
	buf := l.buf
	kept := copy(buf, c.in)
	if kept > len(buf)/2 {
		c.readMore(w)
		return
	}
	if n := c.receive(buf[kept:]); n > 0 {
		c.feed(buf[:kept+n], w)
	}
}

// readMore reads behind input that is too much for the loop's buffer.
func (c *Conn) readMore(w *Writer) {
	if len(c.in) >= InputBytesMax {
		c.state = ending
		return
	}
	if cap(c.in)-len(c.in) < readBytes/2 {
		room := 2*cap(c.in) + readBytes
		if !c.server.Budget.Take(room-c.held, c.held) {
			c.state = ending
			return
		}
		c.held = room
		c.in = append(make([]byte, 0, room), c.in...)
	}
	if n := c.receive(c.in[len(c.in):cap(c.in)]); n > 0 {
		c.in = c.in[:len(c.in)+n]
		c.feed(c.in, w)
	}
}

// feed gives input to the session and keeps what it leaves.
func (c *Conn) feed(in []byte, w *Writer) {
	c.more = false
	for len(in) > 0 && c.state == open && !c.waiting {
		used, err := c.session.Feed(in, w)
		in = in[used:]
		c.note(err)
		c.more = err == ErrMore
		if c.state != open || c.waiting || c.more || c.filler == nil {
			break
		}
		dst := c.filler.Fill()
		if len(dst) == 0 {
			break
		}
		n := copy(dst, in)
		in = in[n:]
		if n > 0 {
			c.note(c.filler.Filled(n, w))
		}
	}
	c.keep(in)
}

// keep remembers input for the next Feed; nothing is kept for an idle connection but a small buffer.
func (c *Conn) keep(in []byte) {
	switch {
	case len(in) > 0 || cap(c.in) <= inputBytesKept:
		c.in = append(c.in[:0], in...)
	default:
		c.forgetInput()
	}
}

func (c *Conn) forgetInput() {
	c.in = nil
	if c.held > 0 {
		c.server.Budget.Give(c.held)
		c.held = 0
	}
}

// receive reads into p, and notes when there is nothing more for now, or ever.
func (c *Conn) receive(p []byte) int {
	var n int
	var err error
	if c.secure != nil {
		n, err = c.secure.receive(c, p)
	} else {
		n, err = c.readSocket(p)
	}
	switch err {
	case nil:
		return n
	case errAgain:
		c.readable = false
	case io.EOF:
		c.leave()
	default:
		c.leave()
		c.drop()
	}
	return n
}

// leave notes that the peer sends nothing more. What it has asked for is still answered if that needs no waiting.
func (c *Conn) leave() {
	c.readable, c.gone = false, true
	if c.state < ending {
		c.state = ending
	}
}

// drop gives up what the peer has not taken.
func (c *Conn) drop() {
	for _, s := range c.queue {
		if s.owner != nil {
			s.owner.Release()
		}
	}
	c.queue, c.queued, c.copied = nil, 0, 0
	c.settle()
}
