package h2

import (
	"sync/atomic"
	"time"
)

// stream is one request and its answer. A stream that only the loop knows, or that is suspended and then resumed, is used again;
// one that a goroutine, a subscription or a handler knows is left to the garbage collector, since they may still wake it.
type stream struct {
	conn *conn
	id   uint32
	head *head
	http *exchange // for a request that is not gRPC

	// The request.
	window   int32 // what the peer may still send
	remote   bool  // the peer has sent all
	in       []byte
	need     int    // of in, with the prefix; 0 while it is not known
	place    Memory // that in is in; nil is the heap
	placed   bool   // in has all the memory that it needs, or grows with what comes
	counted  int    // bytes of in that count among the connection's unfinished ones
	grant    int    // what the peer may send beyond the first window
	received int64
	refused  bool // the rest of the request is thrown away

	// The answer.
	credit   int64 // what we may send
	queue    []chunk
	queued   int
	begun    int  // where in out the message under way begins
	headed   bool // the header was sent
	finished bool // Finish was called
	sentAll  bool
	listed   bool // in conn.sending
	kept     bool // a list of the connection may name it beyond its end
	hungry   bool // Room has said no
	closed   bool
	status   Status
	pump     func()
	onClosed func()
	shared   *shared   // what goroutines may touch; nil if only the loop knows the stream
	resumer  Resumer   // of a call that is suspended
	since    time.Time // when that began, if the call has a deadline
	borrowed []byte    // the message
	next     *stream   // in the list of free ones
}

// chunk is part of an answer that waits.
type chunk struct {
	p     []byte
	owner *shares // nil where the garbage collector owns p
}

func (k *chunk) release() {
	if k.owner != nil {
		k.owner.Release()
	}
}

// shared is what other goroutines may use of a stream.
type shared struct {
	noted atomic.Bool // the loop was told to look
	work  *detached   // of a detached call
	late  atomic.Bool // the deadline has passed
}

// open begins a stream.
func (c *conn) open(id uint32, end bool, h *head) {
	st := c.fresh()
	st.conn, st.id, st.head, st.window, st.credit = c, id, h, windowDefault, c.initial
	c.streams.add(st)
	if !st.head.isGRPC() {
		c.openHTTP(st, end)
		return
	}
	if end {
		c.endRequest(st)
	}
}

// remove ends a stream for good.
func (c *conn) remove(st *stream) {
	if st.closed {
		return
	}
	st.closed = true
	c.streams.remove(st)
	c.remember(st.id, st.sentAll && !st.remote)
	st.dropQueue()
	st.settleRequest()
	giveBack(st.place)
	st.place = nil
	if st.http != nil {
		st.http.abort()
	}
	if s := st.shared; s != nil && s.work != nil {
		s.work.abandon()
	}
	if st.onClosed != nil {
		st.onClosed()
	}
	if st.shared != nil || st.kept || st.resumer != nil {
		return
	}
	c.free(st)
}

// fresh returns a clear stream.
func (c *conn) fresh() *stream {
	if c.spare == nil {
		if c.spare, _ = c.server.streams.Get().(*stream); c.spare == nil {
			return &stream{}
		}
	}
	st := c.spare
	c.spare = st.next
	*st = stream{in: st.in[:0]}
	return st
}

// free takes a stream that nobody will use any more but who is just at it: it is used again from the next header on.
func (c *conn) free(st *stream) {
	c.release(st.head)
	if cap(st.in) > frameBytesMax {
		st.in = nil
	}
	st.next = c.spare
	c.spare = st
}

// share lets another connection use the free streams, at the end of a turn.
func (c *conn) share() {
	if c.spare == nil {
		return
	}
	for st := c.spare; st != nil && st.conn != nil; st = st.next { // those behind are as they came
		*st = stream{in: st.in, next: st.next}
	}
	c.server.streams.Put(c.spare)
	c.spare = nil
}

// settleRequest gives back what an unfinished request took of the connection's bounds.
func (st *stream) settleRequest() {
	c := st.conn
	c.charge(-st.counted)
	st.counted = 0
	if st.grant > 0 {
		c.granted -= st.grant
		st.grant = 0
		c.grantMore()
	}
}

func (st *stream) dropQueue() {
	for i := range st.queue {
		if st.queue[i].owner == nil {
			st.conn.keep(-len(st.queue[i].p))
		}
		st.queue[i].release()
	}
	st.queue = nil
	st.conn.held -= st.queued
	st.queued = 0
}

// remember notes the end of a stream.
func (c *conn) remember(id uint32, our bool) {
	c.newest = (c.newest + 1) % len(c.recent)
	c.recent[c.newest] = recent{id, our}
}

// remembers reports whether a stream ended not long ago, and who ended it.
func (c *conn) remembers(id uint32) (known, our bool) {
	for _, r := range c.recent {
		if r.id == id {
			return true, r.our
		}
	}
	return false, false
}
