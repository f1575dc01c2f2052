package op

import (
	"github.com/hearthcache/hearth/respwire"
	"github.com/hearthcache/hearth/value"
)

// BitGet reads one bit of a scalar into Int. Redis GETBIT.
type BitGet struct {
	K      []byte
	Offset int64 // in bits, from 0 to BitOffsetMax
}

var bitGetSpec = Spec{ID: idBitGet, Name: "GETBIT", Access: Reads, Kind: value.Scalar, Repeatable: true}

// Spec implements Op.
func (o *BitGet) Spec() *Spec { return &bitGetSpec }

// Key implements Op.
func (o *BitGet) Key() []byte { return o.K }

// Apply implements Op.
func (o *BitGet) Apply(e *value.Entry, now int64, r *Reply) error {
	if o.Offset < 0 || o.Offset > BitOffsetMax {
		return errBitOffset
	}
	v, err := e.Bytes()
	r.Int = int64(bitAt(v, o.Offset))
	return err
}

// Send implements Op.
func (o *BitGet) Send(b *respwire.Batch, key []byte) { b.Command("GETBIT", key, num(o.Offset)) }

// Recv implements Op.
func (o *BitGet) Recv(v []respwire.Value, r *Reply) error { return recvInt(v[0], r) }
