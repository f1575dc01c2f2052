package resp

import (
	"time"

	"github.com/hearthcache/hearth/op"
	"github.com/hearthcache/hearth/respwire"
	"github.com/hearthcache/hearth/value"
)

type (
	parser  = func(c *conn, args [][]byte) (op.Op, error)
	encoder = func(c *conn, args [][]byte, r *op.Reply)
)

// one is the row of a command on one key, its first argument.
func one(name string, arity int, flags flag, parse parser, encode encoder) row {
	return row{name: name, arity: arity, flags: flags, first: 1, last: 1, step: 1, parse: parse, encode: encode}
}

// many is the row of a command on several keys.
func many(name string, arity int, flags flag, first, last, step int, parse parser, encode encoder) row {
	return row{name: name, arity: arity, flags: flags, first: first, last: last, step: step, parse: parse, encode: encode}
}

// listed is the row of a command whose keys follow their number, which is argument at.
func listed(name string, arity int, flags flag, at int, parse parser, encode encoder) row {
	return row{name: name, arity: arity, flags: flags | movable, parse: parse, encode: encode, keys: func(args [][]byte) [][]byte {
		keys, _, err := keyList(args, at, "")
		if err != nil {
			return nil
		}
		return append(append([][]byte{}, args[1:at]...), keys...)
	}}
}

// looking is for commands that look at their keys before they look at the rest of their arguments: WRONGTYPE comes first
// where one holds something of another kind.
func (r row) looking(kinds ...value.Kind) row {
	r.looks = kinds
	return r
}

// sources are the keys that a command looks at: without the one that it writes to.
func (r *row) sources(args [][]byte) [][]byte {
	keys := r.keyArgs(args)
	if r.stores {
		return keys[1:]
	}
	return keys
}

// wrongKind is the error of a key that holds something else; LCS has words of its own.
func (r *row) wrongKind() error {
	if r.name == "LCS" {
		return say("ERR The specified keys must contain string values")
	}
	return value.ErrWrongType
}

// orMissing is looking, for commands that look no further where their key holds nothing: missing answers.
func (r row) orMissing(k value.Kind, missing func(c *conn)) row {
	r.looks, r.missing = []value.Kind{k}, func(c *conn, _ [][]byte) { missing(c) }
	return r
}

// early marks an error that comes before the key is looked at.
func (s say) early() error { return earlyError(s) }

type earlyError say

func (e earlyError) Error() string { return string(e) }

func nowMillis() int64 { return time.Now().UnixMilli() }

func twoInts(a, b []byte) (x, y int64, err error) {
	if x, err = integer(a); err == nil {
		y, err = integer(b)
	}
	return x, y, err
}

func (c *conn) null()      { c.out = c.proto.AppendNull(c.out) }
func (c *conn) nullArray() { c.out = c.proto.AppendNullArray(c.out) }
func (c *conn) zero()      { c.out = respwire.AppendInteger(c.out, 0) }
func (c *conn) none()      { c.out = respwire.AppendArray(c.out, 0) }
func (c *conn) noSuchKey() { c.out = respwire.AppendError(c.out, string(errNoKey)) }
func (c *conn) noScan()    { c.out = append(c.out, "*2\r\n$1\r\n0\r\n*0\r\n"...) }

// encodeValue answers with the value, or null on a miss.
func encodeValue(c *conn, args [][]byte, r *op.Reply) {
	switch {
	case r.Status != op.Hit:
		c.null()
	case r.Block != nil:
		b := r.Block
		r.Block = nil
		c.appendBlock(b)
	default:
		c.out = respwire.AppendBulk(c.out, r.Value())
	}
}

// encodeText answers with the value, which is there even where it is empty.
func encodeText(c *conn, args [][]byte, r *op.Reply) { c.out = respwire.AppendBulk(c.out, r.Value()) }

// encodeOld answers with what was there before a write.
func encodeOld(c *conn, args [][]byte, r *op.Reply) {
	v := r.Value()
	if v == nil {
		c.null()
		return
	}
	c.out = respwire.AppendBulk(c.out, v)
}

func encodeInt(c *conn, args [][]byte, r *op.Reply) { c.out = respwire.AppendInteger(c.out, r.Int) }

func encodeOK(c *conn, args [][]byte, r *op.Reply) { c.out = respwire.AppendOK(c.out) }

// encodeDone answers 1 where the write happened, else 0.
func encodeDone(c *conn, args [][]byte, r *op.Reply) {
	n := int64(0)
	if r.Status == op.Done || r.Status == op.Hit {
		n = 1
	}
	c.out = respwire.AppendInteger(c.out, n)
}

// encodeBulks answers with an array of all elements, null for those that miss; of none where there is no item.
func encodeBulks(c *conn, args [][]byte, r *op.Reply) {
	c.out = respwire.AppendArray(c.out, r.Len())
	c.parts(r)
}

// encodeSetOf answers with a set of all elements.
func encodeSetOf(c *conn, args [][]byte, r *op.Reply) {
	c.out = c.proto.AppendSet(c.out, r.Len())
	c.parts(r)
}

// encodeMap answers with a map of all elements in turns.
func encodeMap(c *conn, args [][]byte, r *op.Reply) {
	c.out = c.proto.AppendMap(c.out, r.Len()/2)
	c.parts(r)
}

func (c *conn) parts(r *op.Reply) {
	for i := range r.Len() {
		p := r.Part(i)
		if !p.Hit {
			c.null()
			continue
		}
		c.out = respwire.AppendBulk(c.out, p.Bytes)
	}
}

// encodeFlag answers 1 or 0 for the first element.
func encodeFlag(c *conn, args [][]byte, r *op.Reply) {
	n := int64(0)
	if r.Len() > 0 && r.Part(0).Hit {
		n = 1
	}
	c.out = respwire.AppendInteger(c.out, n)
}

// encodeFirst answers with the first element, null where there is none.
func encodeFirst(c *conn, args [][]byte, r *op.Reply) {
	if r.Len() == 0 || !r.Part(0).Hit {
		c.null()
		return
	}
	c.out = respwire.AppendBulk(c.out, r.Part(0).Bytes)
}

// keyList reads keys that follow their number, argument at, and returns what follows them.
func keyList(args [][]byte, at int, command string) (keys, rest [][]byte, err error) {
	if at >= len(args) {
		return nil, nil, errSyntax.early()
	}
	n, ok := respwire.Int(args[at])
	switch {
	case !ok:
		return nil, nil, errNotInt.early()
	case n < 1:
		return nil, nil, say("ERR at least 1 input key is needed for '" + command + "' command").early()
	case n > int64(len(args)-at-1):
		return nil, nil, errSyntax.early()
	}
	return args[at+1 : at+1+int(n)], args[at+1+int(n):], nil
}
