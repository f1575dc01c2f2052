package resp

import (
	"math"

	"github.com/hearthcache/hearth/op"
	"github.com/hearthcache/hearth/respwire"
	"github.com/hearthcache/hearth/value"
)

func keyRows() []row {
	return []row{
		many("DEL", -2, write, 1, -1, 1, parseDel, encodeInt),
		many("UNLINK", -2, write|fast, 1, -1, 1, parseDel, encodeInt),
		many("EXISTS", -2, readonly|fast, 1, -1, 1, parseExists, encodeInt),
		many("TOUCH", -2, readonly|fast, 1, -1, 1, parseExists, encodeInt),
		one("TYPE", 2, readonly|fast, func(c *conn, a [][]byte) (op.Op, error) { return &op.ItemType{K: a[1]}, nil }, encodeType),
		one("TTL", 2, readonly|fast, parseTTL, encodeTTL(1000)),
		one("PTTL", 2, readonly|fast, parseTTL, encodeTTL(1)),
		one("EXPIRETIME", 2, readonly|fast, parseExpireTime, encodeTTL(1000)),
		one("PEXPIRETIME", 2, readonly|fast, parseExpireTime, encodeTTL(1)),
		one("EXPIRE", -3, write|fast, parseExpire(1000, false), encodeExpire),
		one("PEXPIRE", -3, write|fast, parseExpire(1, false), encodeExpire),
		one("EXPIREAT", -3, write|fast, parseExpire(1000, true), encodeExpire),
		one("PEXPIREAT", -3, write|fast, parseExpire(1, true), encodeExpire),
		one("PERSIST", 2, write|fast, func(c *conn, a [][]byte) (op.Op, error) { return &op.Persist{K: a[1]}, nil }, encodeInt),
		many("RENAME", 3, write, 1, 2, 1, parseRename, encodeOK),
		many("RENAMENX", 3, write|fast, 1, 2, 1, parseRename, encodeInt),
		many("COPY", -3, write|denyoom, 1, 2, 1, parseCopy, encodeInt),
		sortRow("SORT", write|denyoom),
		sortRow("SORT_RO", readonly),
		{name: "OBJECT", arity: -2, subs: []row{
			objectRow("ENCODING", encodeValue),
			objectRow("REFCOUNT", encodeConstant(1)),
			objectRow("IDLETIME", encodeConstant(0)),
			objectRow("FREQ", encodeConstant(0)),
			{name: "HELP", arity: 2, flags: loading | stale, run: func(c *conn, args [][]byte) {
				c.help("OBJECT", "ENCODING <key>", "FREQ <key>", "HELP", "IDLETIME <key>", "REFCOUNT <key>")
			}},
		}},
		{name: "MEMORY", arity: -2, subs: []row{
			{name: "USAGE", arity: -3, flags: readonly, first: 2, last: 2, step: 1, parse: parseMemoryUsage, encode: encodeMemoryUsage},
			{name: "DOCTOR", arity: 2, run: func(c *conn, args [][]byte) { c.text("Hi Sam, I can't find any memory issue in your instance.") }},
			{name: "PURGE", arity: 2, run: runOK},
			{name: "STATS", arity: 2, run: runMemoryStats},
			{name: "MALLOC-STATS", arity: 2, run: func(c *conn, args [][]byte) { c.text("Memory is kept in segments of its own.\n") }},
			{name: "HELP", arity: 2, flags: loading | stale, run: func(c *conn, args [][]byte) {
				c.help("MEMORY", "DOCTOR", "MALLOC-STATS", "PURGE", "STATS", "USAGE <key> [SAMPLES <count>]", "HELP")
			}},
		}},
	}
}

func parseDel(c *conn, args [][]byte) (op.Op, error) {
	if len(args) == 2 {
		return &op.Delete{K: args[1]}, nil
	}
	return &op.MultiDelete{List: args[1:]}, nil
}

func parseExists(c *conn, args [][]byte) (op.Op, error) {
	if len(args) == 2 {
		return &op.Exists{K: args[1]}, nil
	}
	return &op.MultiExists{List: args[1:]}, nil
}

func encodeType(c *conn, args [][]byte, r *op.Reply) {
	name := "none"
	if r.Status == op.Hit {
		name = kindNames[r.Kind]
	}
	c.out = respwire.AppendSimple(c.out, name)
}

func parseTTL(c *conn, args [][]byte) (op.Op, error) { return &op.ItemTTL{K: args[1]}, nil }

func parseExpireTime(c *conn, args [][]byte) (op.Op, error) {
	return &op.ItemTTL{K: args[1], Until: true}, nil
}

// encodeTTL answers in a unit of so many milliseconds: how long the item lives, or until when.
func encodeTTL(unit int64) encoder {
	return func(c *conn, args [][]byte, r *op.Reply) {
		n := r.Int
		switch {
		case r.Status == op.Miss:
			n = -2
		case n < 0:
			n = -1
		default:
			n = n/unit + (n%unit+unit/2)/unit
		}
		c.out = respwire.AppendInteger(c.out, n)
	}
}

// parseExpire reads a command that changes when an item expires, in a unit of so many milliseconds.
func parseExpire(unit int64, absolute bool) parser {
	return func(c *conn, args [][]byte) (op.Op, error) {
		o := &op.UpdateTTL{K: args[1]}
		var err error
		if o.When, err = ttlCondition(args[3:]); err != nil {
			return nil, err
		}
		n, err := integer(args[2])
		if err != nil {
			return nil, err
		}
		invalid := say("ERR invalid expire time in '" + lower(string(args[0])) + "' command")
		if n > math.MaxInt64/unit || n < math.MinInt64/unit {
			return nil, invalid
		}
		n *= unit
		if !absolute {
			base := nowMillis()
			if n > math.MaxInt64-base {
				return nil, invalid
			}
			if n > 0 {
				o.Expiry.TTL = n
				return o, nil
			}
			// It is over, whatever the engine's clock says.
			n += base - 1000
		}
		if n == 0 {
			n = -1
		}
		o.Expiry.At = n
		return o, nil
	}
}

func ttlCondition(args [][]byte) (when op.TTLCondition, err error) {
	for _, a := range args {
		switch {
		case is(a, "NX"):
			when |= op.IfNone
		case is(a, "XX"):
			when |= op.IfSome
		case is(a, "GT"):
			when |= op.IfLonger
		case is(a, "LT"):
			when |= op.IfShorter
		default:
			return 0, say("ERR Unsupported option " + clip(a, 1024))
		}
	}
	switch {
	case when&op.IfNone != 0 && when != op.IfNone:
		return 0, say("ERR NX and XX, GT or LT options at the same time are not compatible")
	case when&op.IfLonger != 0 && when&op.IfShorter != 0:
		return 0, say("ERR GT and LT options at the same time are not compatible")
	}
	return when, nil
}

func encodeExpire(c *conn, args [][]byte, r *op.Reply) {
	n := int64(0)
	if r.Status == op.Done {
		n = 1
	}
	c.out = respwire.AppendInteger(c.out, n)
}

func parseRename(c *conn, args [][]byte) (op.Op, error) {
	return &op.Rename{From: args[1], To: args[2], IfNew: is(args[0], "RENAMENX")}, nil
}

func parseCopy(c *conn, args [][]byte) (op.Op, error) {
	o := &op.Copy{From: args[1], To: args[2]}
	for i := 3; i < len(args); i++ {
		switch {
		case is(args[i], "REPLACE"):
			o.Replace = true
		case is(args[i], "DB") && i+1 < len(args):
			if err := onlyDatabase(args[i+1]); err != nil {
				return nil, err
			}
			i++
		default:
			return nil, errSyntax
		}
	}
	return o, nil
}

func sortRow(name string, flags flag) row {
	r := one(name, -2, flags|movable, parseSort, encodeSort).looking(value.List, value.Set, value.SortedSet)
	r.keys = func(args [][]byte) [][]byte {
		o, err := parseSort(nil, args)
		if err != nil {
			return args[1:2]
		}
		return o.(*op.Sort).Keys()
	}
	return r
}

// parseSort reads SORT without patterns that name other keys: those cannot be authorised ahead.
func parseSort(c *conn, args [][]byte) (op.Op, error) {
	o := &op.Sort{K: args[1], Count: -1}
	for i := 2; i < len(args); i++ {
		left := len(args) - i - 1
		switch {
		case is(args[i], "ASC"):
			o.Desc = false
		case is(args[i], "DESC"):
			o.Desc = true
		case is(args[i], "ALPHA"):
			o.Alpha = true
		case is(args[i], "LIMIT") && left >= 2:
			var err error
			if o.Offset, o.Count, err = twoInts(args[i+1], args[i+2]); err != nil {
				return nil, errNotInt.early()
			}
			i += 2
		case is(args[i], "STORE") && left >= 1 && is(args[0], "SORT"):
			o.Store = args[i+1]
			i++
		case is(args[i], "BY") && left >= 1:
			for _, b := range args[i+1] {
				if b == '*' {
					return nil, errSortPattern
				}
			}
			o.AsIs = true
			i++
		case is(args[i], "GET") && left >= 1 && string(args[i+1]) == "#":
			o.Repeats++
			i++
		case is(args[i], "GET") && left >= 1:
			return nil, errSortPattern
		default:
			return nil, errSyntax.early()
		}
	}
	return o, nil
}

const errSortPattern = say("ERR patterns of SORT that name other keys are not offered")

func encodeSort(c *conn, args [][]byte, r *op.Reply) {
	if r.Status == op.Hit {
		encodeBulks(c, args, r)
		return
	}
	encodeInt(c, args, r)
}

func objectRow(name string, encode encoder) row {
	return row{name: name, arity: 3, flags: readonly, first: 2, last: 2, step: 1, encode: encode,
		parse: func(c *conn, a [][]byte) (op.Op, error) { return &op.ObjectEncoding{K: a[2]}, nil }}
}

// encodeConstant answers with the same number for every item.
func encodeConstant(n int64) encoder {
	return func(c *conn, args [][]byte, r *op.Reply) {
		if r.Status != op.Hit {
			c.null()
			return
		}
		c.out = respwire.AppendInteger(c.out, n)
	}
}

func parseMemoryUsage(c *conn, args [][]byte) (op.Op, error) {
	for i := 3; i < len(args); i += 2 {
		if !is(args[i], "SAMPLES") || i+1 == len(args) {
			return nil, errSyntax
		}
		n, err := integer(args[i+1])
		if err != nil {
			return nil, err
		}
		if n < 0 {
			return nil, errSyntax
		}
	}
	return &op.MemoryUsage{K: args[2]}, nil
}

func encodeMemoryUsage(c *conn, args [][]byte, r *op.Reply) {
	if r.Status != op.Hit {
		c.null()
		return
	}
	c.out = respwire.AppendInteger(c.out, r.Int)
}

func runMemoryStats(c *conn, args [][]byte) {
	s, err := c.size()
	if err != nil {
		c.fail(c.info.command, err)
		return
	}
	c.out = c.proto.AppendMap(c.out, 3)
	for _, p := range []struct {
		name string
		n    int64
	}{{"total.allocated", s.Bytes}, {"keys.count", s.Items}, {"dataset.bytes", s.Bytes}} {
		c.out = respwire.AppendBulkString(c.out, p.name)
		c.out = respwire.AppendInteger(c.out, p.n)
	}
}
