package memcache

import (
	"bytes"
	"context"
	"io"
	"net/netip"
	"sync"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/control"
	"github.com/hearthcache/hearth/door"
	"github.com/hearthcache/hearth/gateway"
	"github.com/hearthcache/hearth/op"
	"github.com/hearthcache/hearth/value"
)

// conn is the session of one connection. It runs requests where they were read; one that has to wait gets a goroutine,
// which has the conn to itself until it is done.
type conn struct {
	door   *Door
	sock   *door.Conn
	peer   netip.Addr
	caller *gateway.Caller // nil until the client has signed in
	open   bool            // nobody has to sign in
	seat   *gateway.Caller // who holds this connection's place among its cache's; nil where none is held
	body   *body           // the value that is arriving
	paused *paused         // the rest of the request that runs

	w       *door.Writer // during a turn of the loop; nil while a goroutine works
	out     []byte       // answers: of this turn, or those that a goroutine has left
	blocks  []blockAt    // large values between the bytes that a goroutine has left
	closing bool         // once out has been sent
	quiet   bool         // the request asked for no reply
	stalled bool         // requests wait until the peer has taken its answers
	rests   bool         // requests wait until other connections have had their turns
	drained bool
	seen    bool // something was read

	words [][]byte
	reply op.Reply
	get   op.MetaGet
	store op.MetaSet

	waiting bool // a goroutine was started, and the loop has not heard of its end

	mu     sync.Mutex // guards what Closed and a goroutine tell each other
	busy   bool
	closed bool
	cancel context.CancelFunc
	press  chan struct{}   // closed once more than what waits has come; nil where nobody listens
	ctx    context.Context // of what runs now
}

// blockAt is a large value that goes out before byte at.
type blockAt struct {
	at    int
	block *value.Block
}

const (
	lineBytesMax = 2048      // of a line, except that of a get of many keys
	getBytesMax  = 512 << 10 // of that one
	wordsKept    = 1 << 10   // of a request, that a connection has room for between requests
)

// Feed implements door.Session.
func (c *conn) Feed(in []byte, out *door.Writer) (used int, err error) {
	c.begin(out)
	if !c.seen && len(in) > 0 && in[0] == binaryMagic {
		if len(in) < binaryHeaderBytes {
			return 0, c.end()
		}
		c.door.Log.Warn("a connection spoke memcached's binary protocol, which is not offered, and was closed", "addr", c.peer)
		c.out = appendRefusal(c.out, in)
		c.closing = true
	}
	c.seen, c.rests = true, false
	for !c.waiting && !c.closing && !c.rests && c.paused == nil && used < len(in) {
		if c.full() {
			c.stalled = true
			break
		}
		n, more := c.step(in[used:])
		used += n
		if !more {
			break
		}
	}
	if c.closing {
		used = len(in)
	}
	c.door.count.read.Add(int64(used))
	if err = c.end(); err == nil && c.rests {
		err = door.ErrMore
	}
	return used, err
}

// step runs what is at the front of in and returns the bytes it took, and whether there may be more.
func (c *conn) step(in []byte) (n int, more bool) {
	if c.body != nil {
		return c.bodyStep(in)
	}
	line, end := in, bytes.IndexByte(in, '\n')
	if end >= 0 {
		line = in[:end]
	}
	switch {
	case len(line) > lineBytesMax && tooLong(line):
		c.out = append(c.out, "CLIENT_ERROR line too long\r\n"...)
		c.closing = true
		return len(in), false
	case end < 0:
		return 0, false
	}
	if end > 0 && line[end-1] == '\r' {
		line = line[:end-1]
	}
	c.quiet = false
	c.command(line)
	c.rests = !c.waiting && c.w.Enough()
	return end + 1, true
}

// tooLong reports whether a line of more than lineBytesMax is longer than its command's may be, be it all there or not.
func tooLong(line []byte) bool {
	name, _, _ := bytes.Cut(line[:len("gats ")], []byte(" "))
	switch string(name) {
	case "get", "gets", "gat", "gats":
		return len(line) > getBytesMax
	}
	return true
}

// Woken implements door.Session.
func (c *conn) Woken(out *door.Writer) error {
	c.mu.Lock()
	busy := c.busy
	c.mu.Unlock()
	if busy {
		return door.ErrWait
	}
	c.waiting, c.stalled = false, false
	c.begin(out)
	if c.paused != nil && !c.full() {
		c.goOn()
	}
	c.stalled = !c.waiting && (c.paused != nil || c.full())
	return c.end()
}

// Drain implements door.Session.
func (c *conn) Drain(out *door.Writer) error {
	c.drained = true
	if c.waiting || c.paused != nil {
		return door.ErrWait
	}
	return io.EOF
}

// Closed implements door.Session.
func (c *conn) Closed() {
	c.mu.Lock()
	c.closed = true
	busy := c.busy
	if c.cancel != nil {
		c.cancel()
	}
	c.mu.Unlock()
	if c.caller != nil {
		c.caller.Gone()
	}
	if !busy {
		c.release()
	}
}

// Pressed implements door.Presser.
func (c *conn) Pressed() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.press != nil {
		close(c.press)
		c.press = nil
	}
}

// begin lets answers go to out, after those that a goroutine has left.
func (c *conn) begin(out *door.Writer) {
	at := 0
	for _, b := range c.blocks {
		out.B = append(out.B, c.out[at:b.at]...)
		out.Ref(b.block.Bytes(), b.block)
		at = b.at
	}
	out.B = append(out.B, c.out[at:]...)
	c.blocks = nil
	c.w, c.out = out, out.B
}

// end hands the answers over and says how the session goes on.
func (c *conn) end() error {
	if c.waiting {
		return door.ErrWait
	}
	c.w.B = c.out
	c.w, c.out = nil, nil
	if cap(c.words) > wordsKept {
		c.words = nil
	}
	if c.reply.Large() {
		c.reply.Reset()
	}
	switch {
	case c.closing || c.drained && c.paused == nil:
		return io.EOF
	case c.stalled && !c.sock.Full():
		// What waits may yet be sent at once; else the peer's reading wakes the session.
		c.sock.Wake()
		return door.ErrWait
	case c.stalled:
		return door.ErrWait
	}
	return nil
}

func (c *conn) full() bool {
	c.w.B = c.out
	return c.w.Full()
}

// leave lets a goroutine do what has to wait. It has the conn to itself until it clears busy.
func (c *conn) leave(wait func()) {
	c.w.B = c.out
	c.w, c.out, c.waiting = nil, nil, true
	press := make(chan struct{})
	ctx, cancel := context.WithCancel(context.Background())
	c.mu.Lock()
	c.busy, c.cancel, c.ctx, c.press = true, cancel, gateway.Pressing(ctx, press), press
	c.mu.Unlock()
	go func() {
		defer cancel()
		wait()
		c.mu.Lock()
		c.busy = false
		closed := c.closed
		c.mu.Unlock()
		if closed {
			c.caller.Gone() // it may have become a loader after Closed
			c.release()
			return
		}
		c.sock.Wake()
	}()
}

// release gives back everything when the connection has ended.
func (c *conn) release() {
	for _, b := range c.blocks {
		b.block.Release()
	}
	c.blocks = nil
	c.reply.Reset()
	c.dropBody()
	c.forgetPaused()
	if c.seat != nil {
		c.seat.Release(hearth.ConnectionLimit)
	}
	c.door.count.open.Add(-1)
}

// sit takes a place among the connections that the caller's cache may have; false where there is none. A cache that does
// not exist yet has places for everybody. A connection signs in once, so it never changes places.
func (c *conn) sit(caller *gateway.Caller) bool {
	err := caller.Hold(hearth.ConnectionLimit)
	if err == nil {
		c.seat = caller
	}
	return hearth.KindOf(err) != hearth.Limited
}

// run runs an op and answers. makeOp makes it again on memory of its own where it has to wait.
func (c *conn) run(o op.Op, answer func(r *op.Reply, err error), again func() op.Op) {
	c.reply.Reset()
	done, err := c.door.Gateway.Try(c.caller, o, &c.reply)
	if done && !c.missesDefault(err) {
		answer(&c.reply, err)
		return
	}
	o = again()
	c.leave(func() {
		c.reply.Reset()
		answer(&c.reply, c.do(o, &c.reply))
	})
}

// do runs an op that may wait; a goroutine calls it.
func (c *conn) do(o op.Op, r *op.Reply) error {
	err := c.door.Gateway.Do(c.ctx, c.caller, o, r)
	if c.missesDefault(err) {
		if err = c.makeDefault(); err == nil {
			r.Reset()
			err = c.door.Gateway.Do(c.ctx, c.caller, o, r)
		}
	}
	return err
}

// missesDefault reports whether err says that the listener's cache is missing, which is made on demand while hearth is
// open.
func (c *conn) missesDefault(err error) bool {
	return err != nil && c.open && hearth.KindOf(err) == hearth.NoCache && c.caller.Cache() == c.door.Cache
}

func (c *conn) makeDefault() error {
	err := c.door.Gateway.Change(c.ctx, c.caller, control.CreateCache{Name: c.door.Cache})
	if err != nil && hearth.KindOf(err) == hearth.Exists {
		return nil
	}
	return err
}

// say answers with a line, unless the request asked for none.
func (c *conn) say(line string) {
	if !c.quiet {
		c.out = append(append(c.out, line...), '\r', '\n')
	}
}

// value answers with the bytes of a value and a line end. It takes over a Block.
func (c *conn) value(r *op.Reply) {
	if b := r.Block; b != nil {
		r.Block = nil
		if c.w != nil {
			c.w.B = c.out
			c.w.Ref(b.Bytes(), b)
		} else {
			c.blocks = append(c.blocks, blockAt{len(c.out), b})
		}
	} else {
		c.out = append(c.out, r.Value()...)
	}
	c.out = append(c.out, '\r', '\n')
}
