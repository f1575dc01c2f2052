package local

import (
	"context"
	"hash/maphash"
	"sync"
	"sync/atomic"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/engine"
	"github.com/hearthcache/hearth/op"
	"github.com/hearthcache/hearth/value"
)

// generations are the invalidations of a space's tags, numbered in order. An item was invalidated if one of its tags was,
// by a number above the item's stamp: so an invalidation costs the same however many items it takes.
//
// Tags are remembered by their hashes in two maps. When the young one is full it becomes the old one, and what only the old
// one knew is forgotten: from then on every tagged item of that time counts as invalidated.
type generations struct {
	last   atomic.Uint64 // the number of the last invalidation, less one: a stamp is never 0
	seen   atomic.Bool   // there are invalidations that the sweep has not followed
	after  atomic.Int64  // when it may, in milliseconds
	mu     sync.RWMutex  // guards the rest
	young  map[uint64]uint64
	old    map[uint64]uint64
	turned uint64 // the last number when the young map began
	floor  uint64 // items with lower stamps count as invalidated
	closed bool
}

const (
	generationBytes = 48   // of a map, for one tag
	sweepTagsMillis = 1000 // a space is walked at most this often to take out what was invalidated,
	sweepTagsRest   = 20   // and left alone for so many times as long as that took
	halfTagsMax     = hearth.TagsInvalidatedMax / 2
)

func (g *generations) stamp() uint64 { return g.last.Load() + 1 }

// holds reports whether an item with these tags was not invalidated.
func (g *generations) holds(seed maphash.Seed, tags value.Tags) bool {
	stamp := tags.Stamp()
	if stamp >= g.stamp() {
		return true
	}
	g.mu.RLock()
	defer g.mu.RUnlock()
	if stamp < g.floor {
		return false
	}
	for name := range tags.Names() {
		h := maphash.Bytes(seed, name)
		if g.young[h] > stamp || g.old[h] > stamp {
			return false
		}
	}
	return true
}

// invalidate numbers one more invalidation, and returns by how many tags it remembers more.
func (g *generations) invalidate(h uint64) (more int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return 0
	}
	if g.young == nil {
		g.young = map[uint64]uint64{}
	}
	if len(g.young) >= halfTagsMax {
		more -= len(g.old)
		g.floor, g.turned = g.turned, g.stamp()
		g.old, g.young = g.young, map[uint64]uint64{}
	}
	if _, known := g.young[h]; !known {
		more++
	}
	g.young[h] = g.stamp() + 1
	g.last.Add(1)
	return more
}

// close forgets all, and returns by how many tags it remembers more.
func (g *generations) close() (more int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	more = -len(g.young) - len(g.old)
	g.young, g.old, g.closed = nil, nil, true
	return more
}

// Stamp implements engine.Tagger.
func (e *Engine) Stamp(_ context.Context, id hearth.Space, _ bool) (uint64, error) {
	return e.space(id).tags.stamp(), nil
}

// Invalidate implements engine.Tagger. The memory follows in the background.
func (e *Engine) Invalidate(_ context.Context, id hearth.Space, tag []byte) error {
	sp := e.space(id)
	e.countTags(sp, sp.tags.invalidate(maphash.Bytes(e.seed, tag)))
	if !sp.tags.seen.Swap(true) {
		e.kick()
	}
	return nil
}

// countTags counts the memory of tags that are remembered.
func (e *Engine) countTags(sp *space, more int) {
	bytes := int64(more) * generationBytes
	sp.bytes.Add(bytes)
	e.logical.Add(bytes)
	e.heap.Add(bytes)
}

// stamped returns the command with the stamp of now, where it is to be stored with tags and has none.
func (s *shard) stamped(o op.Op) op.Op {
	set, ok := o.(*op.Set)
	if !ok || len(set.Tags) == 0 || set.Stamp != 0 {
		return o
	}
	with := *set
	with.Stamp = s.sp.tags.stamp()
	return &with
}

// stale reports whether an item was invalidated.
func (s *shard) stale(r *record) bool {
	if r.meta&attrsBit == 0 {
		return false
	}
	tags := r.tags()
	return len(tags) > 0 && !s.sp.tags.holds(s.e.seed, tags)
}

// invalidate takes an item out because one of its tags was invalidated.
func (s *shard) invalidate(h uint64, sl *uint64, r *record) {
	s.past.add(h, memory{cause: op.Invalidated}, s.items)
	s.remove(h, sl, r)
	s.marked(h)
}

// sweepTags has the sweep that follows look at every segment that may hold invalidated items, where that is marked, and
// returns when it wants to be called again.
func (sp *space) sweepTags(now int64) (due int64, marked bool) {
	g := &sp.tags
	switch {
	case !g.seen.Load():
		return never, false
	case now < g.after.Load():
		return g.after.Load(), false
	}
	g.seen.Store(false)
	for _, s := range sp.layout.Load().shards {
		s.enter()
		if s.tagged {
			s.beginLap(true)
		}
		s.leave()
	}
	return never, true
}

var _ engine.Tagger = (*Engine)(nil)
