package gateway

import (
	"hash/maphash"
	"math/rand/v2"
	"sync"
	"sync/atomic"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/engine"
)

// flights are the loads that are under way: for each missing key, one caller that was told so, and those who wait for
// its set. A flight ends when its key is written, when its cache is flushed or deleted, when its loader goes away or
// has taken too long; whoever waits then looks again, and the first of them that still finds nothing loads.
type flights struct {
	seed   maphash.Seed
	lease  atomic.Uint64 // of the flight that began last
	first  uint64        // leases are greater
	shards [flightShards]flightShard
	active atomic.Int64 // flights; zero is all that most writes ever see
	held   atomic.Int64 // waiters of the process
	away   *Caller      // the loader of flights whose load is another gateway's

	leaser engine.Leaser // nil where the engine is this gateway's alone
}

const flightShards = 64

type flightShard struct {
	mu sync.Mutex // guards the maps and the flights in them
	m  map[flightKey]*flight

	writing  map[flightKey]int     // commands that are about to write, or do
	verdicts map[flightKey]verdict // what origins have said of keys that they gave no value for
}

type flightKey struct {
	space hearth.Space
	key   string
}

// flight is one load.
type flight struct {
	loader  *Caller
	lease   uint64 // stands for this flight
	until   int64  // when the loader's time is up, in milliseconds
	waiters int
	landed  chan struct{} // closed when there is something to look at

	// Where several gateways share the engine.
	right  engine.Lease // nil where this gateway has none
	ending bool         // a command that ends it has been sent
	unhear func()       // ends what tells of changes by other gateways; nil while nothing does
	there  bool         // the item is there and shall be replaced
	sum    uint64       // of its value, where a caller replaces it

	state  atomic.Int32  // of what was loaded under a lease: one of those of fill_flight.go
	stored chan struct{} // closed when that is stored

	// Of a fill by hearth.
	fills   bool
	outcome error // why there is nothing to look at; set before landed is closed
}

// newFlights numbers flights from anywhere, so that those of two gateways differ.
func newFlights(l engine.Leaser) *flights {
	f := &flights{seed: maphash.MakeSeed(), away: &Caller{}, leaser: l, first: rand.Uint64()}
	f.lease.Store(f.first)
	return f
}

func (f *flights) shard(key []byte) *flightShard {
	return &f.shards[maphash.Bytes(f.seed, key)%flightShards]
}

// lead makes c the key's loader, unless there is one whose time is not up, and returns the key's flight.
func (f *flights) lead(c *Caller, s hearth.Space, key []byte, now, load int64) (fl *flight, leads bool) {
	sh := f.shard(key)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	return f.current(sh, flightKey{s, string(key)}, c, now, load)
}

// led returns the flight of a caller's load that a lease stands for, nil where its time is up.
func (f *flights) led(s hearth.Space, key []byte, lease uint64, now int64) *flight {
	sh := f.shard(key)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	return sh.led(flightKey{s, string(key)}, lease, now)
}

// led is flights.led; the shard is locked.
func (sh *flightShard) led(at flightKey, lease uint64, now int64) *flight {
	fl := sh.m[at]
	if fl == nil || fl.lease != lease || fl.fills || now >= fl.until {
		return nil
	}
	return fl
}

// store begins to store what the caller of a lease has loaded, and returns the flight, to be landed when it is stored, and
// its right among gateways, nil where it has none. It returns no flight where the lease holds no more: a load that a write
// has overtaken is over then.
func (f *flights) store(s hearth.Space, key []byte, lease uint64, now int64) (fl *flight, right engine.Lease) {
	at := flightKey{s, string(key)}
	sh := f.shard(key)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if fl = sh.led(at, lease, now); fl == nil {
		return nil, nil
	}
	if fl.state.Load() == storing {
		return nil, nil
	}
	fl.stored = make(chan struct{})
	if sh.writing[at] > 0 || !fl.state.CompareAndSwap(filling, storing) {
		f.land(sh, at, fl)
		return nil, nil
	}
	return fl, fl.right
}

// gave reports whether a lease is of a flight of this gateway, which has landed or not.
func (f *flights) gave(lease uint64) bool { return f.lease.Load()-lease < f.lease.Load()-f.first }

// join makes c the key's loader, or, where there is one whose time is not up, a waiter of the flight that is returned,
// until it leaves. full says that too many wait already.
func (f *flights) join(c *Caller, s hearth.Space, key []byte, now, load int64, ofCache *atomic.Int64) (fl *flight, leads, full bool) {
	sh := f.shard(key)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	fl, fresh := f.current(sh, flightKey{s, string(key)}, c, now, load)
	if fresh {
		return fl, true, false
	}
	if fl.waiters >= hearth.KeyWaitersMax || ofCache.Load() >= hearth.CacheWaitersMax || f.held.Load() >= hearth.ProcessWaitersMax {
		return nil, false, true
	}
	fl.waiters++
	ofCache.Add(1)
	f.held.Add(1)
	f.hear(s, key, fl)
	return fl, false, false
}

// current returns the key's flight: a fresh one with c as its loader where there is none whose time is not up. The
// shard is locked.
func (f *flights) current(sh *flightShard, at flightKey, c *Caller, now, load int64) (fl *flight, fresh bool) {
	fl = sh.m[at]
	if fl != nil && (now < fl.until || fl.state.Load() == storing) {
		return fl, false
	}
	if fl != nil {
		f.land(sh, at, fl)
	}
	if sh.m == nil {
		sh.m = map[flightKey]*flight{}
	}
	fl = &flight{loader: c, lease: max(1, f.lease.Add(1)), until: now + load, landed: make(chan struct{})}
	sh.m[at] = fl
	f.active.Add(1)
	c.leads.Add(1)
	c.loads.Store(fl.until)
	return fl, true
}

// leave undoes a join as a waiter.
func (f *flights) leave(fl *flight, key []byte, ofCache *atomic.Int64) {
	sh := f.shard(key)
	sh.mu.Lock()
	fl.waiters--
	sh.mu.Unlock()
	ofCache.Add(-1)
	f.held.Add(-1)
}

// look reports whether somebody loads a key, and how many wait for that.
func (f *flights) look(s hearth.Space, key []byte, now int64) (loading bool, waiters int) {
	sh := f.shard(key)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	fl := sh.m[flightKey{s, string(key)}]
	if fl == nil || now >= fl.until {
		return false, 0
	}
	return true, fl.waiters
}

// written lands the flight of a key that was written.
func (f *flights) written(s hearth.Space, key []byte) {
	at := flightKey{s, string(key)}
	sh := f.shard(key)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if fl := sh.m[at]; fl != nil {
		f.land(sh, at, fl)
	}
}

// ends tells that a command is about to be sent that ends the key's lease with what it writes.
func (f *flights) ends(s hearth.Space, key []byte) {
	sh := f.shard(key)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if fl := sh.m[flightKey{s, string(key)}]; fl != nil {
		fl.ending = fl.right != nil
	}
}

// writtenBy is written for a key whose lease, if it was held when the command was sent, has ended where that is done.
func (f *flights) writtenBy(s hearth.Space, key []byte, done bool) {
	at := flightKey{s, string(key)}
	sh := f.shard(key)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	fl := sh.m[at]
	if fl == nil {
		return
	}
	if done && fl.ending {
		fl.right.Ended()
	}
	f.land(sh, at, fl)
}

// dropped lands every flight of a space that is no more.
func (f *flights) dropped(s hearth.Space) {
	f.landAll(s)
	f.forgetVerdicts(s)
}

// landAll lands every flight of a space.
func (f *flights) landAll(s hearth.Space) {
	f.landWhere(func(at flightKey, _ *flight) bool { return at.space == s })
}

// gone lands every flight whose loader went away.
func (f *flights) gone(c *Caller) {
	f.landWhere(func(_ flightKey, fl *flight) bool { return fl.loader == c })
}

func (f *flights) landWhere(is func(flightKey, *flight) bool) {
	if f.active.Load() == 0 {
		return
	}
	for i := range f.shards {
		sh := &f.shards[i]
		sh.mu.Lock()
		for at, fl := range sh.m {
			if is(at, fl) {
				f.land(sh, at, fl)
			}
		}
		sh.mu.Unlock()
	}
}

// land ends a flight; the shard is locked. One whose item is being stored is landed by whoever stores it: a write that
// begins before that has to find it.
func (f *flights) land(sh *flightShard, at flightKey, fl *flight) {
	if fl.state.Load() == storing {
		return
	}
	delete(sh.m, at)
	f.active.Add(-1)
	fl.loader.leads.Add(-1)
	fl.state.CompareAndSwap(filling, discarded)
	if fl.right != nil {
		fl.right.End()
	}
	if fl.unhear != nil {
		fl.unhear()
	}
	close(fl.landed)
}
