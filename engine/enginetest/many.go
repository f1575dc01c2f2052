package enginetest

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/hearthcache/hearth/engine"
	"github.com/hearthcache/hearth/op"
)

// manyElements is more than a server's functions can pass on to a command at once.
const manyElements = 12_000

// many runs commands with thousands of elements.
func many(t *testing.T, o Options, e engine.Engine) {
	p := &player{Options: o, engine: e, spaces: &spaceSource{last: 1 << 19}}
	if err := p.play(manySteps()); err != nil {
		msg := err.Error()
		t.Errorf("%.2000s", msg)
	}
}

func manySteps() []step {
	r := rand.New(rand.NewPCG(1, 1))
	key := []byte("k")
	x := op.Expiry{TTL: 5_000_000}
	var names [][]byte
	var pairs []op.Pair
	var scores []op.Scored
	for i := range manyElements {
		n := []byte(fmt.Sprintf("name-%d", i))
		names = append(names, n)
		pairs = append(pairs, op.Pair{Field: n, Value: n})
		scores = append(scores, op.Scored{Value: n, Score: float64(r.IntN(500))})
	}
	var ids []uint32
	var board []op.BoardElement
	for i := range op.BoardElementsMax {
		ids = append(ids, uint32(i*2))
		board = append(board, op.BoardElement{ID: uint32(i), Score: float64(r.IntN(100))})
	}
	half := names[:manyElements/2]
	var steps []step
	say := func(os ...op.Op) {
		for _, o := range os {
			steps = append(steps, step{op: o})
		}
	}
	say(&op.DictSet{K: key, Pairs: pairs, Expiry: x}, &op.DictSet{K: key, Pairs: pairs[:9000]}, &op.DictGet{K: key, Fields: names},
		&op.DictFetch{K: key}, &op.DictDelete{K: key, Fields: half}, &op.DictLength{K: key}, &op.Delete{K: key})
	say(&op.SetUnion{K: key, Elements: half, Expiry: x}, &op.SetUnion{K: key, Elements: names, Expiry: x, Refresh: true},
		&op.SetContains{K: key, Elements: names}, &op.SetSubtract{K: key, Elements: half}, &op.SetFetch{K: key},
		&op.SetSubtractFrom{K: key, Elements: names}, &op.SetFetch{K: key}, &op.SetPop{K: key, Count: 5000}, &op.Delete{K: key})
	say(&op.ListPush{K: key, Values: names, Expiry: x}, &op.ListPush{K: key, Values: names, Front: true, Expiry: x, Refresh: true},
		&op.ListFetch{K: key}, &op.ListPush{K: key, Values: half, Front: true, Truncate: 11_000, Expiry: x}, &op.ListFetch{K: key},
		&op.ListErase{K: key, Ranges: []op.IndexRange{{Begin: 10, Count: 5}, {Begin: 4000, Count: 20}, {Begin: 9000, Count: 1}}},
		&op.ListFetch{K: key}, &op.ListPop{K: key, Count: 7000}, &op.ListRemove{K: key, Value: names[17]}, &op.ListLength{K: key},
		&op.Delete{K: key})
	say(&op.SortedPut{K: key, Elements: scores, Expiry: x}, &op.SortedPut{K: key, Elements: scores, Only: op.IfOld, Changed: true, Expiry: x, Refresh: true},
		&op.SortedFetch{K: key}, &op.SortedScore{K: key, Values: names}, &op.SortedRank{K: key, Value: names[77], Descending: true},
		&op.SortedUnionStore{K: []byte("u"), Sources: []op.Source{{K: key, Weight: 2}, {K: key, Weight: -1}}, Expiry: x},
		&op.SortedFetch{K: []byte("u"), Descending: true}, &op.SortedRemove{K: key, Values: half}, &op.SortedLength{K: key})
	key = []byte("board")
	say(&op.BoardUpsert{K: key, Elements: board}, &op.BoardByRank{K: key, To: op.BoardElementsMax}, &op.BoardRank{K: key, IDs: ids[:100]},
		&op.BoardCompetitionRank{K: key, IDs: ids[:100]}, &op.BoardByScore{K: key, Scores: op.AllScores(), Offset: 100, Limit: op.BoardElementsMax},
		&op.BoardRemove{K: key, IDs: ids}, &op.BoardLength{K: key})
	return steps
}
