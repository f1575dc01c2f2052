package resp

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// sharedTemplates are calls of clients that work on the same few keys at once, in transactions and outside. Their answers have an
// order, so that those of EXEC can be compared as they are.
const sharedTemplates = `
MULTI
MULTI
MULTI
EXEC
EXEC
EXEC
DISCARD
WATCH %k
WATCH %k %k
WATCH %s %s %s
UNWATCH
SET %s %v
SET %k %i
GET %k
GET %s
INCR %s
INCRBY %s %i
INCRBYFLOAT %s %f
APPEND %s %v
GETSET %s %v
GETDEL %k
MSET %k %v %k %v
MSETNX %s 1 %s 2
DEL %k
DEL %k %k
UNLINK %k
EXISTS %k %k
TYPE %k
EXPIRE %k {%d|0|-1} {|NX|XX}
PEXPIREAT %k {1|9999999999999}
PERSIST %k
PEXPIRETIME nokey
RENAME %k %k
RENAMENX %k %k
COPY %k %k {|REPLACE}
HSET %h %e %v
HGET %k %e
HDEL %h %e
HINCRBY %h %e %i
HLEN %k
LPUSH %l %v
RPUSH %l %i
LPOP %k {|2|0}
LRANGE %k 0 -1
LMOVE %l %k LEFT RIGHT
SADD %t %e
SREM %t %e
SCARD %k
SISMEMBER %k %e
ZADD %z %f %e
ZINCRBY %z %f %e
ZRANGE %z 0 -1 WITHSCORES
ZSCORE %k %e
SORT %l ALPHA
SETBIT %s %n 1
BITCOUNT %s
PING {|x}
ECHO %v
GET
SET %s
NOPE %v
DBSIZE
SELECT {0|99}
CLIENT {GETNAME|SETNAME x|NOPE}
FLUSHALL
FLUSHDB
CONFIG GET nope
COMMAND NOPE
RESET
MULTI x
EXEC x
WATCH
`

// step is one call of one client.
type step struct {
	client int
	call   []string
}

func (s step) String() string { return fmt.Sprintf("%d%q", s.client, s.call) }

// crowd is some clients on each server.
type crowd struct{ ours, theirs []*client }

// fresh makes all clients as they were when they came, but for speaking another protocol, and the servers empty.
func (c crowd) fresh(proto string) {
	for _, cs := range [][]*client{c.ours, c.theirs} {
		for _, c := range cs {
			c.do("RESET")
			c.do("HELLO", proto)
			c.do("FLUSHALL")
		}
	}
}

// run makes the calls one after another, and returns the first that is answered otherwise, or -1.
func (c crowd) run(steps []step) (first int, answer, want string) {
	for i, s := range steps {
		ours, theirs := c.ours[s.client], c.theirs[s.client]
		ours.send(s.call)
		theirs.send(s.call)
		a, va := ours.reply()
		b, vb := theirs.reply()
		if !same(s.call, a, b, va, vb) {
			return i, string(a), string(b)
		}
	}
	return -1, "", ""
}

// shorten returns as few steps as it finds, the last of which is still answered otherwise.
func (c crowd) shorten(proto string, steps []step) []step {
	last := steps[len(steps)-1]
	steps = steps[:len(steps)-1]
	for size := (len(steps) + 1) / 2; size > 0; size /= 2 {
		for i := 0; i < len(steps); {
			fewer := slices.Concat(steps[:i], steps[min(i+size, len(steps)):], []step{last})
			c.fresh(proto)
			if n, _, _ := c.run(fewer); n == len(fewer)-1 {
				steps = fewer[:n]
				continue
			}
			i += size
		}
	}
	return append(steps, last)
}

// Clients that work on the same keys at once, with transactions that others' writes spoil.
func TestInterleaved(t *testing.T) {
	const clients, each = 3, 200
	ours, theirs := serve(t), redisServer(t)
	var c crowd
	for range clients {
		c.ours, c.theirs = append(c.ours, dial(t, ours)), append(c.theirs, dial(t, theirs))
	}
	seeds, calls := corpus(t)
	calls /= 4 // each waits for the one before
	told := map[string]bool{}
	for _, seed := range seeds {
		g := newGenerator(seed, sharedTemplates)
		g.stray = 4
		for done := 0; done < calls; done += each {
			proto := strconv.Itoa(2 + done/each%2)
			c.fresh(proto)
			steps := make([]step, each)
			for i := range steps {
				steps[i] = step{g.IntN(clients), slices.DeleteFunc(g.call(), func(w string) bool { return strings.EqualFold(w, "RESET") && proto == "3" })}
				if len(steps[i].call) == 0 {
					steps[i].call = []string{"PING"}
				}
			}
			first, answer, want := c.run(steps)
			if first >= 0 && strings.EqualFold(steps[first].call[0], "EXEC") && slices.Contains([]string{"*-1\r\n", "_\r\n"}, answer) &&
				slices.ContainsFunc(steps[:first], func(s step) bool { return strings.HasPrefix(strings.ToUpper(s.call[0]), "FLUSH") }) {
				continue // a flush changes watched keys, even those that were not there
			}
			if kind := fmt.Sprintf("%.30q %.30q", answer, want); first >= 0 && !told[kind] && len(told) < differMax() {
				told[kind] = true
				t.Errorf("HELLO %s and %v\n\tanswers      %.300q\n\tredis-server %.300q", proto, c.shorten(proto, steps[:first+1]), answer, want)
			}
		}
	}
}

// What subscribers are told, in both protocols, between their own answers.
func TestPushes(t *testing.T) {
	ours, theirs := serve(t), redisServer(t)
	// Each line is the number of a client and its call, or "<" where it reads what it is told.
	session := func(proto string, lines ...string) {
		t.Helper()
		var c crowd
		for range 3 {
			c.ours, c.theirs = append(c.ours, dial(t, ours)), append(c.theirs, dial(t, theirs))
		}
		c.fresh(proto)
		for _, l := range lines {
			words := strings.Fields(l)
			i, call := int(words[0][0]-'0'), words[1:]
			answers := 1
			if strings.HasSuffix(call[0], "SUBSCRIBE") {
				answers = max(1, len(call)-1)
			}
			if call[0] != "<" {
				c.ours[i].send(call)
				c.theirs[i].send(call)
			}
			for range answers {
				a, _ := c.ours[i].reply()
				b, _ := c.theirs[i].reply()
				if string(a) != string(b) {
					t.Errorf("HELLO %s and %q: at %q\n\tanswers      %q\n\tredis-server %q", proto, lines, l, a, b)
				}
			}
		}
	}
	for _, proto := range []string{"2", "3"} {
		session(proto, "0 SUBSCRIBE a b", "1 PUBLISH a x", "0 <", "1 PUBLISH b y", "0 <", "0 PING", "0 PING z", "0 UNSUBSCRIBE a", "1 PUBLISH a x", "0 UNSUBSCRIBE", "0 GET k")
		session(proto, "0 PSUBSCRIBE a*", "1 PUBLISH ab x", "0 <", "1 PUBSUB NUMPAT", "0 PUNSUBSCRIBE", "0 PUNSUBSCRIBE b* c", "1 PUBLISH ab x")
		session(proto, "0 SSUBSCRIBE s", "1 SPUBLISH s x", "0 <", "0 SUNSUBSCRIBE", "0 SUNSUBSCRIBE c")
		session(proto, "0 SUBSCRIBE a", "2 SUBSCRIBE a", "1 PUBSUB NUMSUB a b", "1 PUBSUB CHANNELS", "1 MULTI", "1 PUBLISH a x", "1 GET none", "1 EXEC", "0 <", "2 <", "2 RESET", "1 PUBLISH a y", "0 <")
		session(proto, "0 SUBSCRIBE a a", "0 UNSUBSCRIBE b", "0 PUNSUBSCRIBE", "0 UNSUBSCRIBE a a", "0 UNSUBSCRIBE")
	}
	session("3", "0 SUBSCRIBE a", "0 SET k v", "0 GET k", "0 MULTI", "0 GET k", "0 EXEC", "1 PUBLISH a x", "0 <", "0 HSET h f v", "0 HGETALL h", "0 HELLO 4")
}
