package op

import (
	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/respwire"
	"github.com/hearthcache/hearth/value"
)

// BitSet sets one bit of a scalar, filling up with zero bytes where it is too short; Int is what the bit was. Redis
// SETBIT.
type BitSet struct {
	K      []byte
	Offset int64 // in bits, from 0 to BitOffsetMax
	Bit    byte  // 0 or 1
}

// BitOffsetMax is the highest offset of a bit.
const BitOffsetMax = hearth.ValueBytesMax*8 - 1

var bitSetSpec = Spec{ID: idBitSet, Name: "SETBIT", Access: Writes | Reveals, Kind: value.Scalar}

// Spec implements Op.
func (o *BitSet) Spec() *Spec { return &bitSetSpec }

// Key implements Op.
func (o *BitSet) Key() []byte { return o.K }

// Size implements Sizer.
func (o *BitSet) Size() (total, largest int) { return int(o.Offset/8) + 1, 0 }

var errBitOffset = &hearth.Error{Kind: hearth.Precondition, Msg: "bit offset is not an integer or out of range"}

// Apply implements Op.
func (o *BitSet) Apply(e *value.Entry, now int64, r *Reply) error {
	if o.Offset < 0 || o.Offset > BitOffsetMax {
		return errBitOffset
	}
	old, err := e.Bytes()
	if err != nil {
		return err
	}
	r.Int = int64(bitAt(old, o.Offset))
	v := padded(e, old, int(o.Offset/8)+1)
	mask := byte(0x80) >> (o.Offset % 8)
	v[o.Offset/8] &^= mask
	if o.Bit != 0 {
		v[o.Offset/8] |= mask
	}
	e.ReplaceBytes(v)
	e.KeepScratch(v)
	return nil
}

// bitAt returns a bit, 0 past the end.
func bitAt(v []byte, offset int64) byte {
	if offset/8 >= int64(len(v)) {
		return 0
	}
	return v[offset/8] >> (7 - offset%8) & 1
}

// Send implements Op.
func (o *BitSet) Send(b *respwire.Batch, key []byte) {
	b.Command("SETBIT", key, num(o.Offset), num(int64(o.Bit)))
}

// Recv implements Op.
func (o *BitSet) Recv(v []respwire.Value, r *Reply) error { return recvInt(v[0], r) }
