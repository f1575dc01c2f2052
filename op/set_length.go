package op

import (
	"github.com/hearthcache/hearth/respwire"
	"github.com/hearthcache/hearth/value"
)

// SetLength counts the elements of a set: a Hit with Int, or a Miss. RPC SetLength, Redis SCARD.
type SetLength struct {
	K []byte
}

var setLengthSpec = Spec{ID: idSetLength, Name: "SetLength", Access: Reads, Kind: value.Set, Repeatable: true}

// Spec implements Op.
func (o *SetLength) Spec() *Spec { return &setLengthSpec }

// Key implements Op.
func (o *SetLength) Key() []byte { return o.K }

// Apply implements Op.
func (o *SetLength) Apply(e *value.Entry, now int64, r *Reply) error {
	c, err := e.Set()
	if err != nil || c == nil {
		r.Status = Miss
		return err
	}
	r.Status, r.Int = Hit, int64(c.Len())
	return nil
}

// Send implements Op.
func (o *SetLength) Send(b *respwire.Batch, key []byte) { b.Command("SCARD", key) }

// Recv implements Op.
func (o *SetLength) Recv(v []respwire.Value, r *Reply) error { return recvLen(v[0], r) }
