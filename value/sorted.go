package value

import (
	"bytes"
	"math"
)

// Sorted is a sorted set: different values with a score each, in the order of scores, and of bytes where scores are
// equal. Places in that order are indexes from 0. What it returns is borrowed until it is changed; what it is given
// must not be borrowed from it.
type Sorted struct {
	keyed
	order *order // nil while packed
}

func newSorted() *Sorted { return &Sorted{keyed: keyed{kind: SortedSet}} }

// Bytes implements Collection.
func (z *Sorted) Bytes() int64 {
	if z.order == nil {
		return 0
	}
	return z.keyed.Bytes() + orderBytes + int64(z.order.bytes())
}

const orderBytes = 64

// Clear removes every value.
func (z *Sorted) Clear() {
	z.keyed.Clear()
	z.order = nil
}

// Score returns the score of a value.
func (z *Sorted) Score(v []byte) (float64, bool) {
	rec, s, ok := z.lookup(v)
	if !ok {
		return 0, false
	}
	return scoreOf(rec, s), true
}

// Put gives a value a score. It reports whether the value is new.
func (z *Sorted) Put(v []byte, score float64) (added bool) {
	if score == 0 {
		score = 0 // not -0: a Redis server, too, forgets that sign in small sorted sets
	}
	old, ok := z.Score(v)
	if ok && math.Float64bits(old) == math.Float64bits(score) {
		return false
	}
	z.dirty = true
	e := &element{key: v, score: score}
	if z.large == nil {
		size := 0
		if ok {
			size = e.size(SortedSet)
		}
		if z.flat.fits(SortedSet, e, size) {
			z.putFlat(e, ok)
			return !ok
		}
		z.grow()
	}
	if ok {
		z.order.removeAt(z.order.search(old, v))
	}
	r, added := z.large.put(e)
	z.order.insert(score, v, r)
	return added
}

// putFlat writes an element in its place in the order.
func (z *Sorted) putFlat(e *element, old bool) {
	if old {
		at, s, _ := z.flat.find(SortedSet, e.key)
		z.flat.remove(at, s.end)
	}
	at := headerBytes
	for at < len(z.flat.buf) {
		rec := z.flat.buf[at:]
		s := measure(SortedSet, rec)
		if sc := scoreOf(rec, s); e.score < sc || e.score == sc && bytes.Compare(e.key, rec[s.key:s.keyEnd]) < 0 {
			break
		}
		at += s.end
	}
	z.flat.put(SortedSet, at, 0, e)
}

func (z *Sorted) grow() {
	t := newTable(SortedSet)
	z.order = &order{table: t}
	t.moved = z.order.moved
	for rec, s := range z.all {
		e := decode(SortedSet, rec, s)
		r, _ := t.put(&e)
		z.order.insert(e.score, e.key, r)
	}
	z.large, z.flat = t, flat{}
}

// Delete removes a value and reports whether it was there.
func (z *Sorted) Delete(v []byte) bool {
	if z.large == nil {
		return z.remove(v)
	}
	score, ok := z.Score(v)
	if !ok {
		return false
	}
	z.order.removeAt(z.order.search(score, v))
	return z.remove(v)
}

// Index returns the place of a value in the order, from 0.
func (z *Sorted) Index(v []byte) (int, bool) {
	score, ok := z.Score(v)
	if !ok {
		return 0, false
	}
	if z.large != nil {
		return z.order.rank(z.order.search(score, v)), true
	}
	return z.count(func(_ float64, key []byte) bool { return !bytes.Equal(key, v) }), true
}

// count returns how many elements of a packed set stand before the first for which before does not hold.
func (z *Sorted) count(before func(score float64, key []byte) bool) int {
	n := 0
	for rec, s := range z.all {
		if !before(scoreOf(rec, s), rec[s.key:s.keyEnd]) {
			break
		}
		n++
	}
	return n
}

// Below returns how many values have a score less than score, or, where equal is true, at most score.
func (z *Sorted) Below(score float64, equal bool) int {
	before := func(s float64) bool { return s < score || equal && s == score }
	if z.large == nil {
		return z.count(func(s float64, _ []byte) bool { return before(s) })
	}
	return z.order.rank(z.order.first(func(s float64, _ ref) bool { return !before(s) }))
}

// Before returns how many values are less than v in bytes, or, where equal is true, at most v. It has a meaning only
// where all scores are equal.
func (z *Sorted) Before(v []byte, equal bool) int {
	before := func(key []byte) bool {
		c := bytes.Compare(key, v)
		return c < 0 || equal && c == 0
	}
	if z.large == nil {
		return z.count(func(_ float64, key []byte) bool { return before(key) })
	}
	return z.order.rank(z.order.first(func(_ float64, r ref) bool { return !before(z.large.key(r)) }))
}

// At returns the value at an index and its score. There must be one.
func (z *Sorted) At(i int) (v []byte, score float64) {
	z.Range(i, i+1, func(key []byte, s float64) bool {
		v, score = key, s
		return false
	})
	return v, score
}

// Range yields the values from index from up to, not including, to. The set must not be changed meanwhile.
func (z *Sorted) Range(from, to int, yield func(v []byte, score float64) bool) {
	from, to = max(from, 0), min(to, z.Len())
	if z.large == nil {
		z.rangeFlat(from, to, yield)
		return
	}
	for c, i := z.order.place(from); from < to; c, i = c+1, 0 {
		ch := &z.order.chunks[c]
		for ; i < len(ch.refs) && from < to; i++ {
			if !yield(z.large.key(ch.refs[i]), ch.scores[i]) {
				return
			}
			from++
		}
	}
}

func (z *Sorted) rangeFlat(from, to int, yield func(v []byte, score float64) bool) {
	n := 0
	for rec, s := range z.all {
		if n >= to || n >= from && !yield(rec[s.key:s.keyEnd:s.keyEnd], scoreOf(rec, s)) {
			return
		}
		n++
	}
}

// Backward yields the values of Range from the last to the first.
func (z *Sorted) Backward(from, to int, yield func(v []byte, score float64) bool) {
	from, to = max(from, 0), min(to, z.Len())
	if from >= to {
		return
	}
	if z.large == nil {
		z.backwardFlat(from, to, yield)
		return
	}
	for c, i := z.order.place(to - 1); from < to; c-- {
		ch := &z.order.chunks[c]
		if i < 0 {
			i = len(ch.refs) - 1
		}
		for ; i >= 0 && from < to; i-- {
			if !yield(z.large.key(ch.refs[i]), ch.scores[i]) {
				return
			}
			to--
		}
		i = -1
	}
}

func (z *Sorted) backwardFlat(from, to int, yield func(v []byte, score float64) bool) {
	var ends [PackedElementsMax]uint16
	n, at := 0, headerBytes
	for range to {
		ends[n] = uint16(at)
		n, at = n+1, at+measure(SortedSet, z.flat.buf[at:]).end
	}
	for n > from {
		n--
		rec := z.flat.buf[ends[n]:]
		s := measure(SortedSet, rec)
		if !yield(rec[s.key:s.keyEnd:s.keyEnd], scoreOf(rec, s)) {
			return
		}
	}
}

// DeleteRange removes the values from index from up to, not including, to and returns how many they were.
func (z *Sorted) DeleteRange(from, to int) int {
	from, to = max(from, 0), min(to, z.Len())
	if from >= to {
		return 0
	}
	if from == 0 && to == z.Len() {
		z.Clear()
		return to
	}
	var key []byte
	for range to - from {
		v, _ := z.At(from)
		key = append(key[:0], v...)
		z.Delete(key)
	}
	return to - from
}

// Random returns some value and its score. There must be one.
func (z *Sorted) Random(r Rand) (v []byte, score float64) { return z.At(below(r, z.Len())) }

// Sample calls yield for n values, all different, or for all where there are fewer.
func (z *Sorted) Sample(n int, r Rand, yield func(v []byte, score float64)) {
	z.sample(n, r, func(rec []byte, s span) { yield(rec[s.key:s.keyEnd:s.keyEnd], scoreOf(rec, s)) })
}

// Scan calls yield for about limit values from a cursor on and returns the next cursor; 0 begins and ends. A value that
// is there throughout is seen at least once.
func (z *Sorted) Scan(cursor uint64, limit int, yield func(v []byte, score float64)) (next uint64) {
	return z.scan(cursor, limit, func(rec []byte, s span) { yield(rec[s.key:s.keyEnd:s.keyEnd], scoreOf(rec, s)) })
}
