package op

import (
	"math/bits"

	"github.com/hearthcache/hearth/respwire"
	"github.com/hearthcache/hearth/value"
)

// BitCount counts the bits of a scalar that are 1 into Int, in all of it or, with Ranged, in a range of bytes or of bits
// whose both ends are included and may be counted from the end. Redis BITCOUNT.
type BitCount struct {
	K          []byte
	Ranged     bool
	Start, End int64
	Bits       bool // the range is one of bits
}

var bitCountSpec = Spec{ID: idBitCount, Name: "BITCOUNT", Access: Reads, Kind: value.Scalar, Repeatable: true}

// Spec implements Op.
func (o *BitCount) Spec() *Spec { return &bitCountSpec }

// Key implements Op.
func (o *BitCount) Key() []byte { return o.K }

// Apply implements Op.
func (o *BitCount) Apply(e *value.Entry, now int64, r *Reply) error {
	v, err := e.Bytes()
	if err != nil {
		return err
	}
	from, to := 0, len(v)*8
	switch {
	case o.Ranged && o.Bits:
		from, to = between(o.Start, o.End, len(v)*8)
	case o.Ranged:
		from, to = between(o.Start, o.End, len(v))
		from, to = from*8, to*8
	}
	r.Int = countBits(v, from, to)
	return nil
}

// countBits counts the bits that are 1 from bit from up to, not including, to.
func countBits(v []byte, from, to int) (n int64) {
	for from < to && from%8 != 0 {
		n += int64(bitAt(v, int64(from)))
		from++
	}
	for ; to-from >= 8; from += 8 {
		n += int64(bits.OnesCount8(v[from/8]))
	}
	for ; from < to; from++ {
		n += int64(bitAt(v, int64(from)))
	}
	return n
}

// Send implements Op.
func (o *BitCount) Send(b *respwire.Batch, key []byte) {
	switch {
	case !o.Ranged:
		b.Command("BITCOUNT", key)
	case o.Bits:
		b.Command("BITCOUNT", key, num(o.Start), num(o.End), lit("BIT"))
	default:
		b.Command("BITCOUNT", key, num(o.Start), num(o.End))
	}
}

// Recv implements Op.
func (o *BitCount) Recv(v []respwire.Value, r *Reply) error { return recvInt(v[0], r) }
