package value

import (
	"bytes"
	"encoding/binary"
	"slices"
)

// Up to these bounds a collection is packed: one flat record that is scanned from its beginning. Past any of them it
// grows large, and stays so.
const (
	PackedElementsMax = 128
	PackedBytesMax    = 8 << 10 // of the whole record
	PackedElementMax  = 1 << 10 // of one element, field and value together
)

// A packed collection begins with a header: a byte of flags and the number of elements in two bytes.
const (
	headerBytes = 3
	mayExpire   = 1 // a flag: some field has, or had, an expiry of its own
)

// flat is a packed collection. It may be a view of memory that belongs to an engine, which is copied before the first
// write.
type flat struct {
	buf  []byte // header and records
	own  []byte // memory for buf where it is no view, kept for the next collection
	view bool
}

func (f *flat) open(view []byte) { f.buf, f.view = view, true }

func (f *flat) clear() {
	f.own = append(f.own[:0], make([]byte, headerBytes)...)
	f.buf, f.view = f.own, false
}

func (f *flat) count() int { return int(binary.LittleEndian.Uint16(f.buf[1:])) }

// add changes the number of elements; the record is no view any more.
func (f *flat) add(n int) { binary.LittleEndian.PutUint16(f.buf[1:], uint16(f.count()+n)) }

// splice makes the old bytes at offset at room for size new ones and returns the place, empty, to append to.
func (f *flat) splice(at, old, size int) []byte {
	if f.view {
		f.own = append(f.own[:0], f.buf...)
		f.buf, f.view = f.own, false
	}
	tail := len(f.buf) - at - old
	f.own = slices.Grow(f.own, max(0, size-old))[:at+size+tail]
	copy(f.own[at+size:], f.own[at+old:at+old+tail])
	f.buf = f.own
	return f.own[at : at : at+size]
}

// find returns where the record of a key begins, or the end of the collection.
func (f *flat) find(k Kind, key []byte) (at int, s span, ok bool) {
	b := f.buf
	for at = headerBytes; at < len(b); {
		end, next := brief(k, b, at)
		if next == 0 {
			s = measure(k, b[at:])
			end, next = at+s.keyEnd, at+s.end
		}
		if begin := end - len(key); begin > at && bytes.Equal(b[begin:end], key) {
			if s = measure(k, b[at:]); s.keyEnd-s.key == len(key) {
				return at, s, true
			}
		}
		at = next
	}
	return at, s, false
}

// brief is measure for records whose lengths are one byte each: it returns where the key and the record end. The record
// ends at 0 where it is another one.
func brief(k Kind, b []byte, at int) (end, next int) {
	h := int(b[at])
	end = at + 1 + h>>1 + h&1*expiryBytes
	switch {
	case h >= 0x80:
		return 0, 0
	case k == Dictionary:
		if v := int(b[end]); v < 0x80 {
			return end, end + 1 + v
		}
		return 0, 0
	case k == SortedSet:
		return end, end + scoreBytes
	}
	return end, end
}

// fits reports whether an element may come into the collection in the place of old bytes.
func (f *flat) fits(k Kind, e *element, old int) bool {
	size := e.size(k)
	return size <= PackedElementMax && len(f.buf)-old+size <= PackedBytesMax && (old > 0 || f.count() < PackedElementsMax)
}

// put writes an element at offset at in the place of a record of old bytes, none where it is new.
func (f *flat) put(k Kind, at, old int, e *element) {
	e.append(k, f.splice(at, old, e.size(k)))
	if old == 0 {
		f.add(1)
	}
	if e.expiry != 0 {
		f.buf[0] |= mayExpire
	}
}

func (f *flat) remove(at, size int) {
	f.splice(at, size, 0)
	f.add(-1)
}
