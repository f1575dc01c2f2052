package local

import (
	"context"
	"time"
)

// Run implements engine.Runner: it takes out what has expired, rewrites sparse segments, and gives memory back. It
// sleeps until the next item expires or something is kicked loose; while nothing does, it does not wake.
func (e *Engine) Run(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			e.wakeAt.Store(0)
			return nil
		case <-timer.C:
		case <-e.kicks:
			// What comes within a moment is done at once.
			if !pause(ctx, kickDelay) {
				continue
			}
		}
		// From here on an item that expires sooner than all others kicks again.
		e.wakeAt.Store(never)
		next := e.sweep(newPacer(ctx))
		if next == never {
			timer.Stop()
			continue
		}
		e.wakeAt.Store(next)
		timer.Reset(max(sweepEvery, time.Duration(next-e.now()+1)*time.Millisecond))
	}
}

// How often Run works.
const (
	kickDelay     = 300 * time.Millisecond
	sweepEvery    = 500 * time.Millisecond
	resweepMillis = 2000 // a segment whose items expire one by one is looked at this often
	sweepRecords  = 8    // looked at under one lock: callers try for longer than that takes
	sweepSegments = 8    // and so many heads of segments
	wasteMin      = 256 << 10
)

func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

// kick wakes Run, if it runs.
func (e *Engine) kick() {
	select {
	case e.kicks <- struct{}{}:
	default:
	}
}

// soon notes an expiry, and wakes Run if it would sleep past it.
func (s *shard) soon(expiry int64) {
	if expiry < s.due.Load() {
		s.due.Store(expiry)
		if expiry < s.e.wakeAt.Load() {
			s.e.kick()
		}
	}
}

// pacer has Run work in bursts and sleep between them. The kernel lets a thread finish that has just woken, and takes the
// processor from one that has had it for long, for up to a tick: with a shard's lock in its hand, if it happens to hold one.
type pacer struct {
	ctx   context.Context
	until time.Time // the burst ends
}

// How long a burst is, and the sleep after it.
const (
	burstMin = 200 * time.Microsecond
	burstMax = 2 * time.Millisecond // where others keep the processor, each sleep is longer than asked for
	burstGap = 100 * time.Microsecond
)

func newPacer(ctx context.Context) *pacer {
	return &pacer{ctx: ctx, until: time.Now().Add(burstMin)}
}

// more is asked between two steps, outside of locks: it sleeps when the burst is over. It reports false when Run is to end.
func (p *pacer) more() bool {
	if now := time.Now(); now.After(p.until) {
		time.Sleep(burstGap)
		woke := time.Now()
		p.until = woke.Add(min(max(woke.Sub(now), burstMin), burstMax))
	}
	return p.ctx.Err() == nil
}

// sweep does all there is to do, and returns when the next item expires.
func (e *Engine) sweep(p *pacer) (next int64) {
	e.digAll(p)
	for done, steps := false, 0; !done && p.more(); steps += burstSteps {
		if steps == runSteps {
			e.kick()
			break
		}
		done = e.relieve(nil, 0, burstSteps)
	}
	next = never
	for _, sp := range e.spaces.all() {
		began := e.now()
		due, marked := sp.sweepTags(began)
		next = min(next, due)
		next = min(next, sp.sweep(p, began))
		if marked {
			sp.tags.after.Store(e.now() + max(sweepTagsMillis, sweepTagsRest*(e.now()-began)))
		}
	}
	e.digAll(p)
	e.blocks.trim()
	e.arena.trim(e.arena.idle() > idleMax)
	return next
}

// digAll gives back the memory of what was dropped.
func (e *Engine) digAll(p *pacer) {
	for p.more() && e.graves.dig() > 0 {
		e.arena.ease()
	}
}

// sweep does all there is to do in a space, and returns when its next item expires.
func (sp *space) sweep(p *pacer, now int64) (next int64) {
	next = never
	shards := append([]*shard(nil), sp.layout.Load().shards...)
	for len(shards) > 0 {
		// A step on each in turn, so that nobody who waits for one meets Run there again.
		left := shards[:0]
		for _, s := range shards {
			if !p.more() {
				return never
			}
			if s.sweep(now) {
				left = append(left, s)
			} else {
				next = min(next, s.due.Load())
			}
		}
		shards = left
	}
	return next
}

func (t *spaces) all() []*space {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return append([]*space(nil), t.list...)
}

// sweep takes a step at a shard: some expired items go, or some records of sparse segments move together. It reports
// false when there is nothing left to do.
func (s *shard) sweep(now int64) (more bool) {
	if s.due.Load() > now && !s.laps.Load() && !s.waste.Load() && !s.empty.Load() {
		return false
	}
	s.enter()
	defer s.leave()
	switch {
	case s.due.Load() <= now || s.lap.on:
		s.sweepStep(now)
		return true
	case s.empty.Swap(false) && s.items == 0:
		s.waste.Store(false)
		s.vacate()
	case s.waste.Load():
		more = s.clean()
		s.waste.Store(more)
	}
	return more
}

// enter locks the shard for Run, and says so to callers who find it locked.
func (s *shard) enter() {
	s.swept.Store(true)
	s.mu.Lock()
}

// leave is finish, for Run.
func (s *shard) leave() {
	steps, told := s.settle()
	s.mu.Unlock()
	s.swept.Store(false)
	s.e.after(s.sp, steps, told)
}

// lap is a walk over all segments of a shard, to find those in which something has expired.
type lap struct {
	on     bool
	all    bool // items may have been invalidated: it works on every segment
	queue  int
	seg    uint64 // the next one; 0 is the end of the queue
	marked uint64 // the segment that is due since it is gone through for the sake of all
	due    int64  // the earliest expiry found so far
}

// beginLap begins a lap, or begins one under way again.
func (s *shard) beginLap(all bool) {
	s.lap = lap{on: true, all: all, seg: s.queues[small].first, due: never}
	s.laps.Store(true)
	s.due.Store(never) // and earlier again, where records are added behind the lap
}

// sweepStep looks at some segments, and works on the first in which something has expired.
func (s *shard) sweepStep(now int64) {
	l := &s.lap
	if !l.on {
		s.beginLap(false)
	}
	for range sweepSegments {
		if l.seg == 0 && l.queue == main {
			l.on = false
			s.laps.Store(false)
			s.due.Store(min(s.due.Load(), l.due))
			return
		}
		if l.seg == 0 {
			l.queue, l.seg = main, s.queues[main].first
			continue
		}
		g := s.segment(l.seg)
		if l.all && l.marked != l.seg {
			l.marked, g.due, g.swept = l.seg, min(g.due, now), 0 // from its beginning
		}
		if g.due <= now {
			s.sweepSegment(l.seg, now)
			return
		}
		l.due, l.seg = min(l.due, g.due), g.next
	}
}

// sweepSegment takes some expired items out of a segment, which may go with them.
func (s *shard) sweepSegment(seg uint64, now int64) {
	g := s.segment(seg)
	if g.swept == 0 {
		g.swept, g.later = uint32(segmentHead), never
	}
	s.warmSweep(seg, g)
	for range sweepRecords {
		if g.swept >= g.used {
			g.due, g.swept = g.later, 0
			if g.due != never {
				g.due = max(g.due, now+resweepMillis)
			}
			return
		}
		off := seg + uint64(g.swept)
		r := s.record(off)
		g.swept += uint32(r.bytes())
		if r.dead() || r.meta&(expiryBit|attrsBit) == 0 {
			continue
		}
		expired := r.expired(now)
		if !expired && !s.stale(r) {
			if x := r.expiry(); x != 0 {
				g.later = min(g.later, x)
			}
			continue
		}
		last := g.items == 1
		h := s.e.hash(r.key())
		if expired {
			s.expire(h, s.findAt(h, off), r)
		} else {
			s.invalidate(h, s.findAt(h, off), r)
		}
		if last {
			return
		}
	}
}

// warmSweep asks for the lines of the index and of the past that the items which go next need, so that they come together
// and callers wait less long.
func (s *shard) warmSweep(seg uint64, g *segment) {
	for at, n := g.swept, 0; n < sweepRecords && at < g.used; n++ {
		r := s.record(seg + uint64(at))
		at += uint32(r.bytes())
		if !r.dead() && r.meta&expiryBit != 0 {
			h := s.e.hash(r.key())
			s.warmLine(h)
			s.past.warm(h)
		}
	}
}
