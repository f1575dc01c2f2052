package op

import (
	"github.com/hearthcache/hearth/respwire"
	"github.com/hearthcache/hearth/value"
)

// BitOp combines scalars bit by bit, shorter ones filled up with zeros, and stores the result, which never expires, over
// what is at To; an empty one deletes it. Int is its length. Redis BITOP.
type BitOp struct {
	alone
	To   []byte
	From [][]byte // one for BitNot
	How  BitLogic
}

// BitLogic is how bits are combined.
type BitLogic uint8

// The ways.
const (
	BitAnd BitLogic = iota
	BitOr
	BitXor
	BitNot
)

var bitOpSpec = Spec{ID: idBitOp, Name: "BITOP", Access: Writes | Reveals, Kind: value.Scalar, Repeatable: true}

// Spec implements Op.
func (o *BitOp) Spec() *Spec { return &bitOpSpec }

// Key implements Op.
func (o *BitOp) Key() []byte { return o.To }

// Keys implements Multi.
func (o *BitOp) Keys() [][]byte { return append([][]byte{o.To}, o.From...) }

// ApplyAll implements Multi.
func (o *BitOp) ApplyAll(es []*value.Entry, now int64, r *Reply) error {
	vs := make([][]byte, len(o.From))
	for i, e := range es[1:] {
		v, err := e.Bytes()
		if err != nil {
			return err
		}
		vs[i] = v
		r.Int = max(r.Int, int64(len(v)))
	}
	if r.Int == 0 {
		es[0].Delete()
		return nil
	}
	out := make([]byte, r.Int)
	for i := range out {
		out[i] = o.How.combine(vs, i)
	}
	es[0].SetBytes(out)
	return nil
}

// combine returns byte i of the result.
func (l BitLogic) combine(vs [][]byte, i int) byte {
	at := func(v []byte) byte {
		if i < len(v) {
			return v[i]
		}
		return 0
	}
	b := at(vs[0])
	for _, v := range vs[1:] {
		switch l {
		case BitAnd:
			b &= at(v)
		case BitOr:
			b |= at(v)
		case BitXor:
			b ^= at(v)
		}
	}
	if l == BitNot {
		b = ^b
	}
	return b
}

// SendAll implements Multi.
func (o *BitOp) SendAll(b *respwire.Batch, keys [][]byte) {
	name := [...]string{"AND", "OR", "XOR", "NOT"}[o.How]
	b.Raw(append([][]byte{lit("BITOP"), lit(name)}, keys...)...)
}

// RecvAll implements Multi.
func (o *BitOp) RecvAll(v []respwire.Value, r *Reply) error { return recvInt(v[0], r) }
