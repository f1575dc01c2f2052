package resp

import (
	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/control"
	"github.com/hearthcache/hearth/op"
)

// pending is a command that waits, with others that came with it.
type pending struct {
	row  *row
	args [][]byte
}

// batchMax is how many commands wait together.
const batchMax = 1024

// later returns what runs a command that could not be finished at once. The commands behind it that touch other keys,
// or only read as it does, go with it as one batch; answers keep their order.
func (c *conn) later(r *row, args [][]byte, rest []byte) (wait func(), along int) {
	c.fresh = true
	defer func() { c.fresh = false }()
	args = copied(args)
	o, err := r.parse(c, args)
	if err != nil {
		return func() { c.finish(r, args, nil, err) }, 0
	}
	waiting, ops := []pending{{r, args}}, []op.Op{o}
	seen := keysOf(o, map[string]bool{})
	for len(ops) < batchMax && along < len(rest) {
		args, n, err := c.parser.Next(rest[along:], nil)
		if err != nil || n == 0 {
			// What is wrong or incomplete is found again by the next Feed.
			c.parser.Reset()
			break
		}
		args = copied(args)
		r, o := c.companion(args, seen)
		if o == nil {
			break
		}
		waiting, ops = append(waiting, pending{r, args}), append(ops, o)
		along += n
	}
	return func() {
		replies := make([]op.Reply, len(ops))
		c.door.Gateway.DoAll(c.ctx, c.caller, ops, replies)
		for i, p := range waiting {
			c.finish(p.row, p.args, &replies[i], replies[i].Err)
			replies[i].Reset()
		}
	}, along
}

// copied copies the arguments of a request that outlives its buffer.
func copied(args [][]byte) [][]byte {
	size := 0
	for _, a := range args {
		size += len(a)
	}
	buf := make([]byte, 0, size)
	out := make([][]byte, len(args))
	for i, a := range args {
		start := len(buf)
		buf = append(buf, a...)
		out[i] = buf[start:len(buf):len(buf)]
	}
	return out
}

// companion returns the row and the op of a request that may be done together with those whose keys were seen; nil if
// it may not.
func (c *conn) companion(args [][]byte, seen map[string]bool) (*row, op.Op) {
	if len(args) == 0 {
		return nil, nil
	}
	r := c.door.table().find(args[0])
	if r == nil || r.parse == nil || !r.takes(len(args)) || c.multi != nil || c.subs.any() || c.quiet != audible {
		return nil, nil
	}
	o, err := r.parse(c, args)
	if err != nil {
		return nil, nil
	}
	mine := keysOf(o, map[string]bool{})
	for k, writes := range mine {
		if before, both := seen[k]; both && (before || writes) {
			return nil, nil
		}
	}
	for k, writes := range mine {
		seen[k] = seen[k] || writes
	}
	return r, o
}

// keysOf adds the keys of o to seen, with whether they may be written.
func keysOf(o op.Op, seen map[string]bool) map[string]bool {
	writes := o.Spec().Writes()
	if m, ok := o.(op.Multi); ok {
		for _, k := range m.Keys() {
			seen[string(k)] = seen[string(k)] || writes
		}
		return seen
	}
	seen[string(o.Key())] = writes
	return seen
}

// missesDefault reports whether err says that the default cache is missing, which is made on demand while hearth is open.
func (c *conn) missesDefault(err error) bool {
	return err != nil && c.open && hearth.KindOf(err) == hearth.NoCache && c.caller.Cache() == c.door.Cache
}

// createDefault returns what creates the default cache and runs the command that missed it.
func (c *conn) createDefault(r *row, args [][]byte) (wait func()) {
	args = copied(args)
	return func() {
		o, err := r.parse(c, args)
		if err == nil {
			err = c.makeDefault()
		}
		if err == nil {
			c.reply.Reset()
			err = c.door.Gateway.Do(c.ctx, c.caller, o, &c.reply)
		}
		c.finish(r, args, &c.reply, err)
	}
}

// makeDefault creates the default cache; somebody else may have been faster.
func (c *conn) makeDefault() error {
	err := c.door.Gateway.Change(c.ctx, c.caller, control.CreateCache{Name: c.door.Cache})
	if hearth.KindOf(err) == hearth.Exists {
		return nil
	}
	return err
}
