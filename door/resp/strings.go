package resp

import (
	"github.com/hearthcache/hearth/op"
	"github.com/hearthcache/hearth/respwire"
)

var stringRows = []row{
	{name: "GET", arity: 2, flags: readonly | fast, first: 1, last: 1, step: 1, parse: parseGet, encode: encodeValue},
	{name: "SET", arity: -3, flags: write | denyoom, first: 1, last: 1, step: 1, parse: parseSet, encode: encodeOK},
}

var keyRows = []row{
	{name: "DEL", arity: -2, flags: write, first: 1, last: -1, step: 1, parse: parseDel, encode: encodeInt},
}

func parseGet(c *conn, args [][]byte) (op.Op, error) {
	if c.fresh {
		return &op.Get{K: args[1]}, nil
	}
	c.get.K = args[1]
	return &c.get, nil
}

func parseSet(c *conn, args [][]byte) (op.Op, error) {
	if c.fresh {
		return &op.Set{K: args[1], Value: args[2]}, nil
	}
	c.set = op.Set{K: args[1], Value: args[2]}
	return &c.set, nil
}

func parseDel(c *conn, args [][]byte) (op.Op, error) { return &op.Delete{K: args[1]}, nil }

// encodeValue answers with the value, or null on a miss.
func encodeValue(c *conn, args [][]byte, r *op.Reply) {
	switch {
	case r.Status != op.Hit:
		c.out = c.proto.AppendNull(c.out)
	case r.Block != nil:
		b := r.Block
		r.Block = nil
		c.appendBlock(b)
	default:
		c.out = respwire.AppendBulk(c.out, r.Value())
	}
}

func encodeInt(c *conn, args [][]byte, r *op.Reply) { c.out = respwire.AppendInteger(c.out, r.Int) }

func encodeOK(c *conn, args [][]byte, r *op.Reply) { c.out = respwire.AppendOK(c.out) }
