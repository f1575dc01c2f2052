package op

import (
	"github.com/hearthcache/hearth/respwire"
	"github.com/hearthcache/hearth/value"
)

// ListLength counts the elements of a list: a Hit with Int, or a Miss. RPC ListLength, Redis LLEN.
type ListLength struct {
	K []byte
}

var listLengthSpec = Spec{ID: idListLength, Name: "ListLength", Access: Reads, Kind: value.List, Repeatable: true}

// Spec implements Op.
func (o *ListLength) Spec() *Spec { return &listLengthSpec }

// Key implements Op.
func (o *ListLength) Key() []byte { return o.K }

// Apply implements Op.
func (o *ListLength) Apply(e *value.Entry, now int64, r *Reply) error {
	c, err := e.List()
	if err != nil || c == nil {
		r.Status = Miss
		return err
	}
	r.Status, r.Int = Hit, int64(c.Len())
	return nil
}

// Send implements Op.
func (o *ListLength) Send(b *respwire.Batch, key []byte) { b.Command("LLEN", key) }

// Recv implements Op.
func (o *ListLength) Recv(v []respwire.Value, r *Reply) error { return recvLen(v[0], r) }
