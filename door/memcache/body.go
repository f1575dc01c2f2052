package memcache

import (
	"bytes"

	"github.com/hearthcache/hearth/door"
	"github.com/hearthcache/hearth/gateway"
	"github.com/hearthcache/hearth/op"
	"github.com/hearthcache/hearth/value"
)

// body is a value that is arriving, with the line end behind it, and the request that it belongs to.
type body struct {
	size  int        // of the value
	set   op.MetaSet // what is to be stored; its key is a copy
	flags []metaFlag // of a meta command; nil for a text command
	shown []byte     // the key as the meta command spelt it
	cas   bool       // the command was cas
	auth  bool       // the value is a user's name and password
	quiet bool       // no reply is wanted

	buf   []byte       // the value and its line end so far, where it is not in block
	block *value.Block // the value's final place
	have  int          // bytes that have arrived
	held  int          // of the budget, for buf
	trash string       // the value is thrown away, and this answered
}

const (
	blockBytesMin = 64 << 10 // a value of so many bytes is read into a Block
	bufBytesMin   = 4 << 10  // the first room of a value that comes in pieces
)

// expect begins a value.
func (c *conn) expect(b *body) {
	b.quiet = c.quiet
	c.body = b
	if b.trash != "" || b.auth {
		return
	}
	s := &b.set
	if b.size < blockBytesMin || s.Mode == op.StoreAfter || s.Mode == op.StoreBefore {
		return
	}
	block, err := c.door.Gateway.Reserve(c.caller, s.K, b.size, 0)
	switch {
	case err == nil:
		b.block = block
	case !c.missesDefault(err) && (b.plain() || errorText(err) != errTooLarge): // one that is too large for add may find an item there
		c.tooLarge(b, err)
	}
}

// plain reports whether the value is stored whatever is there, and nothing is to be told of it.
func (b *body) plain() bool {
	return b.set.Mode == op.StoreAlways && !b.set.Guard.Given && b.flags == nil
}

// tooLarge lets a value be thrown away. What was stored before goes, too: it is not what the client wants there.
func (c *conn) tooLarge(b *body, err error) {
	b.trash = errorText(err)
	if b.trash == errTooLarge {
		c.door.count.tooLarge.Add(1)
	}
}

// bodyStep takes what there is of the value.
func (c *conn) bodyStep(in []byte) (n int, more bool) {
	b := c.body
	whole := b.size + 2
	// The common case: all of it is there, and nothing was before.
	if b.have == 0 && len(in) >= whole && b.block == nil {
		c.finish(in[:whole])
		return whole, true
	}
	if b.block != nil && b.have < b.size {
		n = copy(b.block.Bytes()[b.have:], in)
		b.have += n
		return n, b.have == b.size
	}
	n = min(len(in), whole-b.have)
	switch {
	case b.trash != "":
	case b.block != nil: // the line end is left
		b.buf = append(b.buf, in[:n]...)
	default:
		c.gather(b, in[:n])
	}
	if b.have += n; b.have < whole {
		return n, false
	}
	c.finish(b.buf)
	return n, true
}

// gather adds to a value that has no better place. Room grows with what has come, never with what was announced, and all of
// it counts; a value that finds none is thrown away.
func (c *conn) gather(b *body, in []byte) {
	if need := len(b.buf) + len(in); need > cap(b.buf) {
		room := min(b.size+2, max(2*need, bufBytesMin))
		if !c.door.Budget.Take(room-b.held, b.held) {
			b.trash = errBuffers
			c.dropped(b)
			b.buf = nil
			return
		}
		b.held = room
		b.buf = append(make([]byte, 0, room), b.buf...)
	}
	b.buf = append(b.buf, in...)
}

// Fill implements door.Filler.
func (c *conn) Fill() []byte {
	b := c.body
	if b == nil || c.waiting || c.closing || c.stalled || b.block == nil || b.have == b.size {
		return nil
	}
	return b.block.Bytes()[b.have:]
}

// Filled implements door.Filler.
func (c *conn) Filled(n int, _ *door.Writer) error {
	c.door.count.read.Add(int64(n))
	c.body.have += n
	return nil
}

// finish runs the request whose value has arrived: all of data but the line end, or the block.
func (c *conn) finish(data []byte) {
	b := c.body
	c.body, c.quiet = nil, b.quiet
	defer c.dropped(b)
	ends := bytes.HasSuffix(data, []byte("\r\n"))
	switch {
	case b.trash != "":
		c.say(b.trash)
		if b.trash == errTooLarge && !b.auth && b.set.K != nil {
			c.forget(b.set.K)
		}
		return
	case !ends:
		c.say(errChunk)
		return
	case b.auth:
		c.signIn(data[:len(data)-2])
		return
	}
	if b.block != nil {
		c.storeBlock(b)
		return
	}
	b.set.Value = data[:len(data)-2]
	c.store = b.set
	answer := func(r *op.Reply, err error) { c.stored(b, r, err) }
	c.run(&c.store, answer, func() op.Op {
		s := b.set
		s.Value = bytes.Clone(s.Value)
		return &s
	})
}

// storeBlock stores a value that is in its final place.
func (c *conn) storeBlock(b *body) {
	block := b.block.Retain()
	var set op.Op
	if b.plain() {
		set = &op.Set{K: b.set.K, Block: block, Expiry: b.set.Expiry, Flags: b.set.Flags}
	} else {
		b.set.Value, b.set.Block = block.Bytes(), block
		set = &b.set
	}
	c.run(set, func(r *op.Reply, err error) {
		c.stored(b, r, err)
		block.Release()
	}, func() op.Op { return set })
}

// forget deletes an item that a value which was refused should have replaced.
func (c *conn) forget(key []byte) {
	c.run(&op.MetaDelete{K: key}, func(*op.Reply, error) {}, func() op.Op { return &op.MetaDelete{K: key} })
}

func (c *conn) dropBody() {
	if c.body != nil {
		c.dropped(c.body)
		c.body = nil
	}
}

func (c *conn) dropped(b *body) {
	if b.block != nil {
		b.block.Release()
	}
	c.door.Budget.Give(b.held)
	b.held = 0
}

// signIn reads what a client without a caller has set: "username password", the cache's name and a token.
func (c *conn) signIn(data []byte) {
	c.door.count.auths.Add(1)
	cache, token, ok := bytes.Cut(data, []byte(" "))
	if ok {
		caller, err := c.door.Gateway.SignIn(gateway.Credential{Token: string(token), Peer: c.peer, Door: gateway.Memcache}, string(cache))
		if err == nil && !c.sit(caller) {
			c.say(errFull)
			c.closing = true
			return
		}
		if err == nil {
			c.caller = caller
			c.sock.Known()
			c.say("STORED")
			return
		}
	}
	c.door.count.authErrors.Add(1)
	c.say("CLIENT_ERROR authentication failure")
}
