package local

import "math/bits"

// Cleaning copies what is alive in sparse neighbouring segments into new ones in their place, so that nobody's age
// changes. It is done a few records at a time, since callers wait for the shard meanwhile.
const (
	cleanRun     = 4        // neighbouring segments that are rewritten together
	cleanRecords = 8        // copied in one step,
	cleanBytes   = 16 << 10 // up to so many bytes
	cleanLook    = 16       // segments looked at in one step
	cleanDead    = 8        // a queue is looked through again when this part of it has died since
)

// cleaner is where the cleaning of a queue has come to.
type cleaner struct {
	from uint64 // the segment that is being emptied; 0 is none
	at   uint32 // the records before have moved
	run  int    // segments to empty, that one included
	live int    // bytes of records in them that have not moved
	to   uint64 // the segment that they move to; 0 is none yet
	hand uint64 // the next segment to look at; 0 is none
	look int    // segments still to look at
	dead int64  // bytes of records that have died since all were looked at
}

// clean does one step. It reports false where nothing can be gained.
func (s *shard) clean() bool {
	return s.cleanQueue(&s.queues[small]) || s.cleanQueue(&s.queues[main])
}

func (s *shard) cleanQueue(q *queue) bool {
	c := &q.clean
	if c.from != 0 {
		return s.cleanStep(q)
	}
	if c.look == 0 {
		if c.dead <= q.held/cleanDead {
			return false
		}
		c.hand, c.look, c.dead = q.first, q.count, 0
	}
	for range cleanLook {
		if c.look == 0 || c.hand == 0 || c.hand == q.last {
			c.hand, c.look = 0, 0
			return false
		}
		c.look--
		if n, live := s.sparseRun(q, c.hand); n > 0 {
			*c = cleaner{from: c.hand, run: n, live: live, look: c.look, dead: c.dead}
			return s.cleanStep(q)
		}
		c.hand = s.segment(c.hand).next
	}
	return true
}

// sparseRun returns how many segments from seg on gain a quarter when they are rewritten, none where they do not, and
// the bytes of their records.
func (s *shard) sparseRun(q *queue, seg uint64) (n, records int) {
	var held, live uint32
	for n := 1; n <= cleanRun && seg != 0 && seg != q.last; n++ {
		g := s.segment(seg)
		held += g.size
		live += g.live + uint32(segmentHead)
		if rewritten(live)*4 <= held*3 {
			return n, int(live) - n*int(segmentHead)
		}
		seg = g.next
	}
	return 0, 0
}

// rewritten is the size of the segments for so many live bytes.
func rewritten(live uint32) uint32 {
	if live >= chunkBytes {
		return (live + chunkBytes - 1) / chunkBytes * chunkBytes
	}
	return max(segmentMin, uint32(1)<<bits.Len32(live-1))
}

// cleanStep copies some records of the run.
func (s *shard) cleanStep(q *queue) bool {
	c := &q.clean
	records, bytes, failed := 0, 0, false
	for c.from != 0 {
		at := s.between(c.from, c.at, func(off uint64, r *record) bool {
			n := r.bytes()
			if records++; records > cleanRecords || bytes+n > cleanBytes && bytes > 0 {
				return false
			}
			bytes += n
			failed = !s.cleanOne(q, off, r)
			return !failed
		})
		if failed {
			*c = cleaner{}
			return false
		}
		if c.at = at; at < s.segment(c.from).used {
			return true
		}
		s.freeSegment(c.from)
	}
	return true
}

// cleanOne moves a record. It reports false where there is no memory for that.
func (s *shard) cleanOne(q *queue, off uint64, r *record) bool {
	c := &q.clean
	n := r.bytes()
	if c.to == 0 || int(s.segment(c.to).size-s.segment(c.to).used) < n {
		to, err := s.newSegmentOf(q, max(n, min(c.live, recordMax)))
		if err != nil {
			return false
		}
		before := c.to
		if before == 0 {
			before = s.segment(c.from).prev
		}
		s.linkAfter(q, before, to)
		c.to = to
	}
	c.live -= n
	s.transfer(q, c.to, off, r)
	return true
}

// passed is told of a segment that is about to be given back.
func (c *cleaner) passed(q *queue, off uint64, g *segment) {
	if off == c.to {
		c.to = 0
	}
	if off == c.hand {
		c.hand = g.next
	}
	if off != c.from {
		return
	}
	if c.from, c.at = g.next, 0; c.run > 1 && g.next != 0 && g.next != q.last {
		c.run--
		return
	}
	c.hand, c.from, c.to = g.next, 0, 0
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
