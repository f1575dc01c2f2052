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
		next := e.sweep(ctx)
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
	resweepMillis = 2000    // a segment whose items expire one by one is looked at this often
	sweepRecords  = 1 << 10 // looked at under one lock
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

// sweep does all there is to do, and returns when the next item expires.
func (e *Engine) sweep(ctx context.Context) (next int64) {
	for e.graves.dig() && ctx.Err() == nil {
	}
	next = never
	for _, sp := range e.spaces.all() {
		began := e.now()
		due, marked := sp.sweepTags(began)
		next = min(next, due)
		for _, s := range sp.layout.Load().shards {
			if ctx.Err() != nil {
				return never
			}
			next = min(next, s.sweep())
		}
		if marked {
			sp.tags.after.Store(e.now() + max(sweepTagsMillis, sweepTagsRest*(e.now()-began)))
		}
	}
	e.blocks.trim()
	e.arena.trim(e.arena.committed.Load()-e.arena.inUse.Load() > e.slack/2)
	return next
}

func (t *spaces) all() []*space {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return append([]*space(nil), t.list...)
}

// sweep takes expired items out of a shard and rewrites its sparse segments, a little at a time.
func (s *shard) sweep() (due int64) {
	now := s.e.now()
	for s.due.Load() <= now {
		s.mu.Lock()
		more := s.sweepStep(now)
		s.finish()
		if !more {
			break
		}
	}
	s.mu.Lock()
	if s.items == 0 && len(s.dir) > 0 {
		s.vacate()
	}
	s.finish()
	for s.waste.Load() {
		s.mu.Lock()
		more := s.compact(compactRun)
		s.waste.Store(more)
		s.finish()
	}
	return s.due.Load()
}

// sweepStep works on one segment in which something has expired. It reports false when there is none.
func (s *shard) sweepStep(now int64) bool {
	due := int64(never)
	for i := range s.queues {
		for seg := s.queues[i].first; seg != 0; seg = s.segment(seg).next {
			g := s.segment(seg)
			if g.due <= now {
				s.sweepSegment(seg, now)
				return true
			}
			due = min(due, g.due)
		}
	}
	s.due.Store(due)
	return false
}

// sweepSegment takes expired items out of a segment, which may go with them.
func (s *shard) sweepSegment(seg uint64, now int64) {
	g := s.segment(seg)
	if g.swept == 0 {
		g.swept, g.later = uint32(segmentHead), never
	}
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
