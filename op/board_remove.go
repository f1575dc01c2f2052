package op

import (
	"strconv"

	"github.com/hearthcache/hearth/respwire"
	"github.com/hearthcache/hearth/value"
)

// BoardRemove removes elements of a leaderboard. RPC RemoveElements.
type BoardRemove struct {
	K   []byte
	IDs []uint32
}

var boardRemoveSpec = Spec{ID: idBoardRemove, Name: "RemoveElements", Access: Writes, Kind: value.SortedSet, Repeatable: true, Board: true}

// Spec implements Op.
func (o *BoardRemove) Spec() *Spec { return &boardRemoveSpec }

// Key implements Op.
func (o *BoardRemove) Key() []byte { return o.K }

// Check implements Checker.
func (o *BoardRemove) Check() error { return checkMany(len(o.IDs)) }

// Apply implements Op.
func (o *BoardRemove) Apply(e *value.Entry, now int64, r *Reply) error {
	z, err := e.SortedSet()
	if err != nil || z == nil {
		return err
	}
	before := z.Len()
	var buf [10]byte
	for _, id := range o.IDs {
		z.Delete(strconv.AppendUint(buf[:0], uint64(id), 10))
	}
	if z.Len() < before {
		e.ExpireAt(now + boardMillis)
	}
	return nil
}

// Send implements Op.
func (o *BoardRemove) Send(b *respwire.Batch, key []byte) {
	b.Function("hearth_board_remove", key, append([][]byte{num(boardMillis)}, ids(o.IDs)...)...)
}

// Recv implements Op.
func (o *BoardRemove) Recv(v []respwire.Value, r *Reply) error { return failed(v) }
