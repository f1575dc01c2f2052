package op

import (
	"github.com/hearthcache/hearth/respwire"
	"github.com/hearthcache/hearth/value"
)

// BitPos finds the first bit of a scalar that is Bit; Int is its position, or -1. Where no end is given, what follows
// the value is zeros. Redis BITPOS.
type BitPos struct {
	K          []byte
	Bit        byte // 0 or 1
	HasStart   bool
	HasEnd     bool
	Start, End int64 // both included, may be counted from the end
	Bits       bool  // the range is one of bits
}

var bitPosSpec = Spec{ID: idBitPos, Name: "BITPOS", Access: Reads, Kind: value.Scalar, Repeatable: true}

// Spec implements Op.
func (o *BitPos) Spec() *Spec { return &bitPosSpec }

// Key implements Op.
func (o *BitPos) Key() []byte { return o.K }

// Apply implements Op.
func (o *BitPos) Apply(e *value.Entry, now int64, r *Reply) error {
	v, err := e.Bytes()
	if err != nil {
		return err
	}
	if !e.Exists() {
		r.Int = -int64(o.Bit)
		return nil
	}
	start, end := int64(0), int64(-1)
	if o.HasStart {
		start = o.Start
	}
	if o.HasEnd {
		end = o.End
	}
	unit := 8
	if o.Bits {
		unit = 1
	}
	from, to := clamped(start, end, len(v)*8/unit)
	r.Int = firstBit(v, from*unit, to*unit, o.Bit)
	if r.Int < 0 && o.Bit == 0 && !o.HasEnd && from < to {
		r.Int = int64(len(v)) * 8
	}
	return nil
}

func firstBit(v []byte, from, to int, bit byte) int64 {
	skip := byte(0xff) // a byte in which there is no such bit
	if bit == 1 {
		skip = 0
	}
	for i := from; i < to; {
		if i%8 == 0 && to-i >= 8 && v[i/8] == skip {
			i += 8
			continue
		}
		if bitAt(v, int64(i)) == bit {
			return int64(i)
		}
		i++
	}
	return -1
}

// Send implements Op.
func (o *BitPos) Send(b *respwire.Batch, key []byte) {
	args := [][]byte{num(int64(o.Bit))}
	if o.HasStart {
		args = append(args, num(o.Start))
	}
	if o.HasEnd {
		args = append(args, num(o.End))
	}
	if o.Bits {
		args = append(args, lit("BIT"))
	}
	b.Command("BITPOS", key, args...)
}

// Recv implements Op.
func (o *BitPos) Recv(v []respwire.Value, r *Reply) error { return recvInt(v[0], r) }
