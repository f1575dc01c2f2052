package momento

import (
	"encoding/binary"
	"math"
	"math/bits"
	"unicode/utf8"

	"github.com/hearthcache/hearth"
)

// The wire types of protobuf, as they stand in the low bits of a tag. A decoder matches whole tags, such as
// `case 3<<3 | bytesType`, so that a field of the wrong type is ignored like an unknown one.
const (
	varintType  = 0
	fixed64Type = 1
	bytesType   = 2
	groupType   = 3
	endType     = 4
	fixed32Type = 5
)

// errMalformed is the error of bytes that are not a message.
var errMalformed = &hearth.Error{Kind: hearth.Invalid, Msg: "the request is not a well-formed protobuf message"}

// fields walks the fields of one encoded message and copies nothing:
//
//	f := scan(m)
//	for f.next() {
//		switch f.tag {
//		case 1<<3 | bytesType:
//			o.K = f.data
//		}
//	}
//	return f.err()
type fields struct {
	rest []byte
	tag  uint32 // the number and the wire type of the present field
	num  uint64 // its value, when it is a varint or fixed
	data []byte // its bytes, when it is length-delimited; borrowed, never nil
	bad  bool
}

func scan(m []byte) fields { return fields{rest: m} }

// err returns errMalformed if the walk ended before the message did.
func (f *fields) err() error {
	if f.bad {
		return errMalformed
	}
	return nil
}

// next goes to the next field; false at the end or where the bytes are malformed.
func (f *fields) next() bool {
	if len(f.rest) == 0 || f.bad {
		return false
	}
	if !f.readTag() {
		f.bad = true
		return false
	}
	if f.tag&7 == groupType {
		f.bad = !f.skipGroup(f.tag>>3, groupDepthMax)
		return !f.bad
	}
	f.bad = !f.readValue()
	return !f.bad
}

// groupDepthMax bounds how deep unknown groups may nest; it is the depth that Go's protobuf runtime allows.
const groupDepthMax = 10000

// fieldNumberMax is the largest number that a field can have.
const fieldNumberMax = 1<<29 - 1

func (f *fields) readTag() bool {
	tag, ok := f.varint()
	if !ok || tag>>3 == 0 || tag>>3 > fieldNumberMax {
		return false
	}
	f.tag = uint32(tag)
	return true
}

// readValue reads the value that belongs to the tag just read.
func (f *fields) readValue() (ok bool) {
	switch f.tag & 7 {
	case varintType:
		f.num, ok = f.varint()
		return ok
	case fixed64Type:
		if len(f.rest) < 8 {
			return false
		}
		f.num, f.rest = binary.LittleEndian.Uint64(f.rest), f.rest[8:]
		return true
	case fixed32Type:
		if len(f.rest) < 4 {
			return false
		}
		f.num, f.rest = uint64(binary.LittleEndian.Uint32(f.rest)), f.rest[4:]
		return true
	case bytesType:
		n, ok := f.varint()
		if !ok || n > uint64(len(f.rest)) {
			return false
		}
		f.data, f.rest = f.rest[:n:n], f.rest[n:]
		return true
	}
	return false
}

// skipGroup passes over a group, which no message of ours has, to its end tag.
func (f *fields) skipGroup(number uint32, depth int) bool {
	for depth > 0 && len(f.rest) > 0 && f.readTag() {
		switch f.tag & 7 {
		case endType:
			return f.tag>>3 == number
		case groupType:
			if !f.skipGroup(f.tag>>3, depth-1) {
				return false
			}
		default:
			if !f.readValue() {
				return false
			}
		}
	}
	return false
}

func (f *fields) varint() (uint64, bool) {
	if len(f.rest) > 0 && f.rest[0] < 0x80 {
		v := f.rest[0]
		f.rest = f.rest[1:]
		return uint64(v), true
	}
	v, n := binary.Uvarint(f.rest)
	if n <= 0 {
		return 0, false
	}
	f.rest = f.rest[n:]
	return v, true
}

// sint32 returns the present field as a zig-zag number.
func (f *fields) sint32() int64 {
	v := uint32(f.num)
	return int64(int32(v>>1) ^ -int32(v&1))
}

// double returns the present field as a double.
func (f *fields) double() float64 { return math.Float64frombits(f.num) }

// text checks that the present field is UTF-8, which a string must be.
func (f *fields) text() []byte {
	f.bad = f.bad || !utf8.Valid(f.data)
	return f.data
}

// empty checks the sub-message in the present field, of which no field is known.
func (f *fields) empty() {
	sub := scan(f.data)
	for sub.next() {
	}
	f.bad = f.bad || sub.bad
}

// blob returns field 1 of the sub-message in the present field, which has only that one: bytes.
func (f *fields) blob() []byte {
	var v []byte
	sub := scan(f.data)
	for sub.next() {
		if sub.tag == 1<<3|bytesType {
			v = sub.data
		}
	}
	f.bad = f.bad || sub.bad
	return v
}

// blobs appends every field 1 of the sub-message in the present field: repeated bytes.
func (f *fields) blobs(dst [][]byte) [][]byte {
	sub := scan(f.data)
	for sub.next() {
		if sub.tag == 1<<3|bytesType {
			dst = append(dst, sub.data)
		}
	}
	f.bad = f.bad || sub.bad
	return dst
}

// uint32s appends the present field of a repeated uint32: packed, or one of several.
func (f *fields) uint32s(dst []uint32) []uint32 {
	if f.tag&7 == varintType {
		return append(dst, uint32(f.num))
	}
	packed := scan(f.data)
	for len(packed.rest) > 0 {
		v, ok := packed.varint()
		if !ok {
			f.bad = true
			return dst
		}
		dst = append(dst, uint32(v))
	}
	return dst
}

// appendTag appends a field's number and wire type.
func appendTag(b []byte, number, wire uint32) []byte {
	return binary.AppendUvarint(b, uint64(number<<3|wire))
}

// appendUint appends a number as a varint field; zero is left out, as proto3 has it.
func appendUint(b []byte, number uint32, v uint64) []byte {
	if v == 0 {
		return b
	}
	return binary.AppendUvarint(appendTag(b, number, varintType), v)
}

// appendBytes appends a bytes or string field; an empty one is left out.
func appendBytes[T []byte | string](b []byte, number uint32, v T) []byte {
	if len(v) == 0 {
		return b
	}
	return appendPresent(b, number, v)
}

// appendPresent appends a bytes or string field that is an element or a member of a oneof: it is there when empty.
func appendPresent[T []byte | string](b []byte, number uint32, v T) []byte {
	b = binary.AppendUvarint(appendTag(b, number, bytesType), uint64(len(v)))
	return append(b, v...)
}

// appendDouble appends a double field; positive zero is left out.
func appendDouble(b []byte, number uint32, v float64) []byte {
	n := math.Float64bits(v)
	if n == 0 {
		return b
	}
	return binary.LittleEndian.AppendUint64(appendTag(b, number, fixed64Type), n)
}

// begin appends the head of a sub-message whose length is not known yet; end puts the length in. What begin returns
// second is where the sub-message starts.
func begin(b []byte, number uint32) (opened []byte, start int) {
	b = append(appendTag(b, number, bytesType), 0)
	return b, len(b)
}

// end closes the sub-message that begin has opened, moving it along where its length takes more than one byte.
func end(b []byte, start int) []byte {
	n := len(b) - start
	if n < 0x80 {
		b[start-1] = byte(n)
		return b
	}
	more := varintLen(uint64(n)) - 1
	for range more {
		b = append(b, 0)
	}
	copy(b[start+more:], b[start:start+n])
	binary.PutUvarint(b[start-1:], uint64(n))
	return b
}

func varintLen(v uint64) int { return (bits.Len64(v|1) + 6) / 7 }
