package resp

import (
	"math/rand/v2"
	"strconv"
	"strings"

	"github.com/hearthcache/hearth/op"
	"github.com/hearthcache/hearth/respwire"
	"github.com/hearthcache/hearth/value"
)

// walkStep is how many keys a walk over all keys asks for at once.
const walkStep = 1000

// walk calls f with every key of the cache, some perhaps twice, until it returns false.
func (c *conn) walk(f func(key []byte) bool) error {
	for cursor := uint64(0); ; {
		keys, next, err := c.door.Gateway.Scan(c.ctx, c.caller, cursor, walkStep, value.None)
		if c.missesDefault(err) {
			return nil
		}
		if err != nil {
			return err
		}
		for _, k := range keys {
			if !f(k) {
				return nil
			}
		}
		if next == 0 {
			return nil
		}
		cursor = next
	}
}

var scanRows = []row{
	{name: "SCAN", arity: -2, flags: readonly | waits, run: runScan},
	{name: "KEYS", arity: 2, flags: readonly | waits, run: runKeys},
	{name: "RANDOMKEY", arity: 1, flags: readonly | waits, run: runRandomKey},
}

func runKeys(c *conn, args [][]byte) {
	all, seen := string(args[1]) == "*", map[string]bool{}
	var keys [][]byte
	err := c.walk(func(k []byte) bool {
		if (all || op.MatchGlob(args[1], k)) && !seen[string(k)] {
			seen[string(k)] = true
			keys = append(keys, k)
		}
		return true
	})
	if err != nil {
		c.fail(c.info.command, err)
		return
	}
	c.bulks(keys)
}

// runRandomKey picks one of the first keys of a walk from a random place.
func runRandomKey(c *conn, args [][]byte) {
	keys, _, err := c.door.Gateway.Scan(c.ctx, c.caller, 0, 256, value.None)
	switch {
	case err != nil && !c.missesDefault(err):
		c.fail(c.info.command, err)
	case len(keys) == 0:
		c.out = c.proto.AppendNull(c.out)
	default:
		c.out = respwire.AppendBulk(c.out, keys[rand.IntN(len(keys))])
	}
}

// scanOptions are what follows the cursor of SCAN and its kin.
type scanOptions struct {
	cursor  uint64
	match   []byte
	matches bool
	count   int
	kind    value.Kind
	noType  bool // a type was named that nothing has
}

func parseScan(args [][]byte, typed bool) (o scanOptions, err error) {
	o.count = 10
	if o.cursor, err = cursorOf(string(args[0])); err != nil {
		return o, err
	}
	for i := 1; i < len(args); i += 2 {
		switch {
		case i+1 >= len(args):
			return o, errSyntax
		case is(args[i], "COUNT"):
			n, ok := respwire.Int(args[i+1])
			if !ok {
				return o, errNotInt
			}
			if n < 1 {
				return o, errSyntax
			}
			o.count = int(min(n, 1<<20))
		case is(args[i], "MATCH"):
			o.match, o.matches = args[i+1], string(args[i+1]) != "*"
		case is(args[i], "TYPE") && typed:
			o.kind = kindNamed(args[i+1])
			o.noType = o.kind == value.None
		default:
			return o, errSyntax
		}
	}
	return o, nil
}

const errCursor = say("ERR invalid cursor")

// cursorOf reads a cursor as C's strtoul does: nothing is 0, a negative one goes round, and a zero byte is the end.
func cursorOf(s string) (uint64, error) {
	s, _, _ = strings.Cut(s, "\x00")
	digits := strings.TrimPrefix(strings.TrimPrefix(s, "+"), "-")
	if s == "" {
		return 0, nil
	}
	n, err := strconv.ParseUint(digits, 10, 64)
	if err != nil || len(s)-len(digits) > 1 {
		return 0, errCursor
	}
	if s[0] == '-' {
		n = -n
	}
	return n, nil
}

func kindNamed(name []byte) value.Kind {
	for k, n := range kindNames {
		if n != "none" && is(name, upper(n)) {
			return value.Kind(k)
		}
	}
	return value.None
}

// kindNames are the names of TYPE, by value.Kind.
var kindNames = [...]string{value.None: "none", value.Scalar: "string", value.Dictionary: "hash", value.Set: "set", value.List: "list", value.SortedSet: "zset"}

func runScan(c *conn, args [][]byte) {
	o, err := parseScan(args[1:], true)
	if err != nil {
		c.fail(c.info.command, err)
		return
	}
	keys, next, err := c.door.Gateway.Scan(c.ctx, c.caller, o.cursor, o.count, o.kind)
	if err != nil && !c.missesDefault(err) {
		c.fail(c.info.command, err)
		return
	}
	kept := keys[:0]
	for _, k := range keys {
		if !o.noType && (!o.matches || op.MatchGlob(o.match, k)) {
			kept = append(kept, k)
		}
	}
	c.out = respwire.AppendArray(c.out, 2)
	c.out = respwire.AppendBulkString(c.out, strconv.FormatUint(next, 10))
	c.bulks(kept)
}
