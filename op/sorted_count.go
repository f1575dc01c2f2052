package op

import (
	"github.com/hearthcache/hearth/respwire"
	"github.com/hearthcache/hearth/value"
)

// SortedCount counts the values of a sorted set by score: a Hit with Int, or a Miss where there is no set. RPC
// SortedSetLengthByScore, Redis ZCOUNT.
type SortedCount struct {
	K      []byte
	Scores Scores
}

var sortedCountSpec = Spec{ID: idSortedCount, Name: "SortedSetLengthByScore", Access: Reads, Kind: value.SortedSet, Repeatable: true}

// Spec implements Op.
func (o *SortedCount) Spec() *Spec { return &sortedCountSpec }

// Key implements Op.
func (o *SortedCount) Key() []byte { return o.K }

// Apply implements Op.
func (o *SortedCount) Apply(e *value.Entry, now int64, r *Reply) error {
	z, err := e.SortedSet()
	if err != nil || z == nil {
		r.Status = Miss
		return err
	}
	from, to := o.Scores.indexes(z)
	r.Status, r.Int = Hit, int64(max(0, to-from))
	return nil
}

// Send implements Op.
func (o *SortedCount) Send(b *respwire.Batch, key []byte) {
	low, high := o.Scores.args()
	b.Command("ZCARD", key)
	b.Command("ZCOUNT", key, low, high)
}

// Recv implements Op.
func (o *SortedCount) Recv(v []respwire.Value, r *Reply) error { return recvFound(v, r, recvInt) }
