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
	"github.com/hearthcache/hearth/op"
	"github.com/hearthcache/hearth/respwire"
)

// near keeps replies of hot keys in this process. The server tells each connection when a key that was read through
// it changes; what a broken connection has read is forgotten. Own writes are forgotten before they are answered.
type near struct {
	bytesMax int64
	ttl      time.Duration // the longest that a reply is trusted, should an invalidation be lost
	seed     maphash.Seed
	heat     [heatSlots]atomic.Uint64 // see hot

	count atomic.Int64 // of items

	opening sync.Mutex // guards stores
	stores  []*nearStore

	mu    sync.Mutex // guards the rest
	items map[string]*list.Element
	order *list.List // of *nearItem, the newest first
	bytes int64
}

// nearItem is one reply.
type nearItem struct {
	name  string // command, colon, key
	owner *nearStore
	reply []respwire.Value // one, as commands receive it; nobody writes to it
	read  bool             // since it was last considered for eviction
	until int64            // milliseconds
	bytes int64
}

const (
	heatSlots     = 8192
	hotReads      = 8 // in one second: from then on a key is worth remembering
	nearTTL       = 5 * time.Second
	nearOverhead  = 250 // bytes for an item's bookkeeping
	nearItemShare = 16  // an item may take 1/16 of the memory
)

func newNear(bytesMax int64) *near {
	return &near{bytesMax: bytesMax, ttl: nearTTL, seed: maphash.MakeSeed(), items: map[string]*list.Element{}, order: list.New()}
}

// hot counts a read and reports whether the key is read so often that it is worth remembering. A slot belongs to the key
// that has most of its reads, as far as counting up and down can tell: reads of others bring its count down. Two reads
// at the same moment may count as one.
func (n *near) hot(key []byte, now time.Time) bool {
	h := maphash.Bytes(n.seed, key)
	slot := &n.heat[h%heatSlots]
	second, mark := uint64(now.Unix())<<48, h>>32<<16
	old := slot.Load()
	mine, count := old&heatMark == mark, old&heatCount
	if old&heatSecond != second {
		count /= 2 // what was hot a moment ago still is
	}
	switch {
	case mine && count < heatCount:
		count++
	case !mine && count > 1:
		mark, count = old&heatMark, count-1
	case !mine:
		count = 1
	}
	slot.Store(second | mark | count)
	return mine && count > hotReads
}

// What a heat slot holds: the second, a part of the key's hash, the count.
const (
	heatSecond = 0xffff << 48
	heatMark   = 0xffffffff << 16
	heatCount  = 0xffff
)

// cacheable names the commands whose replies are kept: reads of a whole item that depend on nothing but the key.
func cacheable(args [][]byte) bool {
	if len(args) != 2 {
		return false
	}
	return slices.Contains(kept, text(args[0]))
}

// find returns the reply to a command by its name, which must not be written to; nil where it is not here.
func (n *near) find(name []byte, now int64) []respwire.Value {
	n.mu.Lock()
	defer n.mu.Unlock()
	e := n.items[string(name)]
	if e == nil {
		return nil
	}
	it := e.Value.(*nearItem)
	if now >= it.until {
		n.remove(e)
		return nil
	}
	it.read = true
	return it.reply
}

func (n *near) remove(e *list.Element) {
	it := e.Value.(*nearItem)
	n.order.Remove(e)
	delete(n.items, it.name)
	n.bytes -= it.bytes
	n.count.Add(-1)
}

func (n *near) keep(it *nearItem) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if old := n.items[it.name]; old != nil {
		n.remove(old)
	}
	if it.bytes > n.bytesMax/nearItemShare {
		return
	}
	n.items[it.name] = n.order.PushFront(it)
	n.bytes += it.bytes
	n.count.Add(1)
	for n.bytes > n.bytesMax {
		n.evict()
	}
}

// evict drops the oldest item that was not read since it was last considered.
func (n *near) evict() {
	for e := n.order.Back(); ; e = n.order.Back() {
		it := e.Value.(*nearItem)
		if !it.read {
			n.remove(e)
			return
		}
		it.read = false
		n.order.MoveToFront(e)
	}
}

// kept are the commands whose replies are kept.
var kept = []string{"GET", "HGETALL", "SMEMBERS"}

// forget drops what is known of a key.
func (n *near) forget(key string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, command := range kept {
		if len(n.items) == 0 {
			return
		}
		if e := n.items[command+":"+key]; e != nil {
			n.remove(e)
		}
	}
}

// forgetAll drops what one connection has read.
func (n *near) forgetAll(owner *nearStore) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, e := range n.items {
		if e.Value.(*nearItem).owner == owner {
			n.remove(e)
		}
	}
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
	var buf [nameBytes]byte
	reply := e.near.find(appendKey(append(append(buf[:0], w.Whole()...), ':'), s, o.Key()), time.Now().UnixMilli())
	if reply == nil {
		return false, nil
	}
	err := o.Recv(reply, r)
	if len(r.Attrs.Tags) > 0 {
		r.Reset() // only the servers know whether it was invalidated
		return false, nil
	}
	return true, err
}

// nameBytes is how long a name may be that needs no memory of its own.
const nameBytes = 128

// answerNear answers units from this process's memory, or through it where their keys are hot, and returns the rest.
func (e *Engine) answerNear(ctx context.Context, units []*unit) []*unit {
	now := time.Now()
	var rest, warm []*unit
	var buf [nameBytes]byte
	for _, u := range units {
		args := u.batch.At(u.first)
		if u.size() != 1 || !cacheable(args) {
			rest = append(rest, u)
			continue
		}
		name := append(append(append(buf[:0], args[0]...), ':'), args[1]...)
		if reply := e.near.find(name, now.UnixMilli()); reply != nil {
			u.values = append(u.values[:0], reply...)
			continue
		}
		if e.near.hot(args[1], now) && !e.near.settling(string(name)) {
			warm = append(warm, u)
			continue
		}
		rest = append(rest, u)
	}
	c, err := e.conn()
	if len(warm) == 0 || err != nil {
		return append(rest, warm...)
	}
	cmds := make([]valkey.CacheableTTL, len(warm))
	for i, u := range warm {
		cmds[i] = valkey.CT(valkey.Cacheable(c.command(u, u.first)), e.near.ttl)
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
