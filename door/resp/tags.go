package resp

import (
	"github.com/hearthcache/hearth/op"
	"github.com/hearthcache/hearth/respwire"
)

// tagRows are commands that no Redis has: tags of items, and all items that have one taken away at once.
var tagRows = []row{
	one("HEARTH.SET", -5, write|denyoom, parseTaggedSet, encodeOK),
	{name: "HEARTH.INVALIDATE", arity: -2, flags: write | noMulti | waits, run: runInvalidate},
}

// parseTaggedSet reads HEARTH.SET key value [EX seconds | PX milliseconds | EXAT time | PXAT time] TAGS tag [tag ...].
func parseTaggedSet(c *conn, args [][]byte) (op.Op, error) {
	var x expiryOptions
	i := 3
	for i < len(args) && !is(args[i], "TAGS") {
		n := x.take(args, i)
		if n == 0 {
			return nil, errSyntax
		}
		i += n
	}
	if i+1 >= len(args) {
		return nil, errSyntax
	}
	expiry, err := x.expiry("hearth.set")
	return &op.Set{K: args[1], Value: args[2], Expiry: expiry, Tags: args[i+1:]}, err
}

// runInvalidate answers HEARTH.INVALIDATE tag [tag ...] when no item that has one of them can be read any more.
func runInvalidate(c *conn, args [][]byte) {
	if err := c.door.Gateway.Invalidate(c.ctx, c.caller, args[1:]); err != nil && !c.missesDefault(err) {
		c.fail(c.info.command, err)
		return
	}
	c.out = respwire.AppendOK(c.out)
}
