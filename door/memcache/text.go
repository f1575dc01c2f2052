package memcache

import (
	"bytes"
	"math"
	"strconv"
	"time"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/control"
	"github.com/hearthcache/hearth/op"
)

const keyBytesMax = 250

// command is one row: how many words a line may have, and what runs it.
type command struct {
	name     string
	min, max int
	run      func(c *conn, words [][]byte)
}

// commands are all rows, those first that clients say most.
var commands = [...]command{
	{"get", 2, math.MaxInt, runGet},
	{"set", 5, 6, runStore},
	{"gets", 2, math.MaxInt, runGet},
	{"mg", 2, math.MaxInt, runMetaGet},
	{"ms", 2, math.MaxInt, runMetaSet},
	{"delete", 2, 4, runDelete},
	{"incr", 3, 4, runArithmetic},
	{"decr", 3, 4, runArithmetic},
	{"add", 5, 6, runStore},
	{"replace", 5, 6, runStore},
	{"append", 5, 6, runStore},
	{"prepend", 5, 6, runStore},
	{"cas", 6, 7, runStore},
	{"touch", 3, 4, runTouch},
	{"gat", 2, math.MaxInt, runGat},
	{"gats", 2, math.MaxInt, runGat},
	{"md", 2, math.MaxInt, runMetaDelete},
	{"ma", 2, math.MaxInt, runMetaArithmetic},
	{"mn", 1, math.MaxInt, func(c *conn, _ [][]byte) { c.say("MN") }},
	{"me", 2, math.MaxInt, runMetaDebug},
	{"version", 1, math.MaxInt, func(c *conn, _ [][]byte) { c.say("VERSION " + version) }},
	{"verbosity", 2, 3, runVerbosity},
	{"flush_all", 1, 3, runFlush},
	{"quit", 1, math.MaxInt, func(c *conn, _ [][]byte) { c.closing = true }},
	{"stats", 1, math.MaxInt, runStats},
	{"config", 3, 3, runConfig},
	{"shutdown", 1, 2, func(c *conn, _ [][]byte) { c.say("ERROR: shutdown not enabled") }},
}

// Commands returns the names of all commands.
func Commands() []string {
	var names []string
	for i := range commands {
		names = append(names, commands[i].name)
	}
	return names
}

// find returns the row of a command's name, nil if there is none.
func find(name []byte) *command {
	for i := range commands {
		if commands[i].name == string(name) {
			return &commands[i]
		}
	}
	return nil
}

// runVerbosity takes the level that clients may set and does nothing with it.
func runVerbosity(c *conn, words [][]byte) {
	c.noreply(words)
	if _, ok := unsigned(words[1]); !ok {
		c.say(errFormat)
		return
	}
	c.say("OK")
}

// command runs one line.
func (c *conn) command(line []byte) {
	c.words = split(c.words[:0], line)
	words := c.words
	if c.caller == nil {
		c.stranger(words)
		return
	}
	if len(words) == 0 {
		c.say("ERROR")
		return
	}
	// The common case is found without the table.
	if len(words) == 2 && string(words[0]) == "get" {
		runGet(c, words)
		return
	}
	r := find(words[0])
	if r == nil || len(words) < r.min || len(words) > r.max {
		c.say("ERROR")
		return
	}
	r.run(c, words)
}

// stranger takes a sign-in from a client without one, spelt as a set whose value is "username password".
func (c *conn) stranger(words [][]byte) {
	if len(words) > 0 && string(words[0]) == "quit" {
		c.closing = true
		return
	}
	if len(words) < 5 || string(words[0]) != "set" {
		c.say(errUnauthenticated)
		return
	}
	size, err := strconv.Atoi(string(words[4]))
	if err != nil || size < 0 || size > lineBytesMax {
		c.say(errFormat)
		return
	}
	c.expect(&body{size: size, auth: true})
}

func split(words [][]byte, line []byte) [][]byte {
	for len(line) > 0 {
		if line[0] == ' ' {
			line = line[1:]
			continue
		}
		end := bytes.IndexByte(line, ' ')
		if end < 0 {
			return append(words, line)
		}
		words = append(words, line[:end:end])
		line = line[end:]
	}
	return words
}

// noreply notes that a request wants no answer, which its last word says.
func (c *conn) noreply(words [][]byte) bool {
	c.quiet = string(words[len(words)-1]) == "noreply"
	return c.quiet
}

// thirtyDays is the longest time that is meant from now on; a longer one is a date.
const thirtyDays = 60 * 60 * 24 * 30

// expiryOf reads an expiry in seconds: 0 is never, a negative one is over.
func expiryOf(seconds int64) op.Expiry {
	switch {
	case seconds == 0:
		return op.Expiry{}
	case seconds < 0:
		return op.Expiry{At: 1}
	case seconds > thirtyDays:
		return op.Expiry{At: seconds * 1000}
	}
	return op.Expiry{TTL: seconds * 1000}
}

func exptime(word []byte) (op.Expiry, bool) {
	n, err := strconv.ParseInt(string(word), 10, 64)
	return expiryOf(min(n, 1<<40)), err == nil
}

// unsigned reads a number as C's strtoull does, which memcached asks: a sign may stand before it, and where it is large, minus may not.
func unsigned(word []byte) (uint64, bool) {
	digits := bytes.TrimPrefix(bytes.TrimPrefix(word, []byte("+")), []byte("-"))
	n, err := strconv.ParseUint(string(digits), 10, 64)
	if err != nil || len(word)-len(digits) > 1 {
		return 0, false
	}
	if word[0] == '-' {
		n = -n
		return n, int64(n) >= 0
	}
	return n, true
}

func runGet(c *conn, words [][]byte) {
	c.fetch(words[1:], op.MetaGet{}, len(words[0]) == len("gets"))
}

func runGat(c *conn, words [][]byte) {
	x, ok := exptime(words[1])
	if !ok {
		c.say(errExptime)
		return
	}
	c.fetch(words[2:], op.MetaGet{Touch: true, Expiry: x}, len(words[0]) == len("gats"))
}

// fetch answers with the values of keys.
func (c *conn) fetch(keys [][]byte, get op.MetaGet, cas bool) {
	for _, k := range keys {
		if len(k) > keyBytesMax {
			c.say(errFormat)
			return
		}
	}
	for i, k := range keys {
		c.get = get
		c.get.K = k
		c.reply.Reset()
		done, err := c.door.Gateway.Try(c.caller, &c.get, &c.reply)
		if !done || c.missesDefault(err) {
			c.fetchLater(keys[i:], get, cas)
			return
		}
		if !c.hit(k, &c.reply, err, get.Touch, cas) {
			return
		}
		if i+1 < len(keys) && c.full() {
			c.pause(keys[i+1:], get, cas)
			return
		}
	}
	c.say("END")
}

// pause leaves the rest of an answer until the peer has taken what there is of it.
func (c *conn) pause(keys [][]byte, get op.MetaGet, cas bool) {
	p := &paused{line: bytes.Join(keys, []byte(" ")), get: get, cas: cas}
	if !c.door.Budget.Take(len(p.line), 0) {
		c.say(errBuffers)
		return
	}
	c.paused, c.stalled = p, true
}

// paused is the rest of a get of many keys.
type paused struct {
	line []byte // the keys
	get  op.MetaGet
	cas  bool
}

// goOn goes on with the rest of an answer.
func (c *conn) goOn() {
	p := c.paused
	c.forgetPaused()
	c.quiet = false
	c.words = split(c.words[:0], p.line)
	c.fetch(c.words, p.get, p.cas)
}

func (c *conn) forgetPaused() {
	if p := c.paused; p != nil {
		c.door.Budget.Give(len(p.line))
		c.paused = nil
	}
}

// overlong ends an answer of many values that a goroutine gathers and that has become too long.
func (c *conn) overlong() bool {
	if len(c.out) <= hearth.AnswerBytesMax {
		return false
	}
	c.say("SERVER_ERROR the answer is larger than " + strconv.Itoa(hearth.AnswerBytesMax) + " bytes")
	return true
}

func (c *conn) fetchLater(keys [][]byte, get op.MetaGet, cas bool) {
	own := make([][]byte, len(keys))
	for i, k := range keys {
		own[i] = bytes.Clone(k)
	}
	c.leave(func() {
		for _, k := range own {
			o := get
			o.K = k
			c.reply.Reset()
			if !c.hit(k, &c.reply, c.do(&o, &c.reply), get.Touch, cas) || c.overlong() {
				return
			}
		}
		c.say("END")
	})
}

// hit answers with one value, or nothing on a miss. It reports whether the request goes on.
func (c *conn) hit(key []byte, r *op.Reply, err error, touch, cas bool) bool {
	n := &c.door.count
	n.gets.Add(1)
	switch {
	case err != nil && hearth.KindOf(err) == hearth.WrongType:
		// What is there is nothing that memcached's clients could read.
		n.getMisses.Add(1)
		return true
	case err != nil:
		c.say(errorText(err))
		return false
	case touch:
		n.touches.Add(1)
	}
	if r.Status != op.Hit {
		n.getMisses.Add(1)
		if touch {
			n.touchMisses.Add(1)
		}
		return true
	}
	n.getHits.Add(1)
	if touch {
		n.touchHits.Add(1)
	}
	v := r.Value()
	c.out = append(c.out, "VALUE "...)
	c.out = append(c.out, key...)
	c.out = append(c.out, ' ')
	c.out = strconv.AppendUint(c.out, uint64(r.Attrs.Flags), 10)
	c.out = append(c.out, ' ')
	c.out = strconv.AppendInt(c.out, int64(len(v)), 10)
	if cas {
		c.out = append(c.out, ' ')
		c.out = strconv.AppendUint(c.out, op.Fingerprint(r.Attrs.Flags, v), 10)
	}
	c.out = append(c.out, '\r', '\n')
	c.value(r)
	return true
}

func mode(name []byte) op.StoreMode {
	switch name[0] {
	case 'a':
		if len(name) == len("add") {
			return op.StoreNew
		}
		return op.StoreAfter
	case 'r':
		return op.StoreOld
	case 'p':
		return op.StoreBefore
	}
	return op.StoreAlways
}

func runStore(c *conn, words [][]byte) {
	c.noreply(words)
	cas := len(words[0]) == len("cas") && words[0][0] == 'c'
	flags, ok1 := unsigned(words[2])
	x, ok := exptime(words[3])
	size, err2 := strconv.ParseInt(string(words[4]), 10, 32)
	guard, ok3 := op.Guard{Given: cas}, true
	if cas {
		guard.CAS, ok3 = unsigned(words[5])
	}
	if len(words[1]) > keyBytesMax || !ok1 || !ok || err2 != nil || !ok3 || size < 0 || size > math.MaxInt32-2 {
		c.say(errFormat)
		return
	}
	b := &body{size: int(size), cas: cas, set: op.MetaSet{K: bytes.Clone(words[1]), Flags: uint32(flags), Expiry: x, Mode: mode(words[0]), Guard: guard}}
	if len(words[1])+b.size > c.itemBytesMax() {
		b.trash = errTooLarge
		c.door.count.tooLarge.Add(1)
	}
	c.expect(b)
}

// itemBytesMax is the cache's bound on an item: what is announced as larger is not kept while it arrives.
func (c *conn) itemBytesMax() int { return c.caller.ItemBytesMax() }

// stored answers to a request that has stored something, or not.
func (c *conn) stored(b *body, r *op.Reply, err error) {
	c.door.count.sets.Add(1)
	if b.flags != nil {
		c.metaStored(b, r, err)
		return
	}
	switch {
	case err != nil:
		c.say(errorText(err))
	case r.Status == op.Miss:
		c.door.count.casMisses.Add(1)
		c.say("NOT_FOUND")
	case r.Status == op.Refused && r.Int == 1:
		c.door.count.casBadval.Add(1)
		c.say("EXISTS")
	case r.Status == op.Refused:
		c.say("NOT_STORED")
	default:
		if b.cas {
			c.door.count.casHits.Add(1)
		}
		c.say("STORED")
	}
}

func runArithmetic(c *conn, words [][]byte) {
	c.noreply(words)
	down := words[0][0] == 'd'
	if len(words[1]) > keyBytesMax {
		c.say(errFormat)
		return
	}
	delta, ok := unsigned(words[2])
	if !ok {
		c.say("CLIENT_ERROR invalid numeric delta argument")
		return
	}
	o := &op.MetaArithmetic{K: words[1], Delta: delta, Down: down}
	c.run(o, func(r *op.Reply, err error) {
		hits, misses := &c.door.count.incrHits, &c.door.count.incrMisses
		if down {
			hits, misses = &c.door.count.decrHits, &c.door.count.decrMisses
		}
		switch {
		case err != nil:
			c.say(errorText(err))
		case r.Status == op.Miss:
			misses.Add(1)
			c.say("NOT_FOUND")
		default:
			hits.Add(1)
			c.say(string(r.Value()))
		}
	}, func() op.Op {
		own := *o
		own.K = bytes.Clone(o.K)
		return &own
	})
}

func runTouch(c *conn, words [][]byte) {
	c.noreply(words)
	x, ok := exptime(words[2])
	switch {
	case len(words[1]) > keyBytesMax:
		c.say(errFormat)
		return
	case !ok:
		c.say(errExptime)
		return
	}
	o := &op.UpdateTTL{K: words[1], Expiry: x}
	c.run(o, func(r *op.Reply, err error) {
		c.door.count.touches.Add(1)
		switch {
		case err != nil:
			c.say(errorText(err))
		case r.Status == op.Miss:
			c.door.count.touchMisses.Add(1)
			c.say("NOT_FOUND")
		default:
			c.door.count.touchHits.Add(1)
			c.say("TOUCHED")
		}
	}, func() op.Op { return &op.UpdateTTL{K: bytes.Clone(o.K), Expiry: x} })
}

func runDelete(c *conn, words [][]byte) {
	quiet := len(words) > 2 && c.noreply(words)
	zero := len(words) > 2 && string(words[2]) == "0"
	if len(words) == 3 && !zero && !quiet || len(words) == 4 && !(zero && quiet) {
		c.say("CLIENT_ERROR bad command line format.  Usage: delete <key> [noreply]")
		return
	}
	if len(words[1]) > keyBytesMax {
		c.say(errFormat)
		return
	}
	o := &op.MetaDelete{K: words[1]}
	c.run(o, func(r *op.Reply, err error) {
		switch {
		case err != nil:
			c.say(errorText(err))
		case r.Status == op.Miss:
			c.door.count.deleteMisses.Add(1)
			c.say("NOT_FOUND")
		default:
			c.door.count.deleteHits.Add(1)
			c.say("DELETED")
		}
	}, func() op.Op { return &op.MetaDelete{K: bytes.Clone(o.K)} })
}

// runFlush empties the cache, at once or after a delay in seconds.
func runFlush(c *conn, words [][]byte) {
	quiet := c.noreply(words)
	var after int64
	if len(words) > 1 && !(quiet && len(words) == 2) {
		var err error
		if after, err = strconv.ParseInt(string(words[1]), 10, 32); err != nil {
			c.say(errExptime)
			return
		}
	}
	c.door.count.flushes.Add(1)
	flush := control.FlushCache{Name: c.caller.Cache()}
	if after > 0 {
		caller := c.caller
		time.AfterFunc(time.Duration(after)*time.Second, func() {
			_ = c.door.Gateway.Change(c.door.context(), caller, flush)
		})
		c.say("OK")
		return
	}
	c.leave(func() {
		err := c.door.Gateway.Change(c.ctx, c.caller, flush)
		if err != nil && !c.missesDefault(err) {
			c.say(errorText(err))
			return
		}
		c.say("OK")
	})
}
