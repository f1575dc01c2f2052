package value

import (
	"bytes"
	"slices"
	"sort"
)

// order is the half of a large sorted set that knows its order: chunks of scores and refs, each in order.
type order struct {
	table  *table
	chunks []chunk
	counts []int32 // of the chunks, together so that they are quickly summed
	held   int     // bytes of the chunks' arrays
}

type chunk struct {
	scores []float64
	refs   []ref
}

const (
	chunkMax     = 1024
	chunkBytes   = 48
	chunkElement = 12 // a score and a ref
)

// compare orders an element against a record: by score, then by bytes.
func (o *order) compare(score float64, key []byte, s float64, r ref) int {
	switch {
	case score < s:
		return -1
	case score > s:
		return 1
	}
	return bytes.Compare(key, o.table.key(r))
}

// search returns the first place whose element is not before (score, key).
func (o *order) search(score float64, key []byte) (c, i int) {
	return o.first(func(s float64, r ref) bool { return o.compare(score, key, s, r) <= 0 })
}

// first returns the first place for which is holds; is holds for everything after it.
func (o *order) first(is func(s float64, r ref) bool) (c, i int) {
	// The last chunk that begins before that place holds it.
	c = sort.Search(len(o.chunks), func(c int) bool { return is(o.chunks[c].scores[0], o.chunks[c].refs[0]) })
	if c == 0 {
		return 0, 0
	}
	c--
	ch := &o.chunks[c]
	i = sort.Search(len(ch.refs), func(i int) bool { return is(ch.scores[i], ch.refs[i]) })
	if i == len(ch.refs) {
		return c + 1, 0
	}
	return c, i
}

// rank returns the number of elements before a place.
func (o *order) rank(c, i int) int {
	n := i
	for _, count := range o.counts[:c] {
		n += int(count)
	}
	return n
}

// place returns where the element of a rank is.
func (o *order) place(rank int) (c, i int) {
	for c, count := range o.counts {
		if rank < int(count) {
			return c, rank
		}
		rank -= int(count)
	}
	return len(o.chunks), 0
}

func (o *order) insert(score float64, key []byte, r ref) {
	c, i := o.search(score, key)
	if len(o.chunks) == 0 {
		o.chunks, o.counts = append(o.chunks, chunk{}), append(o.counts, 0)
	}
	if i == 0 && c > 0 {
		c, i = c-1, len(o.chunks[c-1].refs)
	}
	if len(o.chunks[c].refs) >= chunkMax {
		c, i = o.split(c, i)
	}
	ch := &o.chunks[c]
	o.held -= ch.bytes()
	ch.scores, ch.refs = slices.Insert(ch.scores, i, score), slices.Insert(ch.refs, i, r)
	o.held += ch.bytes()
	o.counts[c]++
}

// split divides chunk c and returns where its place i is then. An insertion at the end leaves the chunk nearly full, since
// the next one will come there too.
func (o *order) split(c, i int) (int, int) {
	ch := &o.chunks[c]
	o.held -= ch.bytes()
	at := len(ch.refs) / 2
	if i == len(ch.refs) {
		at = len(ch.refs) - len(ch.refs)/16
	}
	right := chunk{scores: slices.Clone(ch.scores[at:]), refs: slices.Clone(ch.refs[at:])}
	left := chunk{scores: slices.Clone(ch.scores[:at]), refs: slices.Clone(ch.refs[:at])}
	*ch = left
	o.held += left.bytes() + right.bytes()
	o.chunks = slices.Insert(o.chunks, c+1, right)
	o.counts = slices.Insert(o.counts, c+1, int32(len(right.refs)))
	o.counts[c] = int32(at)
	if i > at {
		return c + 1, i - at
	}
	return c, i
}

func (o *order) removeAt(c, i int) {
	ch := &o.chunks[c]
	o.held -= ch.bytes()
	ch.scores, ch.refs = slices.Delete(ch.scores, i, i+1), slices.Delete(ch.refs, i, i+1)
	o.counts[c]--
	switch n := len(ch.refs); {
	case n == 0:
		o.chunks, o.counts = slices.Delete(o.chunks, c, c+1), slices.Delete(o.counts, c, c+1)
		return
	case c+1 < len(o.chunks) && n+len(o.chunks[c+1].refs) <= chunkMax/2:
		next := &o.chunks[c+1]
		o.held -= next.bytes()
		ch.scores, ch.refs = append(ch.scores, next.scores...), append(ch.refs, next.refs...)
		o.counts[c] = int32(len(ch.refs))
		o.chunks, o.counts = slices.Delete(o.chunks, c+1, c+2), slices.Delete(o.counts, c+1, c+2)
		ch = &o.chunks[c]
	case n*4 < cap(ch.refs):
		ch.scores, ch.refs = slices.Clone(ch.scores), slices.Clone(ch.refs)
	}
	o.held += ch.bytes()
}

// moved gives a record that has moved its new place.
func (o *order) moved(from, to ref) {
	rec, s := o.table.record(from)
	c, i := o.search(scoreOf(rec, s), rec[s.key:s.keyEnd])
	o.chunks[c].refs[i] = to
}

func (c *chunk) bytes() int { return heapBytes(cap(c.scores)*8) + heapBytes(cap(c.refs)*4) }

func (o *order) bytes() int {
	return o.held + heapBytes(cap(o.chunks)*chunkBytes) + heapBytes(cap(o.counts)*4)
}
