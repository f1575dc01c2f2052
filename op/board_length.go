package op

import (
	"github.com/hearthcache/hearth/respwire"
	"github.com/hearthcache/hearth/value"
)

// BoardLength counts the elements of a leaderboard: Int, 0 where there is none. RPC GetLeaderboardLength.
type BoardLength struct {
	K []byte
}

var boardLengthSpec = Spec{ID: idBoardLength, Name: "GetLeaderboardLength", Access: Reads, Kind: value.SortedSet, Repeatable: true, Board: true}

// Spec implements Op.
func (o *BoardLength) Spec() *Spec { return &boardLengthSpec }

// Key implements Op.
func (o *BoardLength) Key() []byte { return o.K }

// Apply implements Op.
func (o *BoardLength) Apply(e *value.Entry, now int64, r *Reply) error {
	z, err := e.SortedSet()
	if err != nil || z == nil {
		return err
	}
	r.Int = int64(z.Len())
	return nil
}

// Send implements Op.
func (o *BoardLength) Send(b *respwire.Batch, key []byte) { b.Command("ZCARD", key) }

// Recv implements Op.
func (o *BoardLength) Recv(v []respwire.Value, r *Reply) error { return recvInt(v[0], r) }
