package op

import (
	"strconv"

	"github.com/hearthcache/hearth/respwire"
	"github.com/hearthcache/hearth/value"
)

// BoardCompetitionRank is BoardRank in standard competition ranking: equal scores share a rank, the next one skips. RPC
// GetCompetitionRank.
type BoardCompetitionRank struct {
	K          []byte
	IDs        []uint32
	Descending bool
}

var boardCompetitionRankSpec = Spec{ID: idBoardCompetitionRank, Name: "GetCompetitionRank", Access: Reads, Kind: value.SortedSet, Repeatable: true, Board: true}

// Spec implements Op.
func (o *BoardCompetitionRank) Spec() *Spec { return &boardCompetitionRankSpec }

// Key implements Op.
func (o *BoardCompetitionRank) Key() []byte { return o.K }

// Check implements Checker.
func (o *BoardCompetitionRank) Check() error { return checkMany(len(o.IDs)) }

// Apply implements Op.
func (o *BoardCompetitionRank) Apply(e *value.Entry, now int64, r *Reply) error {
	z, err := e.SortedSet()
	if err != nil || z == nil {
		return err
	}
	var buf [10]byte
	for _, id := range o.IDs {
		key := strconv.AppendUint(buf[:0], uint64(id), 10)
		s, ok := z.Score(key)
		if !ok {
			continue
		}
		i := z.Below(s, false)
		if o.Descending {
			i = z.Len() - z.Below(s, true)
		}
		r.AddRanked(key, s, int64(i))
	}
	return nil
}

// Send implements Op.
func (o *BoardCompetitionRank) Send(b *respwire.Batch, key []byte) {
	b.Function("hearth_board_competition_rank", key, append([][]byte{flag(o.Descending)}, ids(o.IDs)...)...)
}

// Recv implements Op.
func (o *BoardCompetitionRank) Recv(v []respwire.Value, r *Reply) error { return recvRanked(v[0], r) }
