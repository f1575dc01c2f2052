package op

import (
	"github.com/hearthcache/hearth/respwire"
	"github.com/hearthcache/hearth/value"
)

// SortedRank tells the place of a value in a sorted set, from 0: a Hit with Int, and the score in Num WithScore, or a Miss,
// with one element that misses where there is a set without that value. RPC SortedSetGetRank, Redis ZRANK and ZREVRANK.
type SortedRank struct {
	K          []byte
	Value      []byte
	Descending bool
	WithScore  bool
}

var sortedRankSpec = Spec{ID: idSortedRank, Name: "SortedSetGetRank", Access: Reads, Kind: value.SortedSet, Repeatable: true}

// Spec implements Op.
func (o *SortedRank) Spec() *Spec { return &sortedRankSpec }

// Key implements Op.
func (o *SortedRank) Key() []byte { return o.K }

// Apply implements Op.
func (o *SortedRank) Apply(e *value.Entry, now int64, r *Reply) error {
	r.Status = Miss
	z, err := e.SortedSet()
	if err != nil || z == nil {
		return err
	}
	i, ok := z.Index(o.Value)
	if !ok {
		r.AddMiss()
		return nil
	}
	if o.Descending {
		i = z.Len() - 1 - i
	}
	r.Status, r.Int = Hit, int64(i)
	if o.WithScore {
		r.Num, _ = z.Score(o.Value)
	}
	return nil
}

// Send implements Op.
func (o *SortedRank) Send(b *respwire.Batch, key []byte) {
	b.Command("ZCARD", key)
	if o.Descending {
		b.Command("ZREVRANK", key, o.Value)
	} else {
		b.Command("ZRANK", key, o.Value)
	}
	if o.WithScore {
		b.Command("ZSCORE", key, o.Value)
	}
}

// Recv implements Op.
func (o *SortedRank) Recv(v []respwire.Value, r *Reply) error {
	if err := failed(v); err != nil {
		return err
	}
	switch {
	case v[0].Int == 0:
		r.Status = Miss
	case v[1].Null:
		r.Status = Miss
		r.AddMiss()
	default:
		r.Status, r.Int = Hit, v[1].Int
	}
	if !o.WithScore || r.Status != Hit {
		return nil
	}
	var err error
	r.Num, err = scoreOf(v[2])
	return err
}
