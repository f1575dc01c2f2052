package resp

import (
	"math"
	"strconv"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/op"
	"github.com/hearthcache/hearth/respwire"
	"github.com/hearthcache/hearth/value"
)

func hashRows() []row {
	return []row{
		one("HSET", -4, write|denyoom|fast, parseHSet, encodeInt),
		one("HMSET", -4, write|denyoom|fast, parseHSet, encodeOK),
		one("HSETNX", 4, write|denyoom|fast, func(c *conn, a [][]byte) (op.Op, error) {
			return &op.DictSetNew{K: a[1], Field: a[2], Value: a[3]}, nil
		}, encodeInt),
		one("HGET", 3, readonly|fast, parseHGet, encodeFirst),
		one("HMGET", -3, readonly|fast, parseHGet, encodeHMGet),
		one("HEXISTS", 3, readonly|fast, parseHGet, encodeFlag),
		one("HSTRLEN", 3, readonly|fast, func(c *conn, a [][]byte) (op.Op, error) { return &op.DictFieldLen{K: a[1], Field: a[2]}, nil }, encodeInt),
		one("HGETALL", 2, readonly, parseHFetch, encodeMap),
		one("HKEYS", 2, readonly, parseHFetch, encodeEvery(0)),
		one("HVALS", 2, readonly, parseHFetch, encodeEvery(1)),
		one("HLEN", 2, readonly|fast, func(c *conn, a [][]byte) (op.Op, error) { return &op.DictLength{K: a[1]}, nil }, encodeInt),
		one("HDEL", -3, write|fast, func(c *conn, a [][]byte) (op.Op, error) { return &op.DictDelete{K: a[1], Fields: a[2:]}, nil }, encodeInt),
		one("HINCRBY", 4, write|denyoom|fast, parseHIncrBy, encodeInt),
		one("HINCRBYFLOAT", 4, write|denyoom|fast, parseHIncrByFloat, encodeText),
		one("HRANDFIELD", -2, readonly, parseHRandField, encodeHRandField),
		one("HSCAN", -3, readonly, parseWalk(value.Dictionary), encodeWalk).orMissing(value.Dictionary, (*conn).noScan),
	}
}

func parseHSet(c *conn, args [][]byte) (op.Op, error) {
	if len(args)%2 != 0 {
		return nil, say("ERR wrong number of arguments for '" + lower(string(args[0])) + "' command")
	}
	o := &op.DictSet{K: args[1], Pairs: make([]op.Pair, 0, len(args)/2-1)}
	for i := 2; i < len(args); i += 2 {
		o.Pairs = append(o.Pairs, op.Pair{Field: args[i], Value: args[i+1]})
	}
	return o, nil
}

func parseHGet(c *conn, args [][]byte) (op.Op, error) {
	return &op.DictGet{K: args[1], Fields: args[2:]}, nil
}

// encodeHMGet answers with a null for every field where there is no hash.
func encodeHMGet(c *conn, args [][]byte, r *op.Reply) {
	if r.Status == op.Hit {
		encodeBulks(c, args, r)
		return
	}
	c.out = respwire.AppendArray(c.out, len(args)-2)
	for range args[2:] {
		c.null()
	}
}

func parseHFetch(c *conn, args [][]byte) (op.Op, error) { return &op.DictFetch{K: args[1]}, nil }

// encodeEvery answers with every other element, from the given one on.
func encodeEvery(from int) encoder {
	return func(c *conn, args [][]byte, r *op.Reply) {
		c.out = respwire.AppendArray(c.out, r.Len()/2)
		for i := from; i < r.Len(); i += 2 {
			c.out = respwire.AppendBulk(c.out, r.Part(i).Bytes)
		}
	}
}

func parseHIncrBy(c *conn, args [][]byte) (op.Op, error) {
	n, err := integer(args[3])
	return &op.DictIncrement{K: args[1], Field: args[2], Amount: n}, err
}

func parseHIncrByFloat(c *conn, args [][]byte) (op.Op, error) {
	f, ok := op.ParseLong(args[3])
	switch {
	case !ok:
		return nil, errNotFloat
	case f.IsInf():
		return nil, say("ERR value is NaN or Infinity")
	}
	return &op.DictIncrementFloat{K: args[1], Field: args[2], Amount: args[3]}, nil
}

func parseHRandField(c *conn, args [][]byte) (op.Op, error) {
	n, with, err := randomArgs(args, "WITHVALUES")
	return &op.DictRandom{K: args[1], Count: n, Values: with}, err
}

// randomArgs reads the count of HRANDFIELD and ZRANDMEMBER and the word that may follow it.
func randomArgs(args [][]byte, word string) (n int64, with bool, err error) {
	if len(args) == 2 {
		return 1, false, nil
	}
	if n, err = integer(args[2]); err != nil {
		return 0, false, err
	}
	with = len(args) == 4
	switch {
	case n < -math.MaxInt64:
		return 0, false, say("ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807")
	case len(args) > 4 || (with && !is(args[3], word)):
		return 0, false, errSyntax
	case with && (n < -math.MaxInt64/2 || n > math.MaxInt64/2):
		return 0, false, say("ERR value is out of range")
	}
	return n, with, repeatable(n)
}

// repeatable refuses a count of random elements that may repeat which is more than one answer has room for.
func repeatable(n int64) error {
	if n < -hearth.RandomRepeatsMax {
		return say("ERR value is out of range, value must be at least -" + strconv.Itoa(hearth.RandomRepeatsMax))
	}
	return nil
}

func encodeHRandField(c *conn, args [][]byte, r *op.Reply) {
	switch {
	case len(args) == 2:
		encodeFirst(c, args, r)
	case len(args) == 4 && c.proto == respwire.RESP3:
		c.out = respwire.AppendArray(c.out, r.Len()/2)
		for i := 0; i+1 < r.Len(); i += 2 {
			c.out = respwire.AppendArray(c.out, 2)
			c.out = respwire.AppendBulk(c.out, r.Part(i).Bytes)
			c.out = respwire.AppendBulk(c.out, r.Part(i+1).Bytes)
		}
	default:
		encodeBulks(c, args, r)
	}
}

// parseWalk reads HSCAN, SSCAN and ZSCAN.
func parseWalk(k value.Kind) parser {
	return func(c *conn, args [][]byte) (op.Op, error) {
		o, err := parseScan(args[2:], false)
		if err == errCursor {
			return nil, errCursor.early()
		}
		w := &op.Walk{K: args[1], Of: k, Cursor: o.cursor, Limit: int64(o.count)}
		if o.matches {
			w.Match = o.match
		}
		return w, err
	}
}

func encodeWalk(c *conn, args [][]byte, r *op.Reply) {
	c.out = respwire.AppendArray(c.out, 2)
	c.out = respwire.AppendBulk(c.out, r.Value())
	if !is(args[0], "ZSCAN") {
		encodeBulks(c, args, r)
		return
	}
	c.out = respwire.AppendArray(c.out, 2*r.Len())
	for i := range r.Len() {
		p := r.Part(i)
		c.out = respwire.AppendBulk(c.out, p.Bytes)
		c.scanned(p.Num)
	}
}

// scanned answers with a score as ZSCAN shows it, whole numbers in digits as far as an integer of 64 bits is sure to reach.
func (c *conn) scanned(score float64) {
	if score == math.Trunc(score) && math.Abs(score) <= math.MaxInt64/2 {
		c.out = respwire.AppendBulkString(c.out, itoa(int64(score)))
		return
	}
	c.out = respwire.RESP2.AppendDouble(c.out, score)
}
