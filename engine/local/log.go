package local

import (
	"math"
	"math/bits"
	"unsafe"
)

// segment is the head of one piece of a log, in front of its records. Its place in the list is its age.
type segment struct {
	next, prev uint64 // younger and older; 0 is none
	due        int64  // no record expires before; never is none
	size       uint32 // of the piece
	used       uint32 // up to here there are records
	live       uint32 // bytes of records that are not dead
	items      uint32 // records that are not dead
	swept      uint32 // where an unfinished sweep goes on
	queue      uint32
	later      int64 // the earliest expiry that the unfinished sweep has seen
}

const (
	segmentHead = uint64(unsafe.Sizeof(segment{}))
	never       = math.MaxInt64
	recordMax   = chunkBytes - int(segmentHead) // the longest record
	segmentMin  = 512
	segmentPart = 32 // a segment is at most this part of its queue, within segmentMin and a chunk
)

// queue is one log of a shard, from its oldest to its youngest segment. Eviction takes from the front, in order.
type queue struct {
	number uint32
	first  uint64 // the oldest segment; 0 is none
	last   uint64 // the one that is written to
	cursor uint32 // eviction has passed the records before, in the oldest segment
	live   int64
	held   int64 // bytes of segments
	side   int64 // bytes of the blocks and collections that its records name
	count  int   // segments
	clean  cleaner
}

func (s *shard) segment(off uint64) *segment { return (*segment)(s.a.at(off)) }

func (s *shard) record(off uint64) *record { return (*record)(s.a.at(off)) }

// append makes room for a record of n bytes at the young end of q and returns its offset.
func (s *shard) append(q *queue, n int) (uint64, error) {
	if q.last != 0 {
		if g := s.segment(q.last); int(g.size-g.used) >= n {
			return s.place(q, q.last, n), nil
		}
	}
	off, err := s.newSegment(q, n)
	if err != nil {
		return 0, err
	}
	s.linkAfter(q, q.last, off)
	return s.place(q, off, n), nil
}

// place takes n bytes of a segment with room.
func (s *shard) place(q *queue, seg uint64, n int) uint64 {
	g := s.segment(seg)
	off := seg + uint64(g.used)
	g.used += uint32(n)
	g.live += uint32(n)
	g.items++
	q.live += int64(n)
	return off
}

// newSegment allocates a segment that suits the size of the queue and holds a record of n bytes.
func (s *shard) newSegment(q *queue, n int) (uint64, error) {
	return s.newSegmentOf(q, max(n, min(int(q.live)/segmentPart, recordMax)))
}

// newSegmentOf allocates a segment for n bytes of records.
func (s *shard) newSegmentOf(q *queue, n int) (uint64, error) {
	size := min(1<<bits.Len(uint(max(segmentMin, n+int(segmentHead))-1)), chunkBytes)
	off, err := s.a.alloc(size)
	if err != nil {
		return 0, err
	}
	*s.segment(off) = segment{size: uint32(size), used: uint32(segmentHead), due: never, later: never, queue: q.number}
	q.held += int64(size)
	q.count++
	return off, nil
}

// linkAfter puts a segment behind another; before all of them where that is 0 and the queue is not empty.
func (s *shard) linkAfter(q *queue, before, off uint64) {
	g := s.segment(off)
	g.prev = before
	if before == 0 {
		g.next, q.first, q.cursor = q.first, off, 0
	} else {
		b := s.segment(before)
		g.next, b.next = b.next, off
	}
	if g.next == 0 {
		q.last = off
	} else {
		s.segment(g.next).prev = off
	}
}

// freeSegment takes a segment out of its queue and gives it back.
func (s *shard) freeSegment(off uint64) {
	g := s.segment(off)
	q := &s.queues[g.queue]
	if g.prev == 0 {
		q.first, q.cursor = g.next, 0
	} else {
		s.segment(g.prev).next = g.next
	}
	if g.next == 0 {
		q.last = g.prev
	} else {
		s.segment(g.next).prev = g.prev
	}
	q.held -= int64(g.size)
	q.live -= int64(g.live)
	q.count--
	q.clean.passed(q, off, g)
	if s.lap.seg == off {
		s.lap.seg, s.lap.marked = g.next, 0
	}
	s.a.free(off)
}

// kill marks a record as dead. Its segment goes when it was the last one.
func (s *shard) kill(off uint64) {
	r := s.record(off)
	n := r.bytes()
	r.meta |= deadBit
	seg := s.a.start(off)
	g := s.segment(seg)
	g.live -= uint32(n)
	g.items--
	q := &s.queues[g.queue]
	q.live -= int64(n)
	q.clean.dead += int64(n)
	if idle := q.held - q.live; idle > wasteMin && idle > q.held/2 && !s.waste.Load() {
		s.waste.Store(true)
		s.e.kick()
	}
	if g.items == 0 && (seg != q.last || g.used > g.size/2) {
		s.freeSegment(seg)
	}
}

// dueAt notes that the record at off expires at a time.
func (s *shard) dueAt(off uint64, expiry int64) {
	if expiry == 0 {
		return
	}
	g := s.segment(s.a.start(off))
	g.due, g.later = min(g.due, expiry), min(g.later, expiry)
	s.soon(expiry)
}

// oldest returns the record that the queue's eviction has come to, 0 where there is none. Dead ones are passed.
func (s *shard) oldest(q *queue) uint64 {
	for q.first != 0 {
		g := s.segment(q.first)
		at := max(q.cursor, uint32(segmentHead))
		for at < g.used {
			off := q.first + uint64(at)
			r := s.record(off)
			if !r.dead() {
				q.cursor = at
				return off
			}
			at += uint32(r.bytes())
		}
		if g.items == 0 && q.first != q.last {
			s.freeSegment(q.first)
			continue
		}
		q.cursor = at
		return 0
	}
	return 0
}

// between calls do with the offset of every record of a segment that is not dead, until do says stop.
func (s *shard) between(seg uint64, from uint32, do func(off uint64, r *record) bool) (at uint32) {
	g := s.segment(seg)
	at = max(from, uint32(segmentHead))
	for at < g.used {
		off := seg + uint64(at)
		r := s.record(off)
		n := uint32(r.bytes())
		if !r.dead() && !do(off, r) {
			return at
		}
		at += n
	}
	return at
}
