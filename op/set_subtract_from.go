package op

import (
	"github.com/hearthcache/hearth/respwire"
	"github.com/hearthcache/hearth/value"
)

// SetSubtractFrom makes a set the given elements without those that it had, and keeps its time to live: a Hit, or a Miss
// where there is no set. RPC SetDifference with a minuend.
type SetSubtractFrom struct {
	K        []byte
	Elements [][]byte
}

var setSubtractFromSpec = Spec{ID: idSetSubtractFrom, Name: "SetDifferenceFrom", Access: Writes, Kind: value.Set}

// Spec implements Op.
func (o *SetSubtractFrom) Spec() *Spec { return &setSubtractFromSpec }

// Key implements Op.
func (o *SetSubtractFrom) Key() []byte { return o.K }

// Size implements Sizer.
func (o *SetSubtractFrom) Size() (total, largest int) { return sizes(o.Elements) }

// Apply implements Op.
func (o *SetSubtractFrom) Apply(e *value.Entry, now int64, r *Reply) error {
	s, err := e.Set()
	if err != nil || s == nil {
		r.Status = Miss
		return err
	}
	r.Status = Hit
	left := value.New(value.Set).(*value.Members)
	for _, el := range o.Elements {
		if !s.Contains(el) {
			left.Add(el)
		}
	}
	at := e.Expiry()
	e.SetCollection(left)
	e.ExpireAt(at)
	return nil
}

// Send implements Op.
func (o *SetSubtractFrom) Send(b *respwire.Batch, key []byte) {
	b.Function("hearth_subtract_from", key, o.Elements...)
}

// Recv implements Op.
func (o *SetSubtractFrom) Recv(v []respwire.Value, r *Reply) error {
	if err := recvLen(v[0], r); err != nil {
		return err
	}
	r.Int = 0
	return nil
}
