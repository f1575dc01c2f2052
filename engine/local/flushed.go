package local

import (
	"container/list"
	"context"
	"sync"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/engine"
)

// flush is what is remembered of the items that a flush took, for the causes of misses in the space that followed: of each
// the bits of its hash that stand in the index. While the index waits to be given back it is asked itself; what is in one
// of its pages goes to a filter before the page goes.
type flush struct {
	parts []remnant // of the dropped space's shards
	shift uint8
	place *list.Element // in flushes
}

// remnant is what is remembered of a shard.
type remnant struct {
	mu     sync.Mutex // guards the rest, and what is left of the index
	dead   *shard     // whose index has not all been given back
	skip   uint8
	filter table // may say yes about what is not in it, never no about what is
}

// flushed are the last flushes of a cache, the newest first.
type flushed [flushesMax]*flush

// flushes are all that are remembered, the oldest first.
type flushes struct {
	mu    sync.Mutex // guards the rest
	list  list.List  // of *flush
	bytes int64
}

const (
	flushesMax   = 4   // that are remembered of a cache
	flushPart    = 16  // what is remembered takes at most this part of the engine's bound
	filterItems  = 6   // for a bucket of a filter, with which about one answer in five hundred is wrong
	remnantBytes = 256 // of a remnant and, where there is one, its flush
)

// Flush implements engine.Flusher. The memory follows in the background.
func (e *Engine) Flush(_ context.Context, id, next hearth.Space) error {
	sp := e.remove(id)
	if sp == nil {
		return nil
	}
	e.countTags(sp, sp.tags.close())
	known := sp.flushed.Load()
	if f := sp.close(e.bytesMax / flushPart); f != nil {
		newer := &flushed{f}
		if known != nil {
			copy(newer[1:], known[:])
			e.forget(known[flushesMax-1])
		}
		known = newer
		e.remember(f)
	}
	if known != nil {
		e.space(next).flushed.Store(known)
	}
	e.kick()
	return nil
}

var _ engine.Flusher = (*Engine)(nil)

// begin starts to remember a shard that belongs to no space any more, in so many bytes at most.
func (r *remnant) begin(dead *shard, bytesMax int64) {
	r.dead, r.skip, dead.remnant = dead, dead.skip, r
	r.filter = newTable(int(max(1, min(int64(dead.items+filterItems-1)/filterItems, bytesMax/bucketBytes))))
}

// bytes is what a flush counts, and what of that is on the Go heap.
func (f *flush) bytes() (all, heap int64) {
	for i := range f.parts {
		r := &f.parts[i]
		r.mu.Lock()
		heap += remnantBytes
		all += int64(r.filter.n) * bucketBytes
		r.mu.Unlock()
	}
	return all + heap, heap
}

// remember counts a flush, and forgets the oldest ones where together they are too large.
func (e *Engine) remember(f *flush) {
	all, heap := f.bytes()
	e.logical.Add(all)
	e.heap.Add(heap)
	t := &e.flushes
	t.mu.Lock()
	f.place = t.list.PushBack(f)
	t.bytes += all
	var old []*flush
	for at, bytes := t.list.Front(), t.bytes; bytes > e.bytesMax/flushPart && at.Value != f; at = at.Next() {
		all, _ := at.Value.(*flush).bytes()
		bytes -= all
		old = append(old, at.Value.(*flush))
	}
	t.mu.Unlock()
	for _, f := range old {
		e.forget(f)
	}
}

// forget lets go of a flush, unless that has happened. The memory follows in the background.
func (e *Engine) forget(f *flush) {
	if f == nil {
		return
	}
	t := &e.flushes
	t.mu.Lock()
	if f.place == nil {
		t.mu.Unlock()
		return
	}
	all, heap := f.bytes()
	t.list.Remove(f.place)
	t.bytes -= all
	f.place = nil
	t.mu.Unlock()
	for i := range f.parts {
		if filter := f.parts[i].close(); filter.n > 0 {
			dead := newShard(e, &space{}, 0, 0)
			dead.past.table = filter
			dead.report(true)
			e.graves.add(dead)
		}
	}
	e.logical.Add(-all)
	e.heap.Add(-heap)
	e.kick()
}

// close returns the filter. What is left of the index goes without being remembered.
func (r *remnant) close() (filter table) {
	r.mu.Lock()
	defer r.mu.Unlock()
	filter, r.filter, r.dead = r.filter, table{}, nil
	return filter
}

// unindex gives back a page of the index of a shard that belongs to no space any more. It reports false when there is none.
func (r *remnant) unindex(s *shard) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if n := len(s.dir); n > 0 && r.dead != nil {
		p := s.dir[n-1]
		s.each(&p, func(v uint64) { r.add(s.a, v) })
	}
	more := s.index.release()
	if !more {
		r.dead = nil
	}
	return more
}

// spot returns the bucket of a filter for a hash without its skipped bits, and what is to be set in it: a bit in each of
// its parts.
func (t *table) spot(y uint64) (at int, bits bucket) {
	x := y >> posBits * 0x9e3779b97f4a7c15
	for i := range bits {
		bits[i] = 1 << (x >> (5 * i) & 31)
	}
	return pastIndex(x, t.n), bits
}

// add puts what a slot of the index says into the filter. Where there is no memory, it is forgotten.
func (r *remnant) add(a *arena, slot uint64) {
	at, bits := r.filter.spot(slot)
	if !r.filter.need(a, at) {
		return
	}
	b := r.filter.at(a, at)
	for i := range b {
		b[i] |= bits[i]
	}
}

// has reports whether there was an item of a hash in the shard.
func (r *remnant) has(a *arena, h uint64) bool {
	y := h << r.skip
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.dead != nil && r.dead.mayHave(y) {
		return true
	}
	if r.filter.n == 0 {
		return false
	}
	at, bits := r.filter.spot(y)
	b := r.filter.at(a, at)
	if b == nil {
		return false
	}
	for i := range b {
		if b[i]&bits[i] == 0 {
			return false
		}
	}
	return true
}

// took reports whether an item of a hash was there when the cache was flushed.
func (f *flushed) took(a *arena, h uint64) bool {
	if f == nil {
		return false
	}
	for _, flush := range f {
		if flush != nil && flush.parts[h>>flush.shift].has(a, h) {
			return true
		}
	}
	return false
}
