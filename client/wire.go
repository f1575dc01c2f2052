package client

import (
	"math"

	"github.com/hearthcache/hearth"
	"google.golang.org/protobuf/encoding/protowire"
)

// message is a protobuf message that is being written, field by field.
type message []byte

func (m message) bytes(field protowire.Number, v []byte) message {
	return protowire.AppendBytes(protowire.AppendTag(m, field, protowire.BytesType), v)
}

func (m message) string(field protowire.Number, v string) message { return m.bytes(field, []byte(v)) }

func (m message) varint(field protowire.Number, v uint64) message {
	return protowire.AppendVarint(protowire.AppendTag(m, field, protowire.VarintType), v)
}

func (m message) double(field protowire.Number, v float64) message {
	return protowire.AppendFixed64(protowire.AppendTag(m, field, protowire.Fixed64Type), math.Float64bits(v))
}

func (m message) float(field protowire.Number, v float32) message {
	return protowire.AppendFixed32(protowire.AppendTag(m, field, protowire.Fixed32Type), math.Float32bits(v))
}

// signed writes a sint32.
func (m message) signed(field protowire.Number, v int) message {
	return m.varint(field, protowire.EncodeZigZag(int64(v)))
}

// flag writes a bool, of which false is left out.
func (m message) flag(field protowire.Number, v bool) message {
	if !v {
		return m
	}
	return m.varint(field, 1)
}

// list writes a repeated field.
func (m message) list(field protowire.Number, vs [][]byte) message {
	for _, v := range vs {
		m = m.bytes(field, v)
	}
	return m
}

// empty writes a message without fields, which stands for a choice.
func (m message) empty(field protowire.Number) message { return m.bytes(field, nil) }

// field is one field of a message that is being read: bytes where it has a length, varint else, which of a double is its
// bits.
type field struct {
	number protowire.Number
	bytes  []byte
	varint uint64
}

// read calls f with each field of a message.
func read(m []byte, f func(field)) error {
	for len(m) > 0 {
		number, kind, n := protowire.ConsumeTag(m)
		if n < 0 {
			return errMessage
		}
		m = m[n:]
		at := field{number: number}
		switch kind {
		case protowire.BytesType:
			at.bytes, n = protowire.ConsumeBytes(m)
		case protowire.VarintType:
			at.varint, n = protowire.ConsumeVarint(m)
		case protowire.Fixed64Type:
			at.varint, n = protowire.ConsumeFixed64(m)
		default:
			n = protowire.ConsumeFieldValue(number, kind, m)
		}
		if n < 0 {
			return errMessage
		}
		m = m[n:]
		f(at)
	}
	return nil
}

var errMessage = &hearth.Error{Kind: hearth.Internal, Msg: "the server sent a malformed message"}

func (f field) double() float64 { return math.Float64frombits(f.varint) }

// all returns the values of a repeated field of bytes.
func all(m []byte, number protowire.Number) (vs [][]byte, err error) {
	err = read(m, func(f field) {
		if f.number == number {
			vs = append(vs, f.bytes)
		}
	})
	return vs, err
}

// bools returns the values of a repeated bool, packed or not.
func bools(m []byte, number protowire.Number) (vs []bool, err error) {
	err = read(m, func(f field) {
		switch {
		case f.number != number:
		case f.bytes == nil:
			vs = append(vs, f.varint != 0)
		default:
			for _, b := range f.bytes { // each a varint of one byte
				vs = append(vs, b != 0)
			}
		}
	})
	return vs, err
}

// member returns the fields of a message within a message: of the oneof member that has number.
func member(m []byte, number protowire.Number) (inner []byte, ok bool, err error) {
	err = read(m, func(f field) {
		if f.number == number {
			inner, ok = f.bytes, true
		}
	})
	return inner, ok, err
}

// number returns a varint field of a message, 0 where it is missing.
func number(m []byte, at protowire.Number) (v uint64, err error) {
	err = read(m, func(f field) {
		if f.number == at {
			v = f.varint
		}
	})
	return v, err
}
