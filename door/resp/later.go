package resp

import (
	"context"
	"hash/maphash"
	"slices"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/control"
	"github.com/hearthcache/hearth/gateway"
	"github.com/hearthcache/hearth/op"
)

// batch is commands that wait together, with the memory that they need until then.
type batch struct {
	conn    *conn
	rows    []*row
	args    [][][]byte
	ops     []op.Op
	replies []op.Reply
	begun   gateway.Begun
	ended   func(rest func(context.Context)) // end, bound once

	text  []byte   // of all arguments
	cells [][]byte // the arguments
	read  []uint64 // hashes of keys that are read
	wrote []uint64 // and of those that may be written
}

const (
	batchMax       = 1024     // commands of one batch
	batchKeysMax   = 1024     // of a command that others go with: each looks whether it shares any
	batchTextKept  = 32 << 10 // bytes of arguments that a batch keeps room for
	batchCellsKept = 4096     // arguments that it keeps room for
	batchRoomsKept = 128      // and commands
)

// newBatch returns an empty batch.
func (c *conn) newBatch() *batch {
	b, _ := c.door.batches.Get().(*batch)
	if b == nil {
		b = &batch{}
		b.ended = b.end
	}
	b.conn = c
	return b
}

// done gives a batch back, whose replies have been answered.
func (b *batch) done() {
	d := b.conn.door
	if len(b.ops) > batchRoomsKept || cap(b.text) > batchTextKept || cap(b.cells) > batchCellsKept {
		return
	}
	clear(b.rows)
	clear(b.args)
	clear(b.ops)
	clear(b.cells)
	*b = batch{rows: b.rows[:0], args: b.args[:0], ops: b.ops[:0], replies: b.replies[:0], begun: b.begun, ended: b.ended, text: b.text[:0],
		cells: b.cells[:0], read: b.read[:0], wrote: b.wrote[:0]}
	d.batches.Put(b)
}

// copy copies the arguments of a request that outlives its buffer.
func (b *batch) copy(args [][]byte) [][]byte {
	first, size := len(b.cells), 0
	for _, a := range args {
		size += len(a)
	}
	b.text, b.cells = slices.Grow(b.text, size), slices.Grow(b.cells, len(args))
	for _, a := range args {
		start := len(b.text)
		b.text = append(b.text, a...)
		b.cells = append(b.cells, b.text[start:len(b.text):len(b.text)])
	}
	return b.cells[first:len(b.cells):len(b.cells)]
}

// add takes a command in.
func (b *batch) add(r *row, args [][]byte, o op.Op) {
	b.rows, b.args, b.ops = append(b.rows, r), append(b.args, args), append(b.ops, o)
	if n := len(b.replies); n < cap(b.replies) {
		b.replies = b.replies[:n+1] // with the buffer of a former one
	} else {
		b.replies = append(b.replies, op.Reply{})
	}
	b.touch(o, func(h uint64, writes bool) {
		if writes {
			b.wrote = append(b.wrote, h)
		} else {
			b.read = append(b.read, h)
		}
	})
}

// free reports whether a command touches no key that the batch's commands touch, but for reading what they only read.
// Two keys of one hash count as one, which only makes the batch shorter.
func (b *batch) free(o op.Op) bool {
	free := true
	b.touch(o, func(h uint64, writes bool) {
		free = free && !slices.Contains(b.wrote, h) && !(writes && slices.Contains(b.read, h))
	})
	return free
}

// touch calls f with the hash of each key of a command, and whether it may be written.
func (b *batch) touch(o op.Op, f func(h uint64, writes bool)) {
	seed, writes := b.conn.door.seed, o.Spec().Writes()
	m, several := o.(op.Multi)
	if !several {
		f(maphash.Bytes(seed, o.Key()), writes)
		return
	}
	for _, k := range m.Keys() {
		f(maphash.Bytes(seed, k), writes)
	}
}

// later returns what runs a command that could not be finished at once. The commands behind it that touch other keys,
// or only read as it does, go with it as one batch; answers keep their order.
func (c *conn) later(r *row, args [][]byte, rest []byte) (wait func(), along int) {
	c.fresh = true
	defer func() { c.fresh = false }()
	b := c.newBatch()
	args = b.copy(args)
	o, err := r.parse(c, args)
	if err != nil {
		return func() { c.finish(r, args, nil, err) }, 0
	}
	b.add(r, args, o)
	for len(b.ops) < batchMax && along < len(rest) && len(b.read)+len(b.wrote) <= batchKeysMax {
		args, n, err := c.parser.Next(rest[along:], c.args[:0])
		if err != nil || n == 0 {
			// What is wrong or incomplete is found again by the next Feed.
			c.parser.Reset()
			break
		}
		c.args = args
		if !c.companion(b, args) {
			break
		}
		along += n
	}
	c.left = b
	return func() {
		c.door.Gateway.DoAll(c.ctx, c.caller, b.ops, b.replies)
		c.answerBatch(b)
	}, along
}

// companion adds a request to a batch that it may go with.
func (c *conn) companion(b *batch, args [][]byte) bool {
	if len(args) == 0 {
		return false
	}
	r := c.door.table().find(args[0])
	if r == nil || r.parse == nil || !r.takes(len(args)) || c.multi != nil || c.subs.any() || c.quiet != audible {
		return false
	}
	args = b.copy(args)
	o, err := r.parse(c, args)
	if err != nil || !b.free(o) {
		return false
	}
	b.add(r, args, o)
	return true
}

// answerBatch answers the commands of a batch, in their order.
func (c *conn) answerBatch(b *batch) {
	for i, r := range b.rows {
		c.finish(r, b.args[i], &b.replies[i], b.replies[i].Err)
		b.replies[i].Reset()
	}
	b.done()
}

// beginBatch lets the engine run a batch while the loop goes on, without a goroutine. It returns false where a goroutine has
// to wait for the engine.
func (c *conn) beginBatch(b *batch) bool {
	c.mu.Lock()
	c.busy, c.cancel, c.behind, c.press = true, nil, false, nil
	c.mu.Unlock()
	return c.door.Gateway.Start(&b.begun, c.caller, b.ops, b.replies, b.ended)
}

// end is called when the engine is done with a batch. rest waits for what others load, if anything.
func (b *batch) end(rest func(context.Context)) {
	c := b.conn
	if rest == nil {
		c.ended()
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	c.mu.Lock()
	c.cancel = cancel
	ctx = c.pressing(ctx)
	if c.closed {
		cancel()
	}
	c.mu.Unlock()
	go func() {
		defer cancel()
		rest(ctx)
		c.ended()
	}()
}

// ended gives the conn back to its loop.
func (c *conn) ended() {
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
