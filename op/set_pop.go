package op

import (
	"github.com/hearthcache/hearth/respwire"
	"github.com/hearthcache/hearth/value"
)

// SetPop removes random elements of a set: a Hit with up to Count of them, or a Miss. RPC SetPop, Redis SPOP.
type SetPop struct {
	K     []byte
	Count int64
	Rand  value.Rand // nil is the machine's
}

var setPopSpec = Spec{ID: idSetPop, Name: "SetPop", Access: Writes | Reveals, Kind: value.Set}

// Spec implements Op.
func (o *SetPop) Spec() *Spec { return &setPopSpec }

// Key implements Op.
func (o *SetPop) Key() []byte { return o.K }

// Apply implements Op.
func (o *SetPop) Apply(e *value.Entry, now int64, r *Reply) error {
	s, err := e.Set()
	if err != nil || s == nil {
		r.Status = Miss
		return err
	}
	r.Status = Hit
	if o.Count >= int64(s.Len()) {
		for el := range s.All {
			r.AddPart(el, 0)
		}
		s.Clear()
		return nil
	}
	rand := value.Random(o.Rand)
	for range o.Count {
		r.AddPart(s.Random(rand), 0)
		s.Delete(r.Part(r.Len() - 1).Bytes)
	}
	return nil
}

// Send implements Op.
func (o *SetPop) Send(b *respwire.Batch, key []byte) {
	b.Command("SCARD", key)
	b.Command("SPOP", key, num(max(o.Count, 0)))
}

// Recv implements Op.
func (o *SetPop) Recv(v []respwire.Value, r *Reply) error { return recvFound(v, r, recvBulks) }
