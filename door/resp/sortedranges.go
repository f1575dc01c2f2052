package resp

import (
	"errors"
	"math"
	"strconv"
	"strings"

	"github.com/hearthcache/hearth/op"
	"github.com/hearthcache/hearth/respwire"
	"github.com/hearthcache/hearth/value"
)

// scoresOf reads a range of scores: numbers, open at their end where "(" stands before them.
func scoresOf(low, high []byte) (*op.Scores, error) {
	s := &op.Scores{}
	var ok1, ok2 bool
	s.Min, s.MinExclusive, ok1 = scoreBound(low)
	s.Max, s.MaxExclusive, ok2 = scoreBound(high)
	if !ok1 || !ok2 {
		return nil, errMinMax
	}
	return s, nil
}

func scoreBound(arg []byte) (f float64, exclusive, ok bool) {
	if len(arg) > 0 && arg[0] == '(' {
		exclusive, arg = true, arg[1:]
	}
	// What C's strtod takes: spaces before the number, nothing for zero, and more than can be said as infinite.
	text := strings.TrimLeft(string(arg), " \t\n\v\f\r")
	text, _, ended := strings.Cut(text, "\x00")
	if text == "" && (len(arg) == 0 || ended) {
		return 0, exclusive, true
	}
	f, err := respwire.ParseFloat(text)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return 0, false, false
	}
	return f, exclusive, !math.IsNaN(f)
}

// lexOf reads a range of values: "-" and "+", or a value behind "[" or "(".
func lexOf(low, high []byte) (*op.Lex, error) {
	x := &op.Lex{}
	switch {
	case len(low) == 1 && low[0] == '-':
		x.MinOpen = true
	case len(low) == 1 && low[0] == '+':
		x.MinNone = true
	case len(low) > 0 && (low[0] == '[' || low[0] == '('):
		x.Min, x.MinExclusive = low[1:], low[0] == '('
	default:
		return nil, errLexRange
	}
	switch {
	case len(high) == 1 && high[0] == '+':
		x.MaxOpen = true
	case len(high) == 1 && high[0] == '-':
		x.MaxNone = true
	case len(high) > 0 && (high[0] == '[' || high[0] == '('):
		x.Max, x.MaxExclusive = high[1:], high[0] == '('
	default:
		return nil, errLexRange
	}
	return x, nil
}

// sortedRange is what ZRANGE and all its older spellings ask for.
type sortedRange struct {
	byScore, byLex, reverse, scores bool
	limited                         bool
	offset, count                   int64

	slice  op.Slice
	ranges *op.Scores
	lex    *op.Lex
}

// sortedRangeOf reads a range command, whose bounds are arguments at and at+1.
func sortedRangeOf(args [][]byte, at int) (x sortedRange, err error) {
	name := strings.ToUpper(string(args[0]))
	newer := name == "ZRANGE" || name == "ZRANGESTORE"
	x.byScore, x.byLex = strings.HasSuffix(name, "SCORE"), strings.HasSuffix(name, "LEX")
	x.reverse = strings.HasPrefix(name, "ZREV")
	x.count = -1
	for i := at + 2; i < len(args); i++ {
		left := len(args) - i - 1
		switch {
		case is(args[i], "WITHSCORES") && name != "ZRANGESTORE":
			x.scores = true
		case is(args[i], "LIMIT") && left >= 2:
			if x.offset, x.count, err = twoInts(args[i+1], args[i+2]); err != nil {
				return x, err
			}
			x.limited = true
			i += 2
		case newer && !x.reverse && is(args[i], "REV"):
			x.reverse = true
		case newer && !x.byLex && !x.byScore && is(args[i], "BYLEX"):
			x.byLex = true
		case newer && !x.byLex && !x.byScore && is(args[i], "BYSCORE"):
			x.byScore = true
		default:
			return x, errSyntax
		}
	}
	switch {
	case x.limited && !x.byScore && !x.byLex && x.count != -1:
		return x, say("ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX")
	case x.scores && x.byLex:
		return x, say("ERR syntax error, WITHSCORES not supported in combination with BYLEX")
	}
	return x, x.bounds(args[at], args[at+1])
}

func (x *sortedRange) bounds(low, high []byte) (err error) {
	if x.reverse && (x.byScore || x.byLex) {
		low, high = high, low
	}
	switch {
	case x.byScore:
		x.ranges, err = scoresOf(low, high)
	case x.byLex:
		x.lex, err = lexOf(low, high)
	default:
		var start, stop int64
		start, stop, err = twoInts(low, high)
		x.slice = op.Inclusive(start, stop)
	}
	return err
}

func parseZRange(c *conn, args [][]byte) (op.Op, error) {
	x, err := sortedRangeOf(args, 2)
	if err != nil {
		return nil, err
	}
	if x.offset < 0 {
		// Nothing is there before the first one.
		x.count = 0
	}
	if x.byLex {
		return &op.SortedFetchLex{K: args[1], Lex: *x.lex, Descending: x.reverse, Offset: x.offset, Count: x.count}, nil
	}
	return &op.SortedFetch{K: args[1], Descending: x.reverse, Slice: x.slice, Scores: x.ranges, Offset: x.offset, Count: x.count}, nil
}

func encodeZRange(c *conn, args [][]byte, r *op.Reply) {
	scores := false
	for _, a := range args[4:] {
		scores = scores || is(a, "WITHSCORES")
	}
	c.scored(r, scores, true)
}

func parseZRangeStore(c *conn, args [][]byte) (op.Op, error) {
	x, err := sortedRangeOf(args, 3)
	if err != nil {
		return nil, err
	}
	if x.offset < 0 {
		x.count = 0
	}
	return &op.SortedStore{To: args[1], From: args[2], Slice: x.slice, Scores: x.ranges, Lex: x.lex,
		Descending: x.reverse, Offset: x.offset, Count: x.count}, nil
}

func parseZRemRange(c *conn, args [][]byte) (op.Op, error) {
	o := &op.SortedRemovePart{K: args[1]}
	var err error
	switch {
	case is(args[0], "ZREMRANGEBYSCORE"):
		o.Scores, err = scoresOf(args[2], args[3])
	case is(args[0], "ZREMRANGEBYLEX"):
		o.Lex, err = lexOf(args[2], args[3])
	default:
		var start, stop int64
		start, stop, err = twoInts(args[2], args[3])
		o.Slice = op.Inclusive(start, stop)
	}
	if err != nil {
		return nil, err
	}
	return o, nil
}

// combination is what ZUNION and its kin ask for.
type combination struct {
	sources   []op.Source
	aggregate op.Aggregate
	scores    bool
}

// combinationOf reads keys, whose number is argument at, and what follows them.
func combinationOf(args [][]byte, at int, how op.Combine, command string, store bool) (x combination, err error) {
	keys, rest, err := keyList(args, at, command)
	if err != nil {
		return x, err
	}
	for _, k := range keys {
		x.sources = append(x.sources, op.Source{K: k, Weight: 1})
	}
	for i := 0; i < len(rest); i++ {
		left := len(rest) - i - 1
		switch {
		case how != op.Difference && is(rest[i], "WEIGHTS") && left >= len(keys):
			for j := range keys {
				w, ok := float(rest[i+1+j])
				if !ok {
					return x, say("ERR weight value is not a float")
				}
				x.sources[j].Weight = w
			}
			i += len(keys)
		case how != op.Difference && is(rest[i], "AGGREGATE") && left >= 1:
			if x.aggregate, err = aggregateOf(rest[i+1]); err != nil {
				return x, err
			}
			i++
		case !store && is(rest[i], "WITHSCORES"):
			x.scores = true
		default:
			return x, errSyntax
		}
	}
	return x, nil
}

func aggregateOf(arg []byte) (op.Aggregate, error) {
	switch {
	case is(arg, "SUM"):
		return op.Sum, nil
	case is(arg, "MIN"):
		return op.Min, nil
	case is(arg, "MAX"):
		return op.Max, nil
	}
	return 0, errSyntax
}

func combineSorted(how op.Combine, command string) parser {
	return func(c *conn, args [][]byte) (op.Op, error) {
		x, err := combinationOf(args, 1, how, command, false)
		if err != nil {
			return nil, err
		}
		return &op.SortedCombine{Sources: x.sources, How: how, Aggregate: x.aggregate}, nil
	}
}

func encodeScoredIf(c *conn, args [][]byte, r *op.Reply) {
	n, _ := respwire.Int(args[1])
	scores := false
	for _, a := range args[2+n:] {
		scores = scores || is(a, "WITHSCORES")
	}
	c.scored(r, scores, true)
}

func storedRow(name string, how op.Combine) row {
	r := listed(name, -4, write|denyoom, 2, func(c *conn, args [][]byte) (op.Op, error) {
		x, err := combinationOf(args, 2, how, lower(name), true)
		if err != nil {
			return nil, err
		}
		return &op.SortedCombineStore{To: args[1], Sources: x.sources, How: how, Aggregate: x.aggregate}, nil
	}, encodeInt)
	r.first, r.last, r.step, r.stores = 1, 1, 1, true
	r.looks = []value.Kind{value.SortedSet, value.Set}
	return r
}
