package value

import (
	"encoding/binary"
	"math"
)

// A record is one element of a dictionary, set or sorted set, the same in a packed collection and in a large one:
//
//	uvarint  length of the key, doubled, plus one where the element expires
//	8 bytes  when it expires, where it does
//	         key: the field, the element of a set, the value of a sorted set
//	         dictionary: uvarint length of the value, value; sorted set: 8 bytes of score; set: nothing
type span struct{ key, keyEnd, tail, end int } // offsets in a record; tail is where the value or the score stands

// measure returns where the parts of the record at the beginning of b are. The record is whole.
func measure(k Kind, b []byte) span {
	h, n := uvarint(b)
	s := span{key: n}
	if h&1 != 0 {
		s.key += expiryBytes
	}
	s.keyEnd = s.key + int(h>>1)
	switch k {
	case Dictionary:
		size, m := uvarint(b[s.keyEnd:])
		s.tail = s.keyEnd + m
		s.end = s.tail + int(size)
	case SortedSet:
		s.tail = s.keyEnd
		s.end = s.tail + scoreBytes
	default:
		s.tail, s.end = s.keyEnd, s.keyEnd
	}
	return s
}

const (
	expiryBytes = 8
	scoreBytes  = 8
)

// element is what a record says.
type element struct {
	key    []byte
	val    []byte // of a dictionary
	score  float64
	expiry int64 // of a dictionary's field; 0 is never
}

// size returns the length of the record that append writes.
func (e *element) size(k Kind) int {
	n := uvarintBytes(uint64(len(e.key))<<1) + len(e.key)
	if e.expiry != 0 {
		n += expiryBytes
	}
	switch k {
	case Dictionary:
		n += uvarintBytes(uint64(len(e.val))) + len(e.val)
	case SortedSet:
		n += scoreBytes
	}
	return n
}

func (e *element) append(k Kind, b []byte) []byte {
	h := uint64(len(e.key)) << 1
	if e.expiry != 0 {
		b = binary.AppendUvarint(b, h|1)
		b = binary.LittleEndian.AppendUint64(b, uint64(e.expiry))
	} else {
		b = binary.AppendUvarint(b, h)
	}
	b = append(b, e.key...)
	switch k {
	case Dictionary:
		b = binary.AppendUvarint(b, uint64(len(e.val)))
		b = append(b, e.val...)
	case SortedSet:
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(e.score))
	}
	return b
}

// expiryOf returns when the element of a record expires; 0 is never.
func expiryOf(rec []byte, s span) int64 {
	if rec[0]&1 == 0 {
		return 0
	}
	return int64(binary.LittleEndian.Uint64(rec[s.key-expiryBytes:]))
}

func scoreOf(rec []byte, s span) float64 {
	return math.Float64frombits(binary.LittleEndian.Uint64(rec[s.tail:]))
}

func decode(k Kind, rec []byte, s span) element {
	e := element{key: rec[s.key:s.keyEnd:s.keyEnd], expiry: expiryOf(rec, s)}
	switch k {
	case Dictionary:
		e.val = rec[s.tail:s.end:s.end]
	case SortedSet:
		e.score = scoreOf(rec, s)
	}
	return e
}

// uvarint is binary.Uvarint with the common case first.
func uvarint(b []byte) (uint64, int) {
	if len(b) > 0 && b[0] < 0x80 {
		return uint64(b[0]), 1
	}
	return binary.Uvarint(b)
}

func uvarintBytes(x uint64) int {
	n := 1
	for x >= 0x80 {
		x >>= 7
		n++
	}
	return n
}
