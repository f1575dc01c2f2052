package op

import (
	"github.com/hearthcache/hearth/respwire"
	"github.com/hearthcache/hearth/value"
)

// SetContains tells which elements are in a set: a Hit with an element for each, which hits or not, or a Miss where there
// is no set. RPC SetContains, Redis SISMEMBER and SMISMEMBER.
type SetContains struct {
	K        []byte
	Elements [][]byte
}

var setContainsSpec = Spec{ID: idSetContains, Name: "SetContains", Access: Reads, Kind: value.Set, Repeatable: true}

// Spec implements Op.
func (o *SetContains) Spec() *Spec { return &setContainsSpec }

// Key implements Op.
func (o *SetContains) Key() []byte { return o.K }

// Apply implements Op.
func (o *SetContains) Apply(e *value.Entry, now int64, r *Reply) error {
	s, err := e.Set()
	if err != nil || s == nil {
		r.Status = Miss
		return err
	}
	r.Status = Hit
	for _, el := range o.Elements {
		r.AddFlag(s.Contains(el))
	}
	return nil
}

// Send implements Op.
func (o *SetContains) Send(b *respwire.Batch, key []byte) {
	b.Command("SCARD", key)
	if len(o.Elements) > 0 {
		b.Command("SMISMEMBER", key, o.Elements...)
	}
}

// Recv implements Op.
func (o *SetContains) Recv(v []respwire.Value, r *Reply) error { return recvFound(v, r, recvFlags) }
