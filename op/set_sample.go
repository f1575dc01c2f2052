package op

import (
	"github.com/hearthcache/hearth/respwire"
	"github.com/hearthcache/hearth/value"
)

// SetSample reads random elements of a set, all different: a Hit with up to Limit of them, or a Miss. RPC SetSample, Redis
// SRANDMEMBER.
type SetSample struct {
	K     []byte
	Limit int64
	Rand  value.Rand // nil is the machine's
}

var setSampleSpec = Spec{ID: idSetSample, Name: "SetSample", Access: Reads, Kind: value.Set, Repeatable: true}

// Spec implements Op.
func (o *SetSample) Spec() *Spec { return &setSampleSpec }

// Key implements Op.
func (o *SetSample) Key() []byte { return o.K }

// Apply implements Op.
func (o *SetSample) Apply(e *value.Entry, now int64, r *Reply) error {
	s, err := e.Set()
	if err != nil || s == nil {
		r.Status = Miss
		return err
	}
	r.Status = Hit
	if n := min(o.Limit, int64(s.Len())); n > 0 {
		s.Sample(int(n), value.Random(o.Rand), func(el []byte) { r.AddPart(el, 0) })
	}
	return nil
}

// Send implements Op.
func (o *SetSample) Send(b *respwire.Batch, key []byte) {
	b.Command("SCARD", key)
	b.Command("SRANDMEMBER", key, num(max(o.Limit, 0)))
}

// Recv implements Op.
func (o *SetSample) Recv(v []respwire.Value, r *Reply) error { return recvFound(v, r, recvBulks) }
