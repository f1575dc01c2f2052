package op

import (
	"github.com/hearthcache/hearth/respwire"
	"github.com/hearthcache/hearth/value"
)

// SetSubtract removes elements from a set: a Hit with how many there were in Int, or a Miss. RPC SetDifference with a
// subtrahend, Redis SREM. The whole set is DeleteKind.
type SetSubtract struct {
	K        []byte
	Elements [][]byte
}

var setSubtractSpec = Spec{ID: idSetSubtract, Name: "SetDifference", Access: Writes, Kind: value.Set, Repeatable: true}

// Spec implements Op.
func (o *SetSubtract) Spec() *Spec { return &setSubtractSpec }

// Key implements Op.
func (o *SetSubtract) Key() []byte { return o.K }

// Apply implements Op.
func (o *SetSubtract) Apply(e *value.Entry, now int64, r *Reply) error {
	s, err := e.Set()
	if err != nil || s == nil {
		r.Status = Miss
		return err
	}
	r.Status = Hit
	for _, el := range o.Elements {
		if s.Delete(el) {
			r.Int++
		}
	}
	return nil
}

// Send implements Op.
func (o *SetSubtract) Send(b *respwire.Batch, key []byte) {
	b.Command("SCARD", key)
	if len(o.Elements) > 0 {
		b.Command("SREM", key, o.Elements...)
	}
}

// Recv implements Op.
func (o *SetSubtract) Recv(v []respwire.Value, r *Reply) error { return recvFound(v, r, recvInt) }
