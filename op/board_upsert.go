package op

import (
	"math"
	"strconv"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/respwire"
	"github.com/hearthcache/hearth/value"
)

// BoardUpsert gives elements of a leaderboard scores. RPC UpsertElements.
type BoardUpsert struct {
	K        []byte
	Elements []BoardElement
}

var boardUpsertSpec = Spec{ID: idBoardUpsert, Name: "UpsertElements", Access: Writes, Kind: value.SortedSet, Repeatable: true, Board: true}

// Spec implements Op.
func (o *BoardUpsert) Spec() *Spec { return &boardUpsertSpec }

// Key implements Op.
func (o *BoardUpsert) Key() []byte { return o.K }

// BoardElement is an element of a leaderboard and its score.
type BoardElement struct {
	ID    uint32
	Score float64
}

// Check implements Checker.
func (o *BoardUpsert) Check() error {
	if len(o.Elements) > BoardElementsMax {
		return errBoardMany
	}
	for _, el := range o.Elements {
		if math.IsNaN(el.Score) || math.IsInf(el.Score, 0) {
			return &hearth.Error{Kind: hearth.Invalid, Msg: "a score must be a finite number"}
		}
	}
	return nil
}

// Size implements Sizer.
func (o *BoardUpsert) Size() (total, largest int) { return 12 * len(o.Elements), 12 }

// Apply implements Op.
func (o *BoardUpsert) Apply(e *value.Entry, now int64, r *Reply) error {
	z, err := e.MakeSortedSet()
	if err != nil {
		return err
	}
	var buf [10]byte
	for _, el := range o.Elements {
		z.Put(strconv.AppendUint(buf[:0], uint64(el.ID), 10), el.Score)
	}
	e.ExpireAt(now + boardMillis)
	return nil
}

// Send implements Op.
func (o *BoardUpsert) Send(b *respwire.Batch, key []byte) {
	args := make([][]byte, 0, 2*len(o.Elements))
	for _, el := range o.Elements {
		args = append(args, score(el.Score), num(int64(el.ID)))
	}
	if len(args) > 0 {
		b.Command("ZADD", key, args...)
	}
	b.Command("PEXPIRE", key, num(boardMillis))
}

// Recv implements Op.
func (o *BoardUpsert) Recv(v []respwire.Value, r *Reply) error { return failed(v) }
