package value

import (
	"bytes"
	"slices"
)

// strips is a large list: strips of memory, each with elements one after another and free space before and behind them.
type strips struct {
	strips []strip
	count  int
	held   int // bytes of all strips
}

type strip struct {
	buf        []byte
	head, tail int32 // elements are buf[head:tail]
	n          int32
}

const (
	stripBytesMax   = 4 << 10 // of a strip with more than one element
	stripHeaderSize = 40
)

func (s *strip) live() int { return int(s.tail - s.head) }

// add puts a new strip with room for size bytes at place c; its elements begin at its end where front is true.
func (l *strips) add(c, size int, front bool) *strip {
	s := strip{}
	s.buf = slices.Grow([]byte(nil), max(size, stripBytesMax))
	s.buf = s.buf[:cap(s.buf)]
	if front {
		s.head = int32(len(s.buf))
		s.tail = s.head
	}
	l.held += len(s.buf)
	l.strips = slices.Insert(l.strips, c, s)
	return &l.strips[c]
}

func (l *strips) drop(c int) {
	l.held -= len(l.strips[c].buf)
	l.strips = slices.Delete(l.strips, c, c+1)
}

func (l *strips) pushBack(v []byte) {
	size := entryBytes(v)
	c := len(l.strips) - 1
	if c < 0 || int(l.strips[c].tail)+size > len(l.strips[c].buf) {
		l.add(c+1, size, false)
		c++
	}
	s := &l.strips[c]
	appendEntry(s.buf[:s.tail], v)
	s.tail += int32(size)
	s.n++
	l.count++
}

func (l *strips) pushFront(v []byte) {
	size := int32(entryBytes(v))
	if len(l.strips) == 0 || l.strips[0].head < size {
		l.add(0, int(size), true)
	}
	s := &l.strips[0]
	s.head -= size
	appendEntry(s.buf[:s.head], v)
	s.n++
	l.count++
}

// find returns the strip of the element at an index, and its index there.
func (l *strips) find(i int) (c, in int) {
	if i > l.count/2 {
		left := l.count
		for c = len(l.strips) - 1; c > 0; c-- {
			left -= int(l.strips[c].n)
			if i >= left {
				return c, i - left
			}
		}
		return 0, i
	}
	for c = range l.strips {
		if n := int(l.strips[c].n); i >= n {
			i -= n
			continue
		}
		break
	}
	return c, i
}

func (l *strips) at(i int) []byte {
	c, in := l.find(i)
	s := &l.strips[c]
	b := s.buf[s.head:s.tail]
	v, _ := entry(b[skip(b, in):])
	return v
}

// span yields the elements from index from up to to.
func (l *strips) span(from, to int, yield func(v []byte) bool) {
	c, in := l.find(from)
	for left := to - from; left > 0; c, in = c+1, 0 {
		s := &l.strips[c]
		b := s.buf[s.head:s.tail]
		b = b[skip(b, in):]
		for len(b) > 0 && left > 0 {
			v, end := entry(b)
			if !yield(v) {
				return
			}
			b = b[end:]
			left--
		}
	}
}

func (l *strips) insert(i int, v []byte) {
	switch i {
	case 0:
		l.pushFront(v)
		return
	case l.count:
		l.pushBack(v)
		return
	}
	size := entryBytes(v)
	c, in := l.find(i)
	s := &l.strips[c]
	at := int(s.head) + skip(s.buf[s.head:s.tail], in)
	if len(s.buf)-s.live() < size {
		c = l.split(c, at, in, size)
		s = &l.strips[c]
		at = int(s.tail)
	}
	if len(s.buf)-int(s.tail) < size {
		copy(s.buf, s.buf[s.head:s.tail])
		at -= int(s.head)
		s.head, s.tail = 0, s.tail-s.head
	}
	copy(s.buf[at+size:], s.buf[at:s.tail])
	appendEntry(s.buf[:at], v)
	s.tail += int32(size)
	s.n++
	l.count++
}

// split moves what is behind offset at of strip c, its element in, to a strip of its own, and returns a strip between
// them, or the first of them, that has size bytes of room at its end.
func (l *strips) split(c, at, in, size int) int {
	s := l.strips[c]
	tail := s.buf[at:s.tail]
	if in > 0 {
		right := l.add(c+1, len(tail), false)
		right.tail = int32(copy(right.buf, tail))
		right.n = s.n - int32(in)
		left := &l.strips[c]
		left.tail, left.n = int32(at), int32(in)
		if len(left.buf)-left.live() >= size {
			return c
		}
		c++
	}
	l.add(c, size, false)
	return c
}

// delete removes the elements from index from up to to, which are not all.
func (l *strips) delete(from, to int) {
	c, in := l.find(from)
	left := to - from
	l.count -= left
	for left > 0 {
		s := &l.strips[c]
		n := min(left, int(s.n)-in)
		left -= n
		if n == int(s.n) {
			l.drop(c)
			continue
		}
		s.cut(in, n)
		if left > 0 {
			c, in = c+1, 0
		}
	}
	l.settle(min(c, len(l.strips)-1))
}

// cut removes n elements from element in on, but not all.
func (s *strip) cut(in, n int) {
	b := s.buf[s.head:s.tail]
	at := skip(b, in)
	size := skip(b[at:], n)
	s.n -= int32(n)
	if in == 0 {
		s.head += int32(size)
		return
	}
	copy(b[at:], b[at+size:])
	s.tail -= int32(size)
}

// settle gives back what a strip that has lost elements does not need: it goes together with a neighbour, or shrinks.
// It returns where the strip's elements are.
func (l *strips) settle(c int) int {
	s := &l.strips[c]
	if s.live()*2 > len(s.buf) {
		return c
	}
	if c > 0 && s.live()+l.strips[c-1].live() <= stripBytesMax*3/4 {
		l.join(c - 1)
		return c - 1
	}
	if c+1 < len(l.strips) && s.live()+l.strips[c+1].live() <= stripBytesMax*3/4 {
		l.join(c)
		return c
	}
	if len(s.buf) > stripBytesMax && s.live()*4 < len(s.buf) {
		l.refit(c, max(stripBytesMax, s.live()))
	}
	return c
}

// join moves the elements of strip c+1 to strip c.
func (l *strips) join(c int) {
	l.refit(c, stripBytesMax)
	s, next := &l.strips[c], &l.strips[c+1]
	s.tail += int32(copy(s.buf[s.tail:], next.buf[next.head:next.tail]))
	s.n += next.n
	l.drop(c + 1)
}

// refit moves a strip's elements to the beginning of size bytes.
func (l *strips) refit(c, size int) {
	s := &l.strips[c]
	b := s.buf
	if len(b) != size {
		l.held += size - len(b)
		b = make([]byte, size)
	}
	s.tail = int32(copy(b, s.buf[s.head:s.tail]))
	s.buf, s.head = b, 0
}

// deleteEqual removes found elements equal to v after the first spare ones; they are there.
func (l *strips) deleteEqual(v []byte, spare, found int) {
	l.count -= found
	for c := 0; found > 0; c++ {
		s := &l.strips[c]
		b := s.buf[s.head:s.tail]
		kept := 0
		for at := 0; at < len(b); {
			e, end := entry(b[at:])
			drop := found > 0 && bytes.Equal(e, v)
			if drop && spare > 0 {
				spare--
				drop = false
			}
			if drop {
				found--
				s.n--
			} else {
				kept += copy(b[kept:], b[at:at+end])
			}
			at += end
		}
		s.tail = s.head + int32(kept)
	}
	for c := len(l.strips) - 1; c >= 0; c-- {
		if l.strips[c].n == 0 {
			l.drop(c)
		} else {
			c = l.settle(c)
		}
	}
}

func (l *strips) bytes() int {
	return l.held + heapBytes(cap(l.strips)*stripHeaderSize) + 48
}
