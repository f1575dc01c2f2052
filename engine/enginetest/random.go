package enginetest

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"

	"github.com/hearthcache/hearth/op"
	"github.com/hearthcache/hearth/value"
)

// generator makes random commands over few keys, elements and values, so that they meet.
type generator struct {
	*rand.Rand
	short bool // whether short times to live may be used: the clock stands still
	tags  bool // whether items get tags
}

// RandomOp returns a random command of any kind. Its keys are few and it is valid; times to live are long.
func RandomOp(r *rand.Rand) op.Op {
	g := generator{Rand: r}
	if g.IntN(3) == 0 {
		return g.redis()
	}
	return g.op()
}

func (g generator) op() op.Op {
	all := [...]func() op.Op{g.scalar, g.any, g.dictionary, g.set, g.list, g.sorted, g.union, g.board}
	weights := [...]int{6, 3, 6, 6, 8, 7, 1, 4}
	n := g.IntN(41)
	for i, w := range weights {
		if n < w {
			return all[i]()
		}
		n -= w
	}
	return g.scalar()
}

// key returns a name that is mostly used for one kind of item, and sometimes for another: then it has the wrong type.
func (g generator) key(kind string) []byte {
	if g.IntN(20) == 0 {
		kind = [...]string{"s", "d", "e", "l", "z"}[g.IntN(5)]
	}
	return []byte(kind + strconv.Itoa(g.IntN(3)))
}

func (g generator) element() []byte {
	switch g.IntN(40) {
	case 0:
		return []byte{}
	case 1:
		return []byte{0, 0xff, '\r', '\n', byte(g.IntN(3))}
	case 2:
		return []byte(fmt.Sprintf("%0*d", 200+g.IntN(1200), g.IntN(3)))
	}
	return []byte("m" + strconv.Itoa(g.IntN(12)))
}

func (g generator) text() []byte {
	switch g.IntN(10) {
	case 0:
		return []byte(strconv.FormatInt(math.MaxInt64-int64(g.IntN(3)), 10))
	case 1, 2, 3:
		return []byte(strconv.Itoa(g.IntN(20) - 10))
	case 4:
		return []byte([...]string{"", "01", "+1", " 1", "1 ", "1.5", "-0", "-", "9223372036854775808"}[g.IntN(9)])
	}
	return g.element()
}

// elements returns up to n, or, rarely, enough to make any collection large.
func (g generator) elements(n int) [][]byte {
	n = g.IntN(n + 1)
	many := g.IntN(60) == 0
	if many {
		n = 150 + g.IntN(200)
	}
	out := make([][]byte, n)
	for i := range out {
		out[i] = g.element()
		if many {
			out[i] = []byte("x" + strconv.Itoa(g.IntN(400)))
		}
	}
	return out
}

func (g generator) some(n int) [][]byte {
	if es := g.elements(n); len(es) > 0 {
		return es
	}
	return [][]byte{g.element()}
}

func (g generator) expiry() op.Expiry {
	if g.short && g.IntN(2) == 0 {
		return op.Expiry{TTL: 1 + g.Int64N(200)}
	}
	// Far enough from each other that a machine's clock, going on, does not change which is longer.
	return op.Expiry{TTL: 10_000 * (100 + g.Int64N(1_000_000))}
}

func (g generator) yes() bool { return g.IntN(2) == 0 }

func (g generator) amount() int64 {
	switch g.IntN(12) {
	case 0:
		return math.MaxInt64
	case 1:
		return math.MinInt64
	case 2:
		return 0
	}
	return int64(g.IntN(200) - 100)
}

func (g generator) score() float64 {
	switch g.IntN(30) {
	case 0:
		return math.Inf(1)
	case 1:
		return math.Inf(-1)
	case 2:
		return 1e300
	case 3:
		return 0.1
	}
	return float64(g.IntN(16))/2 - 3
}

func (g generator) scores() op.Scores {
	s := op.Scores{Min: g.score(), Max: g.score(), MinExclusive: g.yes(), MaxExclusive: g.yes()}
	if s.Min > s.Max && g.IntN(4) > 0 {
		s.Min, s.Max = s.Max, s.Min
	}
	return s
}

func (g generator) slice() op.Slice {
	s := op.Slice{Start: int64(g.IntN(14) - 7), End: int64(g.IntN(14) - 7), Bounded: g.IntN(3) > 0}
	if !s.Bounded {
		s.End = 0
	}
	return s
}

func (g generator) scalar() op.Op {
	k := g.key("s")
	switch g.IntN(8) {
	case 0, 1:
		return &op.Get{K: k}
	case 2:
		return &op.Set{K: k, Value: g.text(), Expiry: g.expiry(), Tags: g.tagNames()}
	case 3:
		return &op.GetWithHash{K: k}
	case 4:
		o := &op.SetIf{K: k, Value: g.text(), Condition: op.Condition(g.IntN(7)), Old: g.IntN(4) == 0}
		if o.Condition > op.Present {
			o.Against = g.text()
		}
		if o.KeepTTL = g.IntN(4) == 0; !o.KeepTTL {
			o.Expiry = g.expiry()
		}
		return o
	case 5:
		o := &op.SetIfHash{K: k, Value: g.text(), Condition: op.Condition(g.IntN(7)), Expiry: g.expiry()}
		o.Against = sha(string(g.text()))
		if g.IntN(5) == 0 {
			o.Against = []byte("no hash")
		}
		return o
	default:
		o := &op.Increment{K: k, Amount: g.amount(), KeepTTL: g.IntN(4) == 0}
		if !o.KeepTTL {
			o.Expiry = g.expiry()
		}
		return o
	}
}

// tagNames returns up to three tags for an item.
func (g generator) tagNames() (names [][]byte) {
	if !g.tags {
		return nil
	}
	for range g.IntN(4) {
		names = append(names, g.tagName())
	}
	return names
}

func (g generator) tagName() []byte { return []byte("t" + strconv.Itoa(g.IntN(4))) }

func (g generator) any() op.Op {
	k := g.key([...]string{"s", "d", "e", "l", "z"}[g.IntN(5)])
	switch g.IntN(7) {
	case 0:
		return &op.Delete{K: k}
	case 1:
		return &op.Exists{K: k}
	case 2:
		return &op.ItemTTL{K: k}
	case 3:
		return &op.ItemType{K: k}
	case 4:
		return &op.DeleteKind{K: k, Kind: value.Dictionary + value.Kind(g.IntN(4))}
	}
	return &op.UpdateTTL{K: k, When: [...]op.TTLCondition{0, op.IfLonger, op.IfShorter, op.IfNone, op.IfSome}[g.IntN(5)], Expiry: g.expiry()}
}

func (g generator) dictionary() op.Op {
	k := g.key("d")
	switch g.IntN(9) {
	case 0, 1, 2:
		o := &op.DictSet{K: k, Expiry: g.expiry(), Refresh: g.yes()}
		for _, f := range g.elements(4) {
			o.Pairs = append(o.Pairs, op.Pair{Field: f, Value: g.text()})
		}
		return o
	case 3:
		return &op.DictGet{K: k, Fields: g.elements(4)}
	case 4:
		return &op.DictFetch{K: k}
	case 5, 6:
		return &op.DictIncrement{K: k, Field: g.element(), Amount: g.amount(), Expiry: g.expiry(), Refresh: g.yes()}
	case 7:
		return &op.DictDelete{K: k, Fields: g.elements(4)}
	}
	return &op.DictLength{K: k}
}

func (g generator) set() op.Op {
	k := g.key("e")
	switch g.IntN(10) {
	case 0, 1, 2:
		return &op.SetUnion{K: k, Elements: g.elements(5), Expiry: g.expiry(), Refresh: g.yes()}
	case 3:
		return &op.SetSubtract{K: k, Elements: g.elements(4)}
	case 4:
		return &op.SetSubtractFrom{K: k, Elements: g.elements(8)}
	case 5:
		return &op.SetFetch{K: k}
	case 6:
		return &op.SetContains{K: k, Elements: g.elements(5)}
	case 7:
		return &op.SetSample{K: k, Limit: g.Int64N(6)}
	case 8:
		return &op.SetPop{K: k, Count: g.Int64N(4)}
	}
	return &op.SetLength{K: k}
}

func (g generator) list() op.Op {
	k := g.key("l")
	switch g.IntN(10) {
	case 0, 1, 2:
		o := &op.ListPush{K: k, Front: g.yes(), Values: g.some(4), Expiry: g.expiry(), Refresh: g.yes()}
		if g.IntN(3) == 0 {
			o.Truncate = 1 + g.Int64N(20)
		} else if g.IntN(8) == 0 {
			o.IfExists, o.Refresh, o.Expiry = true, false, op.Expiry{}
		}
		return o
	case 3:
		return &op.ListPop{K: k, Front: g.yes(), Count: g.Int64N(3)}
	case 4, 5:
		return &op.ListFetch{K: k, Slice: g.slice()}
	case 6:
		o := &op.ListRetain{K: k, Slice: g.slice(), Refresh: g.yes()}
		if o.Refresh {
			o.Expiry = g.expiry()
		}
		return o
	case 7:
		return &op.ListRemove{K: k, Value: g.element(), Count: int64(g.IntN(5) - 2)}
	case 8:
		o := &op.ListErase{K: k}
		for range g.IntN(6) {
			o.Ranges = append(o.Ranges, op.IndexRange{Begin: uint32(g.IntN(8)), Count: uint32(g.IntN(6))})
		}
		return o
	}
	return &op.ListLength{K: k}
}

func (g generator) sorted() op.Op {
	k := g.key("z")
	switch g.IntN(13) {
	case 0, 1, 2, 3:
		o := &op.SortedPut{K: k, Only: g.only(), Changed: g.IntN(4) == 0, Expiry: g.expiry(), Refresh: g.yes()}
		for _, v := range g.elements(4) {
			o.Elements = append(o.Elements, op.Scored{Value: v, Score: g.score()})
		}
		return o
	case 4, 5:
		return &op.SortedFetch{K: k, Descending: g.yes(), Slice: g.slice()}
	case 6, 7:
		s := g.scores()
		return &op.SortedFetch{K: k, Descending: g.yes(), Scores: &s, Offset: g.Int64N(4), Count: int64(g.IntN(6) - 1)}
	case 8:
		return &op.SortedScore{K: k, Values: g.elements(4)}
	case 9:
		return &op.SortedRank{K: k, Value: g.element(), Descending: g.yes()}
	case 10:
		return &op.SortedRemove{K: k, Values: g.elements(3)}
	case 11:
		return &op.SortedIncrement{K: k, Value: g.element(), Amount: g.score(), Only: g.only(), Expiry: g.expiry(), Refresh: g.yes()}
	}
	if g.yes() {
		return &op.SortedCount{K: k, Scores: g.scores()}
	}
	return &op.SortedLength{K: k}
}

func (g generator) only() op.PutCondition {
	return [...]op.PutCondition{0, 0, 0, 0, op.IfNew, op.IfOld, op.IfGreater, op.IfLess, op.IfOld | op.IfGreater}[g.IntN(9)]
}

func (g generator) union() op.Op {
	switch g.IntN(6) {
	case 0:
		return &op.SortedFetchAny{K: g.key([...]string{"z", "e"}[g.IntN(2)])}
	case 1:
		o := &op.SortedReplace{K: g.key("z"), Expiry: g.expiry()}
		seen := map[string]bool{}
		for _, v := range g.elements(4) {
			if !seen[string(v)] {
				o.Elements = append(o.Elements, op.Scored{Value: v, Score: g.score()})
			}
			seen[string(v)] = true
		}
		return o
	}
	o := &op.SortedUnionStore{K: g.key("z"), Aggregate: op.Aggregate(g.IntN(3)), Expiry: g.expiry()}
	for range 1 + g.IntN(2) {
		o.Sources = append(o.Sources, op.Source{K: g.key([...]string{"z", "z", "z", "e"}[g.IntN(4)]), Weight: float64(g.IntN(7)-2) / 2})
	}
	return o
}

func (g generator) board() op.Op {
	k := []byte("b" + strconv.Itoa(g.IntN(2)))
	ids := func(n int) []uint32 {
		out := make([]uint32, 1+g.IntN(n))
		for i := range out {
			out[i] = uint32(g.IntN(30))
		}
		return out
	}
	switch g.IntN(10) {
	case 0, 1, 2:
		o := &op.BoardUpsert{K: k}
		for _, id := range ids(8) {
			o.Elements = append(o.Elements, op.BoardElement{ID: id, Score: float64(g.IntN(12)) / 2})
		}
		return o
	case 3:
		return &op.BoardRemove{K: k, IDs: ids(3)}
	case 4:
		return [...]op.Op{&op.BoardDelete{K: k}, &op.BoardLength{K: k}}[min(1, g.IntN(4))]
	case 5:
		from := uint32(g.IntN(10))
		return &op.BoardByRank{K: k, Descending: g.yes(), From: from, To: from + 1 + uint32(g.IntN(10))}
	case 6, 7:
		s := g.scores()
		s.MinExclusive, s.MaxExclusive = false, true
		return &op.BoardByScore{K: k, Descending: g.yes(), Scores: s, Offset: uint32(g.IntN(4)), Limit: uint32(g.IntN(8))}
	case 8:
		return &op.BoardRank{K: k, IDs: ids(5), Descending: g.yes()}
	}
	return &op.BoardCompetitionRank{K: k, IDs: ids(5), Descending: g.yes()}
}
