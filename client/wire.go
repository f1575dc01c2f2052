package client

import (
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

// field is one field of a message that is being read: Bytes where it has a length, Varint else.
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
