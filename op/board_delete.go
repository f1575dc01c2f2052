package op

import (
	"github.com/hearthcache/hearth/respwire"
	"github.com/hearthcache/hearth/value"
)

// BoardDelete removes a leaderboard. RPC DeleteLeaderboard.
type BoardDelete struct {
	K []byte
}

var boardDeleteSpec = Spec{ID: idBoardDelete, Name: "DeleteLeaderboard", Access: Writes, Kind: value.SortedSet, Repeatable: true, Board: true}

// Spec implements Op.
func (o *BoardDelete) Spec() *Spec { return &boardDeleteSpec }

// Key implements Op.
func (o *BoardDelete) Key() []byte { return o.K }

// Apply implements Op.
func (o *BoardDelete) Apply(e *value.Entry, now int64, r *Reply) error {
	e.Delete()
	return nil
}

// Send implements Op.
func (o *BoardDelete) Send(b *respwire.Batch, key []byte) { b.Command("DEL", key) }

// Recv implements Op.
func (o *BoardDelete) Recv(v []respwire.Value, r *Reply) error { return failed(v) }
