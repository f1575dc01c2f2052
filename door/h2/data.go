package h2

import (
	"encoding/binary"

	"github.com/hearthcache/hearth"
)

func (c *conn) onData(f *frame) error {
	if f.id == 0 || c.idle(f.id) {
		return fail(codeProtocol, "DATA on an idle stream")
	}
	size := len(f.payload)
	if !f.unpad() {
		return fail(codeProtocol, "padding is longer than its frame")
	}
	if size > c.window {
		return fail(codeFlow, "DATA beyond the connection's window")
	}
	c.window -= size
	c.unsaid += size
	end := f.flags&flagEndStream != 0
	if size == 0 && !end {
		if err := c.nuisance(); err != nil {
			return err
		}
	}
	st := c.streams.get(f.id)
	switch {
	case st == nil:
		return c.lateData(f.id)
	case st.remote:
		c.reset(f.id, codeClosed)
		return nil
	case size > int(st.window):
		c.reset(f.id, codeFlow)
		return nil
	}
	st.window -= int32(size)
	st.received += int64(len(f.payload))
	if h := st.head; h.length >= 0 && (st.received > h.length || end && st.received != h.length) {
		c.reset(f.id, codeProtocol)
		return nil
	}
	switch {
	case st.refused:
	case st.http != nil:
		st.http.receive(f.payload, size-len(f.payload))
	default:
		st.take(f.payload, end)
		return nil
	}
	if end {
		c.endRequest(st)
	}
	return nil
}

// lateData handles data on a stream that has been. What was under way when we ended the stream is ignored.
func (c *conn) lateData(id uint32) error {
	if known, our := c.remembers(id); known && our || c.leaving {
		return nil
	}
	c.out.B = appendReset(c.out.B, id, codeClosed)
	return c.countReset()
}

// endRequest notes that a request is complete.
func (c *conn) endRequest(st *stream) {
	if h := st.head; h.length >= 0 && st.received != h.length {
		c.reset(st.id, codeProtocol)
		return
	}
	switch {
	case st.http != nil:
		st.remote = true
		st.http.receiveEnd()
	case st.refused:
		st.remote = true
	default:
		st.take(nil, true)
		return
	}
	if st.sentAll {
		c.remove(st)
	}
}

// prefixBytes is what stands before each gRPC message: whether it is compressed, and its length.
const prefixBytes = 5

// take adds to a gRPC request. Most come in one frame, and are answered from where they were read.
func (st *stream) take(p []byte, end bool) {
	if end && len(st.in) == 0 {
		st.remote = true
		st.arrive(p)
		return
	}
	if st.need > 0 && len(st.in)+len(p) > st.need {
		st.settleRequest()
		st.refuse(notOneMessage)
		return
	}
	st.in = append(st.in, p...)
	if st.place == nil {
		st.count(len(st.in))
	}
	if st.grant > 0 && !st.placed {
		st.house()
	}
	if st.need == 0 && len(st.in) >= prefixBytes {
		size := binary.BigEndian.Uint32(st.in[1:])
		if size > hearth.MessageBytesMax {
			st.refuse(tooLarge(int64(size)))
			return
		}
		st.need = prefixBytes + int(size)
		st.ask()
	}
	if st.refused {
		return
	}
	if end {
		st.remote = true
		st.arrive(st.in)
		return
	}
	switch {
	case st.conn.partial > MessagesBytesMax:
		st.conn.reset(st.id, codeCalm)
	case !st.conn.fits(0):
		st.settleRequest()
		st.refuse(Status{Code: grpcExhausted, Message: "too much memory is taken by requests that are still arriving; try again later"})
	}
}

// count notes that a request holds so many bytes until it is complete.
func (st *stream) count(n int) {
	if n > st.counted {
		st.conn.charge(n - st.counted)
		st.counted = n
	}
}

// charge adds to the bytes of unfinished messages. The server hears of whole grains only, so that small requests cost
// no atomic operation.
func (c *conn) charge(n int) {
	c.partial += n
	if grains := c.partial / ArrivingGrain * ArrivingGrain; grains != c.charged {
		c.server.budget.Add(grains - c.charged)
		c.charged = grains
	}
}

// fits reports whether the connection may hold n more bytes of unfinished messages: as many as the server has free, at
// most. So those that take all they can leave as much as each of them has for one that comes later.
func (c *conn) fits(n int) bool {
	hold := c.partial + n
	return hold < ArrivingGrain || int64(hold) <= c.server.budget.Free()
}

// windowSpare is what a stream's window has left when its message is complete. Some clients (nghttp2, so Node.js) end a
// request with an empty frame of its own and do not send even that into a window of nothing.
const windowSpare = 1 << 10

// ask lets a large message come as a whole, when the connection has room for it.
func (st *stream) ask() {
	beyond := st.need + windowSpare - windowDefault
	if beyond <= 0 {
		return
	}
	c := st.conn
	st.kept = true
	st.grant = -beyond // negative while it is asked for
	c.asking = append(c.asking, st)
	c.grantMore()
}

// grantMore lets large messages come, in the order of their asking.
func (c *conn) grantMore() {
	for len(c.asking) > 0 {
		st := c.asking[0]
		waits := !st.closed && st.grant < 0
		if waits && c.granted-st.grant > PartialBytesMax {
			return
		}
		c.asking = c.asking[1:]
		if waits {
			st.grant = -st.grant
			c.granted += st.grant
			st.window += int32(st.grant)
			c.out.B = appendWindow(c.out.B, st.id, uint32(st.grant))
			st.house()
		}
	}
	c.asking = nil
}

// house finds memory for a large message that may come as a whole: where its handler wants it, else on the heap.
func (st *stream) house() {
	c := st.conn
	if p := c.server.placer; p != nil && st.in[0] == 0 {
		m, later, s := p.Place(st, st.in[prefixBytes:], st.need)
		switch {
		case s != Status{}:
			st.settleRequest()
			st.refuse(s)
			return
		case m != nil:
			st.place, st.placed = m, true
			st.in = append(m.Bytes()[:0], st.in...)
			c.charge(-st.counted)
			st.counted = 0
			return
		case later:
			return
		}
	}
	st.placed = true
	if c.partial+st.need <= MessagesBytesMax && c.fits(st.need) {
		st.in = append(make([]byte, 0, st.need), st.in...)
		st.count(st.need)
	}
}

func giveBack(m Memory) {
	if m != nil {
		m.Release()
	}
}

// refuse ends a call whose request need not be read to its end.
func (st *stream) refuse(s Status) {
	st.refused = true
	st.in = nil
	st.Finish(s)
}

// arrive runs a call whose request is complete.
func (st *stream) arrive(in []byte) {
	if s, ok := st.open(in); !ok {
		st.settleRequest()
		st.Finish(s)
		return
	}
	c := st.conn
	if c.held >= c.heldMax() {
		if st.counted == 0 && st.place == nil {
			st.borrowed = append([]byte(nil), st.borrowed...)
			st.count(len(st.borrowed))
		}
		if c.partial > MessagesBytesMax || !c.fits(0) {
			st.Finish(Status{Code: grpcExhausted, Message: "too many answers wait to be read"})
			return
		}
		st.kept = true
		c.deferred = append(c.deferred, st)
		return
	}
	st.run()
}

// open finds the message in what has come, and decompresses it.
func (st *stream) open(in []byte) (Status, bool) {
	if len(in) < prefixBytes {
		return Status{Code: grpcInternal, Message: "the request holds no message"}, false
	}
	size := binary.BigEndian.Uint32(in[1:])
	switch {
	case size > hearth.MessageBytesMax:
		return tooLarge(int64(size)), false
	case len(in) != prefixBytes+int(size):
		return notOneMessage, false
	}
	st.borrowed = in[prefixBytes:]
	if in[0] == 0 {
		return Status{}, true
	}
	if in[0] != 1 {
		return Status{Code: grpcInternal, Message: "a message is flagged neither 0 nor 1"}, false
	}
	return st.inflate()
}

var notOneMessage = Status{Code: grpcInternal, Message: "the request is not one whole message"}

// run lets the handler answer. It may use the message until it returns, though the stream ends before that.
func (st *stream) run() {
	c := st.conn
	st.settleRequest()
	c.lent, st.place = st.place, nil
	c.server.grpc.ServeCall(st)
	giveBack(c.lent)
	c.lent = nil
	st.mustEnd()
}

// mustEnd finishes a call of which the handler has done nothing.
func (st *stream) mustEnd() {
	if !st.finished && st.shared == nil && st.resumer == nil {
		st.Finish(Status{Code: grpcInternal, Message: "the handler has left the call unfinished"})
	}
}
