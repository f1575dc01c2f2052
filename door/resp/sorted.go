package resp

import (
	"math"

	"github.com/hearthcache/hearth/op"
	"github.com/hearthcache/hearth/respwire"
	"github.com/hearthcache/hearth/value"
)

func sortedRows() []row {
	return []row{
		one("ZADD", -4, write|denyoom|fast, parseZAdd, encodeZAdd),
		one("ZINCRBY", 4, write|denyoom|fast, parseZIncrBy, encodeNum),
		one("ZREM", -3, write|fast, func(c *conn, a [][]byte) (op.Op, error) { return &op.SortedRemove{K: a[1], Values: a[2:]}, nil }, encodeInt),
		one("ZCARD", 2, readonly|fast, func(c *conn, a [][]byte) (op.Op, error) { return &op.SortedLength{K: a[1]}, nil }, encodeInt),
		one("ZSCORE", 3, readonly|fast, parseZScore, encodeScore),
		one("ZMSCORE", -3, readonly|fast, parseZScore, encodeScores),
		one("ZRANK", -3, readonly|fast, parseZRank, encodeRank),
		one("ZREVRANK", -3, readonly|fast, parseZRank, encodeRank),
		one("ZCOUNT", 4, readonly|fast, parseZCount, encodeInt),
		one("ZLEXCOUNT", 4, readonly|fast, parseZLexCount, encodeInt),
		one("ZPOPMIN", -2, write|fast, parseZPop, encodeZPop),
		one("ZPOPMAX", -2, write|fast, parseZPop, encodeZPop),
		listed("ZMPOP", -4, write, 1, parseZMPop, encodeZMPop),
		one("ZRANDMEMBER", -2, readonly, parseZRandMember, encodeZRandMember),
		one("ZRANGE", -4, readonly, parseZRange, encodeZRange),
		one("ZREVRANGE", -4, readonly, parseZRange, encodeZRange),
		one("ZRANGEBYSCORE", -4, readonly, parseZRange, encodeZRange),
		one("ZREVRANGEBYSCORE", -4, readonly, parseZRange, encodeZRange),
		one("ZRANGEBYLEX", -4, readonly, parseZRange, encodeZRange),
		one("ZREVRANGEBYLEX", -4, readonly, parseZRange, encodeZRange),
		many("ZRANGESTORE", -5, write|denyoom, 1, 2, 1, parseZRangeStore, encodeInt),
		one("ZREMRANGEBYRANK", 4, write, parseZRemRange, encodeInt),
		one("ZREMRANGEBYSCORE", 4, write, parseZRemRange, encodeInt),
		one("ZREMRANGEBYLEX", 4, write, parseZRemRange, encodeInt),
		listed("ZUNION", -3, readonly, 1, combineSorted(op.Union, "zunion"), encodeScoredIf).looking(value.SortedSet, value.Set),
		listed("ZINTER", -3, readonly, 1, combineSorted(op.Intersection, "zinter"), encodeScoredIf).looking(value.SortedSet, value.Set),
		listed("ZDIFF", -3, readonly, 1, combineSorted(op.Difference, "zdiff"), encodeScoredIf).looking(value.SortedSet, value.Set),
		storedRow("ZUNIONSTORE", op.Union),
		storedRow("ZINTERSTORE", op.Intersection),
		storedRow("ZDIFFSTORE", op.Difference),
		listed("ZINTERCARD", -3, readonly, 1, parseZInterCard, encodeInt).looking(value.SortedSet, value.Set),
		one("ZSCAN", -3, readonly, parseWalk(value.SortedSet), encodeWalk).orMissing(value.SortedSet, (*conn).noScan),
	}
}

// float reads an argument that has to be a number and may be infinite.
func float(arg []byte) (float64, bool) {
	f, err := respwire.ParseFloat(string(arg))
	return f, err == nil && !math.IsNaN(f)
}

// zaddOptions are what stands between the key and the scores of ZADD.
type zaddOptions struct {
	only    op.PutCondition
	changed bool
	incr    bool
	from    int // where scores begin
}

func zaddOptionsOf(args [][]byte) (o zaddOptions) {
	for o.from = 2; o.from < len(args); o.from++ {
		switch a := args[o.from]; {
		case is(a, "NX"):
			o.only |= op.IfNew
		case is(a, "XX"):
			o.only |= op.IfOld
		case is(a, "GT"):
			o.only |= op.IfGreater
		case is(a, "LT"):
			o.only |= op.IfLess
		case is(a, "CH"):
			o.changed = true
		case is(a, "INCR"):
			o.incr = true
		default:
			return o
		}
	}
	return o
}

func (o *zaddOptions) check(pairs int) error {
	const one = op.IfNew | op.IfGreater | op.IfLess
	switch both := o.only & one; {
	case o.only&op.IfNew != 0 && o.only&op.IfOld != 0:
		return say("ERR XX and NX options at the same time are not compatible")
	case both != 0 && both != op.IfNew && both != op.IfGreater && both != op.IfLess:
		return say("ERR GT, LT, and/or NX options at the same time are not compatible")
	case o.incr && pairs > 1:
		return say("ERR INCR option supports a single increment-element pair")
	}
	return nil
}

func parseZAdd(c *conn, args [][]byte) (op.Op, error) {
	x := zaddOptionsOf(args)
	rest := args[x.from:]
	if len(rest) == 0 || len(rest)%2 != 0 {
		return nil, errSyntax
	}
	if err := x.check(len(rest) / 2); err != nil {
		return nil, err
	}
	o := &op.SortedPut{K: args[1], Only: x.only, Changed: x.changed, Elements: make([]op.Scored, 0, len(rest)/2)}
	for i := 0; i < len(rest); i += 2 {
		score, ok := float(rest[i])
		if !ok {
			return nil, errNotFloat
		}
		o.Elements = append(o.Elements, op.Scored{Value: rest[i+1], Score: score})
	}
	if x.incr {
		return &op.SortedIncrement{K: o.K, Value: o.Elements[0].Value, Amount: o.Elements[0].Score, Only: o.Only}, nil
	}
	return o, nil
}

func encodeZAdd(c *conn, args [][]byte, r *op.Reply) {
	x := zaddOptionsOf(args)
	switch {
	case !x.incr:
		encodeInt(c, args, r)
	case r.Status == op.Refused:
		c.null()
	default:
		encodeNum(c, args, r)
	}
}

func encodeNum(c *conn, args [][]byte, r *op.Reply) { c.out = c.proto.AppendDouble(c.out, r.Num) }

func parseZIncrBy(c *conn, args [][]byte) (op.Op, error) {
	f, ok := float(args[2])
	if !ok {
		return nil, errNotFloat
	}
	return &op.SortedIncrement{K: args[1], Value: args[3], Amount: f}, nil
}

func parseZScore(c *conn, args [][]byte) (op.Op, error) {
	return &op.SortedScore{K: args[1], Values: args[2:]}, nil
}

func encodeScore(c *conn, args [][]byte, r *op.Reply) {
	if r.Len() == 0 || !r.Part(0).Hit {
		c.null()
		return
	}
	c.out = c.proto.AppendDouble(c.out, r.Part(0).Num)
}

func encodeScores(c *conn, args [][]byte, r *op.Reply) {
	c.out = respwire.AppendArray(c.out, len(args)-2)
	for i := range args[2:] {
		if i >= r.Len() || !r.Part(i).Hit {
			c.null()
			continue
		}
		c.out = c.proto.AppendDouble(c.out, r.Part(i).Num)
	}
}

func parseZRank(c *conn, args [][]byte) (op.Op, error) {
	if len(args) > 4 || (len(args) == 4 && !is(args[3], "WITHSCORE")) {
		return nil, say("ERR wrong number of arguments for '" + lower(string(args[0])) + "' command")
	}
	return &op.SortedRank{K: args[1], Value: args[2], Descending: is(args[0], "ZREVRANK"), WithScore: len(args) == 4}, nil
}

func encodeRank(c *conn, args [][]byte, r *op.Reply) {
	switch {
	case r.Status != op.Hit && len(args) == 4:
		c.nullArray()
	case r.Status != op.Hit:
		c.null()
	case len(args) == 4:
		c.out = respwire.AppendArray(c.out, 2)
		encodeInt(c, args, r)
		c.out = c.proto.AppendDouble(c.out, r.Num)
	default:
		encodeInt(c, args, r)
	}
}

func parseZCount(c *conn, args [][]byte) (op.Op, error) {
	s, err := scoresOf(args[2], args[3])
	if err != nil {
		return nil, err
	}
	return &op.SortedCount{K: args[1], Scores: *s}, nil
}

func parseZLexCount(c *conn, args [][]byte) (op.Op, error) {
	x, err := lexOf(args[2], args[3])
	if err != nil {
		return nil, err
	}
	return &op.SortedCountLex{K: args[1], Lex: *x}, nil
}

func parseZPop(c *conn, args [][]byte) (op.Op, error) {
	o := &op.SortedPop{K: args[1], Max: is(args[0], "ZPOPMAX"), Count: 1}
	switch {
	case len(args) > 3:
		return nil, errSyntax
	case len(args) == 3:
		n, ok := respwire.Int(args[2])
		if !ok || n < 0 {
			return nil, errPositive
		}
		o.Count = n
	}
	return o, nil
}

// encodeZPop answers with pairs in RESP 3 where a count was given.
func encodeZPop(c *conn, args [][]byte, r *op.Reply) {
	c.scored(r, true, len(args) == 3)
}

// scored answers with elements and, if asked for, their scores: in turns, or as pairs in RESP 3.
func (c *conn) scored(r *op.Reply, scores, pairs bool) {
	pairs = pairs && scores && c.proto == respwire.RESP3
	n := r.Len()
	if scores && !pairs {
		n *= 2
	}
	c.out = respwire.AppendArray(c.out, n)
	for i := range r.Len() {
		p := r.Part(i)
		if pairs {
			c.out = respwire.AppendArray(c.out, 2)
		}
		c.out = respwire.AppendBulk(c.out, p.Bytes)
		if scores {
			c.out = c.proto.AppendDouble(c.out, p.Num)
		}
	}
}

func parseZMPop(c *conn, args [][]byte) (op.Op, error) {
	keys, max, count, err := mpopArgs(args, "MAX", "MIN")
	return &op.SortedPopAny{List: keys, Max: max, Count: count}, err
}

func encodeZMPop(c *conn, args [][]byte, r *op.Reply) {
	if r.Status != op.Hit {
		c.nullArray()
		return
	}
	c.out = respwire.AppendArray(c.out, 2)
	c.out = respwire.AppendBulk(c.out, args[2+r.Int])
	c.out = respwire.AppendArray(c.out, r.Len())
	for i := range r.Len() {
		p := r.Part(i)
		c.out = respwire.AppendArray(c.out, 2)
		c.out = respwire.AppendBulk(c.out, p.Bytes)
		c.out = c.proto.AppendDouble(c.out, p.Num)
	}
}

func parseZRandMember(c *conn, args [][]byte) (op.Op, error) {
	n, _, err := randomArgs(args, "WITHSCORES")
	return &op.SortedRandom{K: args[1], Count: n}, err
}

func encodeZRandMember(c *conn, args [][]byte, r *op.Reply) {
	if len(args) == 2 {
		encodeFirst(c, args, r)
		return
	}
	c.scored(r, len(args) == 4, true)
}

func parseZInterCard(c *conn, args [][]byte) (op.Op, error) {
	keys, rest, err := keyList(args, 1, "zintercard")
	if err != nil {
		return nil, err
	}
	limit, err := limitOf(rest)
	return &op.SortedInterCard{List: keys, Limit: limit}, err
}
