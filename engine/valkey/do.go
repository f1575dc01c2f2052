package valkey

import (
	"context"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/engine"
	"github.com/hearthcache/hearth/op"
	"github.com/hearthcache/hearth/respwire"
)

// call is what one command or one batch of commands needs on its way, kept for reuse.
type call struct {
	batch respwire.Batch
	keys  []byte // all keys with their prefixes
	units []unit
	said  []*unit
}

func (e *Engine) call() *call { return e.calls.Get().(*call) }

func (e *Engine) release(c *call) {
	c.batch.Reset()
	clear(c.units)
	clear(c.said)
	c.keys, c.units, c.said = c.keys[:0], c.units[:0], c.said[:0]
	if cap(c.keys) <= 64<<10 && cap(c.units) <= 1<<10 {
		e.calls.Put(c)
	}
}

// Do implements engine.Engine.
func (e *Engine) Do(ctx context.Context, s hearth.Space, o op.Op, r *op.Reply) error {
	if get, ok := o.(*op.Get); ok {
		err := e.doPlain(ctx, s, o, r)
		if err == nil && len(r.Attrs.Tags) > 0 {
			err = e.holdTags(ctx, s, get.K, r)
		}
		return err
	}
	tagged, err := e.tagged(ctx, s)
	switch {
	case err != nil:
		return err
	case tagged:
		return e.doTagged(ctx, s, o, r)
	}
	if o, err = e.stamped(ctx, s, o); err != nil {
		return err
	}
	return e.doPlain(ctx, s, o, r)
}

// doPlain runs a command whatever the tags of its items.
func (e *Engine) doPlain(ctx context.Context, s hearth.Space, o op.Op, r *op.Reply) error {
	c := e.call()
	defer e.release(c)
	if !c.add(e, s, o) {
		return e.doAlone(ctx, s, o, r)
	}
	e.perform(ctx, s, c, o)
	return c.units[0].recv(ctx, o, r)
}

// DoAll implements engine.Engine: one pipelined round trip per node for each run of commands that one server can do
// alone. Commands on the same key keep their order.
func (e *Engine) DoAll(ctx context.Context, s hearth.Space, os []op.Op, rs []op.Reply) {
	tagged, err := e.tagged(ctx, s)
	for i, o := range os {
		set, ok := bare(o).(*op.Set)
		tagged = tagged || ok && len(set.Tags) > 0
		if err != nil {
			rs[i].Err = err
		}
	}
	switch {
	case err != nil:
	case tagged:
		e.doAllTagged(ctx, s, os, rs)
	default:
		e.doAllPlain(ctx, s, os, rs)
	}
}

// doAllPlain is DoAll whatever the tags of the items.
func (e *Engine) doAllPlain(ctx context.Context, s hearth.Space, os []op.Op, rs []op.Reply) {
	for start := 0; start < len(os); {
		n := e.doSome(ctx, s, os[start:], rs[start:])
		start += n
	}
}

// doSome runs as many commands from the beginning as go together and returns their number.
func (e *Engine) doSome(ctx context.Context, s hearth.Space, os []op.Op, rs []op.Reply) int {
	c := e.call()
	defer e.release(c)
	for _, o := range os {
		if !c.add(e, s, o) {
			break
		}
	}
	if len(c.units) == 0 {
		rs[0].Err = e.doAlone(ctx, s, os[0], &rs[0])
		return 1
	}
	e.perform(ctx, s, c, os[:len(c.units)]...)
	for i := range c.units {
		rs[i].Err = c.units[i].recv(ctx, os[i], &rs[i])
	}
	return len(c.units)
}

// perform says what c has collected for commands, from this process's memory where nothing is written.
func (e *Engine) perform(ctx context.Context, s hearth.Space, c *call, os ...op.Op) {
	units := c.ready()
	if e.near == nil {
		e.run(ctx, units)
		return
	}
	for _, o := range os {
		if o.Spec().Writes() {
			e.run(ctx, units)
			e.forgetWritten(s, os...)
			return
		}
	}
	if units = e.answerNear(ctx, units); len(units) > 0 {
		e.run(ctx, units)
	}
}

// doAlone runs a command that goes with no other.
func (e *Engine) doAlone(ctx context.Context, s hearth.Space, o op.Op, r *op.Reply) error {
	if d, ok := o.(op.Detached); ok {
		return e.doDetached(ctx, s, d, r)
	}
	return e.doSplit(ctx, s, o, r)
}

// add says a command into the batch. It returns false where the command goes with no other: its keys live in different
// slots, or it is not done by the server.
func (c *call) add(e *Engine, s hearth.Space, o op.Op) bool {
	if _, ok := o.(op.Detached); ok {
		return false
	}
	first := c.batch.Len()
	start := len(c.keys)
	if m, ok := o.(op.Multi); ok {
		keys := e.prefixed(s, m.Keys())
		if len(keys) > 1 && e.spread() && !sameSlot(keys) {
			return false
		}
		m.SendAll(&c.batch, keys)
		if len(keys) > 0 {
			c.keys = append(c.keys, keys[0]...)
		}
	} else {
		c.keys = appendKey(c.keys, s, o.Key())
		o.Send(&c.batch, c.keys[start:len(c.keys):len(c.keys)])
	}
	u := unit{batch: &c.batch, first: first, end: c.batch.Len(), repeatable: o.Spec().Repeatable}
	u.slot = text(c.keys[start:])
	c.units = append(c.units, u)
	return true
}

// spread reports whether keys live on several servers; not knowing yet, it looks.
func (e *Engine) spread() bool {
	c, err := e.conn()
	return err == nil && c.cluster
}

func (e *Engine) prefixed(s hearth.Space, keys [][]byte) [][]byte {
	n := 0
	for _, k := range keys {
		n += len(k) + len(ownPrefix) + 8
	}
	all, out := make([]byte, 0, n), make([][]byte, len(keys))
	for i, k := range keys {
		start := len(all)
		all = appendKey(all, s, k)
		out[i] = all[start:len(all):len(all)]
	}
	return out
}

// ready returns the units to say: those that say something.
func (c *call) ready() []*unit {
	for i := range c.units {
		if c.units[i].size() > 0 {
			c.said = append(c.said, &c.units[i])
		}
	}
	return c.said
}

// recv reads a unit's values into the command's reply.
func (u *unit) recv(ctx context.Context, o op.Op, r *op.Reply) (err error) {
	defer engine.Catch(o, &err)
	if u.err != nil {
		return unreachable(ctx, u.err)
	}
	if m, ok := o.(op.Multi); ok {
		return m.RecvAll(u.values, r)
	}
	return o.Recv(u.values, r)
}

// doSplit runs a command whose keys live in different slots in parts, where it can be: reads, then one write.
func (e *Engine) doSplit(ctx context.Context, s hearth.Space, o op.Op, r *op.Reply) error {
	m, ok := o.(op.Splitter)
	if !ok {
		return errCrossSlot
	}
	parts, join := m.Parts()
	replies := make([]op.Reply, len(parts))
	e.DoAll(ctx, s, parts, replies)
	defer func() {
		for i := range replies {
			replies[i].Reset()
		}
	}()
	for i := range replies {
		if err := replies[i].Err; err != nil {
			return err
		}
	}
	write, err := join(replies, r)
	if err != nil || write == nil {
		return err
	}
	return e.Do(ctx, s, write, r)
}
