package resp

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/hearthcache/hearth/respwire"
)

// templates are calls of every command on items. A word that begins with % is replaced: by a key of a type (%s %h %l %t %z, or
// %k of any), a value %v, an element %e, a number %i, a count %n, a fraction %f, a bound of scores %b, of bytes %x.
// {a|b|c} is one of them, or nothing where one is empty.
const templates = `
GET %s
SET %s %v
SET %s %v {NX|XX|GET|KEEPTTL|NX GET|XX GET} {|EX 1000|PX 100000|EXAT 9999999999|PXAT 9999999999999}
SET %s %i
SETNX %s %v
SETEX %s {100|0|-1|abc} %v
PSETEX %s {100000|0|-1} %v
GETSET %s %v
GETDEL %s
GETEX %s {|EX 100|PERSIST|PX 100000|EXAT 9999999999|BAD|EX 0|EX abc}
APPEND %s %v
STRLEN %s
GETRANGE %s %i %i
SUBSTR %s %i %i
SETRANGE %s %n %v
SETRANGE %k {536870912|600000000|9223372036854775807|-1|abc} %v
INCR %s
DECR %s
INCRBY %s %i
DECRBY %s %i
INCRBYFLOAT %s %f
MGET %k %k %s
MSET %s %v %s %v
MSETNX %s %v %s %v
LCS %s %s {|LEN|IDX|IDX WITHMATCHLEN|IDX MINMATCHLEN 2|LEN IDX}
SETBIT %s %n {0|1|2}
GETBIT %s %n
BITCOUNT %s {|0 -1|%i %i|%i %i BIT|%i %i BYTE|%i}
BITPOS %s {0|1|2} {|%i|%i %i|%i %i BIT|%i %i BYTE}
BITOP {AND|OR|XOR|NOT|NAND} %s %s {|%s}
BITFIELD %s GET u8 %n SET i8 %n %i INCRBY u5 #%n %i
BITFIELD %s OVERFLOW {SAT|FAIL|WRAP|NO} INCRBY i4 %n %i GET {u63|u64|i64|i65|x3} %n
BITFIELD_RO %s GET u4 %n {|SET u4 0 1}
DEL %k {|%k %k}
UNLINK %k %k
EXISTS %k {|%k %k}
TOUCH %k %k
TYPE %k
TTL %k
PTTL %k
EXPIRETIME %k
PEXPIRETIME %k
EXPIRE %k {1000|2000|0|-5|abc|99999999999999999} {|NX|XX|GT|LT|NX XX|GT LT|BAD}
PEXPIRE %k {1000000|0|-5|9223372036854775807} {|NX|GT|LT}
EXPIREAT %k {9999999999|1|-5} {|NX|XX|GT|LT}
PEXPIREAT %k {9999999999999|1} {|XX}
PERSIST %k
RENAME %k %k
RENAMENX %k %k
COPY %k %k {|REPLACE|DB 0|BAD}
SORT %l {|ALPHA|DESC|LIMIT 0 2|ALPHA DESC|BY nosort|GET #|STORE lz|ALPHA STORE ly}
SORT_RO %z {|ALPHA|LIMIT 1 2|STORE x}
OBJECT REFCOUNT nokey
HSET %h %e %v {|%e %i}
HSET %h %e
HMSET %h %e %v
HSETNX %h %e %v
HGET %h %e
HMGET %h %e %e %e
HGETALL %h
HKEYS %h
HVALS %h
HLEN %h
HEXISTS %h %e
HSTRLEN %h %e
HDEL %h %e {|%e}
HINCRBY %h %e %i
HINCRBYFLOAT %h %e %f
HRANDFIELD %h {|0|100|-3|abc} {|WITHVALUES|BAD}
HSCAN %h 0 {|COUNT 1000|MATCH *a*|COUNT 0|BAD}
HSCAN %h {0|abc}
LPUSH %l %v {|%v %v}
RPUSH %l %e {|%v %e}
RPUSH %l %i {|%i %i}
LPUSHX %l %v
RPUSHX %l %v
LPOP %l {|0|1|2|100|-1|abc}
RPOP %l {|0|2}
LLEN %l
LRANGE %l %i %i
LINDEX %l {%i|abc}
LSET %l {%i|abc} %v
LINSERT %l {BEFORE|AFTER|ASIDE} %e %v
LREM %l %i %e
LTRIM %l %i %i
LPOS %l %e {|RANK 1|RANK -1|RANK 0|COUNT 0|COUNT -1|COUNT 2 RANK -1|MAXLEN 2|MAXLEN -1|BAD 1}
LMOVE %l %l {LEFT|RIGHT|UP} {LEFT|RIGHT}
RPOPLPUSH %l %l
LMPOP {1|2|0|abc|9|9223372036854775807} %l %l {LEFT|RIGHT|BAD} {|COUNT 2|COUNT 0}
SADD %t %e {|%e %e|%i}
SREM %t %e {|%e}
SCARD %t
SISMEMBER %t %e
SMISMEMBER %t %e %e
SMEMBERS %t
SPOP %t {100|0|-1|abc}
SRANDMEMBER %t {|0|100|-3|abc|-9223372036854775808}
SMOVE %t %t %e
SUNION %t {|%t}
SINTER %t %t
SDIFF %t %t {|%t}
SUNIONSTORE %t %t %t
SINTERSTORE %t %t %t
SDIFFSTORE %t %t %t
SINTERCARD {1|2|0|3|abc} %t %t {|LIMIT 1|LIMIT -1|BAD}
SSCAN %t 0 {|COUNT 1000|MATCH a*}
ZADD %z %f %e {|%f %e}
ZADD %z {NX|XX|GT|LT|CH|INCR|NX XX|GT LT|NX GT|XX CH|GT CH INCR} %f %e
ZADD %z {abc|nan|inf|-inf|1e400} %e
ZINCRBY %z {%f|inf|-inf|abc} %e
ZREM %z %e {|%e}
ZCARD %z
ZSCORE %z %e
ZMSCORE %z %e %e
ZRANK %z %e
ZREVRANK %z %e
ZCOUNT %z %b %b
ZADD %y 0 %e {|0 %e}
ZREM %y %e
ZLEXCOUNT %y %x %x
ZPOPMIN %z {|0|2|-1|abc}
ZPOPMAX %z {|1}
ZMPOP {1|2|0} %z %z {MIN|MAX|MID} {|COUNT 2|COUNT 0}
ZRANDMEMBER %z {|0|100|-3|abc} {|WITHSCORES|BAD}
ZRANGE %z %i %i {|WITHSCORES|REV|REV WITHSCORES|LIMIT 0 1|BAD}
ZRANGE %z %b %b BYSCORE {|REV|LIMIT %i %i|WITHSCORES|REV WITHSCORES LIMIT 0 2}
ZRANGE %y %x %x BYLEX {|REV|LIMIT %i %i|WITHSCORES}
ZREVRANGE %z %i %i {|WITHSCORES|BAD}
ZRANGEBYSCORE %z %b %b {|WITHSCORES|LIMIT %i %i|LIMIT 0 -1 WITHSCORES}
ZREVRANGEBYSCORE %z %b %b {|WITHSCORES|LIMIT 0 2}
ZRANGEBYLEX %y %x %x {|LIMIT %i %i}
ZREVRANGEBYLEX %y %x %x
ZRANGESTORE %z %z %i %i {|REV|BYSCORE|BYSCORE LIMIT 0 1}
ZRANGESTORE %z %y %x %x BYLEX {|LIMIT 0 1}
ZREMRANGEBYRANK %z %i %i
ZREMRANGEBYSCORE %z %b %b
ZREMRANGEBYLEX %y %x %x
ZUNION {1|2|0|abc|9} %z %z {|WITHSCORES|WEIGHTS 2 3|AGGREGATE MAX WITHSCORES|WEIGHTS 2 x|AGGREGATE AVG}
ZINTER 2 %z %z {|WITHSCORES|WEIGHTS 1 2 AGGREGATE MIN WITHSCORES}
ZDIFF 2 %z %z {|WITHSCORES|WEIGHTS 1 2}
ZUNIONSTORE %z {1|2|0} %z %z {|WEIGHTS 2 3|AGGREGATE MIN}
ZINTERSTORE %z 2 %z %t
ZDIFFSTORE %z 2 %z %z
ZINTERCARD 2 %z %z {|LIMIT 1|LIMIT -1}
ZSCAN %z 0 {|COUNT 1000|MATCH a*}
PING {|hello|a b}
ECHO %v
SELECT {0|99|abc}
KEYS {*|s?|[hl]*|z\\*|*[^0-9]}
DBSIZE
RANDOMKEY
SCAN 0 COUNT 1000 {|MATCH s*|TYPE hash|TYPE string|TYPE nope|BAD}
SCAN {abc|1.5}
UNKNOWN %v %v
CLIENT {NOPE|SETNAME|GETNAME x|KILL|KILL TYPE BAD x|KILL TYPE normal x|KILL USER nobody|UNBLOCK 1 TIMEOUT x}
CONFIG {NOPE|GET}
OBJECT NOPE x
MEMORY USAGE nokey
PUBLISH %e %v
PUBSUB {NUMPAT|NUMSUB a b|CHANNELS nope*|NOPE}
SLOWLOG {GET abc|NOPE}
COMMAND {GETKEYS GET a|GETKEYS MSET a b c d|GETKEYS PING|GETKEYS NOPE a|NOPE|GETKEYS ZUNION 2 a b|INFO nope}
WAIT 0 0
LASTSAVE x
READONLY x y
CLUSTER
SORT %k ALPHA LIMIT {2|5|9223372036854775807|-1} {9223372036854775807|-9223372036854775808|2}
SORT %k BY nosort LIMIT {0|100|9223372036854775807} {9223372036854775807|-9223372036854775808}
LPOS %l %e RANK {-9223372036854775808|-9223372036854775807|9223372036854775807} {|COUNT 0}
BITCOUNT %s {-1 -2|0 abc|%i %i} {BAD|BIT|BYTE x}
ZADD %z {0x10|0x1p3|-0X8|0x|0x_1|1_0} %e
ZCOUNT %z {0x1|(0x2|0xg} {0x10|(0x1p4}
ZINCRBY %z {0x10|-0x10|0x} %e
TIME x
SET %s %v {EX 0|EX abc|PX -1|EX|KEEPTTL EX 10|EX 10 PX 10|BAD|EX 9223372036854775807|GET KEEPTTL|XX KEEPTTL}
MSET %s %v %s
GETEX %s {EXAT 1|PXAT abc|PX 0|EX|PERSIST EX 1}
LCS %s %s {MINMATCHLEN 1|IDX MINMATCHLEN abc|BAD}
INCRBY %s {abc|9223372036854775807|-9223372036854775808}
INCRBYFLOAT %s {abc|nan|inf|1e308|5.0e3}
SETRANGE %s {-1|abc} %v
SETBIT %s {-1|abc|4294967296} 1
BITFIELD %s {GET|SET u8 0|OVERFLOW BAD|GET u8 -1|GET u8 abc|NOPE u8 0|GET u8 #%n GET i64 0}
COPY %k %k {DB abc|DB 99|REPLACE DB 0 REPLACE}
SCAN 0 {COUNT abc|COUNT 0}
SORT %l {LIMIT 0|LIMIT abc 1|STORE|DESC ASC}
HMSET %h %e
LMPOP 1 %l {LEFT COUNT 100|RIGHT COUNT abc|LEFT COUNT}
SINTERCARD 2 %t %t LIMIT {abc|0}
ZADD %z {%f %e %f|XX NX|CH|}
ZADD %z {XX|NX|LT|GT|CH XX} %f %e %f %e
ZRANGEBYSCORE %z %b %b {LIMIT abc 1|LIMIT 1|BAD}
ZRANGE %z %b %b {BYSCORE BYLEX|BYLEX WITHSCORES|BYSCORE LIMIT 1|BYSCORE LIMIT abc 1}
ZUNION 2 %z %t {|WITHSCORES}
ZINTER 2 %t %z {|WITHSCORES}
ZDIFF 2 %t %z
ZUNIONSTORE %z 2 %z %z {WEIGHTS 1|WEIGHTS nan 1|AGGREGATE|AGGREGATE SUM WEIGHTS 1 2|WITHSCORES}
ZMPOP 1 %z MIN COUNT {3|abc}
SPUBLISH %e %v
PUBSUB {SHARDCHANNELS nope*|SHARDNUMSUB a b}
EXEC {|x}
DISCARD {|x}
WATCH {|%k}
UNWATCH {|x}
MULTI x y
READWRITE x y
ROLE x
FLUSHDB {BAD|SYNC x}
FLUSHALL BAD
LATENCY {NOPE|HISTORY}
OBJECT {ENCODING|IDLETIME|NOPE} nokey
MEMORY {USAGE|NOPE}
CONFIG {SET|RESETSTAT x|GET nope*}
CLIENT {NO-EVICT BAD|NO-EVICT|REPLY BAD|ID x|INFO x|UNBLOCK abc|LIST BAD|LIST TYPE BAD|LIST ID abc|KILL a b c}
`

// generator makes calls.
type generator struct {
	*rand.Rand
	lines []string
}

func (g *generator) pick(s ...string) string { return s[g.IntN(len(s))] }

func (g *generator) key(kind string) string {
	if g.IntN(20) == 0 {
		return g.pick("s1", "h1", "l1", "t1", "z1", "nokey")
	}
	return kind + strconv.Itoa(g.IntN(4))
}

func (g *generator) word(w string) string {
	switch w {
	case "%y":
		// A range by bytes means something only where all scores are equal.
		return g.pick("y0", "y1", "y2", "y3")
	case "%s", "%h", "%l", "%t", "%z":
		return g.key(w[1:])
	case "%k":
		return g.key(g.pick("s", "h", "l", "t", "z"))
	case "%v":
		return g.pick("", "v", "hello world", "foobar", "\x00\xff\r\n", "3.5", "10", "mynewtext", "ohmytext", strings.Repeat("x", g.IntN(100)))
	case "%e":
		return g.pick("a", "b", "c", "d", "alpha", "1", "2", "3")
	case "%i":
		return g.pick("0", "1", "-1", "2", "-2", "3", "5", "-100", "100", "7")
	case "%n":
		return g.pick("0", "1", "2", "7", "8", "15", "20")
	case "%f":
		return g.pick("0", "1", "-1", "1.5", "3.1", "0.1", "2", "1e3", "-2.25", "100000000000000000000", "5e-3")
	case "%b":
		return g.pick("-inf", "+inf", "0", "1", "(1", "2", "(2", "3.1", "-1", "abc", "(", "100")
	case "%x":
		return g.pick("-", "+", "[a", "(a", "[b", "(c", "[alpha", "a", "", "[")
	}
	if strings.HasPrefix(w, "#%") {
		return "#" + g.word(w[1:])
	}
	return w
}

// call makes one call: a template filled in, and now and then spoilt.
func (g *generator) call() []string {
	line := g.lines[g.IntN(len(g.lines))]
	for {
		i := strings.IndexByte(line, '{')
		if i < 0 {
			break
		}
		j := i + strings.IndexByte(line[i:], '}')
		line = line[:i] + g.pick(strings.Split(line[i+1:j], "|")...) + line[j+1:]
	}
	var call []string
	for _, w := range strings.Fields(line) {
		call = append(call, g.word(w))
	}
	if slices.ContainsFunc(call, func(a string) bool { return len(a) == 2 && a[0] == 'y' }) {
		return call
	}
	switch g.IntN(25) {
	case 0:
		call = call[:max(1, len(call)-1)]
	case 1:
		call = append(call, g.word("%v"))
	case 2:
		call[0] = strings.ToLower(call[0])
	case 3:
		if len(call) > 2 {
			call[2+g.IntN(len(call)-2)] = g.pick("", "abc", "9223372036854775807", "-9223372036854775808", "1.5", " 1")
		}
	}
	return call
}

func newGenerator(seed uint64) *generator {
	g := &generator{Rand: rand.New(rand.NewPCG(seed, 1))}
	for l := range strings.Lines(templates) {
		if l = strings.TrimSpace(l); l != "" {
			g.lines = append(g.lines, l)
		}
	}
	return g
}

// How replies of a command are compared.
var (
	unordered = words1("KEYS HGETALL HKEYS HVALS SMEMBERS SUNION SINTER SDIFF SORT SORT_RO HSCAN SSCAN ZSCAN SCAN")
	random    = words1("TIME LASTSAVE MEMORY OBJECT COMMAND RANDOMKEY SPOP SRANDMEMBER HRANDFIELD ZRANDMEMBER")
	nearly    = words1("TTL PTTL EXPIRETIME PEXPIRETIME")
)

// same reports whether two replies are equal as far as they have to be.
func same(call []string, a, b []byte, va, vb respwire.Value) bool {
	name := strings.ToUpper(call[0])
	switch {
	case bytes.Equal(a, b):
		return true
	case strings.HasSuffix(name, "SCAN") && call[len(call)-1] != "0" && !slices.Contains(call, "0"):
		// A cursor that no answer gave means nothing.
		return va.Type == vb.Type
	case slices.Contains(unordered, name) || name == "SPOP" && va.Type != '$':
		return slices.Equal(bag(name, va), bag(name, vb))
	case name == "COMMAND" && len(va.Array) > 1:
		return va.Type == vb.Type
	case (name == "CLIENT" || name == "SLOWLOG") && va.Type != '-': // they tell of connections, and of how slow the other one was
		return va.Type == vb.Type
	case slices.Contains(random, name) && !(name == "SPOP" && va.Type != '$'):
		return shape(va) == shape(vb)
	case slices.Contains(nearly, name):
		return va.Type == ':' && vb.Type == ':' && math.Abs(float64(va.Int-vb.Int)) <= 3000 && (va.Int < 0) == (vb.Int < 0)
	}
	return false
}

// bag is everything in a reply, sorted; pairs stay together.
func bag(name string, v respwire.Value) []string {
	var out []string
	step := 1
	if strings.HasSuffix(name, "SCAN") && len(v.Array) == 2 {
		out = append(out, fmt.Sprintf("cursor %s", v.Array[0].Str))
		v = v.Array[1]
		if name == "HSCAN" || name == "ZSCAN" {
			step = 2
		}
	}
	if name == "HGETALL" {
		step = 2
	}
	out = append(out, fmt.Sprintf("%c %v %s", v.Type, v.Null, v.Str))
	for i := 0; i+step <= len(v.Array); i += step {
		out = append(out, fmt.Sprintf("%q", texts(v.Array[i:i+step])))
	}
	slices.Sort(out[1:])
	return out
}

func texts(vs []respwire.Value) (out []string) {
	for _, v := range vs {
		out = append(out, fmt.Sprintf("%c%s%d", v.Type, v.Str, v.Int))
	}
	return out
}

// shape is a reply without its contents.
func shape(v respwire.Value) string {
	if v.Type == '-' {
		return string(v.Str)
	}
	s := fmt.Sprintf("%c%v(", v.Type, v.Null)
	for _, e := range v.Array {
		s += shape(e)
	}
	return s + ")"
}

// compare runs n generated calls on both servers and returns how many answers differ.
func compare(t *testing.T, ours, theirs *client, seed uint64, n int) (differ int) {
	g := newGenerator(seed)
	const batch = 51
	last := []string{""}
	var history [][]string
	for done := 0; done < n; done += batch {
		calls := make([][]string, batch)
		for i := range calls {
			calls[i] = g.call()
			if strings.EqualFold(last[0], "SPOP") && len(last) == 2 {
				// Each server has taken an element of its own choice.
				calls[i] = []string{"DEL", last[1]}
			}
			last = calls[i]
			history = append(history, last)
		}
		ours.send(calls...)
		theirs.send(calls...)
		for i, call := range calls {
			a, va := ours.reply()
			b, vb := theirs.reply()
			if same(call, a, b, va, vb) {
				continue
			}
			if k := os.Getenv("TRACE"); k != "" && (differ == 0) {
				for j := max(0, len(history)-4000); j < len(history); j++ {
					if slices.Contains(history[j], k) {
						t.Logf("%d %q", j, history[j])
					}
				}
			}
			if differ++; differ <= 40 {
				t.Errorf("call %d %q\n\tanswers      %.300q\n\tredis-server %.300q", done+i, call, a, b)
			}
		}
		if differ > 40 && os.Getenv("ALL") == "" {
			break
		}
	}
	return differ
}

func TestDifferential(t *testing.T) {
	ours, theirs := dial(t, serve(t)), dial(t, redisServer(t))
	for _, c := range []*client{ours, theirs} {
		c.do("FLUSHALL")
	}
	compare(t, ours, theirs, 1, 20_000)
	for _, c := range []*client{ours, theirs} {
		c.do("HELLO", "3")
		c.do("FLUSHALL")
	}
	compare(t, ours, theirs, 2, 8_000)
}
