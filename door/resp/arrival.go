package resp

import (
	"github.com/hearthcache/hearth/door"
	"github.com/hearthcache/hearth/op"
	"github.com/hearthcache/hearth/respwire"
	"github.com/hearthcache/hearth/value"
)

// arrival is a request that is too big for the loop's buffer while it arrives. A SET's value goes straight into its
// final place, or nowhere where it is refused; anything else is gathered in buf.
type arrival struct {
	block *value.Block
	set   op.Set
	args  [][]byte // of the SET: its name and its key
	have  int      // bytes of the value
	size  int
	err   error // why the value is thrown away

	buf     []byte // instead: the request so far
	settled bool   // that there is no better place than buf was found for the request
	room    int    // bytes of the array behind buf
	held    int    // of the budget: room, and what refers to arguments
	trash   []byte
}

const (
	errBuffers = "ERR too much memory is taken by requests that are still arriving; try again later"
	errRequest = "ERR a request is larger than 64 MiB"
)

// bigBegin looks at a request that has not arrived completely, and takes it over where it is going to be big. It
// returns the bytes taken.
func (c *conn) bigBegin(in []byte) int {
	_, size, start, ok := c.parser.Pending()
	if c.bigValue(in) && c.bigSet(in[:min(start, len(in))], size) {
		return min(start, len(in))
	}
	if len(in) < gatherBytesMin && !(ok && size >= gatherBytesMin) {
		return 0
	}
	room := max(2*len(in), gatherBytesMin)
	if !c.hold(room) {
		return c.giveUp(in, errBuffers)
	}
	c.big = &arrival{buf: append(make([]byte, 0, room), in...), room: room, held: room}
	return len(in)
}

// bigValue reports whether the half request is a SET whose value, which is arriving, may have a Block.
func (c *conn) bigValue(in []byte) bool {
	done, size, _, ok := c.parser.Pending()
	return ok && size >= blockBytesMin && done == 2 && c.parser.Left() == 1 && c.plain() && is(c.parser.Arg(in, 0), "SET")
}

// bigTurn gives a gathered half request's value its final place where it may have one: it came behind other commands.
func (c *conn) bigTurn() {
	gathered := c.big
	in := gathered.buf
	_, size, start, _ := c.parser.Pending()
	if gathered.settled || !c.bigValue(in) || len(in) > start+size {
		return
	}
	if !c.bigSet(in[:min(start, len(in))], size) {
		gathered.settled = true
		return
	}
	c.yield(gathered.held)
	if len(in) <= start {
		return
	}
	a := c.big
	a.have = len(in) - start
	if a.block != nil {
		copy(a.block.Bytes(), in[start:])
	}
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

// bigSet makes room for the value of a SET; false where the engine has no better place than a buffer.
func (c *conn) bigSet(in []byte, size int) bool {
	a := &arrival{size: size}
	a.args = copied(c.parser.Finish(in, nil))
	a.set.K = a.args[1]
	a.block, a.err = c.door.Gateway.Reserve(c.caller, a.set.K, size, 0)
	if a.block == nil && (a.err == nil || c.missesDefault(a.err)) {
		// The parser finds the same again: it is fed the whole request from its start.
		return false
	}
	a.set.Block = a.block
	c.big = a
	return true
}

// Fill implements door.Filler.
func (c *conn) Fill() []byte {
	if c.waiting || c.big == nil || c.closing {
		return nil
	}
	a := c.big
	switch {
	case a.buf != nil:
		return c.bigRoom()
	case a.have == a.size:
		return nil
	case a.err != nil:
		if a.trash == nil {
			a.trash = make([]byte, trashBytes)
		}
		return a.trash[:min(trashBytes, a.size-a.have)]
	}
	return a.block.Bytes()[a.have:]
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
	return ""
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
		a.have += n
		return nil
	}
	c.begin(out)
	a.buf = a.buf[:len(a.buf)+n]
	c.bigSteps()
	return c.end()
}

// bigSteps runs the complete requests in a gathered buffer.
func (c *conn) bigSteps() {
	a := c.big
	for !c.waiting && !c.stalled && !c.closing && len(a.buf) > 0 {
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
			if done, _, _, _ := c.parser.Pending(); c.big == a && !c.bigCount(done) {
				c.giveUp(nil, errBuffers)
			}
			return
		}
		a.settled = false
		a.buf = a.buf[n+c.bigRun(args, a.buf[n:]):]
	}
	if len(a.buf) == 0 && !c.waiting {
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
	if a.buf != nil {
		if len(a.buf)+len(in) > cap(a.buf) {
			if why := c.bigGrow(len(in)); why != "" {
				return c.giveUp(in, why)
			}
		}
		a.buf = append(a.buf, in...)
		c.bigSteps()
		return len(in)
	}
	if a.have < a.size || len(in) < 2 {
		return 0
	}
	c.big = nil
	r := c.door.table().find(a.args[0])
	c.info.command = r
	if a.err != nil {
		c.fail(r, a.err)
		return 2
	}
	c.bigStore(r, a)
	return 2
}

// bigStore runs the SET whose value is in its place.
func (c *conn) bigStore(r *row, a *arrival) {
	c.reply.Reset()
	done, err := c.door.Gateway.Try(c.caller, &a.set, &c.reply)
	if done && !c.missesDefault(err) {
		a.block.Release()
		c.finish(r, a.args, &c.reply, err)
		return
	}
	c.leave(func() {
		defer a.block.Release()
		var err error
		if done {
			err = c.makeDefault()
		}
		if err == nil {
			err = c.door.Gateway.Do(c.ctx, c.caller, &a.set, &c.reply)
		}
		c.finish(r, a.args, &c.reply, err)
	})
}

// bigDrop gives up a big request.
func (c *conn) bigDrop() {
	a := c.big
	if a == nil {
		return
	}
	c.big = nil
	if a.block != nil {
		a.block.Release()
	}
	c.yield(a.held)
}
