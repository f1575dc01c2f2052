package value

import (
	"bytes"
	"encoding/binary"
)

// Sequence is a list. Its elements have indexes from 0. What it returns is borrowed until it is changed; what it is
// given must not be borrowed from it.
type Sequence struct {
	dirty bool
	flat  flat
	large *strips // nil while packed
}

func newSequence() *Sequence { return &Sequence{} }

// Kind implements Collection.
func (l *Sequence) Kind() Kind { return List }

// Len implements Collection.
func (l *Sequence) Len() int {
	if l.large != nil {
		return l.large.count
	}
	return l.flat.count()
}

// Bytes implements Collection.
func (l *Sequence) Bytes() int64 {
	if l.large == nil {
		return 0
	}
	return int64(sequenceBytes + l.large.bytes())
}

const sequenceBytes = 160

func (l *Sequence) size() int {
	if l.large == nil {
		return len(l.flat.buf)
	}
	return l.large.held
}

// Packed implements Collection.
func (l *Sequence) Packed() ([]byte, bool) {
	if l.large != nil {
		return nil, false
	}
	return l.flat.buf, true
}

func (l *Sequence) open(view []byte) {
	l.flat.open(view)
	l.dirty = false
}

func (l *Sequence) start() {
	l.flat.clear()
	l.dirty = false
}

func (l *Sequence) changed() *bool { return &l.dirty }

// Clear removes every element.
func (l *Sequence) Clear() {
	l.dirty = true
	l.large = nil
	l.flat.clear()
}

// entryBytes returns the length of an element of a list: uvarint length, bytes.
func entryBytes(v []byte) int { return uvarintBytes(uint64(len(v))) + len(v) }

func appendEntry(b, v []byte) []byte {
	return append(binary.AppendUvarint(b, uint64(len(v))), v...)
}

// entry returns the first element in b and where it ends.
func entry(b []byte) (v []byte, end int) {
	n, m := uvarint(b)
	end = m + int(n)
	return b[m:end:end], end
}

// skip returns where the element n after the beginning of b begins.
func skip(b []byte, n int) int {
	at := 0
	for range n {
		size, m := uvarint(b[at:])
		at += m + int(size)
	}
	return at
}

// PushBack adds an element at the end.
func (l *Sequence) PushBack(v []byte) {
	if l.room(v, 0, 1) {
		l.splice(len(l.flat.buf), 0, v)
		return
	}
	l.large.pushBack(v)
}

// PushFront adds an element at the beginning.
func (l *Sequence) PushFront(v []byte) {
	if l.room(v, 0, 1) {
		l.splice(headerBytes, 0, v)
		return
	}
	l.large.pushFront(v)
}

// Insert adds an element so that it has index i, at most the length.
func (l *Sequence) Insert(i int, v []byte) {
	if l.room(v, 0, 1) {
		l.splice(headerBytes+skip(l.flat.buf[headerBytes:], i), 0, v)
		return
	}
	l.large.insert(i, v)
}

// Set replaces the element at an index that there is.
func (l *Sequence) Set(i int, v []byte) {
	old := 0
	if l.large == nil {
		old = entryBytes(l.At(i))
	}
	if l.room(v, old, 0) {
		l.splice(headerBytes+skip(l.flat.buf[headerBytes:], i), old, v)
		return
	}
	l.large.delete(i, i+1)
	l.large.insert(i, v)
}

// room reports whether a packed list can take v in the place of old bytes; otherwise the list is large now.
func (l *Sequence) room(v []byte, old, added int) bool {
	l.dirty = true
	if l.large != nil {
		return false
	}
	size := entryBytes(v)
	if size <= PackedElementMax && len(l.flat.buf)-old+size <= PackedBytesMax && l.flat.count()+added <= PackedElementsMax {
		return true
	}
	s := &strips{}
	l.All(func(v []byte) bool {
		s.pushBack(v)
		return true
	})
	l.large, l.flat = s, flat{}
	return false
}

func (l *Sequence) splice(at, old int, v []byte) {
	appendEntry(l.flat.splice(at, old, entryBytes(v)), v)
	if old == 0 {
		l.flat.add(1)
	}
}

// At returns the element at an index that there is.
func (l *Sequence) At(i int) []byte {
	if l.large != nil {
		return l.large.at(i)
	}
	b := l.flat.buf[headerBytes:]
	v, _ := entry(b[skip(b, i):])
	return v
}

// Delete removes the elements from index from up to, not including, to and returns how many they were.
func (l *Sequence) Delete(from, to int) int {
	from, to = max(from, 0), min(to, l.Len())
	if from >= to {
		return 0
	}
	l.dirty = true
	switch {
	case from == 0 && to == l.Len():
		l.Clear()
	case l.large != nil:
		l.large.delete(from, to)
	default:
		b := l.flat.buf[headerBytes:]
		at := skip(b, from)
		size := skip(b[at:], to-from)
		l.flat.splice(headerBytes+at, size, 0)
		l.flat.add(from - to)
	}
	return to - from
}

// All yields every element in order.
func (l *Sequence) All(yield func(v []byte) bool) { l.Range(0, l.Len(), yield) }

// Range yields the elements from index from up to, not including, to. The list must not be changed meanwhile.
func (l *Sequence) Range(from, to int, yield func(v []byte) bool) {
	from, to = max(from, 0), min(to, l.Len())
	if from >= to {
		return
	}
	if l.large != nil {
		l.large.span(from, to, yield)
		return
	}
	b := l.flat.buf[headerBytes:]
	b = b[skip(b, from):]
	for range to - from {
		v, end := entry(b)
		if !yield(v) {
			return
		}
		b = b[end:]
	}
}

// Backward yields every element from the last to the first.
func (l *Sequence) Backward(yield func(v []byte) bool) {
	if l.large == nil {
		backward(l.flat.buf[headerBytes:], l.flat.count(), yield)
		return
	}
	for c := len(l.large.strips) - 1; c >= 0; c-- {
		s := &l.large.strips[c]
		if !backward(s.buf[s.head:s.tail], int(s.n), yield) {
			return
		}
	}
}

// backward yields the n elements in b from the last to the first.
func backward(b []byte, n int, yield func(v []byte) bool) bool {
	var few [PackedElementsMax]int32
	begins := few[:]
	if n > len(few) {
		begins = make([]int32, n)
	}
	begins = begins[:n]
	at := 0
	for i := range begins {
		begins[i] = int32(at)
		at += skip(b[at:], 1)
	}
	for i := n - 1; i >= 0; i-- {
		if v, _ := entry(b[begins[i]:]); !yield(v) {
			return false
		}
	}
	return true
}

// DeleteEqual removes up to limit elements equal to v, the last ones where backward is true, and returns how many they
// were. A limit of 0 is none.
func (l *Sequence) DeleteEqual(v []byte, limit int, backward bool) int {
	found := 0
	l.All(func(e []byte) bool {
		if bytes.Equal(e, v) {
			found++
		}
		return backward || limit == 0 || found < limit
	})
	if found == 0 {
		return 0
	}
	spare := 0
	if limit > 0 && found > limit {
		spare, found = found-limit, limit
	}
	l.dirty = true
	if l.large != nil {
		l.large.deleteEqual(v, spare, found)
		return found
	}
	at := headerBytes
	for left := found; left > 0; {
		e, end := entry(l.flat.buf[at:])
		switch {
		case !bytes.Equal(e, v):
			at += end
		case spare > 0:
			spare--
			at += end
		default:
			l.flat.splice(at, end, 0)
			l.flat.add(-1)
			left--
		}
	}
	return found
}

// Head returns the first n elements, for range.
func (l *Sequence) Head(n int) func(yield func(v []byte) bool) {
	return func(yield func(v []byte) bool) { l.Range(0, n, yield) }
}

// Tail returns the last n elements from the last to the first, for range.
func (l *Sequence) Tail(n int) func(yield func(v []byte) bool) {
	return func(yield func(v []byte) bool) {
		l.Backward(func(v []byte) bool {
			n--
			return n >= 0 && yield(v)
		})
	}
}
