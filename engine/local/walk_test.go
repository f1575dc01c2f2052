package local

import (
	"testing"

	"github.com/hearthcache/hearth/op"
)

// walk holds everything that the engine has counted against what it holds: index, logs, side tables and sums.
func (e *Engine) walk(t testing.TB) {
	t.Helper()
	var logical, physical int64
	for _, sp := range e.spaces.all() {
		var bytes int64
		for _, s := range sp.layout.Load().shards {
			s.mu.Lock()
			s.report(true)
			s.check(t)
			bytes += s.size()
			logical += s.size() - s.blocks
			physical += s.heap
			s.mu.Unlock()
		}
		if got := sp.bytes.Load(); got != bytes {
			t.Errorf("space %d counts %d bytes; its shards hold %d", sp.id, got, bytes)
		}
	}
	e.graves.mu.Lock()
	for _, s := range e.graves.dead {
		logical += s.logical
		physical += s.physical
	}
	e.graves.mu.Unlock()
	e.flushes.mu.Lock()
	var remembered int64
	for at := e.flushes.list.Front(); at != nil; at = at.Next() {
		all, heap := at.Value.(*flush).bytes()
		remembered += all
		logical += all
		physical += heap
	}
	if e.flushes.bytes != remembered {
		t.Errorf("the flushes count %d bytes and have %d", e.flushes.bytes, remembered)
	}
	e.flushes.mu.Unlock()
	if got := e.logical.Load(); got != logical {
		t.Errorf("the engine counts %d bytes; its spaces hold %d", got, logical)
	}
	if got := e.heap.Load(); got != physical {
		t.Errorf("the engine counts %d bytes of heap; its spaces hold %d", got, physical)
	}
	e.arena.check(t)
}

func (a *arena) check(t testing.TB) {
	t.Helper()
	a.mu.Lock()
	defer a.mu.Unlock()
	var inUse, resident int64
	for _, g := range a.groups[1:] {
		for i := range groupChunks {
			inUse += int64(g.used >> i & 1)
			resident += int64(g.resident >> i & 1)
		}
		if g.used&^g.resident != 0 {
			t.Errorf("chunks %b are in use and not resident", g.used&^g.resident)
		}
	}
	if a.inUse.Load() != inUse*chunkBytes || a.committed.Load() != resident*chunkBytes {
		t.Errorf("the arena counts %d and %d; it has %d and %d", a.inUse.Load(), a.committed.Load(), inUse*chunkBytes, resident*chunkBytes)
	}
}

func (s *shard) check(t testing.TB) {
	t.Helper()
	live := s.checkQueues(t)
	items, pages := 0, int64(0)
	for i := uint64(0); i < uint64(len(s.dir)); {
		p := s.dir[i]
		n := 0
		s.each(&p, func(v uint64) {
			n++
			if !live[pos(v)] {
				t.Errorf("the index names %d, where no live record is", pos(v))
			}
			h := s.e.hash(s.record(pos(v)).key())
			if s.findAt(h, pos(v)) == nil {
				t.Errorf("a search does not find the slot of %q", s.record(pos(v)).key())
			}
		})
		if n != int(p.items) {
			t.Errorf("a page counts %d items and has %d", p.items, n)
		}
		items += n
		pages += int64(p.lines) * lineBytes
		i += 1 << (s.depth - p.depth)
	}
	if items != s.items || items != len(live) {
		t.Errorf("the shard counts %d items, the index has %d, the logs %d", s.items, items, len(live))
	}
	if s.index.bytes < pages {
		t.Errorf("the index counts %d bytes and has %d", s.index.bytes, pages)
	}
	if got := s.past.held(); got != s.past.bytes() {
		t.Errorf("the past counts %d bytes and has %d", s.past.bytes(), got)
	}
	var blocks, heap int64
	var sides [2]int64
	for _, d := range s.side {
		sides[d.queue] += d.bytes
		if d.block != nil {
			blocks += pagesUp(int64(len(d.block.Bytes())))
		} else if d.coll != nil {
			heap += d.coll.Bytes() * heapFactor / 2
		}
	}
	if sides != [2]int64{s.queues[small].side, s.queues[main].side} {
		t.Errorf("the queues count %d and %d bytes of large values; they have %d", s.queues[small].side, s.queues[main].side, sides)
	}
	if blocks != s.blocks || heap != s.heap {
		t.Errorf("the shard counts %d and %d bytes of large values; it has %d and %d", s.blocks, s.heap, blocks, heap)
	}
}

// held adds up what bytes counts.
func (p *past) held() (n int64) {
	for _, t := range []table{p.table, p.old} {
		n += int64(len(t.pieces)) * 4
		for _, piece := range t.pieces[min(t.passed, len(t.pieces)):] {
			if piece != 0 {
				n += int64(t.size())
			}
		}
	}
	return n
}

func (s *shard) checkQueues(t testing.TB) map[uint64]bool {
	t.Helper()
	all := map[uint64]bool{}
	for i := range s.queues {
		q := &s.queues[i]
		var live, held int64
		prev := uint64(0)
		segments := map[uint64]bool{}
		for seg := q.first; seg != 0; seg = s.segment(seg).next {
			g := s.segment(seg)
			segments[seg] = true
			var bytes, items uint32
			s.between(seg, 0, func(off uint64, r *record) bool {
				all[off] = true
				bytes += uint32(r.bytes())
				items++
				if x := r.expiry(); x != 0 && g.due > x && g.later > x {
					t.Errorf("a record expires at %d, its segment is due at %d", x, g.due)
				}
				return true
			})
			if g.live != bytes || g.items != items || g.prev != prev || int(g.queue) != i {
				t.Errorf("a segment counts %d bytes of %d records; it has %d of %d", g.live, g.items, bytes, items)
			}
			live += int64(bytes)
			held += int64(g.size)
			prev = seg
		}
		if c := &q.clean; c.from != 0 && !segments[c.from] || c.to != 0 && !segments[c.to] || c.look > 0 && c.hand != 0 && !segments[c.hand] {
			t.Errorf("queue %d is cleaned where it has no segments: %+v", i, *c)
		}
		if q.count != len(segments) {
			t.Errorf("queue %d counts %d segments of %d", i, q.count, len(segments))
		}
		if q.last != prev || q.live != live || q.held != held {
			t.Errorf("queue %d counts %d of %d bytes; it has %d of %d", i, q.live, q.held, live, held)
		}
	}
	return all
}

func get(t testing.TB, e *Engine, key string) (string, bool) {
	t.Helper()
	var r op.Reply
	defer r.Reset()
	if err := e.Do(t.Context(), 1, &op.Get{K: []byte(key)}, &r); err != nil {
		t.Fatalf("Get %q: %v", key, err)
	}
	return string(r.Value()), r.Status == op.Hit
}

func set(t testing.TB, e *Engine, key, v string, ttl int64) {
	t.Helper()
	var r op.Reply
	if err := e.Do(t.Context(), 1, &op.Set{K: []byte(key), Value: []byte(v), Expiry: op.Expiry{TTL: ttl}}, &r); err != nil {
		t.Fatalf("Set %q: %v", key, err)
	}
}
