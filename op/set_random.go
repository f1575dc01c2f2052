package op

import (
	"github.com/hearthcache/hearth/respwire"
	"github.com/hearthcache/hearth/value"
)

// SetRandom reads Count random elements of a set that may repeat: a Hit with them, or a Miss. Redis SRANDMEMBER with a
// negative count.
type SetRandom struct {
	K     []byte
	Count int64
	Rand  value.Rand // nil is the machine's
}

var setRandomSpec = Spec{ID: idSetRandom, Name: "SRANDMEMBER", Access: Reads, Kind: value.Set, Repeatable: true}

// Spec implements Op.
func (o *SetRandom) Spec() *Spec { return &setRandomSpec }

// Key implements Op.
func (o *SetRandom) Key() []byte { return o.K }

// Apply implements Op.
func (o *SetRandom) Apply(e *value.Entry, now int64, r *Reply) error {
	s, err := e.Set()
	if err != nil || s == nil {
		r.Status = Miss
		return err
	}
	r.Status = Hit
	rand := value.Random(o.Rand)
	for range o.Count {
		if err := r.AddNamed(s.Random(rand), 0); err != nil {
			return err
		}
	}
	return nil
}

// Send implements Op.
func (o *SetRandom) Send(b *respwire.Batch, key []byte) {
	b.Command("SCARD", key)
	b.Command("SRANDMEMBER", key, num(-o.Count))
}

// Recv implements Op.
func (o *SetRandom) Recv(v []respwire.Value, r *Reply) error { return recvFound(v, r, recvReply) }
