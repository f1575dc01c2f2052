package valkey

import (
	"container/list"
	"context"
	"hash/maphash"
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
	seed     maphash.Seed
	heat     [heatSlots]atomic.Uint32 // the second in the upper 16 bits, reads of keys in that second in the lower

	mu    sync.Mutex // guards the rest
	items map[string]*list.Element
	order *list.List // of *nearItem, the least recently read last
	bytes int64
}

// nearItem is one reply.
type nearItem struct {
	name  string // command, colon, key
	owner *nearStore
	reply valkey.ValkeyMessage
	until int64 // milliseconds
	bytes int64
}

const (
	heatSlots     = 8192
	hotReads      = 8               // in one second: from then on a key is worth remembering
	nearTTL       = 5 * time.Second // the longest that a reply is trusted, should an invalidation be lost
	nearOverhead  = 250             // bytes for an item's bookkeeping
	nearItemShare = 16              // an item may take 1/16 of the memory
)

func newNear(bytesMax int64) *near {
	return &near{bytesMax: bytesMax, seed: maphash.MakeSeed(), items: map[string]*list.Element{}, order: list.New()}
}

// hot counts a read and reports whether the key is read so often that it is worth remembering.
func (n *near) hot(key []byte, now time.Time) bool {
	slot := &n.heat[maphash.Bytes(n.seed, key)%heatSlots]
	second := uint32(now.Unix()) << 16
	old := slot.Load()
	if old&0xffff0000 != second {
		slot.Store(second | 1)
		return false
	}
	if old&0xffff < 0xffff {
		slot.Add(1)
	}
	return old&0xffff >= hotReads
}

// cacheable names the commands whose replies are kept: reads of a whole item that depend on nothing but the key.
func cacheable(args [][]byte) bool {
	if len(args) != 2 {
		return false
	}
	switch string(args[0]) {
	case "GET", "HGETALL", "SMEMBERS":
		return true
	}
	return false
}

func (n *near) find(args [][]byte, now int64) (respwire.Value, bool) {
	var buf [128]byte
	name := append(append(append(buf[:0], args[0]...), ':'), args[1]...)
	n.mu.Lock()
	e := n.items[string(name)]
	if e == nil {
		n.mu.Unlock()
		return respwire.Value{}, false
	}
	it := e.Value.(*nearItem)
	if now >= it.until {
		n.remove(e)
		n.mu.Unlock()
		return respwire.Value{}, false
	}
	n.order.MoveToFront(e)
	reply := it.reply
	n.mu.Unlock()
	return valueOf(&reply), true
}

func (n *near) remove(e *list.Element) {
	it := e.Value.(*nearItem)
	n.order.Remove(e)
	delete(n.items, it.name)
	n.bytes -= it.bytes
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
	for n.bytes > n.bytesMax {
		n.remove(n.order.Back())
	}
}

// forget drops what is known of a key.
func (n *near) forget(key string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, command := range []string{"GET:", "HGETALL:", "SMEMBERS:"} {
		if e := n.items[command+key]; e != nil {
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
	if e.near == nil || o.Spec().Access != op.Reads {
		return false, nil
	}
	if _, several := o.(op.Multi); several {
		return false, nil
	}
	c := e.call()
	defer e.release(c)
	if !c.add(e, s, o) {
		return false, nil
	}
	u := &c.units[0]
	if u.size() != 1 || !cacheable(u.batch.At(0)) {
		return false, nil
	}
	v, ok := e.near.find(u.batch.At(0), time.Now().UnixMilli())
	if !ok {
		return false, nil
	}
	err := o.Recv([]respwire.Value{v}, r)
	if len(r.Attrs.Tags) > 0 {
		r.Reset() // only the servers know whether it was invalidated
		return false, nil
	}
	return true, err
}

// answerNear answers units from this process's memory, or through it where their keys are hot, and returns the rest.
func (e *Engine) answerNear(ctx context.Context, units []*unit) []*unit {
	now := time.Now()
	var rest, warm []*unit
	for _, u := range units {
		args := u.batch.At(u.first)
		if u.size() != 1 || !cacheable(args) {
			rest = append(rest, u)
			continue
		}
		if v, ok := e.near.find(args, now.UnixMilli()); ok {
			u.values = append(u.values[:0], v)
			continue
		}
		if e.near.hot(args[1], now) {
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
		cmds[i] = valkey.CT(valkey.Cacheable(c.command(u, u.first)), nearTTL)
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
				e.near.forget(text(appendKey(nil, s, k)))
			}
			continue
		}
		e.near.forget(text(appendKey(nil, s, o.Key())))
	}
}
