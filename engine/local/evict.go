package local

import (
	"math/bits"
	"math/rand/v2"

	"github.com/hearthcache/hearth/engine"
	"github.com/hearthcache/hearth/op"
)

// Eviction is S3-FIFO in bytes, over the logs' own order: new items enter the small log; those that were used again
// while they passed through it move on to the main one, the others go, and are remembered for a while; who comes back
// in that time enters the main log at once. The oldest item of the main log goes if nobody used it since it entered,
// and otherwise enters it again.
const (
	slackBytes   = 16 << 20 // what garbage, half-full segments and pieces may add to the bound
	evictSteps   = 256      // one command looks at so many old items at most
	takeSteps    = 16       // and at so many of one shard of another space
	victimSample = 64       // spaces looked at to find the one that has most above its share
	compactRun   = 4        // neighbouring segments that are rewritten together
)

// used is what counts against the bound: items and index, or the memory they take where that is much more.
func (e *Engine) used() int64 {
	return max(e.logical.Load(), e.physical()-e.slack) + e.blocks.inUse()
}

// physical is the memory in use, without blocks.
func (e *Engine) physical() int64 { return e.arena.inUse.Load() + e.heap.Load() }

func (e *Engine) over(more int64) bool { return e.used()+more > e.bytesMax }

// sparse reports whether the bound is reached because of memory that holds no items.
func (e *Engine) sparse() bool { return e.physical()-e.slack > e.logical.Load() }

// finish ends a command that may have written: it makes room, spreads a space that has grown, and unlocks.
func (s *shard) finish() {
	e, sp := s.e, s.sp
	over, told := s.settle()
	s.mu.Unlock()
	e.after(sp, over, told)
}

// settle makes room and spreads a space that has grown, under the lock. It reports whether the engine still holds too
// much, and whether there are events.
func (s *shard) settle() (over, told bool) {
	s.report(false)
	if s.e.over(0) || s.overCeiling() {
		s.makeRoom()
		over = s.e.over(0)
	}
	told = len(s.events) > 0
	if s.crowded() {
		s.divide()
	}
	return over, told
}

// after does what must wait until the locks are released.
func (e *Engine) after(sp *space, over, told bool) {
	if over {
		e.relieve(sp, 0)
	}
	if told {
		e.feed.tell()
	}
}

func (s *shard) overCeiling() bool {
	c := s.sp.ceiling.Load()
	return c > 0 && s.sp.bytes.Load() > c
}

// makeRoom evicts from the shard, which is locked, as long as its space has more than it should.
func (s *shard) makeRoom() {
	if s.sp.kept.Load() {
		return
	}
	for range evictSteps {
		switch {
		case s.overCeiling():
			if !s.evict(engine.OverCeiling) {
				return
			}
		case !s.e.over(0) || !s.e.hasShare(s.sp) || !s.shed():
			return
		}
		s.report(true)
	}
}

// shed takes one step towards less memory. It reports false where there is nothing left to give.
func (s *shard) shed() bool {
	return s.e.sparse() && s.compact(compactRun) || s.evict(engine.OverMemory)
}

// relieve makes room for more bytes after a command of sp, which may be nil: at the expense of whoever has most above
// its share.
func (e *Engine) relieve(sp *space, more int64) {
	e.graves.dig()
	for range evictSteps {
		if !e.over(more) || !e.take(e.victim(sp), more) {
			return
		}
	}
}

// take makes room at the expense of a space. It reports false where there is nothing left.
func (e *Engine) take(sp *space, more int64) bool {
	if sp == nil {
		return false
	}
	shards := sp.layout.Load().shards
	for range shards {
		s := shards[sp.hand.Add(1)%uint32(len(shards))]
		s.mu.Lock()
		done := false
		for i := 0; i < takeSteps && e.over(more) && s.shed(); i++ {
			s.report(true)
			done = true
		}
		s.mu.Unlock()
		if done {
			return true
		}
	}
	return false
}

// hasShare reports whether a space must make room itself when the bound is reached, because it holds at least half of
// what it would have if all spaces shared by weight. So who fills the store pays for it, and who is small is spared.
func (e *Engine) hasShare(sp *space) bool {
	return sp.excess() > e.bytesMax/2/max(1, e.weights.Load())
}

// excess is what a space holds above its floor, for each unit of its weight.
func (sp *space) excess() int64 {
	return max(0, sp.bytes.Load()-sp.floor.Load()) / max(1, sp.weight.Load())
}

// victim returns the space with the largest excess among all, or among some where there are very many, those apart that
// are kept; it prefers sp among equals.
func (e *Engine) victim(sp *space) *space {
	t := &e.spaces
	t.mu.RLock()
	defer t.mu.RUnlock()
	best := sp
	if best != nil && (best.bytes.Load() == 0 || best.kept.Load()) {
		best = nil
	}
	from, n := 0, len(t.list)
	if n > victimSample {
		from, n = rand.IntN(n), victimSample
	}
	for i := range n {
		c := t.list[(from+i)%len(t.list)]
		if c.bytes.Load() > 0 && !c.kept.Load() && (best == nil || c.excess() > best.excess()) {
			best = c
		}
	}
	return best
}

// evict takes one step: an item goes, or moves on. It reports false where there is nothing.
func (s *shard) evict(cause engine.EvictionCause) bool {
	first, second := small, main
	if s.queues[main].live > 0 && s.queues[small].weight() <= s.tune.target(s) {
		first, second = main, small
	}
	return s.step(first, cause) || s.step(second, cause)
}

// step looks at the oldest item of a queue.
func (s *shard) step(number int, cause engine.EvictionCause) bool {
	off := s.oldest(&s.queues[number])
	if off == 0 {
		return false
	}
	r := s.record(off)
	h := s.e.hash(r.key())
	sl := s.findAt(h, off)
	switch {
	case r.meta&expiryBit != 0 && r.expired(s.e.now()):
		s.expire(h, sl, r)
	case s.stale(r):
		s.invalidate(h, sl, r)
	case number == small && r.uses() > 0 && s.move(h, sl, r, 0):
	case number == main && r.uses() > 0 && s.move(h, sl, r, r.uses()-1):
	default:
		s.lose(h, sl, r, cause, number == small)
	}
	return true
}

// lose evicts an item.
func (s *shard) lose(h uint64, sl *uint64, r *record, cause engine.EvictionCause, ghost bool) {
	s.past.add(h, op.Evicted, ghost, s.items)
	s.tell(engine.ItemEvicted, r.key())
	s.remove(h, sl, r)
	s.marked(h)
	s.sp.evicted[cause].Add(1)
}

// weight is what the queue's items take.
func (q *queue) weight() int64 { return q.live + q.side }

// move puts an item at the young end of the main log. It reports false where there is no memory for that.
func (s *shard) move(h uint64, sl *uint64, r *record, uses uint32) bool {
	n := r.bytes()
	off, err := s.append(&s.queues[main], n)
	if err != nil {
		return false
	}
	to := s.record(off)
	copy(s.a.bytes(off, n), r.slice(0, n))
	to.setUses(uses)
	if to.side() {
		s.assign(to.sideNumber(), &s.queues[main])
	}
	s.kill(pos(*sl))
	*sl = slot(h<<s.skip, off)
	s.dueAt(off, to.expiry())
	return true
}

// entrance returns the queue that a new item enters.
func (s *shard) entrance(h uint64, d *draft) *queue {
	if s.past.ghost(h) {
		return &s.queues[main]
	}
	return &s.queues[small]
}

// tuner adapts how much of a shard the small log takes.
type tuner struct{}

func (t *tuner) target(s *shard) int64 {
	return (s.queues[small].weight() + s.queues[main].weight()) / 10
}

// compact rewrites up to run neighbouring segments that are sparse into fewer. It reports false where that would gain
// less than a quarter.
func (s *shard) compact(run int) bool {
	for i := range s.queues {
		q := &s.queues[i]
		for seg := q.first; seg != 0 && seg != q.last; seg = s.segment(seg).next {
			if n := s.sparseRun(q, seg, run); n > 0 {
				s.rewriteRun(q, seg, n)
				return true
			}
		}
	}
	return false
}

// sparseRun returns how many segments from seg on gain a quarter when they are rewritten; 0 is none.
func (s *shard) sparseRun(q *queue, seg uint64, run int) int {
	var held, live uint32
	for n := 1; n <= run && seg != 0 && seg != q.last; n++ {
		g := s.segment(seg)
		held += g.size
		live += g.live + uint32(segmentHead)
		if rewritten(live)*4 <= held*3 {
			return n
		}
		seg = g.next
	}
	return 0
}

// rewritten is the size of the segments for so many live bytes.
func rewritten(live uint32) uint32 {
	if live >= chunkBytes {
		return (live + chunkBytes - 1) / chunkBytes * chunkBytes
	}
	return max(segmentMin, uint32(1)<<bits.Len32(live-1))
}

// rewriteRun copies what is alive in n segments from seg on into new ones in their place, so that nobody's age changes.
func (s *shard) rewriteRun(q *queue, seg uint64, n int) {
	dest := s.segment(seg).prev
	fresh, failed := false, false
	left := 0
	for i, at := 0, seg; i < n; i++ {
		left += int(s.segment(at).live)
		at = s.segment(at).next
	}
	for range n {
		next := s.segment(seg).next
		s.between(seg, 0, func(off uint64, r *record) bool {
			size := r.bytes()
			if g := s.segment(dest); !fresh || int(g.size-g.used) < size {
				to, err := s.newSegmentOf(q, max(size, min(left, recordMax)))
				if failed = err != nil; failed {
					return false
				}
				s.linkAfter(q, dest, to)
				dest, fresh = to, true
			}
			left -= size
			s.transfer(q, dest, off, r)
			return true
		})
		if failed {
			return
		}
		s.freeSegment(seg)
		seg = next
	}
}

// transfer copies a record into another segment of the same queue.
func (s *shard) transfer(q *queue, dest, off uint64, r *record) {
	n := r.bytes()
	h := s.e.hash(r.key())
	sl := s.findAt(h, off)
	to := s.place(q, dest, n)
	copy(s.a.bytes(to, n), r.slice(0, n))
	*sl = slot(h<<s.skip, to)
	s.dueAt(to, r.expiry())
	r.meta |= deadBit
	g := s.segment(s.a.start(off))
	g.live -= uint32(n)
	g.items--
	q.live -= int64(n)
}
