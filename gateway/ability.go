package gateway

import (
	"context"
	"slices"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/auth"
	"github.com/hearthcache/hearth/control"
	"github.com/hearthcache/hearth/engine"
	"github.com/hearthcache/hearth/op"
	"github.com/hearthcache/hearth/value"
)

// Watch remembers the present state of keys that the caller may read, for DoTogether.
func (g *Gateway) Watch(ctx context.Context, c *Caller, keys [][]byte) (engine.Watch, error) {
	t, ok := g.engine.(engine.Transactor)
	if !ok {
		return nil, errNoTransactions
	}
	b := c.bind()
	if err := b.valid(g); err != nil {
		return nil, err
	}
	for _, k := range keys {
		if !b.items.Allows(auth.Read, k) {
			return nil, errDenied
		}
	}
	if err := b.exists(c.cache); err != nil {
		return nil, err
	}
	return t.Watch(ctx, b.cache.Space, keys)
}

// DoTogether runs commands with nothing between them, or none where a watched key has changed: then it returns false.
// It runs none, too, where one of them is not permitted or not admitted: that is the error. Errors of single commands
// stand in their replies.
func (g *Gateway) DoTogether(ctx context.Context, c *Caller, w engine.Watch, os []op.Op, rs []op.Reply) (done bool, err error) {
	t, ok := g.engine.(engine.Transactor)
	if !ok {
		return false, errNoTransactions
	}
	b := c.bind()
	if err := b.valid(g); err != nil {
		return false, err
	}
	if err := b.exists(c.cache); err != nil {
		return false, err
	}
	ins := make([]int, 0, len(os))
	for _, o := range os {
		in, err := g.before(c, b, o, o.Spec())
		if err != nil {
			b.refundAll(ins)
			return false, err
		}
		ins = append(ins, in)
	}
	over := b.overtakeAll(g, os)
	done, err = t.DoTogether(ctx, b.cache.Space, w, b.overtakingAll(g, os), rs)
	over()
	if !done || err != nil {
		if err != nil { // then any of it may have happened
			for i, o := range os {
				g.feeds.told.wrote(b.cache.Space, o, &rs[i], err)
			}
		}
		b.refundAll(ins)
		return done, err
	}
	for i, o := range os {
		b.after(g, o, o.Spec(), ins[i], &rs[i], rs[i].Err)
	}
	return true, nil
}

func (b *binding) refundAll(ins []int) {
	for _, in := range ins {
		b.refund(in)
	}
}

// Scan returns some keys of the cache that the caller may read, and the cursor to go on from; 0 begins and ends a walk.
func (g *Gateway) Scan(ctx context.Context, c *Caller, cursor uint64, limit int, kind value.Kind) (keys [][]byte, next uint64, err error) {
	e, ok := g.engine.(engine.Scanner)
	if !ok {
		return nil, 0, &hearth.Error{Kind: hearth.Unimplemented, Msg: "this engine's keys cannot be walked"}
	}
	if err := c.Check(op.Reads); err != nil {
		return nil, 0, err
	}
	b := c.bind()
	if err := b.exists(c.cache); err != nil {
		return nil, 0, err
	}
	if b.limits.requests != 0 && !b.tenant.requests.take(g.now().UnixNano(), b.limits.requests) {
		b.meter.refuse(verbScan)
		return nil, 0, errRequests
	}
	keys, next, err = e.Scan(ctx, b.cache.Space, cursor, limit, kind)
	if !b.items.Whole(auth.Read) {
		keys = slices.DeleteFunc(keys, func(k []byte) bool { return !b.items.Allows(auth.Read, k) })
	}
	out := 0
	for _, k := range keys {
		out += len(k)
	}
	b.meter.count(verbScan, 1, 0, uint64(out), 0, 0)
	return keys, next, err
}

// Size returns what the items of the cache come to, zero where the engine does not know.
func (g *Gateway) Size(c *Caller) (engine.Size, error) {
	if err := c.Check(op.Reads); err != nil {
		return engine.Size{}, err
	}
	m, ok := g.engine.(engine.Measurer)
	b := c.bind()
	if err := b.exists(c.cache); err != nil || !ok {
		return engine.Size{}, err
	}
	return m.Size(b.cache.Space), nil
}

// Reserve returns a place for a large value that is about to be written under a key, once the caller may write it and
// it is not too large; nil where the engine has no such places, and the door reads it into a buffer of its own. The place
// has around more bytes, for what the protocol sends around the value.
func (g *Gateway) Reserve(c *Caller, key []byte, size, around int) (*value.Block, error) {
	b := c.bind()
	if err := b.valid(g); err != nil {
		return nil, err
	}
	if !b.items.Allows(auth.Write, key) {
		return nil, errDenied
	}
	if err := b.exists(c.cache); err != nil {
		return nil, err
	}
	if len(key)+size > b.limits.item {
		return nil, errTooLarge
	}
	e, ok := g.engine.(engine.Blocks)
	if !ok {
		return nil, nil
	}
	return e.Reserve(b.cache.Space, size+around)
}

var errNoTransactions = &hearth.Error{Kind: hearth.Unimplemented, Msg: "this engine has no transactions"}

// Holds returns what a cache's items and leaderboards come to, with the bytes of its claim checks; zero where the engine
// does not know. Callers have asked Inspect.
func (g *Gateway) Holds(c *control.Cache) engine.Size {
	m, ok := g.engine.(engine.Measurer)
	if !ok {
		return engine.Size{}
	}
	sum, boards := m.Size(c.Space), m.Size(c.Boards)
	sum.Items, sum.Bytes, sum.Expired = sum.Items+boards.Items, sum.Bytes+boards.Bytes+claimBytes(m, c), sum.Expired+boards.Expired
	for i := range sum.Evicted {
		sum.Evicted[i] += boards.Evicted[i]
	}
	return sum
}
