package resp

import (
	"math"
	"slices"

	"github.com/hearthcache/hearth/op"
	"github.com/hearthcache/hearth/respwire"
	"github.com/hearthcache/hearth/value"
)

func listRows() []row {
	return []row{
		one("LPUSH", -3, write|denyoom|fast, parsePush, encodeInt),
		one("RPUSH", -3, write|denyoom|fast, parsePush, encodeInt),
		one("LPUSHX", -3, write|denyoom|fast, parsePush, encodeInt),
		one("RPUSHX", -3, write|denyoom|fast, parsePush, encodeInt),
		one("LPOP", -2, write|fast, parsePop, encodePop),
		one("RPOP", -2, write|fast, parsePop, encodePop),
		one("LLEN", 2, readonly|fast, func(c *conn, a [][]byte) (op.Op, error) { return &op.ListLength{K: a[1]}, nil }, encodeInt),
		one("LRANGE", 4, readonly, parseLRange, encodeBulks),
		one("LINDEX", 3, readonly, parseLIndex, encodeValue).orMissing(value.List, (*conn).null),
		one("LSET", 4, write|denyoom, parseLSet, encodeOK).orMissing(value.List, (*conn).noSuchKey),
		one("LINSERT", 5, write|denyoom, parseLInsert, encodeInt),
		one("LREM", 4, write, parseLRem, encodeRemoved),
		one("LTRIM", 4, write, parseLTrim, encodeOK),
		one("LPOS", -3, readonly, parseLPos, encodeLPos),
		many("LMOVE", 5, write|denyoom, 1, 2, 1, parseLMove, encodeValue),
		many("RPOPLPUSH", 3, write|denyoom, 1, 2, 1, parseRPopLPush, encodeValue),
		listed("LMPOP", -4, write, 1, parseLMPop, encodeLMPop),
	}
}

// front reports whether a command works on the front of a list: its name begins with L.
func front(args [][]byte) bool { return args[0][0]|0x20 == 'l' }

func parsePush(c *conn, args [][]byte) (op.Op, error) {
	o := &op.ListPush{K: args[1], Values: args[2:], Front: front(args), IfExists: len(args[0]) == len("LPUSHX")}
	if o.Front {
		// LPUSH pushes one after another, so the last one comes first.
		o.Values = slices.Clone(o.Values)
		slices.Reverse(o.Values)
	}
	return o, nil
}

func parsePop(c *conn, args [][]byte) (op.Op, error) {
	o := &op.ListPop{K: args[1], Front: front(args), Count: 1}
	switch {
	case len(args) > 3:
		return nil, say("ERR wrong number of arguments for '" + lower(string(args[0])) + "' command")
	case len(args) == 3:
		n, ok := respwire.Int(args[2])
		if !ok || n < 0 {
			return nil, errPositive
		}
		o.Count = n
	}
	return o, nil
}

func encodePop(c *conn, args [][]byte, r *op.Reply) {
	switch {
	case len(args) == 2:
		encodeFirst(c, args, r)
	case r.Status != op.Hit:
		c.nullArray()
	default:
		encodeBulks(c, args, r)
	}
}

func parseLRange(c *conn, args [][]byte) (op.Op, error) {
	start, stop, err := twoInts(args[2], args[3])
	return &op.ListFetch{K: args[1], Slice: op.Inclusive(start, stop)}, err
}

func parseLIndex(c *conn, args [][]byte) (op.Op, error) {
	n, err := integer(args[2])
	return &op.ListIndex{K: args[1], Index: n}, err
}

func parseLSet(c *conn, args [][]byte) (op.Op, error) {
	n, err := integer(args[2])
	return &op.ListSet{K: args[1], Index: n, Value: args[3]}, err
}

func parseLInsert(c *conn, args [][]byte) (op.Op, error) {
	o := &op.ListInsert{K: args[1], Behind: is(args[2], "AFTER"), Pivot: args[3], Value: args[4]}
	if !o.Behind && !is(args[2], "BEFORE") {
		return nil, errSyntax
	}
	return o, nil
}

func parseLRem(c *conn, args [][]byte) (op.Op, error) {
	n, err := integer(args[2])
	return &op.ListRemove{K: args[1], Value: args[3], Count: n}, err
}

func encodeRemoved(c *conn, args [][]byte, r *op.Reply) {
	c.out = respwire.AppendInteger(c.out, int64(r.Num))
}

func parseLTrim(c *conn, args [][]byte) (op.Op, error) {
	start, stop, err := twoInts(args[2], args[3])
	return &op.ListRetain{K: args[1], Slice: op.Inclusive(start, stop)}, err
}

// lposOptions are what follows the element of LPOS.
func parseLPos(c *conn, args [][]byte) (op.Op, error) {
	o := &op.ListFind{K: args[1], Value: args[2], Rank: 1, Count: 1}
	for i := 3; i < len(args); i += 2 {
		if i+1 >= len(args) {
			return nil, errSyntax
		}
		n, err := integer(args[i+1])
		switch {
		case is(args[i], "RANK"):
			if err != nil {
				return nil, err
			}
			if n == 0 {
				return nil, say("ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... " +
					"or use negative to start from the end of the list")
			}
			if o.Rank = n; n == math.MinInt64 {
				o.Rank = -1 // to Redis, which negates it in vain
			}
		case is(args[i], "COUNT"):
			if err != nil || n < 0 {
				return nil, say("ERR COUNT can't be negative")
			}
			o.Count = n
		case is(args[i], "MAXLEN"):
			if err != nil || n < 0 {
				return nil, say("ERR MAXLEN can't be negative")
			}
			o.Look = n
		default:
			return nil, errSyntax
		}
	}
	return o, nil
}

func encodeLPos(c *conn, args [][]byte, r *op.Reply) {
	counted := false
	for i := 3; i < len(args); i += 2 {
		counted = counted || is(args[i], "COUNT")
	}
	switch {
	case counted:
		c.out = respwire.AppendArray(c.out, r.Len())
		for i := range r.Len() {
			c.out = respwire.AppendInteger(c.out, int64(r.Part(i).Num))
		}
	case r.Len() == 0:
		c.null()
	default:
		c.out = respwire.AppendInteger(c.out, int64(r.Part(0).Num))
	}
}

// side reads LEFT or RIGHT.
func side(arg []byte) (front bool, err error) {
	if is(arg, "LEFT") {
		return true, nil
	}
	if is(arg, "RIGHT") {
		return false, nil
	}
	return false, errSyntax
}

func parseLMove(c *conn, args [][]byte) (op.Op, error) {
	o := &op.ListMove{From: args[1], To: args[2]}
	var err error
	if o.FromFront, err = side(args[3]); err != nil {
		return nil, err
	}
	o.ToFront, err = side(args[4])
	return o, err
}

func parseRPopLPush(c *conn, args [][]byte) (op.Op, error) {
	return &op.ListMove{From: args[1], To: args[2], ToFront: true}, nil
}

// mpopArgs reads LMPOP and ZMPOP: keys, one of two words, and a count.
func mpopArgs(args [][]byte, one, other string) (keys [][]byte, isOne bool, count int64, err error) {
	n, ok := respwire.Int(args[1])
	if !ok || n < 1 {
		return nil, false, 0, say("ERR numkeys should be greater than 0")
	}
	if n > int64(len(args)-3) {
		return nil, false, 0, errSyntax
	}
	keys, rest := args[2:2+n], args[2+n:]
	if isOne = is(rest[0], one); !isOne && !is(rest[0], other) {
		return nil, false, 0, errSyntax
	}
	count = 1
	seen := false
	for i := 1; i < len(rest); i++ {
		if seen || !is(rest[i], "COUNT") || i+1 >= len(rest) {
			return nil, false, 0, errSyntax
		}
		if count, ok = respwire.Int(rest[i+1]); !ok || count < 1 {
			return nil, false, 0, say("ERR count should be greater than 0")
		}
		seen = true
		i++
	}
	return keys, isOne, count, nil
}

func parseLMPop(c *conn, args [][]byte) (op.Op, error) {
	keys, front, count, err := mpopArgs(args, "LEFT", "RIGHT")
	return &op.ListPopAny{List: keys, Front: front, Count: count}, err
}

func encodeLMPop(c *conn, args [][]byte, r *op.Reply) {
	if r.Status != op.Hit {
		c.nullArray()
		return
	}
	c.out = respwire.AppendArray(c.out, 2)
	c.out = respwire.AppendBulk(c.out, args[2+r.Int])
	encodeBulks(c, args, r)
}
