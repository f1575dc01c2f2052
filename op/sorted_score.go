package op

import (
	"github.com/hearthcache/hearth/respwire"
	"github.com/hearthcache/hearth/value"
)

// SortedScore reads scores of a sorted set: a Hit with an element for each value, in order, whose Num is the score, or a
// Miss where there is no set. RPC SortedSetGetScore, Redis ZSCORE and ZMSCORE.
type SortedScore struct {
	K      []byte
	Values [][]byte
}

var sortedScoreSpec = Spec{ID: idSortedScore, Name: "SortedSetGetScore", Access: Reads, Kind: value.SortedSet, Repeatable: true}

// Spec implements Op.
func (o *SortedScore) Spec() *Spec { return &sortedScoreSpec }

// Key implements Op.
func (o *SortedScore) Key() []byte { return o.K }

// Apply implements Op.
func (o *SortedScore) Apply(e *value.Entry, now int64, r *Reply) error {
	z, err := e.SortedSet()
	if err != nil || z == nil {
		r.Status = Miss
		return err
	}
	r.Status = Hit
	for _, v := range o.Values {
		if s, ok := z.Score(v); ok {
			r.AddNum(s)
		} else {
			r.AddMiss()
		}
	}
	return nil
}

// Send implements Op.
func (o *SortedScore) Send(b *respwire.Batch, key []byte) {
	b.Command("ZCARD", key)
	if len(o.Values) > 0 {
		b.Command("ZMSCORE", key, o.Values...)
	}
}

// Recv implements Op.
func (o *SortedScore) Recv(v []respwire.Value, r *Reply) error { return recvFound(v, r, recvScores) }
