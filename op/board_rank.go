package op

import (
	"strconv"

	"github.com/hearthcache/hearth/respwire"
	"github.com/hearthcache/hearth/value"
)

// BoardRank reads elements of a leaderboard by id: an element for each that is there, in order, as BoardByRank does. RPC
// GetRank.
type BoardRank struct {
	K          []byte
	IDs        []uint32
	Descending bool
}

var boardRankSpec = Spec{ID: idBoardRank, Name: "GetRank", Access: Reads, Kind: value.SortedSet, Repeatable: true, Board: true}

// Spec implements Op.
func (o *BoardRank) Spec() *Spec { return &boardRankSpec }

// Key implements Op.
func (o *BoardRank) Key() []byte { return o.K }

// Check implements Checker.
func (o *BoardRank) Check() error { return checkMany(len(o.IDs)) }

// Apply implements Op.
func (o *BoardRank) Apply(e *value.Entry, now int64, r *Reply) error {
	z, err := e.SortedSet()
	if err != nil || z == nil {
		return err
	}
	var buf [10]byte
	for _, id := range o.IDs {
		key := strconv.AppendUint(buf[:0], uint64(id), 10)
		i, ok := z.Index(key)
		if !ok {
			continue
		}
		s, _ := z.Score(key)
		if o.Descending {
			i = z.Len() - 1 - i
		}
		r.AddRanked(key, s, int64(i))
	}
	return nil
}

// Send implements Op.
func (o *BoardRank) Send(b *respwire.Batch, key []byte) {
	b.Function("hearth_board_rank", key, append([][]byte{flag(o.Descending)}, ids(o.IDs)...)...)
}

// Recv implements Op.
func (o *BoardRank) Recv(v []respwire.Value, r *Reply) error { return recvRanked(v[0], r) }
