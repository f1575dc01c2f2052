package gateway

import (
	"sync/atomic"
	"time"

	"github.com/hearthcache/hearth"
)

// The states of a load that is stored under a lease. What was loaded is stored by whoever takes it from filling to storing;
// a write, a delete or a flush takes it to discarded first, or waits until it is stored and comes after it.
const (
	filling int32 = iota
	storing
	stored
	discarded
)

// endStore tells that what was loaded is stored, or that it could not be.
func (fl *flight) endStore(became int32) {
	fl.state.Store(became)
	close(fl.stored)
}

// verdict is what an origin has said of a key that it gave no value for.
type verdict struct {
	until  int64 // believed until then, in milliseconds
	err    error
	failed int // times in a row
}

const verdictsMax = 1024 // of one shard

// fill joins the key's flight as a waiter. begun says that there was none:
// the caller starts the load.
func (f *flights) fill(c *Caller, s hearth.Space, key []byte, now, budget int64, ofCache *atomic.Int64) (fl *flight, begun, full bool) {
	sh := f.shard(key)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	fl, begun = f.begin(sh, flightKey{s, string(key)}, c, now, budget)
	if !begun && (fl.waiters >= hearth.KeyWaitersMax || ofCache.Load() >= hearth.CacheWaitersMax || f.held.Load() >= hearth.ProcessWaitersMax) {
		return nil, false, true
	}
	fl.waiters++
	ofCache.Add(1)
	f.held.Add(1)
	f.hear(s, key, fl)
	return fl, begun && fl.state.Load() == filling, false
}

// fillAlone begins a fill that nobody waits for, unless there is one.
func (f *flights) fillAlone(c *Caller, s hearth.Space, key []byte, now, budget int64) (fl *flight, begun bool) {
	sh := f.shard(key)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	fl, begun = f.begin(sh, flightKey{s, string(key)}, c, now, budget)
	return fl, begun && fl.state.Load() == filling
}

// begin returns the key's flight: a fresh fill where there is none. One that begins while the key is being written is
// no use: its load could be older than the write. It only waits for the write. The shard is locked.
func (f *flights) begin(sh *flightShard, at flightKey, c *Caller, now, budget int64) (fl *flight, fresh bool) {
	fl, fresh = f.current(sh, at, c, now, budget)
	if fresh {
		fl.fills, fl.stored = true, make(chan struct{})
		if sh.writing[at] > 0 {
			fl.state.Store(discarded)
		}
	}
	return fl, fresh
}

// filled ends a fill: err is why there is nothing to look at.
func (f *flights) filled(s hearth.Space, key string, fl *flight, err error) {
	at := flightKey{s, key}
	sh := f.shard([]byte(key))
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if sh.m[at] != fl {
		return
	}
	if sh.writing[at] > 0 && fl.state.Load() == discarded {
		return // the write will land it
	}
	fl.outcome = err
	f.land(sh, at, fl)
}

// beginWrite is overtaken, and what begins to be loaded before the write has ended is not stored either.
func (f *flights) beginWrite(s hearth.Space, key []byte) {
	at := flightKey{s, string(key)}
	sh := f.shard(key)
	sh.mu.Lock()
	if sh.writing == nil {
		sh.writing = map[flightKey]int{}
	}
	sh.writing[at]++
	fl := sh.m[at]
	sh.mu.Unlock()
	fl.discard()
}

// overtaken tells that a key is about to be written: what is being loaded is not stored any more, or is stored before
// overtaken returns.
func (f *flights) overtaken(s hearth.Space, key []byte) {
	sh := f.shard(key)
	sh.mu.Lock()
	fl := sh.m[flightKey{s, string(key)}]
	sh.mu.Unlock()
	fl.discard()
}

// discard keeps what a flight loads from being stored, or waits until it is; there may be no flight.
func (fl *flight) discard() {
	if fl != nil && !fl.state.CompareAndSwap(filling, discarded) && fl.state.Load() == storing {
		<-fl.stored
	}
}

// endWrite tells that the key was written, or that it was not after all.
func (f *flights) endWrite(s hearth.Space, key []byte) {
	at := flightKey{s, string(key)}
	sh := f.shard(key)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if sh.writing[at]--; sh.writing[at] <= 0 {
		delete(sh.writing, at)
	}
	delete(sh.verdicts, at)
	if fl := sh.m[at]; fl != nil {
		f.land(sh, at, fl)
	}
}

// verdict returns what the origin has said of a key, nil where it is not believed any more.
func (f *flights) verdict(s hearth.Space, key []byte, now int64) error {
	_, err := f.verdictFor(s, key, now)
	return err
}

// verdictFor is verdict, with for how long it is still believed.
func (f *flights) verdictFor(s hearth.Space, key []byte, now int64) (left int64, err error) {
	sh := f.shard(key)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if v := sh.verdicts[flightKey{s, string(key)}]; now < v.until {
		return v.until - now, v.err
	}
	return 0, nil
}

// judge remembers what the origin has said of a key for some milliseconds, twice as many for each failure in a row, and
// unless the fill has been overtaken by a write. No error forgets. It returns for how long it is believed.
func (f *flights) judge(s hearth.Space, key string, fl *flight, err error, now, forMillis int64) int64 {
	at := flightKey{s, key}
	sh := f.shard([]byte(key))
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if sh.m[at] != fl || fl.state.Load() == discarded {
		return 0
	}
	v := verdict{err: err}
	if failed(err) {
		v.failed = min(sh.verdicts[at].failed+1, 16)
		forMillis = min(forMillis<<(v.failed-1), max(forMillis, failedMax.Milliseconds()))
	}
	v.until = now + forMillis
	if err == nil {
		delete(sh.verdicts, at)
		return 0
	}
	sh.keep(at, v)
	return forMillis
}

// believe remembers for a while what another gateway has learned of an origin.
func (f *flights) believe(s hearth.Space, key string, err error, until int64) {
	at := flightKey{s, key}
	sh := f.shard([]byte(key))
	sh.mu.Lock()
	defer sh.mu.Unlock()
	sh.keep(at, verdict{until: until, err: err, failed: sh.verdicts[at].failed})
}

// keep keeps a verdict; the shard is locked.
func (sh *flightShard) keep(at flightKey, v verdict) {
	if sh.verdicts == nil {
		sh.verdicts = map[flightKey]verdict{}
	}
	for k := range sh.verdicts {
		if len(sh.verdicts) < verdictsMax {
			break
		}
		delete(sh.verdicts, k) // any one
	}
	sh.verdicts[at] = v
}

const failedMax = time.Minute

func (f *flights) forgetVerdicts(s hearth.Space) {
	for i := range f.shards {
		sh := &f.shards[i]
		sh.mu.Lock()
		for at := range sh.verdicts {
			if at.space == s {
				delete(sh.verdicts, at)
			}
		}
		sh.mu.Unlock()
	}
}
