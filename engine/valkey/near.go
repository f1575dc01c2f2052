package valkey

import (
	"container/list"
	"context"
	"hash/maphash"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/valkey-io/valkey-go"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/engine"
	"github.com/hearthcache/hearth/op"
	"github.com/hearthcache/hearth/respwire"
)

// near keeps replies of hot keys in this process. The server tells each connection when a key that was read through
// it changes; what a broken connection has read is forgotten. Own writes are forgotten before they are answered. A reply is
// found without a lock and without moving anything.
type near struct {
	bytesMax int64
	ttl      time.Duration // the longest that a reply is trusted, should an invalidation be lost
	began    time.Time     // see now
	seed     maphash.Seed
	heat     heat

	hits  atomic.Uint64             // reads that were answered from here
	count atomic.Int64              // of items
	table atomic.Pointer[nearTable] // changed with mu held

	opening sync.Mutex // guards stores
	stores  []*nearStore

	ending sync.Mutex  // guards due
	due    []*nearItem // to be asked for anew

	mu    sync.Mutex // guards the rest
	order list.List  // of *nearItem, the newest first
	bytes int64
}

const (
	nearTTL       = 5 * time.Second
	nearOverhead  = 250 // bytes for an item's bookkeeping
	nearItemShare = 16  // an item may take 1/16 of the memory

	// nearAgain is for how long after a reply's end the next read of its key finds it hot still.
	nearAgain = time.Second
	// nearAhead is the part of the time that a reply is trusted, its last, in which a read has it asked for anew: a tenth, with
	// those of other keys that come within nearGather.
	nearAhead  = 10
	nearGather = 20 * time.Millisecond
)

func newNear(bytesMax int64) *near {
	n := &near{bytesMax: bytesMax, ttl: nearTTL, began: time.Now(), seed: maphash.MakeSeed()}
	n.table.Store(newNearTable(nearChainsMin))
	return n
}

// now returns the time that has passed since n was made: half of what it costs to ask for the time of day, which may be set.
func (n *near) now() time.Duration { return time.Since(n.began) }

// hash is of a key in a space, for the table and for heat.
func (n *near) hash(s hearth.Space, key []byte) uint64 {
	const odd = 0x9e3779b97f4a7c15 // spreads the few bits of a space
	return maphash.Bytes(n.seed, key) ^ uint64(s)*odd
}

// cacheable names the commands whose replies are kept: reads of a whole item that depend on nothing but the key.
func cacheable(args [][]byte) bool { return len(args) == 2 && slices.Contains(kept, text(args[0])) }

// kept are the commands whose replies are kept.
var kept = []string{"GET", "HGETALL", "SMEMBERS"}

// Tries implements engine.Chooser.
func (e *Engine) Tries(o op.Op) bool {
	if e.near == nil || e.near.count.Load() == 0 {
		return false
	}
	_, ok := o.(op.Whole)
	return ok
}

// Try implements engine.Trier: it answers reads of hot items from this process's memory.
func (e *Engine) Try(s hearth.Space, o op.Op, r *op.Reply) (bool, error) {
	if e.near == nil || e.near.count.Load() == 0 {
		return false, nil
	}
	w, ok := o.(op.Whole)
	if !ok {
		return false, nil
	}
	key := o.Key()
	it, now := e.near.find(e.near.hash(s, key), s, w.Whole(), key), e.near.now()
	if it == nil || !it.trusted(now) {
		return false, nil
	}
	if now >= it.until-e.near.ttl/nearAhead && !it.again.Swap(true) {
		e.renewSoon(it)
	}
	err := o.Recv(it.reply, r)
	if len(r.Attrs.Tags) > 0 {
		r.Reset() // only the servers know whether it was invalidated
		return false, nil
	}
	e.near.hits.Add(1)
	return true, err
}

// Near implements engine.Nearby.
func (e *Engine) Near() (n engine.Near) {
	if e.near == nil {
		return n
	}
	e.near.mu.Lock()
	defer e.near.mu.Unlock()
	return engine.Near{Hits: e.near.hits.Load(), Items: e.near.count.Load(), Bytes: e.near.bytes}
}

// look looks for the reply to a read that the server would be sent; reply is nil where it is not here, and hot then says
// whether it is worth remembering.
func (n *near) look(args [][]byte, now time.Duration) (reply []respwire.Value, hot bool) {
	s, key, ok := cutKey(args[1])
	if !ok {
		return nil, false
	}
	h := n.hash(s, key)
	switch it := n.find(h, s, text(args[0]), key); {
	case it == nil:
	case it.trusted(now):
		return it.reply, false
	case now < it.until+nearAgain:
		return nil, true
	}
	return nil, n.heat.hot(h, now)
}

// answerNear answers units from this process's memory, or through it where their keys are hot, and returns the rest.
func (e *Engine) answerNear(ctx context.Context, units []*unit) []*unit {
	now := e.near.now()
	var rest, warm []*unit
	for _, u := range units {
		args := u.batch.At(u.first)
		if u.size() != 1 || !cacheable(args) {
			rest = append(rest, u)
			continue
		}
		reply, hot := e.near.look(args, now)
		switch {
		case reply != nil:
			u.values = append(u.values[:0], reply...)
			e.near.hits.Add(1)
		case hot && !e.near.settling(string(args[0])+":"+string(args[1])):
			warm = append(warm, u)
		default:
			rest = append(rest, u)
		}
	}
	c, err := e.conn()
	if len(warm) == 0 || err != nil {
		return append(rest, warm...)
	}
	cmds := make([]valkey.CacheableTTL, len(warm))
	for i, u := range warm {
		cmds[i] = e.remembered(c.command(u, u.first))
	}
	for i, res := range c.DoMultiCache(ctx, cmds...) {
		// Whatever was in the way of remembering it, it can be asked the plain way.
		if err := res.Error(); err != nil && !valkey.IsValkeyNil(err) {
			rest = append(rest, warm[i])
			continue
		}
		warm[i].take(res)
	}
	return rest
}

// remembered is a command whose reply is kept.
func (e *Engine) remembered(c valkey.Completed) valkey.CacheableTTL {
	return valkey.CT(valkey.Cacheable(c), e.near.ttl)
}

// renewSoon has a reply asked for anew, with those of other keys: one by one each costs as much as a request that waits.
func (e *Engine) renewSoon(it *nearItem) {
	e.near.ending.Lock()
	defer e.near.ending.Unlock()
	if e.near.due = append(e.near.due, it); len(e.near.due) == 1 {
		time.AfterFunc(nearGather, e.renew)
	}
}

// renew asks for what is due. What does not come is asked for by whoever reads it next.
func (e *Engine) renew() {
	e.near.ending.Lock()
	due := e.near.due
	e.near.due = nil
	e.near.ending.Unlock()
	c, err := e.conn()
	if err != nil {
		return
	}
	var cmds []valkey.CacheableTTL
	for _, it := range due {
		name := text(appendKey(nil, it.space, []byte(it.key)))
		if !e.near.settling(it.command + ":" + name) {
			cmds = append(cmds, e.remembered(c.B().Arbitrary(it.command).Keys(name).Build()))
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), e.opts.Timeout)
	defer cancel()
	for len(cmds) > 0 {
		n := min(len(cmds), pipelineMax)
		c.DoMultiCache(ctx, cmds[:n]...)
		cmds = cmds[n:]
	}
}

// forgetWritten drops what is known of the keys that commands have written.
func (e *Engine) forgetWritten(s hearth.Space, os ...op.Op) {
	for _, o := range os {
		if !o.Spec().Writes() {
			continue
		}
		if m, ok := o.(op.Multi); ok {
			for _, k := range m.Keys() {
				e.near.written(text(appendKey(nil, s, k)))
			}
			continue
		}
		e.near.written(text(appendKey(nil, s, o.Key())))
	}
}

// written drops what is known of a key that was written from here, and what is about to be known.
func (n *near) written(key string) {
	n.overtake(key)
	n.forget(key)
}
