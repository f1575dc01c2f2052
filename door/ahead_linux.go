package door

import "syscall"

// What several connections have sent is read before the first of it is run: sessions see it (Foreseer) in time to have
// what their requests need fetched from memory while others are read.
const (
	aheadMax  = 32       // connections of one round
	aheadRoom = 16 << 10 // of the buffer, for one read
)

// ahead is what was read of one round.
type ahead struct {
	buf    []byte
	inputs [aheadMax][]byte // by the event's place
}

// serve gives the connections that epoll has named their turns.
func (l *loop) serve(events []syscall.EpollEvent) {
	for len(events) > 0 {
		round := events[:min(len(events), aheadMax)]
		events = events[len(round):]
		if len(round) > 1 {
			l.readAhead(round)
		}
		for i, e := range round {
			if c := l.named(e); c != nil {
				c.ready(l, e.Events, l.ahead.inputs[i])
			}
			l.ahead.inputs[i] = nil
		}
	}
}

// named returns the connection of an event, nil where there is none any more.
func (l *loop) named(e syscall.EpollEvent) *Conn {
	if e.Fd < 0 {
		return nil
	}
	return l.slots[e.Fd]
}

// readAhead reads one round, and shows it to the sessions.
func (l *loop) readAhead(round []syscall.EpollEvent) {
	a := &l.ahead
	if a.buf == nil {
		a.buf = make([]byte, readBytes)
	}
	room := a.buf
	for i, e := range round {
		c := l.named(e)
		if c == nil || len(room) < aheadRoom || !c.foreseen(e.Events) {
			continue
		}
		n, _ := c.readSocket(room[:aheadRoom]) // an error comes again when it is the connection's turn
		a.inputs[i] = room[:n:n]
		room = room[n:]
	}
	for _, again := range []bool{false, true} {
		for i, e := range round {
			if len(a.inputs[i]) > 0 {
				l.slots[e.Fd].seer.Foresee(a.inputs[i], again)
			}
		}
	}
}

// foreseen reports whether the connection's input may be read before its turn: whether its turn would begin with that.
func (c *Conn) foreseen(events uint32) bool {
	return events&^syscall.EPOLLOUT == syscall.EPOLLIN && c.seer != nil && c.secure == nil && c.state == open && !c.waiting && !c.more && !c.hup &&
		len(c.in) == 0 && c.queued == 0 && !c.wakes.Load() && (c.filler == nil || len(c.filler.Fill()) == 0)
}

// feedAhead gives the session what was read before its turn.
func (c *Conn) feedAhead(in []byte, w *Writer) {
	c.readable = len(in) == aheadRoom
	switch {
	case c.state != open:
	case c.waiting: // it was woken meanwhile, and is given this with what comes
		c.keep(in)
	default:
		c.feed(in, w)
	}
}
