// Package local keeps items in the memory of this process: shards, expiry, eviction and byte accounting around
// op.Op's Apply. It knows no commands, but for a shorter way of op.Get and op.Set, and no caches and tenants.
//
// A space's items live in logs outside the Go heap (log.go), found by an index of eight bytes an item (index.go) and
// evicted in the order of the logs (evict.go). Large values are blocks (blocks.go), large collections Go objects.
package local

import (
	"context"
	"hash/maphash"
	"math/bits"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/engine"
	"github.com/hearthcache/hearth/op"
	"github.com/hearthcache/hearth/value"
)

// Options configures an Engine. The zero Options is ready to use.
type Options struct {
	BytesMax int64        // memory for keys, values, index and metadata; 0 is a quarter of the machine's or the cgroup's
	Now      func() int64 // the clock, in milliseconds; nil is the machine's
}

// Engine keeps items in memory.
type Engine struct {
	now      func() int64
	seed     maphash.Seed
	bytesMax int64
	slack    int64
	grain    int64 // shards report changes of so many bytes
	spread   int   // shards of a space that has grown
	arena    *arena
	blocks   blocks
	spaces   spaces
	graves   graves
	flushes  flushes
	feed     feed
	shards   atomic.Uint64 // made so far
	logical  atomic.Int64  // bytes of items and index as reported, without blocks
	heap     atomic.Int64  // bytes on the Go heap among them
	weights  atomic.Int64  // of all spaces
	kicks    chan struct{} // wakes Run
	wakeAt   atomic.Int64  // when Run wakes by itself, in milliseconds
	closed   sync.Once
}

// How a store is divided: among enough shards for the processors, each large enough to evict well.
const (
	shardBytes  = 32 << 20
	shardsMax   = 256
	shardsByCPU = 32
	grainMax    = 16 << 10
)

// What Options.BytesMax can be; what lies outside is taken as the nearer one.
const (
	BytesMaxMin = 64 << 10  // a few segments for each shard of one small cache
	BytesMaxMax = 160 << 30 // what the index's offsets reach, with room to spare
)

// New returns an empty engine.
func New(o Options) *Engine {
	bytesMax := o.BytesMax
	if bytesMax <= 0 {
		bytesMax = defaultBytesMax()
	}
	bytesMax = min(max(bytesMax, BytesMaxMin), BytesMaxMax)
	e := &Engine{
		now: o.Now, seed: maphash.MakeSeed(), bytesMax: bytesMax, slack: slackBytes,
		grain: min(grainMax, bytesMax>>12), spread: spreadFor(bytesMax), kicks: make(chan struct{}, 1),
	}
	if e.now == nil {
		e.now = clock()
	}
	e.spaces.live, e.spaces.place = map[hearth.Space]*space{}, map[hearth.Space]int{}
	e.spaces.dropped = map[hearth.Space]uint64{}
	var err error
	if e.arena, err = newArena(bytesMax); err != nil {
		panic("local: the system gives no address space: " + err.Error())
	}
	if e.blocks.region, err = reserve(blockSpace*bytesMax + groupBytes); err != nil {
		panic("local: the system gives no address space: " + err.Error())
	}
	return e
}

// blockSpace is how much more address space than memory blocks have: they take it in classes, and seldom trade it.
const blockSpace = 8

// spreadFor returns into how many shards a space of this engine is divided when it has grown: a power of two.
func spreadFor(bytesMax int64) int {
	n := min(int(min(bytesMax/shardBytes, shardsMax)), shardsByCPU*runtime.GOMAXPROCS(0))
	return 1 << (bits.Len(uint(max(n, 1))) - 1)
}

// clock returns milliseconds that never go back: the wall clock's at first, and from then on the time that passes.
func clock() func() int64 {
	start := time.Now()
	millis := start.UnixMilli()
	return func() int64 { return millis + int64(time.Since(start)/time.Millisecond) }
}

// plain is the kind of what the shorter ways of Get and Set work on.
const plain = value.Scalar

func (e *Engine) hash(key []byte) uint64 { return maphash.Bytes(e.seed, key) }

// Do implements engine.Engine.
func (e *Engine) Do(_ context.Context, id hearth.Space, o op.Op, r *op.Reply) error {
	switch o := o.(type) {
	case *op.Get:
		return e.get(id, o, r)
	case *op.Set:
		return e.set(id, o, r)
	case op.Multi:
		return e.multiSliced(id, o, r)
	}
	h := e.hash(o.Key())
	s := e.space(id).lock(h)
	err := s.apply(h, o, e.now(), r)
	s.finish()
	return err
}

// Try implements engine.Trier: nothing here waits, but what is done in slices gives way between them.
func (e *Engine) Try(id hearth.Space, o op.Op, r *op.Reply) (bool, error) {
	switch o := o.(type) {
	case *op.Get, *op.Set: // most commands; to ask what else they are takes longer
	case op.Multi:
		if sliced(o) {
			return false, nil
		}
	}
	return true, e.Do(context.Background(), id, o, r)
}

// DoAll implements engine.Engine.
func (e *Engine) DoAll(ctx context.Context, s hearth.Space, os []op.Op, rs []op.Reply) {
	engine.Each(ctx, e, s, os, rs)
}

// get is op.Get without an Entry between the record and the reply.
func (e *Engine) get(id hearth.Space, o *op.Get, r *op.Reply) error {
	h := e.hash(o.K)
	s := e.space(id).lock(h)
	_, rec := s.find(h, o.K)
	if rec == nil {
		r.Status, r.Cause = op.Miss, s.cause(h)
		s.mu.Unlock()
		return nil
	}
	if rec.meta&(kindMask|sideBit|attrsBit) != uint32(plain) || rec.meta&expiryBit != 0 && rec.expired(e.now()) {
		err := s.apply(h, o, e.now(), r)
		s.finish()
		return err
	}
	rec.used()
	r.SetValue(rec.value())
	r.Expiry = rec.expiry()
	r.Status = op.Hit
	s.mu.Unlock()
	return nil
}

// set is op.Set without an Entry, for a value that goes into a record.
func (e *Engine) set(id hearth.Space, o *op.Set, r *op.Reply) error {
	h := e.hash(o.K)
	s := e.space(id).lock(h)
	if o.Block != nil || o.Flags != 0 || len(o.Tags) > 0 || len(o.Value) >= blockMin || s.gone {
		err := s.apply(h, s.stamped(o), e.now(), r)
		s.finish()
		return err
	}
	var expiry int64
	if o.Expiry != (op.Expiry{}) {
		expiry = o.Expiry.When(e.now())
	}
	sl, old := s.find(h, o.K)
	if old != nil {
		old.used()
	}
	err := s.store(h, sl, old, &draft{kind: plain, expiry: expiry, key: o.K, value: o.Value})
	if err == nil {
		s.tell(engine.ItemSet, o.K)
		s.marked(h)
	}
	if s.wrote == 0 && len(s.events) == 0 { // in the place of the old one: nothing has grown
		s.mu.Unlock()
		return err
	}
	s.finish()
	return err
}

// Close implements engine.Engine. Nobody may use the engine, or blocks that it gave out, after it.
func (e *Engine) Close() error {
	e.closed.Do(func() {
		e.arena.unmap()
		e.arena.held.unmap()
		e.blocks.unmap()
	})
	return nil
}
