package value

import "math/bits"

// index finds records by the hash of their keys. It is an extendible hash table: the first bits of a hash choose a
// segment through a directory, the next ones a slot in it, so that an index grows a segment at a time and its order is
// the order of hashes, whatever its size. Slots hold hash and ref, no pointers.
type index struct {
	dir      []uint32 // by the first depth bits of a hash, the number of a segment
	segments []segment
	depth    uint8
	slots    int // of all segments
}

// segment is a table with linear probing.
type segment struct {
	slots []uint64 // hash << 32 | ref; 0 is free
	used  int
	depth uint8 // how many first bits all hashes here share
}

const (
	segmentSlotsMin = 8
	segmentSlotsMax = 4096
	depthMax        = 20
	slotBytes       = 8
)

func slotOf(h uint32, r ref) uint64  { return uint64(h)<<32 | uint64(r) }
func hashIn(slot uint64) uint32      { return uint32(slot >> 32) }
func refIn(slot uint64) ref          { return ref(uint32(slot)) }
func (s *segment) full() bool        { return s.used*8 >= len(s.slots)*7 }
func (s *segment) next(i int) int    { return (i + 1) & (len(s.slots) - 1) }
func (s *segment) home(h uint32) int { return int(h << s.depth >> (33 - bits.Len(uint(len(s.slots))))) }

func (x *index) segment(h uint32) *segment {
	return &x.segments[x.dir[x.slot(h)]]
}

// slot returns a hash's place in the directory.
func (x *index) slot(h uint32) uint32 { return uint32(uint64(h) >> (32 - x.depth)) }

func (x *index) init() {
	*x = index{dir: []uint32{0}, segments: []segment{{slots: make([]uint64, segmentSlotsMin)}}, slots: segmentSlotsMin}
}

// insert adds a slot for a key that is not there.
func (x *index) insert(h uint32, r ref) {
	s := x.segment(h)
	for s.full() {
		x.enlarge(h)
		s = x.segment(h)
	}
	s.add(slotOf(h, r))
}

func (s *segment) add(slot uint64) {
	i := s.home(hashIn(slot))
	for s.slots[i] != 0 {
		i = s.next(i)
	}
	s.slots[i] = slot
	s.used++
}

// enlarge makes room in the segment of a hash.
func (x *index) enlarge(h uint32) {
	n := x.dir[x.slot(h)]
	s := &x.segments[n]
	if len(s.slots) < segmentSlotsMax || s.depth == depthMax {
		x.resize(s, 2*len(s.slots))
		return
	}
	if s.depth == x.depth {
		x.widen()
	}
	old := s.slots
	depth := s.depth + 1
	x.segments = append(x.segments, segment{slots: make([]uint64, len(old)), depth: depth})
	low, high := &x.segments[n], &x.segments[len(x.segments)-1]
	*low = segment{slots: make([]uint64, len(old)), depth: depth}
	x.slots += len(old)
	for _, slot := range old {
		if slot == 0 {
			continue
		}
		if hashIn(slot)>>(32-depth)&1 == 0 {
			low.add(slot)
		} else {
			high.add(slot)
		}
	}
	// The directory entries of the old segment stand together; the second half is the new one's.
	width := uint32(1) << (x.depth - depth)
	first := x.slot(h) &^ (2*width - 1)
	for i := first + width; i < first+2*width; i++ {
		x.dir[i] = uint32(len(x.segments) - 1)
	}
}

// widen doubles the directory.
func (x *index) widen() {
	dir := make([]uint32, 2*len(x.dir))
	for i := range dir {
		dir[i] = x.dir[i/2]
	}
	x.dir, x.depth = dir, x.depth+1
}

func (x *index) resize(s *segment, n int) {
	old := s.slots
	x.slots += n - len(old)
	s.slots, s.used = make([]uint64, n), 0
	for _, slot := range old {
		if slot != 0 {
			s.add(slot)
		}
	}
}

// remove frees slot i and moves up those behind it that would be lost otherwise.
func (x *index) remove(s *segment, i int) {
	s.used--
	mask := len(s.slots) - 1
	for j := s.next(i); s.slots[j] != 0; j = s.next(j) {
		if home := s.home(hashIn(s.slots[j])); (j-home)&mask >= (j-i)&mask {
			s.slots[i] = s.slots[j]
			i = j
		}
	}
	s.slots[i] = 0
	if len(s.slots) > segmentSlotsMin && s.used*8 < len(s.slots) {
		x.resize(s, len(s.slots)/2)
	}
}

// at calls yield for the refs of one bucket, those whose hashes have the same home, and returns the least hash of the
// next bucket, 0 at the end.
func (x *index) at(h uint32, yield func(ref)) (next uint32) {
	s := x.segment(h)
	home := s.home(h)
	for i := home; s.slots[i] != 0; i = s.next(i) {
		if s.home(hashIn(s.slots[i])) == home {
			yield(refIn(s.slots[i]))
		}
	}
	width := uint32(1) << (33 - bits.Len(uint(len(s.slots))) - int(s.depth))
	return (h &^ (width - 1)) + width
}

// random returns some ref, each about as likely as the others. The index is not empty.
func (x *index) random(r Rand) ref {
	for range 64 {
		s := x.segment(uint32(r.Uint64() >> 32))
		for range 32 {
			if slot := s.slots[r.Uint64()&uint64(len(s.slots)-1)]; slot != 0 {
				return refIn(slot)
			}
		}
	}
	for i := range x.segments {
		for _, slot := range x.segments[i].slots {
			if slot != 0 {
				return refIn(slot)
			}
		}
	}
	return 0
}

// bytes returns what the index holds on the heap.
func (x *index) bytes() int {
	return x.slots*slotBytes + heapBytes(cap(x.dir)*4) + heapBytes(cap(x.segments)*segmentBytes)
}

const segmentBytes = 40
