package h2

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"strconv"
	"time"

	"github.com/hearthcache/hearth/door"
)

// The gRPC status codes that this package itself answers.
const (
	grpcCancelled     = 1
	grpcDeadline      = 4
	grpcExhausted     = 8
	grpcUnimplemented = 12
	grpcInternal      = 13
	grpcUnavailable   = 14
)

var (
	_ Referrer  = (*stream)(nil)
	_ Peered    = (*stream)(nil)
	_ Suspender = (*stream)(nil)
)

// Header blocks that need no state. The first is ":status: 200, content-type: application/grpc", the second
// "grpc-status: 0".
const (
	headBlock  = "\x88\x0f\x10\x10application/grpc"
	trailBlock = "\x00\x0bgrpc-status\x010"
)

// Method implements Call.
func (st *stream) Method() string {
	c := st.conn
	if string(st.head.path) != c.path {
		c.path = c.server.intern(st.head.path)
	}
	return c.path
}

// Header implements Call.
func (st *stream) Header(name string) []byte { return st.head.get(name) }

// Peer implements Peered.
func (st *stream) Peer() netip.Addr {
	if a, ok := st.conn.door.RemoteAddr().(*net.TCPAddr); ok {
		return a.AddrPort().Addr().Unmap()
	}
	return netip.Addr{}
}

// Message implements Call.
func (st *stream) Message() []byte { return st.borrowed }

// Memory implements Call.
func (st *stream) Memory() Memory {
	if d := st.work(); d != nil {
		return d.lent
	}
	return st.conn.lent
}

// Local implements Call.
func (st *stream) Local() *any { return &st.conn.local }

// Begin implements Call. Where the loop itself answers, the message is appended right behind what is to be sent before
// it, with room for its frame.
func (st *stream) Begin() []byte {
	if d := st.work(); d != nil {
		return d.begin()
	}
	out := st.conn.out
	st.sendHead()
	st.begun = len(out.B)
	return append(out.B, emptyHead...)
}

// emptyHead is room for the head of a DATA frame and a message's prefix.
const emptyHead = "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"

// End implements Call.
func (st *stream) End(b []byte) { st.EndWith(b, nil, nil) }

// EndWith implements Referrer.
func (st *stream) EndWith(b, value []byte, owner door.Releaser) {
	if d := st.work(); d != nil {
		d.end(b, value, owner)
		return
	}
	c := st.conn
	at := st.begun
	if st.closed {
		giveUp(owner)
		return
	}
	size := len(b) - at - frameHeadBytes
	whole := size + len(value)
	binary.BigEndian.PutUint32(b[at+frameHeadBytes+1:], uint32(whole-prefixBytes))
	if st.fits(whole) && (len(value) == 0 || c.out.Queued() < OutBytesMax) {
		putHead(b[at:], whole, frameData, 0, st.id)
		st.credit -= int64(whole)
		c.credit -= int64(whole)
		c.sent++
		c.out.B = b
		c.attach(value, owner)
		return
	}
	c.out.B = b[:at]
	if !st.affords(size) {
		giveUp(owner)
		st.Finish(Status{Code: grpcExhausted, Message: "too many answers wait to be read"})
		return
	}
	st.enqueue(append([]byte(nil), b[at+frameHeadBytes:]...), nil)
	if len(value) > 0 {
		st.enqueue(value, owner)
	}
	st.list()
}

// fits reports whether a message of so many bytes can leave at once, in one frame.
func (st *stream) fits(size int) bool {
	c := st.conn
	return st.queued == 0 && size <= min(c.frameMax, frameBytesMax) && int64(size) <= st.credit && int64(size) <= c.credit
}

// attach sends the end of a frame: by reference where that pays.
func (c *conn) attach(value []byte, owner door.Releaser) {
	switch {
	case len(value) < refBytes:
		c.out.B = append(c.out.B, value...)
		giveUp(owner)
	case owner == nil:
		c.out.Ref(value, kept{})
	default:
		c.out.Ref(value, owner)
	}
}

func giveUp(owner door.Releaser) {
	if owner != nil {
		owner.Release()
	}
}

// Finish implements Call.
func (st *stream) Finish(s Status) {
	if d := st.work(); d != nil {
		d.finish(s)
		return
	}
	if st.finished || st.closed {
		return
	}
	st.finished = true
	st.status = s
	if st.queued == 0 {
		st.sendEnd()
		return
	}
	st.list()
}

// work returns the side of a detached call that its goroutine may touch.
func (st *stream) work() *detached {
	if st.shared == nil {
		return nil
	}
	return st.shared.work
}

// sendHead sends the header once.
func (st *stream) sendHead() {
	if st.headed || st.closed {
		return
	}
	st.headed = true
	c := st.conn
	if c.shrinks {
		c.sendBlock(st.id, []byte(headBlock), false)
		return
	}
	c.out.B = append(appendHead(c.out.B, len(headBlock), frameHeaders, flagEndHeaders, st.id), headBlock...)
}

// sendEnd ends the answer with its trailer, and the stream if its request is complete too.
func (st *stream) sendEnd() {
	c := st.conn
	st.sentAll = true
	switch {
	case st.http != nil:
		st.http.sendEnd(st)
	case st.headed && st.status == Status{}:
		c.out.B = append(appendHead(c.out.B, len(trailBlock), frameHeaders, flagEndHeaders|flagEndStream, st.id), trailBlock...)
	default:
		var room [256]byte
		c.sendBlock(st.id, st.trailerBlock(room[:0]), true)
	}
	if !st.remote {
		c.out.B = appendReset(c.out.B, st.id, codeNone) // the rest of the request need not be sent
	}
	c.remove(st)
}

// trailerBlock appends the trailer to b; it stands for the header as well where none was sent.
func (st *stream) trailerBlock(b []byte) []byte {
	if !st.headed {
		b = append(b, headBlock...)
	}
	b = appendField(b, "grpc-status", strconv.Itoa(int(st.status.Code)))
	if st.status.Message != "" {
		b = appendField(b, "grpc-message", escape(st.status.Message))
	}
	if st.status.Err != "" {
		b = appendField(b, "err", escape(st.status.Err))
	}
	if st.status.Code == grpcUnimplemented && len(st.head.encoding) > 0 {
		b = appendField(b, "grpc-accept-encoding", "identity,deflate,gzip")
	}
	return b
}

// escape percent-encodes what a field value may not hold (the gRPC specification's Percent-Encoded).
func escape(s string) string {
	const hex = "0123456789ABCDEF"
	plain := func(b byte) bool { return b >= ' ' && b <= '~' && b != '%' }
	for i := 0; i < len(s); i++ {
		if plain(s[i]) {
			continue
		}
		b := append(make([]byte, 0, len(s)+16), s[:i]...)
		for ; i < len(s); i++ {
			if plain(s[i]) {
				b = append(b, s[i])
			} else {
				b = append(b, '%', hex[s[i]>>4], hex[s[i]&15])
			}
		}
		return string(b)
	}
	return s
}

// Stream implements Call.
func (st *stream) Stream(pump func(), closed func()) {
	st.own()
	st.borrowed = bytes.Clone(st.borrowed)
	st.pump, st.onClosed = pump, closed
	if d, ok, _ := st.deadline(); ok {
		s := st.shared
		t := time.AfterFunc(d, func() {
			s.late.Store(true)
			st.Wake()
		})
		st.onClosed = func() {
			t.Stop()
			closed()
		}
	}
}

// own makes a stream one that goroutines may touch, since it stays.
func (st *stream) own() {
	if st.shared == nil {
		st.shared = &shared{}
		st.in = nil
	}
}

// Wake implements Call.
func (st *stream) Wake() {
	if st.shared == nil || st.shared.noted.Swap(true) {
		return
	}
	c := st.conn
	c.mu.Lock()
	dead := c.dead
	if !dead {
		c.news = append(c.news, st)
	}
	c.mu.Unlock()
	if !dead {
		c.door.Wake()
	}
}

// Room implements Call.
func (st *stream) Room() int {
	c := st.conn
	room := min(StreamRoomBytes-st.queued, c.heldMax()-c.held)
	if c.out != nil {
		room = min(room, OutBytesMax-c.out.Queued())
	}
	if room <= 0 {
		st.starve()
	}
	return room
}

// starve notes a stream that will be pumped when there is room again.
func (st *stream) starve() {
	if !st.hungry && st.pump != nil {
		st.hungry = true
		st.conn.hungry = append(st.conn.hungry, st)
	}
}

// attend does what other goroutines have asked the loop for.
func (st *stream) attend() {
	switch {
	case st.http != nil:
		st.http.attend(st)
	case st.shared.work != nil:
		st.shared.work.deliver(st)
	case st.finished:
	case st.shared.late.Load():
		st.dropQueue()
		st.Finish(Status{Code: grpcDeadline, Message: "the deadline passed"})
	case st.pump != nil:
		st.pump()
	}
}

// deadline returns how long the call has, from grpc-timeout.
func (st *stream) deadline() (time.Duration, bool, error) {
	t := st.head.timeout
	if len(t) == 0 {
		return 0, false, nil
	}
	n, err := strconv.ParseUint(string(t[:len(t)-1]), 10, 63)
	if err != nil || len(t) > 9 {
		return 0, false, errTimeout
	}
	unit := time.Duration(0)
	switch t[len(t)-1] {
	case 'H':
		unit = time.Hour
	case 'M':
		unit = time.Minute
	case 'S':
		unit = time.Second
	case 'm':
		unit = time.Millisecond
	case 'u':
		unit = time.Microsecond
	case 'n':
		unit = time.Nanosecond
	default:
		return 0, false, errTimeout
	}
	if n > uint64(1<<63-1)/uint64(unit) {
		n = uint64(1<<63-1) / uint64(unit)
	}
	return time.Duration(n) * unit, true, nil
}

var errTimeout = errors.New("grpc-timeout is not up to eight digits and one of H, M, S, m, u, n")

// Detach implements Call.
func (st *stream) Detach() context.Context {
	st.resumer = nil
	st.own()
	d := &detached{st: st, lent: st.conn.lent}
	if st.conn.lent = nil; d.lent == nil {
		st.borrowed = bytes.Clone(st.borrowed)
	}
	ctx := context.Background()
	if t, ok, _ := st.deadline(); ok {
		if !st.since.IsZero() {
			t -= time.Since(st.since)
		}
		d.ctx, d.cancel = context.WithTimeout(ctx, t)
	} else {
		d.ctx, d.cancel = context.WithCancel(ctx)
	}
	st.shared.work = d
	return d.ctx
}
