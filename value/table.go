package value

import (
	"bytes"
	"hash/maphash"
)

// table is a large dictionary or set, or the half of a large sorted set that finds values: records in an arena and an
// index over them.
type table struct {
	kind  Kind
	count int
	index index
	arena arena
	moved func(from, to ref) // tells the other half of a sorted set that a record has moved; nil elsewhere
}

// seed makes hashes differ from process to process, so that nobody can choose keys that collide.
var seed = maphash.MakeSeed()

func hashOf(key []byte) uint32 { return uint32(maphash.Bytes(seed, key) >> 32) }

func newTable(k Kind) *table {
	t := &table{kind: k}
	t.reset()
	return t
}

func (t *table) reset() {
	t.count = 0
	t.index.init()
	t.arena = arena{current: -1}
}

// record returns a record and where its parts are.
func (t *table) record(r ref) ([]byte, span) {
	b := t.arena.at(r)
	s := measure(t.kind, b)
	return b[:s.end:s.end], s
}

// key returns the key of a record.
func (t *table) key(r ref) []byte {
	b := t.arena.at(r)
	s := measure(t.kind, b)
	return b[s.key:s.keyEnd:s.keyEnd]
}

// find returns the slot of a key.
func (t *table) find(h uint32, key []byte) (s *segment, i int, ok bool) {
	s = t.index.segment(h)
	for i = s.home(h); s.slots[i] != 0; i = s.next(i) {
		if hashIn(s.slots[i]) == h && bytes.Equal(t.key(refIn(s.slots[i])), key) {
			return s, i, true
		}
	}
	return s, i, false
}

// lookup returns the record of a key.
func (t *table) lookup(key []byte) (ref, []byte, span, bool) {
	s, i, ok := t.find(hashOf(key), key)
	if !ok {
		return 0, nil, span{}, false
	}
	r := refIn(s.slots[i])
	rec, sp := t.record(r)
	return r, rec, sp, true
}

// put adds an element or replaces the one with its key, and returns where it is now.
func (t *table) put(e *element) (r ref, added bool) {
	h := hashOf(e.key)
	size := e.size(t.kind)
	s, i, ok := t.find(h, e.key)
	if !ok {
		b, r := t.arena.make(size)
		e.append(t.kind, b[:0])
		t.index.insert(h, r)
		t.count++
		return r, true
	}
	r = refIn(s.slots[i])
	rec, _ := t.record(r)
	if align(len(rec)) == align(size) {
		e.append(t.kind, t.arena.at(r)[:0:align(size)])
		return r, false
	}
	b, n := t.arena.make(size)
	e.append(t.kind, b[:0])
	s.slots[i] = slotOf(h, n)
	t.arena.free(r, len(rec))
	return t.tidy(n), false
}

// remove takes a key's record away.
func (t *table) remove(key []byte) bool {
	s, i, ok := t.find(hashOf(key), key)
	if !ok {
		return false
	}
	r := refIn(s.slots[i])
	rec, _ := t.record(r)
	t.index.remove(s, i)
	t.count--
	t.arena.free(r, len(rec))
	t.tidy(0)
	return true
}

// tidy moves the living records out of a page that is mostly dead, if there is one to reclaim, and returns where the
// record at r is then.
func (t *table) tidy(r ref) ref {
	p, ok := t.arena.victim()
	if !ok {
		return r
	}
	for at := 0; at < len(t.arena.pages[p].data); {
		old := ref(p<<refPageShift|at/refAlign) + 1
		rec, s := t.record(old)
		at += align(len(rec))
		seg, i, ok := t.owner(old, rec[s.key:s.keyEnd])
		if !ok {
			continue
		}
		b, n := t.arena.make(len(rec))
		copy(b, rec)
		seg.slots[i] = slotOf(hashIn(seg.slots[i]), n)
		if t.moved != nil {
			t.moved(old, n)
		}
		if r == old {
			r = n
		}
		t.arena.live -= align(len(rec))
	}
	t.arena.release(p)
	return r
}

// owner returns the slot that points at a record, if it is alive.
func (t *table) owner(r ref, key []byte) (s *segment, i int, ok bool) {
	h := hashOf(key)
	s = t.index.segment(h)
	for i = s.home(h); s.slots[i] != 0; i = s.next(i) {
		if refIn(s.slots[i]) == r {
			return s, i, true
		}
	}
	return s, i, false
}

// all calls yield for each record until it returns false.
func (t *table) all(yield func(rec []byte, s span) bool) bool {
	for i := range t.index.segments {
		for _, slot := range t.index.segments[i].slots {
			if slot == 0 {
				continue
			}
			if rec, s := t.record(refIn(slot)); !yield(rec, s) {
				return false
			}
		}
	}
	return true
}

// scan calls yield for about limit records from a cursor on and returns the next cursor, 0 at the end.
func (t *table) scan(cursor uint64, limit int, yield func(rec []byte, s span)) (next uint64) {
	h := uint32(cursor)
	for seen := 0; seen < limit; {
		h = t.index.at(h, func(r ref) {
			seen++
			rec, s := t.record(r)
			yield(rec, s)
		})
		if h == 0 {
			return 0
		}
	}
	return uint64(h)
}

func (t *table) bytes() int { return tableBytes + t.index.bytes() + t.arena.bytes() }

const tableBytes = 224
