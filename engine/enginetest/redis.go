package enginetest

import (
	"fmt"
	"math"
	"strconv"

	"github.com/hearthcache/hearth/op"
	"github.com/hearthcache/hearth/value"
)

// redis returns a random command of those that only the Redis door has.
func (g generator) redis() op.Op {
	all := [...]func() op.Op{g.strings, g.strings, g.bits, g.bits, g.items, g.hashes, g.lists, g.lists, g.sets, g.sets, g.sorteds, g.sorteds, g.sorteds}
	return all[g.IntN(len(all))]()
}

func (g generator) keys(kind string) [][]byte {
	out := make([][]byte, 1+g.IntN(3))
	for i := range out {
		out[i] = g.key(kind)
	}
	return out
}

func (g generator) position() int64 {
	switch g.IntN(30) {
	case 0:
		return math.MaxInt64
	case 1:
		return math.MinInt64
	}
	return int64(g.IntN(30) - 15)
}

func (g generator) float() []byte {
	all := [...]string{"0.1", "-0.1", "3.0e3", "1e17", "-5", "0", "1.5", "3.14159265358979", "inf", "1e-5", "0x10", "17179869184.00000001", " 1", "", "abc", "1e400"}
	return []byte(all[g.IntN(len(all))])
}

func (g generator) strings() op.Op {
	k := g.key("s")
	switch g.IntN(11) {
	case 0:
		return &op.Append{K: k, Value: g.text()}
	case 1:
		return &op.StrLen{K: k}
	case 2:
		return &op.GetRange{K: k, Start: g.position(), End: g.position()}
	case 3:
		return &op.SetRange{K: k, Offset: g.Int64N(40), Value: g.text()}
	case 4:
		return &op.GetDel{K: k}
	case 5:
		return [...]op.Op{&op.GetEx{K: k, Expiry: g.expiry()}, &op.GetEx{K: k, Persist: true}, &op.GetEx{K: k}}[g.IntN(3)]
	case 6, 7:
		return &op.IncrementFloat{K: k, Amount: g.float()}
	case 8:
		return &op.MultiGet{List: g.keys("s")}
	case 9:
		keys := g.keys("s")
		values := make([][]byte, len(keys))
		for i := range values {
			values[i] = g.text()
		}
		if g.IntN(3) == 0 {
			return &op.MultiSetNew{List: keys, Values: values}
		}
		o := &op.MultiSet{List: keys, Values: values}
		if g.IntN(4) == 0 {
			o.Expiry = g.expiry()
		}
		return o
	}
	o := &op.LCS{A: k, B: g.key("s"), Matches: g.yes()}
	if o.Matches {
		o.MatchLenMin = g.Int64N(4)
	} else {
		o.OnlyLen = g.yes()
	}
	return o
}

func (g generator) bits() op.Op {
	k := g.key("s")
	bit := byte(g.IntN(2))
	switch g.IntN(8) {
	case 0, 1:
		return &op.BitSet{K: k, Offset: g.Int64N(200), Bit: bit}
	case 2:
		return &op.BitGet{K: k, Offset: g.Int64N(200)}
	case 3:
		o := &op.BitCount{K: k, Ranged: g.yes()}
		if o.Ranged {
			o.Start, o.End, o.Bits = g.position(), g.position(), g.yes()
		}
		return o
	case 4:
		o := &op.BitPos{K: k, Bit: bit, HasStart: g.yes()}
		if o.HasStart {
			o.Start, o.HasEnd = g.position(), g.yes()
		}
		if o.HasEnd {
			o.End, o.Bits = g.position(), g.yes()
		}
		return o
	case 5:
		how := op.BitLogic(g.IntN(4))
		from := g.keys("s")
		if how == op.BitNot {
			from = from[:1]
		}
		return &op.BitOp{To: k, From: from, How: how}
	}
	if g.IntN(4) == 0 {
		return &op.BitFieldRead{BitField: op.BitField{K: k, Steps: g.steps(true)}}
	}
	return &op.BitField{K: k, Steps: g.steps(false)}
}

func (g generator) steps(readOnly bool) []op.BitStep {
	out := make([]op.BitStep, 1+g.IntN(3))
	for i := range out {
		s := &out[i]
		s.Signed = g.yes()
		s.Bits = [...]int64{1, 2, 5, 8, 16, 31, 32, 63}[g.IntN(8)]
		if s.Signed && g.IntN(6) == 0 {
			s.Bits = 64
		}
		s.Offset = g.Int64N(100)
		if readOnly || g.IntN(4) == 0 {
			continue
		}
		s.Do = op.BitWrite + op.BitVerb(g.IntN(2))
		s.Value, s.Overflow = g.amount(), op.BitOverflow(g.IntN(3))
	}
	return out
}

func (g generator) items() op.Op {
	kinds := [...]string{"s", "d", "e", "l", "z"}
	kind := kinds[g.IntN(5)]
	k, other := g.key(kind), g.key(kind)
	switch g.IntN(7) {
	case 0:
		return &op.Persist{K: k}
	case 1:
		return &op.Rename{From: k, To: other, IfNew: g.yes()}
	case 2:
		return &op.Copy{From: k, To: other, Replace: g.yes()}
	case 3:
		return &op.MultiDelete{List: g.keys(kind)}
	case 4:
		return &op.MultiExists{List: g.keys(kind)}
	case 5:
		return &op.ObjectEncoding{K: k}
	}
	o := &op.Sort{K: g.key([...]string{"l", "e", "z"}[g.IntN(3)]), Alpha: g.IntN(3) > 0, Desc: g.yes(), AsIs: g.IntN(6) == 0, Count: -1}
	if g.yes() {
		o.Offset, o.Count = g.Int64N(4), g.Int64N(6)
	}
	if g.IntN(3) == 0 {
		o.Store = g.key("l")
	}
	o.Repeats = g.Int64N(3)
	if o.AsIs {
		// A set has no order to be taken as it is.
		o.K = []byte([...]string{"l1", "z1"}[g.IntN(2)])
	}
	return o
}

func (g generator) hashes() op.Op {
	k := g.key("d")
	switch g.IntN(6) {
	case 0:
		return &op.DictSetNew{K: k, Field: g.element(), Value: g.text()}
	case 1, 2:
		return &op.DictIncrementFloat{K: k, Field: g.element(), Amount: g.float()}
	case 3:
		return &op.DictRandom{K: k, Count: int64(g.IntN(9) - 4), Values: g.yes()}
	case 4:
		return &op.DictFieldLen{K: k, Field: g.element()}
	}
	return g.walk()
}

// walk is one that comes to its end at once: the cursors of two engines are not the same.
func (g generator) walk() op.Op {
	i := g.IntN(3)
	o := &op.Walk{K: g.key([...]string{"d", "e", "z"}[i]), Of: [...]value.Kind{value.Dictionary, value.Set, value.SortedSet}[i], Limit: 10_000}
	if g.IntN(3) == 0 {
		o.Match = []byte([...]string{"m*", "*1", "m?", "m[0-4]", "m[^0-4]*", "x\\*", "", "*"}[g.IntN(8)])
	}
	o.NoValues = i == 0 && g.yes()
	return o
}

func (g generator) lists() op.Op {
	k := g.key("l")
	switch g.IntN(7) {
	case 0:
		return &op.ListIndex{K: k, Index: g.position()}
	case 1:
		return &op.ListSet{K: k, Index: g.position(), Value: g.element()}
	case 2:
		return &op.ListInsert{K: k, Behind: g.yes(), Pivot: g.element(), Value: g.element()}
	case 3:
		return &op.ListFind{K: k, Value: g.element(), Rank: int64(g.IntN(7) - 3), Count: g.Int64N(4), Look: g.Int64N(10)}
	case 4:
		return &op.ListPopAny{List: g.keys("l"), Front: g.yes(), Count: 1 + g.Int64N(3)}
	}
	return &op.ListMove{From: k, To: g.key("l"), FromFront: g.yes(), ToFront: g.yes()}
}

func (g generator) sets() op.Op {
	how := op.Combine(g.IntN(3))
	switch g.IntN(6) {
	case 0:
		return &op.SetMove{From: g.key("e"), To: g.key("e"), Element: g.element()}
	case 1:
		return &op.SetInterCard{List: g.keys("e"), Limit: g.Int64N(3)}
	case 2:
		return &op.SetRandom{K: g.key("e"), Count: g.Int64N(6)}
	case 3, 4:
		return &op.SetCombine{List: g.keys("e"), How: how}
	}
	return &op.SetCombineStore{To: g.key("e"), List: g.keys("e"), How: how}
}

func (g generator) sorteds() op.Op {
	k := g.key("z")
	switch g.IntN(11) {
	case 0, 1, 2:
		return g.lexical()
	case 3, 4:
		o := &op.SortedStore{To: k, From: g.key("z"), Descending: g.yes()}
		if g.yes() {
			s := g.scores()
			o.Scores, o.Offset, o.Count = &s, int64(g.IntN(4)), int64(g.IntN(6)-1)
		} else {
			o.Slice = g.slice()
		}
		return o
	case 5:
		o := &op.SortedRemovePart{K: k}
		if g.yes() {
			s := g.scores()
			o.Scores = &s
		} else {
			o.Slice = g.slice()
		}
		return o
	case 6:
		return &op.SortedPop{K: k, Max: g.yes(), Count: g.Int64N(3)}
	case 7:
		return &op.SortedPopAny{List: g.keys("z"), Max: g.yes(), Count: 1 + g.Int64N(3)}
	case 8:
		return &op.SortedRandom{K: k, Count: int64(g.IntN(9) - 4)}
	case 9:
		return &op.SortedInterCard{List: g.mixed(), Limit: g.Int64N(3)}
	}
	how, aggregate := op.Combine(g.IntN(3)), op.Aggregate(g.IntN(3))
	var sources []op.Source
	for _, k := range g.mixed() {
		sources = append(sources, op.Source{K: k, Weight: float64(g.IntN(7)-2) / 2})
	}
	if g.yes() {
		return &op.SortedCombine{Sources: sources, How: how, Aggregate: aggregate}
	}
	return &op.SortedCombineStore{To: k, Sources: sources, How: how, Aggregate: aggregate}
}

// mixed returns keys of sorted sets and sets.
func (g generator) mixed() [][]byte {
	keys := g.keys("z")
	if g.IntN(4) == 0 {
		keys[0] = g.key("e")
	}
	return keys
}

// lexical works on sorted sets of their own, whose scores are all equal: on others the servers promise nothing.
func (g generator) lexical() op.Op {
	k := []byte("x" + strconv.Itoa(g.IntN(2)))
	x := g.lex()
	switch g.IntN(7) {
	case 0, 1:
		o := &op.SortedPut{K: k}
		for _, v := range g.some(5) {
			o.Elements = append(o.Elements, op.Scored{Value: v})
		}
		return o
	case 2:
		return &op.SortedCountLex{K: k, Lex: x}
	case 3:
		return &op.SortedRemovePart{K: k, Lex: &x}
	case 4:
		return &op.SortedStore{To: []byte("x1"), From: k, Lex: &x, Descending: g.yes(), Offset: g.Int64N(4), Count: int64(g.IntN(6) - 1)}
	}
	return &op.SortedFetchLex{K: k, Lex: x, Descending: g.yes(), Offset: int64(g.IntN(5) - 1), Count: int64(g.IntN(6) - 1)}
}

func (g generator) lex() op.Lex {
	x := op.Lex{MinExclusive: g.yes(), MaxExclusive: g.yes()}
	x.Min, x.Max = []byte(fmt.Sprint("m", g.IntN(12))), []byte("m"+strconv.Itoa(g.IntN(12)))
	switch g.IntN(8) {
	case 0:
		x.Min, x.MinExclusive, x.MinOpen = nil, false, true
	case 1:
		x.Max, x.MaxExclusive, x.MaxOpen = nil, false, true
	case 2:
		x.Min, x.MinExclusive, x.MinNone = nil, false, true
	case 3:
		x.Max, x.MaxExclusive, x.MaxNone = nil, false, true
	}
	return x
}
