package resp

import (
	"math"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/op"
	"github.com/hearthcache/hearth/respwire"
	"github.com/hearthcache/hearth/value"
)

func stringRows() []row {
	return []row{
		one("GET", 2, readonly|fast, parseGet, encodeValue),
		one("SET", -3, write|denyoom, parseSet, encodeSet),
		one("SETNX", 3, write|denyoom|fast, parseSetNX, encodeDone),
		one("SETEX", 4, write|denyoom, parseSetEX, encodeOK),
		one("PSETEX", 4, write|denyoom, parseSetEX, encodeOK),
		one("GETSET", 3, write|denyoom|fast, parseGetSet, encodeOld),
		one("GETDEL", 2, write|fast, func(c *conn, a [][]byte) (op.Op, error) { return &op.GetDel{K: a[1]}, nil }, encodeValue),
		one("GETEX", -2, write|fast, parseGetEX, encodeValue).orMissing(value.Scalar, (*conn).null),
		one("APPEND", 3, write|denyoom|fast, func(c *conn, a [][]byte) (op.Op, error) { return &op.Append{K: a[1], Value: a[2]}, nil }, encodeInt),
		one("STRLEN", 2, readonly|fast, func(c *conn, a [][]byte) (op.Op, error) { return &op.StrLen{K: a[1]}, nil }, encodeInt),
		one("GETRANGE", 4, readonly, parseGetRange, encodeText),
		one("SUBSTR", 4, readonly, parseGetRange, encodeText),
		one("SETRANGE", 4, write|denyoom, parseSetRange, encodeInt).looking(value.Scalar),
		one("INCR", 2, write|denyoom|fast, parseIncr, encodeInt),
		one("DECR", 2, write|denyoom|fast, parseIncr, encodeInt),
		one("INCRBY", 3, write|denyoom|fast, parseIncrBy, encodeInt),
		one("DECRBY", 3, write|denyoom|fast, parseIncrBy, encodeInt),
		one("INCRBYFLOAT", 3, write|denyoom|fast, parseIncrByFloat, encodeText),
		many("MGET", -2, readonly|fast, 1, -1, 1, func(c *conn, a [][]byte) (op.Op, error) { return &op.MultiGet{List: a[1:]}, nil }, encodeBulks),
		many("MSET", -3, write|denyoom, 1, -1, 2, parseMSet, encodeOK),
		many("MSETNX", -3, write|denyoom, 1, -1, 2, parseMSetNX, encodeInt),
		many("LCS", -3, readonly, 1, 2, 1, parseLCS, encodeLCS).looking(value.Scalar),
	}
}

func parseGet(c *conn, args [][]byte) (op.Op, error) {
	if c.fresh {
		return &op.Get{K: args[1]}, nil
	}
	c.get.K = args[1]
	return &c.get, nil
}

func parseSet(c *conn, args [][]byte) (op.Op, error) {
	if len(args) > 3 {
		return parseSetOptions(c, args)
	}
	if c.fresh {
		return &op.Set{K: args[1], Value: args[2]}, nil
	}
	c.set = op.Set{K: args[1], Value: args[2]}
	return &c.set, nil
}

// expiryOptions reads what SET and GETEX share: which of them, and when the item is to expire.
type expiryOptions struct {
	unit   string // EX, PX, EXAT, PXAT; empty for none
	amount []byte
}

// take reads the option at args[i] and returns how many arguments it took; 0 where it is none or does not fit.
func (o *expiryOptions) take(args [][]byte, i int) int {
	for _, unit := range [...]string{"EX", "PX", "EXAT", "PXAT"} {
		if is(args[i], unit) && i+1 < len(args) && (o.unit == "" || o.unit == unit) {
			o.unit, o.amount = unit, args[i+1]
			return 2
		}
	}
	return 0
}

// expiry returns when the item expires.
func (o *expiryOptions) expiry(command string) (op.Expiry, error) {
	if o.unit == "" {
		return op.Expiry{}, nil
	}
	n, err := integer(o.amount)
	if err != nil {
		return op.Expiry{}, err
	}
	return expiryOf(n, o.unit == "EX" || o.unit == "EXAT", o.unit == "EXAT" || o.unit == "PXAT", command)
}

func expiryOf(n int64, seconds, absolute bool, command string) (op.Expiry, error) {
	invalid := say("ERR invalid expire time in '" + command + "' command")
	if n <= 0 || (seconds && n > math.MaxInt64/1000) {
		return op.Expiry{}, invalid
	}
	if seconds {
		n *= 1000
	}
	switch {
	case absolute:
		return op.Expiry{At: n}, nil
	case n > math.MaxInt64-nowMillis():
		return op.Expiry{}, invalid
	}
	return op.Expiry{TTL: n}, nil
}

func parseSetOptions(c *conn, args [][]byte) (op.Op, error) {
	o := &op.SetIf{K: args[1], Value: args[2]}
	var x expiryOptions
	for i := 3; i < len(args); i++ {
		switch {
		case is(args[i], "NX") && o.Condition != op.Present:
			o.Condition = op.Absent
		case is(args[i], "XX") && o.Condition != op.Absent:
			o.Condition = op.Present
		case is(args[i], "GET"):
			o.Old = true
		case is(args[i], "KEEPTTL") && x.unit == "":
			o.KeepTTL = true
		default:
			if o.KeepTTL || x.take(args, i) == 0 {
				return nil, errSyntax
			}
			i++
		}
	}
	var err error
	if o.Expiry, err = x.expiry("set"); err != nil {
		return nil, err
	}
	if o.Condition == op.Always && !o.Old && !o.KeepTTL {
		return &op.Set{K: o.K, Value: o.Value, Expiry: o.Expiry}, nil
	}
	return o, nil
}

// encodeSet answers OK, null where a condition did not hold, or what was there before where GET asks for it.
func encodeSet(c *conn, args [][]byte, r *op.Reply) {
	for _, a := range args[min(3, len(args)):] {
		if is(a, "GET") {
			encodeOld(c, args, r)
			return
		}
	}
	if r.Status == op.Refused {
		c.out = c.proto.AppendNull(c.out)
		return
	}
	c.out = respwire.AppendOK(c.out)
}

func parseSetNX(c *conn, args [][]byte) (op.Op, error) {
	return &op.SetIf{K: args[1], Value: args[2], Condition: op.Absent}, nil
}

func parseSetEX(c *conn, args [][]byte) (op.Op, error) {
	n, err := integer(args[2])
	if err != nil {
		return nil, err
	}
	o := &op.Set{K: args[1], Value: args[3]}
	o.Expiry, err = expiryOf(n, is(args[0], "SETEX"), false, lower(string(args[0])))
	return o, err
}

func parseGetSet(c *conn, args [][]byte) (op.Op, error) {
	return &op.SetIf{K: args[1], Value: args[2], Old: true}, nil
}

func parseGetEX(c *conn, args [][]byte) (op.Op, error) {
	o := &op.GetEx{K: args[1]}
	var x expiryOptions
	for i := 2; i < len(args); i++ {
		if is(args[i], "PERSIST") && x.unit == "" {
			o.Persist = true
			continue
		}
		if o.Persist || x.take(args, i) == 0 {
			return nil, errSyntax.early()
		}
		i++
	}
	var err error
	o.Expiry, err = x.expiry("getex")
	if o.Expiry == (op.Expiry{}) && err == nil && !o.Persist {
		return parseGet(c, args)
	}
	return o, err
}

func parseGetRange(c *conn, args [][]byte) (op.Op, error) {
	start, end, err := twoInts(args[2], args[3])
	return &op.GetRange{K: args[1], Start: start, End: end}, err
}

func parseSetRange(c *conn, args [][]byte) (op.Op, error) {
	n, ok := respwire.Int(args[2])
	switch {
	case !ok:
		return nil, errNotInt.early()
	case n > int64(hearth.ValueBytesMax-len(args[3])) && len(args[3]) > 0:
		return nil, say("ERR string exceeds maximum allowed size (proto-max-bulk-len)")
	}
	return &op.SetRange{K: args[1], Offset: n, Value: args[3]}, nil
}

func parseIncr(c *conn, args [][]byte) (op.Op, error) {
	o := &op.Increment{K: args[1], Amount: 1, KeepTTL: true}
	if is(args[0], "DECR") {
		o.Amount = -1
	}
	return o, nil
}

func parseIncrBy(c *conn, args [][]byte) (op.Op, error) {
	n, err := integer(args[2])
	if err != nil {
		return nil, err
	}
	if is(args[0], "DECRBY") {
		if n == math.MinInt64 {
			return nil, say("ERR decrement would overflow")
		}
		n = -n
	}
	return &op.Increment{K: args[1], Amount: n, KeepTTL: true}, nil
}

func parseIncrByFloat(c *conn, args [][]byte) (op.Op, error) {
	return &op.IncrementFloat{K: args[1], Amount: args[2]}, nil
}

// pairs splits what follows the command's name into keys and values.
func pairs(args [][]byte, command string) (keys, values [][]byte, err error) {
	if len(args)%2 == 0 {
		return nil, nil, say("ERR wrong number of arguments for '" + command + "' command")
	}
	keys, values = make([][]byte, 0, len(args)/2), make([][]byte, 0, len(args)/2)
	for i := 1; i < len(args); i += 2 {
		keys, values = append(keys, args[i]), append(values, args[i+1])
	}
	return keys, values, nil
}

func parseMSet(c *conn, args [][]byte) (op.Op, error) {
	keys, values, err := pairs(args, "mset")
	if err != nil {
		return nil, err
	}
	return &op.MultiSet{List: keys, Values: values}, nil
}

func parseMSetNX(c *conn, args [][]byte) (op.Op, error) {
	keys, values, err := pairs(args, "msetnx")
	if err != nil {
		return nil, err
	}
	return &op.MultiSetNew{List: keys, Values: values}, nil
}

// lcsOptions are what follows the keys of LCS.
type lcsOptions struct {
	length, matches, lengths bool
	min                      int64
}

func lcsOptionsOf(args [][]byte) (o lcsOptions, err error) {
	for i := 3; i < len(args); i++ {
		switch {
		case is(args[i], "IDX"):
			o.matches = true
		case is(args[i], "LEN"):
			o.length = true
		case is(args[i], "WITHMATCHLEN"):
			o.lengths = true
		case is(args[i], "MINMATCHLEN") && i+1 < len(args):
			if o.min, err = integer(args[i+1]); err != nil {
				return o, err
			}
			o.min = max(o.min, 0)
			i++
		default:
			return o, errSyntax
		}
	}
	if o.length && o.matches {
		return o, say("ERR If you want both the length and indexes, please just use IDX.")
	}
	return o, nil
}

func parseLCS(c *conn, args [][]byte) (op.Op, error) {
	o, err := lcsOptionsOf(args)
	return &op.LCS{A: args[1], B: args[2], OnlyLen: o.length, Matches: o.matches, MatchLenMin: o.min}, err
}

func encodeLCS(c *conn, args [][]byte, r *op.Reply) {
	o, _ := lcsOptionsOf(args)
	switch {
	case o.length:
		c.out = respwire.AppendInteger(c.out, r.Int)
		return
	case !o.matches:
		encodeText(c, args, r)
		return
	}
	c.out = c.proto.AppendMap(c.out, 2)
	c.out = respwire.AppendBulkString(c.out, "matches")
	c.out = respwire.AppendArray(c.out, r.Len()/5)
	for i := 0; i+4 < r.Len(); i += 5 {
		n := func(j int) int64 { return int64(r.Part(i + j).Num) }
		c.out = respwire.AppendArray(c.out, 2)
		if o.lengths {
			c.out = c.out[:len(c.out)-len("*2\r\n")]
			c.out = respwire.AppendArray(c.out, 3)
		}
		for j := 0; j < 4; j += 2 {
			c.out = respwire.AppendArray(c.out, 2)
			c.out = respwire.AppendInteger(c.out, n(j))
			c.out = respwire.AppendInteger(c.out, n(j+1))
		}
		if o.lengths {
			c.out = respwire.AppendInteger(c.out, n(4))
		}
	}
	c.out = respwire.AppendBulkString(c.out, "len")
	c.out = respwire.AppendInteger(c.out, r.Int)
}
