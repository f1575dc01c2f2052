package local

import (
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
	evictSteps   = 8        // one command looks at so many old items at most,
	evictBytes   = 16       // and at one more for so many bytes that it has added
	paceSteps    = 8        // or at so many while there is still memory
	takeSteps    = 8        // and at so many of one shard of another space under one lock
	burstSteps   = 32       // Run, at so many before it looks at the clock,
	runSteps     = 1 << 10  // and at so many before it looks what else there is
	restPart     = 8        // a shard rests that has spared an item of so large a part of it,
	restBytes    = 4 << 10  // and others are gone through so far at each of its turns, about
	victimSample = 64       // spaces looked at to find the one that has most above its share
)

// used is what counts against the bound: items and index, or the memory they take where that is much more.
func (e *Engine) used() int64 {
	return max(e.logical.Load(), e.physical()-e.slack) + e.blocks.inUse()
}

// physical is the memory in use, without blocks.
func (e *Engine) physical() int64 { return e.arena.inUse.Load() + e.heap.Load() }

// over reports whether more bytes would be above the bound.
func (e *Engine) over(more int64) bool { return e.used()+more > e.bytesMax }

// full reports whether items would be above the bound with more bytes.
func (e *Engine) full(more int64) bool {
	return e.logical.Load()+e.blocks.inUse()+more > e.bytesMax
}

// tight reports whether their memory would nearly be above the bound with more bytes. From then on each command gives
// a little back, so that none has to give much.
func (e *Engine) tight(more int64) bool {
	return e.physical()-e.slack/8*7+e.blocks.inUse()+more > e.bytesMax
}

// finish ends a command that may have written: it makes room, spreads a space that has grown, and unlocks.
func (s *shard) finish() {
	e, sp := s.e, s.sp
	steps, told := s.settle()
	s.mu.Unlock()
	e.after(sp, steps, told)
}

// settle makes room and spreads a space that has grown, under the lock. It returns how many steps the command should
// take elsewhere because the engine still holds too much, and whether there are events.
func (s *shard) settle() (steps int, told bool) {
	s.report(false)
	if s.e.full(0) || s.overCeiling() {
		s.makeRoom(stepsFor(s.wrote))
	}
	switch {
	case s.e.over(0):
		steps = stepsFor(s.wrote)
	case s.wrote > 0 && s.e.tight(0):
		steps = paceSteps
	}
	s.wrote = 0
	told = len(s.events) > 0
	if s.crowded() {
		s.divide()
	}
	return steps, told
}

// stepsFor is how much work on old items a command does that has added so many bytes: enough to make room for them, and
// little enough for its caller.
func stepsFor(bytes int) int { return evictSteps + bytes/evictBytes }

// after does what must wait until the locks are released.
func (e *Engine) after(sp *space, steps int, told bool) {
	if steps > 0 && !e.relieve(sp, 0, steps) {
		e.kick() // Run does the rest
	}
	e.arena.ease()
	if told {
		e.feed.tell()
	}
}

func (s *shard) overCeiling() bool {
	c := s.sp.ceiling.Load()
	return c > 0 && s.sp.bytes.Load() > c
}

// makeRoom evicts from the shard, which is locked, as long as its space has more than it should.
func (s *shard) makeRoom(steps int) {
	if s.sp.kept.Load() || s.spared > 0 && !s.overCeiling() {
		return
	}
	s.again = 0
	for range steps {
		cause := engine.OverCeiling
		if !s.overCeiling() {
			cause = engine.OverMemory
			if !s.e.full(0) || !s.e.hasShare(s.sp) {
				return
			}
		}
		if !s.evict(cause) {
			return
		}
		s.report(true)
	}
}

// relieve makes room for more bytes after a command of sp, which may be nil: at the expense of whoever has most above
// its share. It reports false where the steps are not enough.
func (e *Engine) relieve(sp *space, more int64, steps int) bool {
	for e.full(more) || e.tight(more) {
		did := e.gain(sp, more)
		if did == 0 {
			return true // nothing is left
		}
		if steps -= did; steps <= 0 {
			return !e.over(more)
		}
	}
	return true
}

// gain works towards room for more bytes, in steps whose number it returns; none where there is nothing left.
func (e *Engine) gain(sp *space, more int64) (steps int) {
	if steps = e.graves.dig(); steps == 0 {
		steps = e.take(e.victim(sp), more)
	}
	e.arena.ease()
	return steps
}

// gainAnywhere is gain for when the space that has most above its share has nothing that can be evicted.
func (e *Engine) gainAnywhere(more int64) (steps int) {
	for _, sp := range e.spaces.all() {
		if sp.excess() == 0 || sp.kept.Load() {
			continue
		}
		if steps = e.take(sp, more); steps > 0 {
			e.arena.ease()
			return steps
		}
	}
	return 0
}

// take makes room at the expense of a space, in steps whose number it returns; none where there is nothing left in any
// of its shards. Where it is memory that must become free, and not items, it stays with a shard until one of its
// segments is.
func (e *Engine) take(sp *space, more int64) (steps int) {
	if sp == nil {
		return 0
	}
	shards := sp.layout.Load().shards
	hand := sp.hand.Load()
	n := uint32(len(shards))
	for i := range 2 * n {
		s := shards[(hand+i)%n]
		s.lock()
		if s.moved {
			s.mu.Unlock()
			return 1 // what it had is in shards of a newer layout
		}
		if i >= n || !s.rests() {
			steps = s.give(more)
		}
		s.mu.Unlock()
		next := hand + i
		if steps < takeSteps {
			next++
		}
		if steps > 0 {
			sp.hand.CompareAndSwap(hand, next)
			return steps
		}
	}
	return 0
}

// give works towards less memory, and returns how many items it looked at: takeSteps or more until something is gained.
func (s *shard) give(more int64) (steps int) {
	full := s.e.full(more)
	if !full && s.clean() {
		return takeSteps
	}
	segments := s.segments()
	for s.again = 0; steps < takeSteps; steps++ {
		if steps > 0 && full && !s.e.full(more) || !full && s.segments() < segments {
			break
		}
		if !s.evict(engine.OverMemory) {
			return min(steps, takeSteps-1)
		}
		s.report(true)
	}
	if full {
		return min(steps, takeSteps-1)
	}
	return steps
}

// rests reports whether another shard should make room: this one has lately spared so much that all others have to be gone
// through as far before it is its turn. Else a large item that is in use would be asked at every turn of its shard whether
// it has been used since, and go.
func (s *shard) rests() bool {
	if s.spared <= 0 {
		return false
	}
	s.spared -= restBytes
	return true
}

// segments is how many segments both logs have.
func (s *shard) segments() int { return s.queues[small].count + s.queues[main].count }

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

// evict takes one step: an item goes, or moves on. It reports false where there is nothing, or nothing but what has moved
// on since again was reset: however much is to go, an item that is in use is spared once by each who makes room, so that
// it does not go for being the only one in its shard while others have what nobody wants.
func (s *shard) evict(cause engine.EvictionCause) bool {
	first, second := small, main
	if s.queues[main].live > 0 && s.queues[small].weight() <= s.tune.target(s.weight()) {
		first, second = main, small
	}
	return s.step(first, cause) || s.step(second, cause)
}

// step looks at the oldest item of a queue.
func (s *shard) step(number int, cause engine.EvictionCause) bool {
	off := s.oldest(&s.queues[number])
	if off == 0 || off == s.again {
		return false
	}
	r := s.record(off)
	s.warmNext(&s.queues[number], off, r)
	h := s.e.hash(r.key())
	sl := s.findAt(h, off)
	switch {
	case r.meta&expiryBit != 0 && r.expired(s.e.now()):
		s.expire(h, sl, r)
		return true
	case s.stale(r):
		s.invalidate(h, sl, r)
		return true
	case r.meta&trustBit != 0 && number == main:
		s.tune.judged(r.uses() > 0)
	}
	switch {
	case number == small && s.spares(r) && s.move(h, sl, r, 0):
	case number == main && s.spares(r) && s.move(h, sl, r, r.uses()-1):
	default:
		s.lose(h, sl, r, cause, number)
	}
	return true
}

// warmNext asks for the line of the index that the step after the one on r needs.
func (s *shard) warmNext(q *queue, off uint64, r *record) {
	next := off + uint64(r.bytes())
	if next-q.first >= uint64(s.segment(q.first).used) {
		return
	}
	if n := s.record(next); !n.dead() {
		s.warmLine(s.e.hash(n.key()))
	}
}

// spares reports whether an item stays because it is in use. Where items are too far above the bound that ends with small
// ones: while nothing but items in use is found in a large store, callers could fill the memory of the machine.
func (s *shard) spares(r *record) bool {
	return r.uses() > 0 && (r.side() || !s.e.full(-min(slackBytes/4, s.e.bytesMax/16)))
}

// lose evicts an item of a queue.
func (s *shard) lose(h uint64, sl *uint64, r *record, cause engine.EvictionCause, number int) {
	bytes := int64(r.bytes())
	if r.side() {
		bytes += s.side[r.sideNumber()].bytes
	}
	s.past.add(h, memory{cause: op.Evicted, main: number == main, at: s.tune.gone(number, bytes, s.weight())}, s.items)
	s.tell(engine.ItemEvicted, r.key())
	s.remove(h, sl, r)
	s.marked(h)
	s.sp.evicted[cause].Add(1)
}

// weight is what the queue's items take.
func (q *queue) weight() int64 { return q.live + q.side }

// weight is what the items of both queues take.
func (s *shard) weight() int64 { return s.queues[small].weight() + s.queues[main].weight() }

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
	to.meta &^= trustBit
	if to.side() {
		number := to.sideNumber()
		s.assign(number, &s.queues[main])
		if bytes := s.side[number].bytes; bytes > s.size()/restPart {
			s.spared = bytes
		}
	}
	s.kill(pos(*sl))
	*sl = slot(h<<s.skip, off)
	s.dueAt(off, to.expiry())
	if s.again == 0 {
		s.again = off
	}
	return true
}

// entrance returns the queue that a new item enters.
func (s *shard) entrance(h uint64, d *draft) *queue {
	m, ok := s.past.take(h)
	if !ok || m.cause != op.Evicted {
		return &s.queues[small]
	}
	from := small
	if m.main {
		from = main
	}
	if d.trusted = s.tune.returned(s, from, m.at); d.trusted {
		return &s.queues[main]
	}
	return &s.queues[small]
}
