package resp

import (
	"bytes"

	"github.com/hearthcache/hearth/door"
	"github.com/hearthcache/hearth/op"
	"github.com/hearthcache/hearth/respwire"
	"github.com/hearthcache/hearth/value"
)

// arrival is a request that is too big for the loop's buffer while it arrives, gathered in buf. Where it stores a large
// value, buf is the memory in which that will stay; where it is refused, its value goes nowhere.
type arrival struct {
	buf     []byte       // the request so far
	block   *value.Block // that buf lies in; nil is the heap
	settled bool         // that there is no better place than the heap was found for the request
	room    int          // bytes of the array behind buf, on the heap
	held    int          // of the budget: room, and what refers to arguments

	// Of a request whose value is thrown away.
	err   error // why
	name  []byte
	left  int // bytes that are still to come
	trash []byte
}

const (
	errBuffers = "ERR too much memory is taken by requests that are still arriving; try again later"
	errRequest = "ERR a request is larger than 64 MiB"
)

// bigBegin looks at a request that has not arrived completely, and takes it over where it is going to be big. It
// returns the bytes taken.
func (c *conn) bigBegin(in []byte) int {
	_, size, start, ok := c.parser.Pending()
	if c.bigValue(in) && c.bigPlace(in, 0) {
		if c.big.err != nil {
			return min(start, len(in))
		}
		return len(in)
	}
	if len(in) < gatherBytesMin && !(ok && size >= gatherBytesMin) {
		return 0
	}
	if !c.bigGather(in) {
		return c.giveUp(in, errBuffers)
	}
	return len(in)
}

// bigGather begins to gather a request on the heap; false where there is no room.
func (c *conn) bigGather(in []byte) bool {
	room := max(2*len(in), gatherBytesMin)
	if !c.hold(room) {
		return false
	}
	c.big = &arrival{buf: append(make([]byte, 0, room), in...), room: room, held: room}
	return true
}

// bigValue reports whether the half request is one that stores a large value, which is arriving.
func (c *conn) bigValue(in []byte) bool {
	done, size, _, ok := c.parser.Pending()
	return ok && size >= blockBytesMin && done > 1 && c.plain() && valueAt(c.parser.Arg(in, 0)) == done
}

// valueAt returns which argument of a command is the value that it stores; 0 where there is none that could have a Block.
func valueAt(name []byte) int {
	switch {
	case is(name, "SET"), is(name, "SETNX"), is(name, "GETSET"):
		return 2
	case is(name, "SETEX"), is(name, "PSETEX"):
		return 3
	}
	return 0
}

// bigTurn gives a gathered half request's value its final place where it may have one: it came behind other commands.
func (c *conn) bigTurn() {
	gathered := c.big
	in := gathered.buf
	_, size, start, _ := c.parser.Pending()
	if gathered.settled || !c.bigValue(in) || len(in) > start+size {
		return
	}
	if !c.bigPlace(in, max(0, len(in)-start)) {
		gathered.settled = true
		return
	}
	c.yield(gathered.held)
}

// bigPlace makes room for a request whose large value is arriving, of which so many bytes have come; false where the engine
// has no better place than a buffer.
func (c *conn) bigPlace(in []byte, have int) bool {
	_, size, start, _ := c.parser.Pending()
	last, around := c.parser.Left() == 1, start+len("\r\n")
	if !last {
		around += optionsBytes
	}
	b, err := c.door.Gateway.Reserve(c.caller, c.parser.Arg(in, 1), size, around)
	switch {
	case err != nil && last && !c.missesDefault(err):
		name := bytes.Clone(c.parser.Arg(in, 0))
		c.parser.Reset()
		c.big = &arrival{err: err, name: name, left: size - have}
	case b == nil:
		return false
	default:
		room := b.Bytes()
		c.big = &arrival{block: b, buf: append(room[:0:len(room)], in...), settled: true}
	}
	return true
}

// giveUp ends a connection whose request finds no memory.
func (c *conn) giveUp(in []byte, why string) int {
	c.out = respwire.AppendError(c.out, why)
	c.closing = true
	c.bigDrop()
	return len(in)
}

// plain reports whether a command would be run as it comes.
func (c *conn) plain() bool {
	return c.caller != nil && c.multi == nil && c.quiet == audible && !c.subs.any()
}

// Fill implements door.Filler.
func (c *conn) Fill() []byte {
	if c.waiting || c.big == nil || c.closing {
		return nil
	}
	a := c.big
	if a.buf != nil {
		return c.bigRoom()
	}
	if a.trash == nil {
		a.trash = make([]byte, trashBytes)
	}
	return a.trash[:min(trashBytes, a.left)]
}

// bigRoom returns where the next bytes of a gathered request go; nil where there is no room, which Feed then says.
func (c *conn) bigRoom() []byte {
	a := c.big
	if len(a.buf) == cap(a.buf) && c.bigGrow(1) != "" {
		return nil
	}
	return a.buf[len(a.buf):cap(a.buf)]
}

// bigGrow makes room for n more bytes of a gathered request, or says why there is none. Room grows with what has arrived,
// never with what a header announces, and all of it is counted.
func (c *conn) bigGrow(n int) (why string) {
	a := c.big
	room := max(2*len(a.buf), len(a.buf)+n, gatherBytesMin)
	if room > gatherBytesMax {
		if room = gatherBytesMax; len(a.buf)+n > room {
			return errRequest
		}
	}
	if !c.hold(room - a.room) {
		return errBuffers
	}
	a.held += room - a.room
	a.room = room
	a.buf = append(make([]byte, 0, room), a.buf...)
	a.giveBack()
	return ""
}

// giveBack ends the use of the Block, if there is one: what is in it was copied, or is of no use.
func (a *arrival) giveBack() {
	if a.block != nil {
		a.block.Release()
		a.block = nil
	}
}

// bigCount counts the arguments of a gathered request, and reports whether there was room for what refers to them.
func (c *conn) bigCount(args int) bool {
	a := c.big
	n := a.room + args*argBytes - a.held
	if !c.hold(n) {
		return false
	}
	a.held += n
	return true
}

// Filled implements door.Filler.
func (c *conn) Filled(n int, out *door.Writer) error {
	a := c.big
	if a.buf == nil {
		a.left -= n
		return nil
	}
	c.begin(out)
	a.buf = a.buf[:len(a.buf)+n]
	c.bigSteps()
	return c.end()
}

// bigSteps runs the complete requests in a gathered buffer.
func (c *conn) bigSteps() {
	for c.big != nil && !c.waiting && !c.stalled && !c.closing && len(c.big.buf) > 0 {
		a := c.big
		if c.full() {
			c.stalled = true
			return
		}
		args, n, err := c.parser.Next(a.buf, c.args[:0])
		c.args = args
		switch {
		case err != nil:
			c.out = respwire.AppendError(c.out, "ERR "+err.Error())
			c.closing = true
			return
		case n == 0:
			c.bigTurn()
			if done, _, _, _ := c.parser.Pending(); c.big == a && a.block == nil && !c.bigCount(done) {
				c.giveUp(nil, errBuffers)
			}
			return
		case a.block != nil:
			c.bigStore(args, a.buf[n:])
			continue
		}
		a.settled = false
		a.buf = a.buf[n+c.bigRun(args, a.buf[n:]):]
	}
	if c.big != nil && len(c.big.buf) == 0 && !c.waiting {
		c.bigDrop()
	}
}

// bigRun runs a gathered request. It returns how many bytes of rest, what is gathered behind it, went with it.
func (c *conn) bigRun(args [][]byte, rest []byte) (along int) {
	switch {
	case len(args) == 0:
		return 0
	case len(args) > argsKept && !c.bigCount(len(args)):
		c.refuse(errBuffers)
		return 0
	case len(args) > argsTurnMax:
		c.args = nil
		c.leave(func() { c.doLarge(args) })
		return 0
	}
	wait, along := c.do(args, rest)
	if wait != nil {
		c.leave(wait)
	}
	return along
}

// bigEnd goes on with a big request when ordinary input comes behind it. It returns the bytes taken.
func (c *conn) bigEnd(in []byte) int {
	a := c.big
	switch {
	case a.buf != nil:
		if room := cap(a.buf) - len(a.buf); a.block != nil && room > 0 {
			in = in[:min(len(in), room)] // what comes behind the request is not its Block's
		} else if len(in) > room {
			if why := c.bigGrow(len(in)); why != "" {
				return c.giveUp(in, why)
			}
		}
		a.buf = append(a.buf, in...)
		c.bigSteps()
		return len(in)
	case a.left > 0 || len(in) < len("\r\n"):
		return 0
	}
	c.big = nil
	c.info.command = c.door.table().find(a.name)
	c.fail(c.info.command, a.err)
	return len("\r\n")
}

// bigStore runs a command whose value has arrived in its place. What has come behind it is gathered by itself.
func (c *conn) bigStore(args [][]byte, rest []byte) {
	block := c.big.block
	c.yield(c.big.held)
	c.big = nil
	if len(rest) > 0 && !c.bigGather(rest) {
		c.giveUp(nil, errBuffers)
		block.Release()
		return
	}
	r := c.admit(args)
	if r == nil {
		block.Release()
		return
	}
	c.fresh = true
	o, err := r.parse(c, args)
	c.fresh = false
	if err != nil {
		c.finish(r, args, nil, err)
		block.Release()
		return
	}
	keep(o, block)
	c.reply.Reset()
	done, err := c.door.Gateway.Try(c.caller, o, &c.reply)
	if done && !c.missesDefault(err) {
		c.finish(r, args, &c.reply, err)
		block.Release()
		return
	}
	c.leave(func() {
		defer block.Release()
		var err error
		if done {
			err = c.makeDefault()
		}
		if err == nil {
			c.reply.Reset()
			err = c.door.Gateway.Do(c.ctx, c.caller, o, &c.reply)
		}
		c.finish(r, args, &c.reply, err)
	})
}

// keep has a command store its value as a Block, which its request was read into.
func keep(o op.Op, b *value.Block) {
	switch o := o.(type) {
	case *op.Set:
		b.Narrow(o.Value)
		o.Block = b
	case *op.SetIf:
		b.Narrow(o.Value)
		o.Block = b
	}
}

// bigDrop gives up a big request.
func (c *conn) bigDrop() {
	a := c.big
	if a == nil {
		return
	}
	c.big = nil
	a.giveBack()
	c.yield(a.held)
}
