package op

import (
	"math"

	"github.com/hearthcache/hearth/respwire"
	"github.com/hearthcache/hearth/value"
)

// BoardByScore reads the elements of a leaderboard in a range of scores, without the first Offset and at most Limit: an
// element for each, as BoardByRank does; ranks are those in the whole board. RPC GetByScore, whose upper bound is exclusive.
type BoardByScore struct {
	K             []byte
	Descending    bool
	Scores        Scores
	Offset, Limit uint32
}

var boardByScoreSpec = Spec{ID: idBoardByScore, Name: "GetByScore", Access: Reads, Kind: value.SortedSet, Repeatable: true, Board: true}

// Spec implements Op.
func (o *BoardByScore) Spec() *Spec { return &boardByScoreSpec }

// Key implements Op.
func (o *BoardByScore) Key() []byte { return o.K }

// Check implements Checker.
func (o *BoardByScore) Check() error {
	if math.IsNaN(o.Scores.Min) || math.IsNaN(o.Scores.Max) {
		return errScore
	}
	return checkMany(int(o.Limit))
}

// Apply implements Op.
func (o *BoardByScore) Apply(e *value.Entry, now int64, r *Reply) error {
	z, err := e.SortedSet()
	if err != nil || z == nil {
		return err
	}
	from, to := o.Scores.indexes(z)
	from, to = limit(from, to, o.Descending, int64(o.Offset), int64(o.Limit))
	if o.Descending {
		from, to = z.Len()-to, z.Len()-from
	}
	rankRange(z, from, to, o.Descending, r)
	return nil
}

// Send implements Op.
func (o *BoardByScore) Send(b *respwire.Batch, key []byte) {
	low, high := o.Scores.args()
	page := [][]byte{low, high, lit("WITHSCORES"), lit("LIMIT"), num(int64(o.Offset)), num(int64(o.Limit))}
	// What stands before the range is what is outside it on the side where ranks begin.
	if o.Descending {
		b.Command("ZCOUNT", key, bound(o.Scores.Max, !o.Scores.MaxExclusive), lit("+inf"))
		page[0], page[1] = high, low
		b.Command("ZREVRANGEBYSCORE", key, page...)
		return
	}
	b.Command("ZCOUNT", key, lit("-inf"), bound(o.Scores.Min, !o.Scores.MinExclusive))
	b.Command("ZRANGEBYSCORE", key, page...)
}

// Recv implements Op.
func (o *BoardByScore) Recv(v []respwire.Value, r *Reply) error {
	if err := failed(v); err != nil {
		return err
	}
	return recvRange(v[1], v[0].Int+int64(o.Offset), r)
}
