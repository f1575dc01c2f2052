package op

import (
	"github.com/hearthcache/hearth/respwire"
	"github.com/hearthcache/hearth/value"
)

// SetFetch reads a whole set: a Hit with every element in no order, or a Miss. RPC SetFetch, Redis SMEMBERS.
type SetFetch struct {
	K []byte
}

var setFetchSpec = Spec{ID: idSetFetch, Name: "SetFetch", Access: Reads, Kind: value.Set, Repeatable: true}

// Spec implements Op.
func (o *SetFetch) Spec() *Spec { return &setFetchSpec }

// Key implements Op.
func (o *SetFetch) Key() []byte { return o.K }

// Apply implements Op.
func (o *SetFetch) Apply(e *value.Entry, now int64, r *Reply) error {
	s, err := e.Set()
	if err != nil || s == nil {
		r.Status = Miss
		return err
	}
	r.Status = Hit
	for el := range s.All {
		r.AddPart(el, 0)
	}
	return nil
}

// Whole implements Whole.
func (o *SetFetch) Whole() string { return "SMEMBERS" }

// Send implements Op.
func (o *SetFetch) Send(b *respwire.Batch, key []byte) { b.Command(o.Whole(), key) }

// Recv implements Op.
func (o *SetFetch) Recv(v []respwire.Value, r *Reply) error { return recvList(v[0], r) }
