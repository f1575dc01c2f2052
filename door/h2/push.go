package h2

import "github.com/hearthcache/hearth/door"

// shares counts who still needs a piece of memory, on the loop: the stream that will send more of it, and each part
// that the socket has not taken.
type shares struct {
	owner door.Releaser
	count int
}

// Release implements door.Releaser.
func (s *shares) Release() {
	if s.count--; s.count == 0 {
		s.owner.Release()
	}
}

// kept is the owner of memory that nobody will write again.
type kept struct{}

// Release leaves the memory to the garbage collector.
func (kept) Release() {}

// enqueue keeps part of an answer until the windows allow it. Nobody writes p before owner is released.
func (st *stream) enqueue(p []byte, owner door.Releaser) {
	k := chunk{p: p}
	if owner != nil {
		k.owner = &shares{owner, 1}
	} else {
		st.conn.keep(len(p))
	}
	st.queue = append(st.queue, k)
	st.queued += len(p)
	st.conn.held += len(p)
}

// keep adds to the copied bytes of answers that wait. The server hears of whole grains only, and the first is free.
func (c *conn) keep(n int) {
	c.copied += n
	if grains := c.copied / ArrivingGrain * ArrivingGrain; grains != c.owed {
		c.server.answers.Add(grains - c.owed)
		c.owed = grains
	}
}

// affords reports whether an answer of so many copied bytes may wait for the peer: the connection keeps no more of them than the
// server has free, but for one that the peer's windows let go at once.
func (st *stream) affords(n int) bool {
	c := st.conn
	hold := c.copied + n
	goes := c.copied == 0 && n <= HeldAtOnce && int64(n) <= min(st.credit, c.credit)
	return goes || hold < ArrivingGrain || int64(hold) <= c.server.answers.Free()
}

// heldMax is how much of answers may wait for the peer before further calls do.
func (c *conn) heldMax() int {
	if c.server.answers.Scarce() {
		return HeldBytesLow
	}
	return HeldBytesMax
}

// list puts a stream among those that can send.
func (st *stream) list() {
	if !st.listed && st.queued > 0 && st.credit > 0 {
		st.listed = true
		st.conn.sending = append(st.conn.sending, st)
	}
}

// push sends what the windows allow, in turns, until the socket has enough to do. What thereby finds room is let in, and
// sent as well.
func (c *conn) push() {
	for c.sendListed(); c.feedHungry() || c.runDeferred(); {
		c.sendListed()
	}
}

// sendListed gives every stream that can send its turn.
func (c *conn) sendListed() {
	for len(c.sending) > 0 && c.credit > 0 {
		if c.out.Queued() >= OutBytesMax {
			c.comeBack()
			return
		}
		st := c.sending[0]
		c.sending[0] = nil
		c.sending = c.sending[1:]
		st.listed = false
		if st.closed {
			continue
		}
		st.sendQueued()
		st.list()
	}
	if len(c.sending) == 0 {
		c.sending = nil
	}
}

// runDeferred answers calls that waited until less was held, and reports whether there was one.
func (c *conn) runDeferred() (any bool) {
	for len(c.deferred) > 0 && c.held < c.heldMax() {
		st := c.deferred[0]
		c.deferred = c.deferred[1:]
		if !st.closed {
			st.run()
			any = true
		}
	}
	return any
}

// comeBack asks for another turn when this one has brought the socket all it should have at once. If the socket does
// not take it, the door calls when it has.
func (c *conn) comeBack() {
	if c.door.Queued() == 0 {
		c.door.Wake()
	}
}

// feedHungry lets streams of responses go on that had no room, and reports whether there was one.
func (c *conn) feedHungry() (any bool) {
	if len(c.hungry) == 0 {
		return false
	}
	hungry := c.hungry
	c.hungry = nil
	for i, st := range hungry {
		if c.held >= c.heldMax() || c.out.Queued() >= OutBytesMax {
			c.hungry = append(c.hungry, hungry[i:]...)
			if c.held < c.heldMax() {
				c.comeBack()
			}
			return any
		}
		switch {
		case st.closed || st.finished:
			st.hungry = false
		case st.queued > StreamRoomBytes/2:
			c.hungry = append(c.hungry, st)
		default:
			st.hungry = false
			st.attend()
			any = true
		}
	}
	return any
}

// turnBytes is how much one stream sends before another has its turn.
const turnBytes = 64 << 10

// sendQueued sends what the windows allow of a stream's queue, as DATA frames.
func (st *stream) sendQueued() {
	c := st.conn
	for sent := 0; sent < turnBytes && st.queued > 0; {
		n := min(int64(st.queued), st.credit, c.credit, int64(c.frameMax), 1<<14)
		if n <= 0 {
			return
		}
		end := byte(0)
		if int(n) == st.queued && st.http != nil && st.http.endsWithData(st) {
			end = flagEndStream
		}
		c.out.B = appendHead(c.out.B, int(n), frameData, end, st.id)
		st.credit -= n
		c.credit -= n
		c.sent++
		sent += int(n)
		st.dequeue(int(n))
		if end != 0 {
			st.endedWithData()
			return
		}
	}
	if st.queued == 0 && st.finished {
		st.sendEnd()
	}
}

// refBytes is what part of a frame must have to be worth a place of its own in writev.
const refBytes = 4 << 10

// dequeue hands n bytes of the queue to the socket.
func (st *stream) dequeue(n int) {
	c := st.conn
	st.queued -= n
	c.held -= n
	for n > 0 {
		k := &st.queue[0]
		m := min(n, len(k.p))
		whole := m == len(k.p)
		n -= m
		p := k.p[:m]
		k.p = k.p[m:]
		if k.owner == nil {
			c.keep(-m)
		}
		switch {
		case len(p) < refBytes:
			c.out.B = append(c.out.B, p...)
		case k.owner != nil:
			k.owner.count++
			c.out.Ref(p, k.owner)
		default:
			c.out.Ref(p, kept{})
		}
		if whole {
			k.release()
			st.queue[0] = chunk{}
			st.queue = st.queue[1:]
		}
	}
	if st.queued == 0 {
		st.queue = nil
	}
}
