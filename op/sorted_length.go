package op

import (
	"github.com/hearthcache/hearth/respwire"
	"github.com/hearthcache/hearth/value"
)

// SortedLength counts the values of a sorted set: a Hit with Int, or a Miss. RPC SortedSetLength, Redis ZCARD.
type SortedLength struct {
	K []byte
}

var sortedLengthSpec = Spec{ID: idSortedLength, Name: "SortedSetLength", Access: Reads, Kind: value.SortedSet, Repeatable: true}

// Spec implements Op.
func (o *SortedLength) Spec() *Spec { return &sortedLengthSpec }

// Key implements Op.
func (o *SortedLength) Key() []byte { return o.K }

// Apply implements Op.
func (o *SortedLength) Apply(e *value.Entry, now int64, r *Reply) error {
	c, err := e.SortedSet()
	if err != nil || c == nil {
		r.Status = Miss
		return err
	}
	r.Status, r.Int = Hit, int64(c.Len())
	return nil
}

// Send implements Op.
func (o *SortedLength) Send(b *respwire.Batch, key []byte) { b.Command("ZCARD", key) }

// Recv implements Op.
func (o *SortedLength) Recv(v []respwire.Value, r *Reply) error { return recvLen(v[0], r) }
