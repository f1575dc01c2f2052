package op

import (
	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/respwire"
	"github.com/hearthcache/hearth/value"
)

// BoardByRank reads the elements of a leaderboard from rank From up to, not including, To: an element for each, whose Bytes
// are the id in decimal, Num the score and Int the rank. RPC GetByRank.
type BoardByRank struct {
	K          []byte
	Descending bool
	From, To   uint32
}

var boardByRankSpec = Spec{ID: idBoardByRank, Name: "GetByRank", Access: Reads, Kind: value.SortedSet, Repeatable: true, Board: true}

// Spec implements Op.
func (o *BoardByRank) Spec() *Spec { return &boardByRankSpec }

// Key implements Op.
func (o *BoardByRank) Key() []byte { return o.K }

// Check implements Checker.
func (o *BoardByRank) Check() error {
	if o.From >= o.To {
		return &hearth.Error{Kind: hearth.Invalid, Msg: "the start of a rank range must be less than its end"}
	}
	return checkMany(int(o.To - o.From))
}

// Apply implements Op.
func (o *BoardByRank) Apply(e *value.Entry, now int64, r *Reply) error {
	z, err := e.SortedSet()
	if err != nil || z == nil {
		return err
	}
	from, to := Slice{Start: int64(o.From), End: int64(o.To), Bounded: true}.bounds(z.Len())
	rankRange(z, from, to, o.Descending, r)
	return nil
}

// rankRange adds the elements of a range of ranks.
func rankRange(z *value.Sorted, from, to int, descending bool, r *Reply) {
	rank := int64(from)
	add := func(id []byte, score float64) bool {
		r.AddRanked(id, score, rank)
		rank++
		return true
	}
	if descending {
		z.Backward(z.Len()-to, z.Len()-from, add)
	} else {
		z.Range(from, to, add)
	}
}

// Send implements Op.
func (o *BoardByRank) Send(b *respwire.Batch, key []byte) {
	name := "ZRANGE"
	if o.Descending {
		name = "ZREVRANGE"
	}
	b.Command(name, key, num(int64(o.From)), num(int64(o.To)-1), lit("WITHSCORES"))
}

// Recv implements Op.
func (o *BoardByRank) Recv(v []respwire.Value, r *Reply) error {
	if err := failed(v); err != nil {
		return err
	}
	return recvRange(v[0], int64(o.From), r)
}

// recvRange reads elements with scores whose ranks go on from first.
func recvRange(v respwire.Value, first int64, r *Reply) error {
	if err := recvScored(v, r); err != nil {
		return err
	}
	for i := range r.parts {
		r.parts[i].rank = first + int64(i)
	}
	return nil
}
