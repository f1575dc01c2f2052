package resp

import (
	"github.com/hearthcache/hearth/engine"
	"github.com/hearthcache/hearth/op"
	"github.com/hearthcache/hearth/respwire"
)

// pending is a command that waits for EXEC.
type pending struct {
	row  *row
	args [][]byte
}

// transaction is what MULTI has opened.
type transaction struct {
	queued  []pending
	args    int
	bytes   int
	held    int  // of the budget
	spoiled bool // a request was refused: EXEC will be, too

	text  []byte   // room for bytes of the next arguments
	cells [][]byte // and for those themselves
}

const (
	errQueued      = "ERR a transaction is larger than 262144 commands, 1048576 arguments or 64 MiB"
	errWatched     = "ERR a connection may watch at most 65536 keys"
	errQueuedSpace = "ERR too much memory is taken by requests that are not done; try again later"
)

// Room for the arguments of small commands is made for so many bytes and arguments at a time.
const (
	queuedTextBytes = 4 << 10
	queuedCells     = 128
)

var transactionRows = []row{
	{name: "MULTI", arity: 1, flags: fast | loading | stale | now, run: runMulti},
	{name: "EXEC", arity: 1, flags: loading | stale | now | waits, run: runExec},
	{name: "DISCARD", arity: 1, flags: fast | loading | stale | now, run: runDiscard},
	{name: "WATCH", arity: -2, flags: fast | loading | stale | now | waits, first: 1, last: -1, step: 1, run: runWatch},
	{name: "UNWATCH", arity: 1, flags: fast | loading | stale, run: runUnwatch},
}

func runMulti(c *conn, args [][]byte) {
	if c.multi != nil {
		c.out = respwire.AppendError(c.out, "ERR MULTI calls can not be nested")
		return
	}
	c.multi = &transaction{}
	c.out = respwire.AppendOK(c.out)
}

// queue keeps a request for EXEC.
func (c *conn) queue(r *row, args [][]byte) {
	m := c.multi
	if !m.spoiled {
		size := 0
		for _, a := range args {
			size += len(a)
		}
		if refusal := c.count(len(args), size); refusal != "" {
			c.refuse(refusal)
			return
		}
		m.queued = append(m.queued, pending{r, m.copied(args, size)})
	}
	c.answer(func() { c.out = respwire.AppendSimple(c.out, "QUEUED") })
}

// count adds a command to what the transaction queues, and says why it is too much, if it is.
func (c *conn) count(args, size int) (refusal string) {
	m := c.multi
	m.args, m.bytes = m.args+args, m.bytes+size
	if len(m.queued) >= queuedMax || m.args > queuedArgsMax || m.bytes > queuedBytesMax {
		return errQueued
	}
	n := (len(m.queued)+1)*queuedBytes + m.args*queuedArgBytes + m.bytes
	n -= n % queuedGrain
	if !c.hold(n - m.held) {
		return errQueuedSpace
	}
	m.held = n
	return ""
}

// copied copies the arguments of a command, size bytes, to where the transaction keeps them: those of many small commands
// together.
func (m *transaction) copied(args [][]byte, size int) [][]byte {
	if cap(m.text)-len(m.text) < size {
		m.text = make([]byte, 0, max(size, min(queuedTextBytes, m.bytes)))
	}
	if cap(m.cells)-len(m.cells) < len(args) {
		m.cells = make([][]byte, 0, max(len(args), min(queuedCells, m.args)))
	}
	first := len(m.cells)
	for _, a := range args {
		start := len(m.text)
		m.text = append(m.text, a...)
		m.cells = append(m.cells, m.text[start:len(m.text):len(m.text)])
	}
	return m.cells[first:len(m.cells):len(m.cells)]
}

// spoil has the EXEC of an open transaction be refused. What it has queued is never run.
func (c *conn) spoil() {
	m := c.multi
	if m == nil {
		return
	}
	c.yield(m.held)
	*m = transaction{spoiled: true}
}

// endMulti forgets the open transaction, if there is one, and the watched keys.
func (c *conn) endMulti() {
	if m := c.multi; m != nil {
		c.yield(m.held)
		c.multi = nil
	}
	c.unwatch()
}

func runDiscard(c *conn, args [][]byte) {
	if c.multi == nil {
		c.out = respwire.AppendError(c.out, "ERR DISCARD without MULTI")
		return
	}
	c.endMulti()
	c.out = respwire.AppendOK(c.out)
}

func runWatch(c *conn, args [][]byte) {
	if c.multi != nil {
		c.out = respwire.AppendError(c.out, "ERR WATCH inside MULTI is not allowed")
		return
	}
	n := 0
	for _, k := range args[1:] {
		n += watchedBytes + 2*len(k)
	}
	switch {
	case len(c.watchedKeys)+len(args)-1 > watchedMax:
		c.out = respwire.AppendError(c.out, errWatched)
		return
	case !c.hold(n):
		c.out = respwire.AppendError(c.out, errQueuedSpace)
		return
	}
	keys := append(c.watchedKeys, copied(args[1:])...)
	w, err := c.watchKeys(keys)
	if err != nil {
		c.yield(n)
		c.fail(c.info.command, err)
		return
	}
	c.watchedHeld += n
	c.rewatch(w, keys)
	c.out = respwire.AppendOK(c.out)
}

// rewatch replaces the watch by one that has more keys. What the old one has seen until now counts.
func (c *conn) rewatch(w engine.Watch, keys [][]byte) {
	if c.watch != nil {
		unchanged, err := c.door.Gateway.DoTogether(c.ctx, c.caller, c.watch, nil, nil)
		c.touched = c.touched || !unchanged || err != nil
		c.watch.Close()
	}
	c.watch, c.watchedKeys = w, keys
}

func (c *conn) watchKeys(keys [][]byte) (engine.Watch, error) {
	w, err := c.door.Gateway.Watch(c.ctx, c.caller, keys)
	if c.missesDefault(err) {
		if err = c.makeDefault(); err == nil {
			w, err = c.door.Gateway.Watch(c.ctx, c.caller, keys)
		}
	}
	return w, err
}

func runUnwatch(c *conn, args [][]byte) {
	c.unwatch()
	c.out = respwire.AppendOK(c.out)
}

// unwatch forgets the watched keys.
func (c *conn) unwatch() {
	if c.watch != nil {
		c.watch.Close()
	}
	c.yield(c.watchedHeld)
	c.watch, c.watchedKeys, c.watchedHeld, c.touched = nil, nil, 0, false
}

// planned is one queued request of a transaction that runs: one op or, where the request is misspelt, those that look at its keys,
// or neither where the door answers by itself.
type planned struct {
	pending
	op    int // index of the first among the ops of its part; -1 for none
	wrong error
}

// part is what runs as one: all of a transaction, unless it asks in its midst for what the engine does not do together with
// other commands, such as FLUSHDB.
type part struct {
	plans   []planned
	ops     []op.Op
	settled bool // has such a request: what comes after it is another part's
}

func runExec(c *conn, args [][]byte) {
	m := c.multi
	if m == nil {
		c.out = respwire.AppendError(c.out, "ERR EXEC without MULTI")
		return
	}
	c.multi = nil
	defer c.unwatch()
	defer c.yield(m.held)
	if m.spoiled {
		c.out = respwire.AppendError(c.out, "EXECABORT Transaction discarded because of previous errors.")
		return
	}
	if m.args > argsTurnMax {
		if !c.enterLarge() {
			return
		}
		defer c.leaveLarge()
	}
	parts := c.plan(m)
	for i, p := range parts {
		replies := make([]op.Reply, len(p.ops))
		done, err := c.together(p.ops, replies)
		switch {
		case i > 0: // the transaction is under way
			c.unwatch()
		case err != nil:
			code, text := errorText(err, "EXEC")
			c.out = respwire.AppendError(c.out, "EXECABORT Transaction discarded because of: ", code, text)
			return
		case !done:
			c.out = c.proto.AppendNullArray(c.out)
			return
		default:
			c.unwatch()
			c.out = respwire.AppendArray(c.out, len(m.queued))
		}
		c.answerPart(p, replies, err)
	}
}

// answerPart answers the requests of a part that has run, or has failed.
func (c *conn) answerPart(part part, replies []op.Reply, failed error) {
	for _, p := range part.plans {
		switch {
		case failed != nil:
			c.fail(p.row, failed)
		case p.wrong != nil && p.op < 0:
			c.fail(p.row, p.wrong)
		case p.op < 0:
			p.row.run(c, p.args)
		case p.wrong != nil:
			at := p.op
			c.judge(p.row, p.args, p.wrong, func(_ op.Op, r *op.Reply) (bool, error) {
				r.Status, r.Kind = replies[at].Status, replies[at].Kind
				at++
				return true, replies[at-1].Err
			})()
		default:
			c.say(p.row, p.args, &replies[p.op], replies[p.op].Err)
			replies[p.op].Reset()
		}
	}
}

// plan turns the queued requests into ops.
func (c *conn) plan(m *transaction) []part {
	c.fresh = true
	defer func() { c.fresh = false }()
	parts := []part{{plans: make([]planned, 0, len(m.queued))}}
	for _, q := range m.queued {
		p := &parts[len(parts)-1]
		plan := planned{pending: q, op: -1}
		if q.row.parse == nil {
			p.settled = p.settled || q.row.flags&(readonly|write) != 0
			p.plans = append(p.plans, plan)
			continue
		}
		if p.settled {
			parts = append(parts, part{})
			p = &parts[len(parts)-1]
		}
		var ops []op.Op
		if ops, plan.wrong = c.planOne(q); len(ops) > 0 {
			plan.op = len(p.ops)
			p.ops = append(p.ops, ops...)
		}
		p.plans = append(p.plans, plan)
	}
	return parts
}

// planOne returns the op of a request or, with what is wrong with it, those that look at its keys.
func (c *conn) planOne(q pending) ([]op.Op, error) {
	o, wrong := q.row.parse(c, q.args)
	if wrong == nil {
		return []op.Op{o}, nil
	}
	if _, early := wrong.(earlyError); early || q.row.looks == nil {
		return nil, wrong
	}
	var ops []op.Op
	for _, k := range q.row.sources(q.args) {
		ops = append(ops, &op.ItemType{K: k})
	}
	return ops, wrong
}

// together runs the ops as one, unless a watched key has changed.
func (c *conn) together(ops []op.Op, replies []op.Reply) (done bool, err error) {
	switch {
	case c.touched:
		return false, nil
	case len(ops) == 0 && c.watch == nil:
		return true, nil
	}
	done, err = c.door.Gateway.DoTogether(c.ctx, c.caller, c.watch, ops, replies)
	if c.missesDefault(err) {
		if err = c.makeDefault(); err == nil {
			done, err = c.door.Gateway.DoTogether(c.ctx, c.caller, c.watch, ops, replies)
		}
	}
	return done, err
}
