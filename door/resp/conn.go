package resp

import (
	"context"
	"io"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hearthcache/hearth/door"
	"github.com/hearthcache/hearth/engine"
	"github.com/hearthcache/hearth/gateway"
	"github.com/hearthcache/hearth/op"
	"github.com/hearthcache/hearth/respwire"
	"github.com/hearthcache/hearth/value"
)

// conn is the session of one connection. It runs requests where they were read; one that has to wait gets a goroutine,
// which has the conn to itself until it is done.
type conn struct {
	door   *Door
	sock   *door.Conn
	caller *gateway.Caller // nil until the client has signed in
	open   bool            // nobody has to sign in
	proto  respwire.Proto
	parser respwire.Parser
	big    *arrival // a large value that is being read into its final place
	held   int      // bytes of the door's budget

	w       *door.Writer // during a turn of the loop; nil while a goroutine works
	out     []byte       // answers: of this turn, or those that a goroutine has left
	blocks  []blockAt    // large values between the bytes that a goroutine has left
	closing bool         // once out has been sent

	args  [][]byte
	reply op.Reply
	get   op.Get
	set   op.Set
	fresh bool // ops must not be the reused ones

	multi       *transaction
	watch       engine.Watch // nil: nothing is watched
	watchedKeys [][]byte
	watchedHeld int  // bytes of the budget
	touched     bool // a watched key has changed already
	draining    bool
	subs        subscriptions
	published   int
	quiet       silence
	info        about
	peer        netip.Addr
	seat        *gateway.Caller // who holds this connection's place among its cache's; nil where none is held
	killed      atomic.Bool     // by CLIENT KILL

	left *batch // has been given to the engine

	stalled bool // requests wait until the peer has taken its answers
	rests   bool // requests wait until other connections have had their turns
	waiting bool // a goroutine was started, and the loop has not heard of its end

	mu     sync.Mutex // guards what Closed and a goroutine tell each other
	busy   bool       // a goroutine works
	closed bool
	behind bool               // the peer has sent more than what that is about
	press  chan struct{}      // closed then; nil where nobody listens, or once it is
	cancel context.CancelFunc // of the goroutine's context
	ctx    context.Context    // of what runs now
}

// about is what CLIENT LIST tells of a connection.
type about struct {
	id          int64
	addr, laddr string
	name        string
	lib, libVer string
	user        string
	began       time.Time
	command     *row
	noEvict     bool
	noTouch     bool
}

// blockAt is a large value that goes out before byte at.
type blockAt struct {
	at    int
	block *value.Block
}

// Feed implements door.Session.
func (c *conn) Feed(in []byte, out *door.Writer) (used int, err error) {
	c.begin(out)
	c.rests = false
	if c.big != nil {
		used = c.bigEnd(in)
	}
	for used < len(in) && c.ready() {
		n, ok := c.step(in[used:])
		used += n
		if !ok {
			break
		}
	}
	if err = c.end(); err == nil && c.rests {
		err = door.ErrMore
	}
	return used, err
}

// ready reports whether another request may be run.
func (c *conn) ready() bool {
	if c.waiting || c.stalled || c.rests || c.closing || c.big != nil {
		return false
	}
	c.stalled = c.full()
	return !c.stalled
}

// step runs the request at the front of in, or several, and returns the bytes taken, and whether there may be another.
func (c *conn) step(in []byte) (n int, more bool) {
	args, n, err := c.parser.Next(in, c.args[:0])
	c.args = args
	if err != nil {
		c.out = respwire.AppendError(c.out, "ERR "+err.Error())
		c.closing = true
		return len(in), false
	}
	switch {
	case n == 0:
		return c.bigBegin(in), false
	case n < len(in) && c.caller != nil:
		return c.pipelined(in, n)
	}
	return c.request(args, in, n)
}

// request runs one request, the first n bytes of in.
func (c *conn) request(args [][]byte, in []byte, n int) (used int, more bool) {
	if len(args) == 0 {
		return n, true
	}
	wait, along := c.do(args, in[n:])
	if wait != nil {
		c.leave(wait)
		return n + along, false
	}
	c.rests = c.w.Enough()
	return n, true
}

// Woken implements door.Session.
func (c *conn) Woken(out *door.Writer) error {
	c.mu.Lock()
	busy := c.busy
	c.mu.Unlock()
	if busy {
		return door.ErrWait
	}
	c.waiting = false
	c.begin(out)
	if b := c.left; b != nil {
		c.left = nil
		c.answerBatch(b)
	}
	c.stalled = false
	c.deliver()
	if c.big != nil && c.big.buf != nil {
		c.bigSteps()
	}
	if !c.waiting && c.full() {
		c.stalled = true
	}
	return c.end()
}

// Drain implements door.Session.
func (c *conn) Drain(out *door.Writer) error {
	c.mu.Lock()
	busy := c.busy
	c.mu.Unlock()
	if busy {
		c.draining = true
		return nil
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
	c.behind = true
	if c.press != nil {
		close(c.press)
		c.press = nil
	}
}

// pressing returns the context of a goroutine that waits; mu is locked.
func (c *conn) pressing(ctx context.Context) context.Context {
	press := make(chan struct{})
	c.press = press
	if c.behind {
		close(press)
		c.press = nil
	}
	return gateway.Pressing(ctx, press)
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
	if cap(c.args) > argsKept {
		c.args = nil
	}
	switch {
	case c.closing || c.draining || c.killed.Load():
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

// full reports whether so much waits for the peer that nothing more should be done for it.
func (c *conn) full() bool {
	if c.w == nil {
		return false
	}
	c.w.B = c.out
	return c.w.Full()
}

// leave lets the engine, or a goroutine where that must be, do what has to wait. It has the conn to itself until it
// clears busy.
func (c *conn) leave(wait func()) {
	c.w.B = c.out
	c.w, c.out, c.waiting = nil, nil, true
	if b := c.left; b != nil && c.beginBatch(b) {
		return
	}
	c.left = nil
	ctx, cancel := context.WithCancel(context.Background())
	c.mu.Lock()
	c.busy, c.cancel, c.behind = true, cancel, false
	c.ctx = c.pressing(ctx)
	c.mu.Unlock()
	go func() {
		defer cancel()
		wait()
		c.ended()
	}()
}

// release gives back everything when the connection has ended.
func (c *conn) release() {
	for _, b := range c.blocks {
		b.block.Release()
	}
	c.blocks = nil
	c.reply.Reset()
	c.bigDrop()
	c.endMulti()
	c.unsubscribeAll()
	c.stand()
	c.door.forget(c)
}

// appendBlock answers with a large value where it lies. It takes over the reference.
func (c *conn) appendBlock(b *value.Block) {
	if c.quiet != audible {
		b.Release() // nobody will read it
		return
	}
	c.out = respwire.AppendBulkHeader(c.out, len(b.Bytes()))
	if c.w != nil {
		c.w.B = c.out
		c.w.Ref(b.Bytes(), b)
	} else {
		c.blocks = append(c.blocks, blockAt{len(c.out), b})
	}
	c.out = append(c.out, '\r', '\n')
}

// do runs one request. Where it has to wait, wait does it off the loop, together with the requests at the front of rest
// that may go with it; along is how many bytes of rest those take.
func (c *conn) do(args [][]byte, rest []byte) (wait func(), along int) {
	r := c.admit(args)
	if r == nil {
		return nil, 0
	}
	if c.multi != nil && r.flags&now == 0 {
		c.queue(r, args)
		return nil, 0
	}
	if r.run != nil {
		return c.runRow(r, args), 0
	}
	o, err := r.parse(c, args)
	if err != nil {
		return c.misspelt(r, args, err), 0
	}
	c.reply.Reset()
	done, err := c.door.Gateway.Try(c.caller, o, &c.reply)
	switch {
	case !done:
		return c.later(r, args, rest)
	case err != nil && c.missesDefault(err):
		return c.createDefault(r, args), 0
	}
	c.finish(r, args, &c.reply, err)
	return nil, 0
}

// misspelt answers to a command whose arguments are wrong, which some commands find out only after they have looked at
// their keys.
func (c *conn) misspelt(r *row, args [][]byte, wrong error) (wait func()) {
	if _, early := wrong.(earlyError); early || r.looks == nil {
		c.finish(r, args, nil, wrong)
		return nil
	}
	verdict := c.judge(r, args, wrong, func(o op.Op, r *op.Reply) (bool, error) { return c.door.Gateway.Try(c.caller, o, r) })
	if verdict != nil {
		c.answer(verdict)
		return nil
	}
	args = copied(args)
	return func() {
		c.answer(c.judge(r, args, wrong, func(o op.Op, r *op.Reply) (bool, error) { return true, c.door.Gateway.Do(c.ctx, c.caller, o, r) }))
	}
}

// judge returns what answers a misspelt command: what its keys hold may be worse than what is wrong with its arguments. look tells
// of one key; where it says that this has to wait, judge returns nil.
func (c *conn) judge(r *row, args [][]byte, wrong error, look func(o op.Op, r *op.Reply) (done bool, err error)) (verdict func()) {
	for _, k := range r.sources(args) {
		c.reply.Reset()
		done, err := look(&op.ItemType{K: k}, &c.reply)
		switch {
		case !done:
			return nil
		case err != nil && !c.missesDefault(err):
			wrong = err
		case c.reply.Status != op.Hit && r.missing == nil:
		case c.reply.Status != op.Hit || err != nil:
			return func() { r.missing(c, args) }
		case !slices.Contains(r.looks, c.reply.Kind):
			wrong = r.wrongKind()
		}
	}
	return func() { c.say(r, args, nil, wrong) }
}

// runRow runs a command that the door answers by itself.
func (c *conn) runRow(r *row, args [][]byte) (wait func()) {
	if r.flags&waits == 0 && (r.flags&pubsub == 0 || !c.door.Gateway.TopicsWait()) {
		c.answer(func() { r.run(c, args) })
		return nil
	}
	args = copied(args)
	return func() { c.answer(func() { r.run(c, args) }) }
}

// finish says how a command on items ended.
func (c *conn) finish(r *row, args [][]byte, reply *op.Reply, err error) {
	if c.quiet != audible {
		c.answer(func() { c.say(r, args, reply, err) })
		return
	}
	c.say(r, args, reply, err)
	if reply != nil && reply.Large() {
		reply.Reset()
	}
}

func (c *conn) say(r *row, args [][]byte, reply *op.Reply, err error) {
	if err != nil {
		c.fail(r, err)
		return
	}
	r.encode(c, args, reply)
}

// admit finds the command's row and holds the request against what may be asked now; nil when it has been refused.
func (c *conn) admit(args [][]byte) *row {
	r := c.door.table().find(args[0])
	if r == nil {
		c.refuse(unknownCommand(args))
		return nil
	}
	parent := r
	if r.subs != nil && len(args) > 1 {
		if r = r.sub(args[1]); r == nil {
			c.refuse("ERR unknown subcommand '" + clip(args[1], 128) + "'. Try " + parent.name + " HELP.")
			return nil
		}
	}
	c.info.command = r
	if !r.takes(len(args)) || r.subs != nil {
		c.refuse(c.aborted(r) + "wrong number of arguments for '" + r.fullName(parent) + "' command")
		return nil
	}
	if r.check != nil {
		if wrong := r.check(args); wrong != "" {
			c.refuse(wrong)
			return nil
		}
	}
	switch {
	case c.caller == nil && r.flags&noAuth == 0:
		c.refuse(errNoAuth)
		return nil
	case c.multi != nil && r.flags&noMulti != 0:
		c.refuse("ERR Command not allowed inside a transaction")
		return nil
	case c.subs.any() && c.proto == respwire.RESP2 && r.flags&inSub == 0:
		c.refuse(c.aborted(r) + "Can't execute '" + r.fullName(parent) + "': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context")
		return nil
	}
	return r
}

// aborted begins the error of a misspelt request. A misspelt EXEC ends the transaction.
func (c *conn) aborted(r *row) string {
	if r.name != "EXEC" {
		return "ERR "
	}
	c.endMulti()
	return "EXECABORT Transaction discarded because of: "
}

// fullName is the name in error texts: "client|list" for a subcommand.
func (r *row) fullName(parent *row) string {
	if r == parent {
		return lower(r.name)
	}
	return lower(parent.name) + "|" + lower(r.name)
}

const errNoAuth = "NOAUTH Authentication required."

// refuse answers with an error of a request that is not run, which also spoils an open transaction.
func (c *conn) refuse(text string) {
	c.spoil()
	c.answer(func() { c.out = respwire.AppendError(c.out, text) })
}

func unknownCommand(args [][]byte) string {
	text := "ERR unknown command '" + clip(args[0], 128) + "', with args beginning with: "
	var rest []byte
	for i := 1; i < len(args) && len(rest) < 128; i++ {
		rest = append(rest, '\'')
		rest = append(rest, clip(args[i], 128-(len(rest)-1))...)
		rest = append(rest, "' "...)
	}
	return text + string(rest)
}

// clip returns at most n bytes of b, and no more than a C string would hold.
func clip(b []byte, n int) string {
	b = b[:min(len(b), max(n, 0))]
	for i, c := range b {
		if c == 0 {
			return string(b[:i])
		}
	}
	return string(b)
}
