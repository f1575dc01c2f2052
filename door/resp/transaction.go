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
	bytes   int
	spoiled bool // a request was refused: EXEC will be, too
}

// Bounds of what one transaction may queue.
const (
	queuedMax      = 1 << 20
	queuedBytesMax = 64 << 20
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
	args = copied(args)
	for _, a := range args {
		m.bytes += len(a)
	}
	if len(m.queued) >= queuedMax || m.bytes > queuedBytesMax {
		m.spoiled, m.queued = true, nil
		c.refuse("ERR the transaction is too large")
		return
	}
	m.queued = append(m.queued, pending{r, args})
	c.answer(func() { c.out = respwire.AppendSimple(c.out, "QUEUED") })
}

func runDiscard(c *conn, args [][]byte) {
	if c.multi == nil {
		c.out = respwire.AppendError(c.out, "ERR DISCARD without MULTI")
		return
	}
	c.multi = nil
	c.unwatch()
	c.out = respwire.AppendOK(c.out)
}

func runWatch(c *conn, args [][]byte) {
	if c.multi != nil {
		c.out = respwire.AppendError(c.out, "ERR WATCH inside MULTI is not allowed")
		return
	}
	keys := append(c.watchedKeys, copied(args[1:])...)
	w, err := c.watchKeys(keys)
	if err != nil {
		c.fail(c.info.command, err)
		return
	}
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
	c.watch, c.watchedKeys, c.touched = nil, nil, false
}

// planned is one queued request of a transaction that runs: an op, an error that stands instead of its answer, or
// neither where the door answers by itself.
type planned struct {
	pending
	op  int // index among the ops; -1 for none
	err error
}

func runExec(c *conn, args [][]byte) {
	m := c.multi
	if m == nil {
		c.out = respwire.AppendError(c.out, "ERR EXEC without MULTI")
		return
	}
	c.multi = nil
	defer c.unwatch()
	if m.spoiled {
		c.out = respwire.AppendError(c.out, "EXECABORT Transaction discarded because of previous errors.")
		return
	}
	plans, ops := c.plan(m)
	replies := make([]op.Reply, len(ops))
	done, err := c.together(ops, replies)
	switch {
	case err != nil:
		code, text := errorText(err, "EXEC")
		c.out = respwire.AppendError(c.out, "EXECABORT Transaction discarded because of: ", code, text)
		return
	case !done:
		c.out = c.proto.AppendNullArray(c.out)
		return
	}
	c.out = respwire.AppendArray(c.out, len(plans))
	for _, p := range plans {
		switch {
		case p.err != nil:
			c.fail(p.row, p.err)
		case p.op < 0:
			p.row.run(c, p.args)
		default:
			c.say(p.row, p.args, &replies[p.op], replies[p.op].Err)
			replies[p.op].Reset()
		}
	}
}

// plan turns the queued requests into ops.
func (c *conn) plan(m *transaction) ([]planned, []op.Op) {
	c.fresh = true
	defer func() { c.fresh = false }()
	plans := make([]planned, len(m.queued))
	var ops []op.Op
	for i, q := range m.queued {
		plans[i] = planned{pending: q, op: -1}
		if q.row.parse == nil {
			continue
		}
		o, err := q.row.parse(c, q.args)
		if err != nil {
			plans[i].err = err
			continue
		}
		plans[i].op = len(ops)
		ops = append(ops, o)
	}
	return plans, ops
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
