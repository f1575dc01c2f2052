package resp

import (
	"math"

	"github.com/hearthcache/hearth/op"
	"github.com/hearthcache/hearth/respwire"
)

// fieldRows are the commands on the expiry of single fields. Debian's redis-server does not have them: the texts are
// those of Redis 7.4.
func fieldRows() []row {
	return []row{
		one("HEXPIRE", -6, write|denyoom|fast, parseHExpire(1000, false), encodeNums(1)),
		one("HPEXPIRE", -6, write|denyoom|fast, parseHExpire(1, false), encodeNums(1)),
		one("HEXPIREAT", -6, write|denyoom|fast, parseHExpire(1000, true), encodeNums(1)),
		one("HPEXPIREAT", -6, write|denyoom|fast, parseHExpire(1, true), encodeNums(1)),
		one("HTTL", -5, readonly|fast, parseHTTL(true), encodeNums(1000)),
		one("HPTTL", -5, readonly|fast, parseHTTL(true), encodeNums(1)),
		one("HEXPIRETIME", -5, readonly|fast, parseHTTL(false), encodeNums(1000)),
		one("HPEXPIRETIME", -5, readonly|fast, parseHTTL(false), encodeNums(1)),
		one("HPERSIST", -5, write|fast, parseHPersist, encodeNums(1)),
		one("HGETDEL", -5, write|fast, parseHGetDel, encodeBulks),
		one("HGETEX", -5, write|fast, parseHGetEx, encodeBulks),
		one("HSETEX", -6, write|denyoom|fast, parseHSetEx, encodeInt),
	}
}

// fieldList reads "FIELDS", a number, and that many groups of each arguments.
func fieldList(args [][]byte, each int) ([][]byte, error) {
	if len(args) < 2 || !is(args[0], "FIELDS") {
		return nil, say("ERR Mandatory argument FIELDS is missing or not at the right position")
	}
	n, ok := respwire.Int(args[1])
	switch {
	case !ok || n < 1 || n > math.MaxInt32:
		return nil, say("ERR Number of fields must be a positive integer")
	case n*int64(each) != int64(len(args)-2):
		return nil, say("ERR The `numfields` parameter must match the number of arguments")
	}
	return args[2:], nil
}

func parseHExpire(unit int64, absolute bool) parser {
	return func(c *conn, args [][]byte) (op.Op, error) {
		o := &op.DictExpire{K: args[1]}
		n, err := integer(args[2])
		if err != nil {
			return nil, err
		}
		rest := args[3:]
		for len(rest) > 0 && !is(rest[0], "FIELDS") && o.When == 0 {
			if o.When, err = ttlCondition(rest[:1]); err != nil {
				break
			}
			rest = rest[1:]
		}
		if o.Fields, err = fieldList(rest, 1); err != nil {
			return nil, err
		}
		invalid := say("ERR invalid expire time in '" + lower(string(args[0])) + "' command")
		if n < 0 || n > math.MaxInt64/unit {
			return nil, invalid
		}
		n *= unit
		if !absolute {
			if n > math.MaxInt64-nowMillis() {
				return nil, invalid
			}
			if o.Expiry.TTL = n; n == 0 {
				o.Expiry.TTL = -1
			}
			return o, nil
		}
		o.Expiry.At = max(n, 1)
		return o, nil
	}
}

// encodeNums answers with the number of each element, in a unit of so many milliseconds where it is positive.
func encodeNums(unit int64) encoder {
	return func(c *conn, args [][]byte, r *op.Reply) {
		c.out = respwire.AppendArray(c.out, r.Len())
		for i := range r.Len() {
			n := int64(r.Part(i).Num)
			if n > 0 {
				n = (n + unit - 1) / unit
			}
			c.out = respwire.AppendInteger(c.out, n)
		}
	}
}

func parseHTTL(left bool) parser {
	return func(c *conn, args [][]byte) (op.Op, error) {
		fields, err := fieldList(args[2:], 1)
		return &op.DictFieldTTL{K: args[1], Fields: fields, Left: left}, err
	}
}

func parseHPersist(c *conn, args [][]byte) (op.Op, error) {
	fields, err := fieldList(args[2:], 1)
	return &op.DictPersist{K: args[1], Fields: fields}, err
}

func parseHGetDel(c *conn, args [][]byte) (op.Op, error) {
	fields, err := fieldList(args[2:], 1)
	return &op.DictGetEx{K: args[1], Fields: fields, Delete: true}, err
}

func parseHGetEx(c *conn, args [][]byte) (op.Op, error) {
	o := &op.DictGetEx{K: args[1]}
	var x expiryOptions
	i := 2
	for ; i < len(args) && !is(args[i], "FIELDS"); i++ {
		if is(args[i], "PERSIST") && x.unit == "" {
			o.Persist = true
			continue
		}
		if o.Persist || x.take(args, i) == 0 {
			return nil, errSyntax
		}
		i++
	}
	var err error
	if o.Expiry, err = x.expiry("hgetex"); err == nil {
		o.Fields, err = fieldList(args[i:], 1)
	}
	return o, err
}

func parseHSetEx(c *conn, args [][]byte) (op.Op, error) {
	o := &op.DictSetEx{K: args[1]}
	var x expiryOptions
	i := 2
	for ; i < len(args) && !is(args[i], "FIELDS"); i++ {
		switch {
		case is(args[i], "FNX") && o.Condition == op.Always:
			o.Condition = op.Absent
		case is(args[i], "FXX") && o.Condition == op.Always:
			o.Condition = op.Present
		case is(args[i], "KEEPTTL") && x.unit == "":
			o.KeepTTL = true
		case o.KeepTTL || x.take(args, i) == 0:
			return nil, errSyntax
		default:
			i++
		}
	}
	var err error
	if o.Expiry, err = x.expiry("hsetex"); err != nil {
		return nil, err
	}
	rest, err := fieldList(args[i:], 2)
	for j := 0; j+1 < len(rest); j += 2 {
		o.Pairs = append(o.Pairs, op.Pair{Field: rest[j], Value: rest[j+1]})
	}
	return o, err
}
