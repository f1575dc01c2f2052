package resp

import (
	"math"

	"github.com/hearthcache/hearth/op"
	"github.com/hearthcache/hearth/respwire"
	"github.com/hearthcache/hearth/value"
)

func setRows() []row {
	return []row{
		one("SADD", -3, write|denyoom|fast, func(c *conn, a [][]byte) (op.Op, error) { return &op.SetUnion{K: a[1], Elements: a[2:]}, nil }, encodeInt),
		one("SREM", -3, write|fast, func(c *conn, a [][]byte) (op.Op, error) { return &op.SetSubtract{K: a[1], Elements: a[2:]}, nil }, encodeInt),
		one("SCARD", 2, readonly|fast, func(c *conn, a [][]byte) (op.Op, error) { return &op.SetLength{K: a[1]}, nil }, encodeInt),
		one("SISMEMBER", 3, readonly|fast, parseSIsMember, encodeFlag),
		one("SMISMEMBER", -3, readonly|fast, parseSIsMember, encodeFlags),
		one("SMEMBERS", 2, readonly, func(c *conn, a [][]byte) (op.Op, error) { return &op.SetFetch{K: a[1]}, nil }, encodeSetOf),
		one("SPOP", -2, write|fast, parseSPop, encodeSPop),
		one("SRANDMEMBER", -2, readonly, parseSRandMember, encodeSRandMember),
		many("SMOVE", 4, write|fast, 1, 2, 1, func(c *conn, a [][]byte) (op.Op, error) {
			return &op.SetMove{From: a[1], To: a[2], Element: a[3]}, nil
		}, encodeInt),
		many("SUNION", -2, readonly, 1, -1, 1, combineSets(op.Union), encodeSetOf),
		many("SINTER", -2, readonly, 1, -1, 1, combineSets(op.Intersection), encodeSetOf),
		many("SDIFF", -2, readonly, 1, -1, 1, combineSets(op.Difference), encodeSetOf),
		many("SUNIONSTORE", -3, write|denyoom, 1, -1, 1, storeSets(op.Union), encodeInt),
		many("SINTERSTORE", -3, write|denyoom, 1, -1, 1, storeSets(op.Intersection), encodeInt),
		many("SDIFFSTORE", -3, write|denyoom, 1, -1, 1, storeSets(op.Difference), encodeInt),
		listed("SINTERCARD", -3, readonly, 1, parseSInterCard, encodeInt),
		one("SSCAN", -3, readonly, parseWalk(value.Set), encodeWalk).orMissing(value.Set, (*conn).noScan),
	}
}

func parseSIsMember(c *conn, args [][]byte) (op.Op, error) {
	return &op.SetContains{K: args[1], Elements: args[2:]}, nil
}

// encodeFlags answers 1 or 0 for each element, 0 for all where there is no set.
func encodeFlags(c *conn, args [][]byte, r *op.Reply) {
	c.out = respwire.AppendArray(c.out, len(args)-2)
	for i := range args[2:] {
		n := int64(0)
		if i < r.Len() && r.Part(i).Hit {
			n = 1
		}
		c.out = respwire.AppendInteger(c.out, n)
	}
}

func parseSPop(c *conn, args [][]byte) (op.Op, error) {
	o := &op.SetPop{K: args[1], Count: 1}
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

func encodeSPop(c *conn, args [][]byte, r *op.Reply) {
	if len(args) == 2 {
		encodeFirst(c, args, r)
		return
	}
	encodeSetOf(c, args, r)
}

func parseSRandMember(c *conn, args [][]byte) (op.Op, error) {
	switch {
	case len(args) > 3:
		return nil, errSyntax
	case len(args) == 2:
		return &op.SetSample{K: args[1], Limit: 1}, nil
	}
	n, err := integer(args[2])
	switch {
	case err != nil:
		return nil, err
	case n < -math.MaxInt64:
		return nil, say("ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807")
	case n < 0:
		return &op.SetRandom{K: args[1], Count: -n}, repeatable(n)
	}
	return &op.SetSample{K: args[1], Limit: n}, nil
}

func encodeSRandMember(c *conn, args [][]byte, r *op.Reply) {
	if len(args) == 2 {
		encodeFirst(c, args, r)
		return
	}
	encodeBulks(c, args, r)
}

func combineSets(how op.Combine) parser {
	return func(c *conn, args [][]byte) (op.Op, error) { return &op.SetCombine{List: args[1:], How: how}, nil }
}

func storeSets(how op.Combine) parser {
	return func(c *conn, args [][]byte) (op.Op, error) {
		return &op.SetCombineStore{To: args[1], List: args[2:], How: how}, nil
	}
}

// interCardArgs reads SINTERCARD and ZINTERCARD: keys and a limit.
func interCardArgs(args [][]byte) (keys [][]byte, limit int64, err error) {
	n, ok := respwire.Int(args[1])
	if !ok || n < 1 {
		return nil, 0, say("ERR numkeys should be greater than 0")
	}
	if n > int64(len(args)-2) {
		return nil, 0, say("ERR Number of keys can't be greater than number of args")
	}
	limit, err = limitOf(args[2+n:])
	return args[2 : 2+n], limit, err
}

func limitOf(args [][]byte) (limit int64, err error) {
	for i := 0; i < len(args); i += 2 {
		if !is(args[i], "LIMIT") || i+1 >= len(args) {
			return 0, errSyntax
		}
		var ok bool
		if limit, ok = respwire.Int(args[i+1]); !ok || limit < 0 {
			return 0, say("ERR LIMIT can't be negative")
		}
	}
	return limit, nil
}

func parseSInterCard(c *conn, args [][]byte) (op.Op, error) {
	keys, limit, err := interCardArgs(args)
	return &op.SetInterCard{List: keys, Limit: limit}, err
}
