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
SET %s %v {NX|XX|GET|KEEPTTL|NX GET|XX GET} {|EX %d|PX %d000|EXAT 9999999999|PXAT 9999999999999}
SET %s %i
SETNX %s %v
SETEX %s {%d|0|-1|abc} %v
PSETEX %s {%d000|0|-1} %v
GETSET %s %v
GETDEL %s
GETEX %s {|EX %d|PERSIST|PX %d000|EXAT 9999999999|BAD|EX 0|EX abc}
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
EXPIRE %k {%d|0|-5|abc|99999999999999999} {|NX|XX|GT|LT|NX XX|GT LT|BAD}
PEXPIRE %k {%d000|0|-5|9223372036854775807} {|NX|GT|LT}
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
SCAN 0 COUNT 10000 {|MATCH s*|TYPE hash|TYPE string|TYPE nope|BAD}
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

// oddTemplates are more of the same, where the mistakes are: <a|b|c> is a few of them in any order, and %N %F are odd integers and
// fractions, %d seconds, %T %P %U lengths of time in seconds and milliseconds and its
// ends, far off or past, %m a count of elements, %o a bit, %g a pattern, %c a cursor.
const oddTemplates = `
SET %s %v <NX|XX|GET|KEEPTTL|EX %T|PX %P|EXAT %U|PXAT %U>
SET %s %F <NX|XX|GET|KEEPTTL|EX %d>
SET %k %i <GET|XX|KEEPTTL|NX>
SETEX %k %T %v
PSETEX %k %P %v
GETEX %k <EX %T|PX %P|EXAT %U|PXAT %U|PERSIST>
GETSET %k %v
GETDEL %k
GET %k
INCRBY %s %N
DECRBY %s %N
INCR %k
DECR %k
INCRBYFLOAT %s %F
INCRBYFLOAT %k %f
APPEND %k %v
STRLEN %k
GETRANGE %k %N %N
SUBSTR %s %N %N
SETRANGE %s %N %v
SETNX %k %v
MSETNX %k %v %k %v
MSET %k %v %k %F
LCS %k %k <LEN|IDX|WITHMATCHLEN|MINMATCHLEN %N>
EXPIRE %k %T <NX|XX|GT|LT>
PEXPIRE %k %P <NX|XX|GT|LT>
EXPIREAT %k %U <NX|XX|GT|LT>
PEXPIREAT %k %U <NX|XX|GT|LT>
PERSIST %k
RENAME %k %k
RENAMENX %k %k
COPY %k %k <REPLACE|DB 0|DB %N>
OBJECT {REFCOUNT|ENCODING|IDLETIME} %k
OBJECT {REFCOUNT|ENCODING|IDLETIME} %k x
TOUCH %k nokey %k
EXISTS %k %k %k
SETBIT %k %o %n
SETBIT %s {-1|abc|4294967296|01|9223372036854775808|1.5|} 1
GETBIT %k %N
BITCOUNT %k %N %N {|BYTE|BIT|BAD}
BITCOUNT %s %i %i {|BYTE|BIT}
BITPOS %k %n {|%N|%N %N|%N %N BIT|%N %N BYTE|%N %N BAD}
BITPOS %s {0|1} {|%i|%i %i|%i %i BIT|%i %i BYTE}
BITOP {AND|OR|XOR} %s %k %k {|%s}
BITOP NOT %s %k {|%s}
BITFIELD %s <GET %w %o|SET %w %o %N|INCRBY %w %o %N|OVERFLOW {SAT|FAIL|WRAP}|GET %w #%n>
BITFIELD %s OVERFLOW {SAT|FAIL|WRAP} INCRBY %w %o %N INCRBY %w #%n %N
BITFIELD %s OVERFLOW {SAT|FAIL|WRAP} SET %w %o %N GET %w %o
BITFIELD_RO %k <GET %w %o|GET %w #%n|GET %w %N>
HSET %h %e %N {|%e %F|%e}
HINCRBY %h %e %N
HINCRBYFLOAT %h %e %F
HINCRBYFLOAT %h %e %f
HMGET %k %e %e %e
HGETALL %k
HRANDFIELD %k %m {|WITHVALUES|BAD}
HSTRLEN %k %e
HSETNX %k %e %v
HDEL %k %e %e
HSCAN %k %c <MATCH %g|COUNT %N|COUNT 10>
SSCAN %k %c <MATCH %g|COUNT %N|COUNT 10>
ZSCAN %k %c <MATCH %g|COUNT %N|COUNT 10>
SCAN %c <MATCH %g|COUNT %N|TYPE {string|hash|list|set|zset|stream|STRING}>
SCAN 0 COUNT 10000 <MATCH %g|TYPE {string|hash|list|set|zset|stream|STRING}>
KEYS %g
LPUSH %k %v %e
RPUSH %l %i %F %i
LPOP %k {|%N}
RPOP %k {|%N}
LRANGE %k %N %N
LINDEX %k %N
LSET %k %N %v
LINSERT %k {BEFORE|AFTER} %e %v
LREM %k %N %e
LTRIM %l %N %N
LPOS %k %e <RANK %N|COUNT %N|MAXLEN %N>
LPOS %l %e <RANK %i|COUNT %n|MAXLEN %n>
LMOVE %k %k {LEFT|RIGHT} {LEFT|RIGHT}
LMPOP %N %k %k {LEFT|RIGHT} <COUNT %N>
LMPOP 2 %l %k {LEFT|RIGHT} <COUNT %n>
SORT %l <ALPHA|DESC|ASC|LIMIT %i %n|GET #|STORE %l|BY nosort|GET #>
SORT %z <ALPHA|DESC|ASC|LIMIT %i %n|GET #|STORE %l|BY nosort>
SORT %k <ALPHA|DESC|LIMIT %N %N>
SORT_RO %k <ALPHA|DESC|LIMIT %N %N|GET #>
SORT %l ALPHA <DESC|STORE %k>
SADD %t %w %e
SADD %k %e
SREM %k %e
SMOVE %k %k %e
SUNION %k %k
SINTER %k %k %k
SDIFF %k %k
SUNIONSTORE %k %k %k
SINTERSTORE %k %k %k
SDIFFSTORE %k %k %k
SINTERCARD %N %k %k <LIMIT %N>
SINTERCARD 2 %t %k <LIMIT %n>
SMISMEMBER %k %e %N
SRANDMEMBER %k %m
ZADD %z <NX|XX|GT|LT|CH|INCR> %F %e
ZADD %z <NX|XX|GT|LT|CH> %F %e %f %e
ZADD %k <NX|XX|CH|INCR> %f %e
ZINCRBY %z %F %e
ZSCORE %k %e
ZMSCORE %k %e %e
ZRANK %k %e
ZCOUNT %k %B %B
ZCOUNT %z %B %B
ZRANGE %z %i %i <REV|WITHSCORES|LIMIT %i %i>
ZRANGE %z %B %B BYSCORE <REV|WITHSCORES|LIMIT %i %i>
ZRANGE %z %B %B <REV|BYSCORE|WITHSCORES|LIMIT %N %N>
ZRANGE %k %N %N <REV|WITHSCORES>
ZRANGE %y %x %x <REV|BYLEX|LIMIT %i %i|WITHSCORES>
ZRANGE %y %x %x BYLEX <REV|LIMIT %i %i>
ZRANGESTORE %z %z %i %i <REV|LIMIT %i %i|WITHSCORES>
ZRANGESTORE %k %z %B %B BYSCORE <REV|LIMIT %i %i>
ZRANGESTORE %y %y %x %x BYLEX <REV|LIMIT %i %i>
ZRANGESTORE %k %k %N %N <REV>
ZRANGEBYSCORE %z %B %B <WITHSCORES|LIMIT %N %N>
ZREVRANGEBYSCORE %z %B %B <WITHSCORES|LIMIT %i %i>
ZRANGEBYLEX %y %x %x <LIMIT %N %N>
ZREVRANGEBYLEX %y %x %x <LIMIT %i %i>
ZREVRANGE %k %N %N <WITHSCORES>
ZLEXCOUNT %y %x %x
ZREMRANGEBYSCORE %z %B %B
ZREMRANGEBYRANK %k %N %N
ZREMRANGEBYLEX %y %x %x
ZPOPMIN %k {|%N}
ZPOPMAX %k {|%N}
ZMPOP %N %k %k {MIN|MAX} <COUNT %N>
ZMPOP 2 %z %k {MIN|MAX} <COUNT %n>
ZUNION 2 %z %q <WEIGHTS %f %f|AGGREGATE {SUM|MIN|MAX}|WITHSCORES>
ZINTER 2 %z %q <WEIGHTS %f %f|AGGREGATE {SUM|MIN|MAX}|WITHSCORES>
ZUNION {1|2|3|%N} %z %q %z <WEIGHTS %F %f %f|AGGREGATE {SUM|MIN|MAX|AVG}|WITHSCORES>
ZINTER {1|2|3|%N} %z %q %z <WEIGHTS %F %f %f|AGGREGATE {SUM|MIN|MAX|AVG}|WITHSCORES>
ZDIFF {1|2|3|%N} %z %q %z <WITHSCORES|WEIGHTS 1 2>
ZUNIONSTORE %k 2 %q %q <WEIGHTS %F %F|AGGREGATE {SUM|MIN|MAX}|WITHSCORES>
ZINTERSTORE %k 2 %q %q <WEIGHTS %F %F|AGGREGATE {SUM|MIN|MAX}|WITHSCORES>
ZDIFFSTORE %k %n %q %q
ZINTERCARD %N %k %k <LIMIT %N>
ZINTERCARD 2 %q %q <LIMIT %n>
ZRANDMEMBER %k %m {|WITHSCORES}
COMMAND GETKEYS {SORT a STORE b|SORT a|ZUNIONSTORE d 2 a b|ZUNIONSTORE d x a b|ZUNION 9 a b|LMPOP 2 a b LEFT|LMPOP 0 a LEFT|GET|GET a b|MGET a b c|SET a b|BITOP AND d a b|XX a|OBJECT ENCODING a|COPY a b|LMOVE a b LEFT LEFT|SINTERCARD 2 a b LIMIT 1|MSETNX a 1 b 2|ZRANGESTORE d a 0 1|RENAME a b|LCS a b|PUBLISH a b}
COMMAND {COUNT x|LIST FILTERBY ACLCAT nope|LIST FILTERBY PATTERN nope*|LIST FILTERBY MODULE x|LIST BAD|LIST FILTERBY BAD x|DOCS nope|INFO get x}
EXPIRETIME %k
PEXPIRETIME %k
TTL %k
PTTL %k
TYPE %k
WAIT 0 %N
WAIT %N {-1|abc}
SELECT %N
PING {|a|a b|%v}
ECHO {|a|a b|%v}
MEMORY USAGE nokey <SAMPLES %N>
CONFIG GET {|nope|nope nope2}
CLIENT {SETNAME|GETNAME|NO-EVICT on|REPLY|REPLY on|ID|KILL ID %N|KILL ID 99999 SKIPME maybe|KILL TYPE master|KILL ADDR x:1 TYPE normal|LIST TYPE master|LIST ID %N|UNBLOCK %N|UNBLOCK 99999 ERROR}
CLIENT KILL <ID 99999|ADDR 1.2.3.4:5|LADDR 1.2.3.4:5|USER default|SKIPME yes|TYPE pubsub|BAD x>
LATENCY {RESET nope|HISTORY nope|LATEST x}
SLOWLOG {LEN x|RESET x|GET %N|GET 1 2}
HELLO {3 BAD|x|4|1|0|3 SETNAME|-1|99999999999999999999}
FLUSHALL {SYNC x|BAD}
DBSIZE x
LASTSAVE
ROLE
PUBSUB {CHANNELS|CHANNELS a*|NUMSUB|NUMSUB a|NUMPAT x|SHARDNUMSUB|CHANNELS a b}
PUBLISH {a|a b c}
RESET x
`

// generator makes calls.
type generator struct {
	*rand.Rand
	lines []string
	stray int // one key in so many is of a type that is not meant
}

func (g *generator) pick(s ...string) string { return s[g.IntN(len(s))] }

func (g *generator) key(kind string) string {
	if g.IntN(g.stray) == 0 {
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
	case "%q":
		return g.key(g.pick("z", "z", "t"))
	case "%v":
		return g.pick("", "v", "hello world", "foobar", "\xff\x00\r\n", "3.5", "10", "mynewtext", "ohmytext", strings.Repeat("x", g.IntN(60))) // more would take a small hash out of its one piece
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
	return g.oddWord(w)
}

func (g *generator) oddWord(w string) string {
	switch w {
	case "%N":
		return g.pick("0", "1", "-1", "2", "3", "10", "9223372036854775807", "-9223372036854775808", "9223372036854775808", "-9223372036854775809",
			"18446744073709551615", "2147483648", "-2147483649", "-0", "+0", "+1", "01", " 1", "1 ", "", "abc", "1.5", "1e3", "0x10", "1\x00")
	case "%F":
		return g.pick("inf", "-inf", "+inf", "nan", "NaN", "Infinity", "1e308", "-1e308", "1e-400", "0x1p3", "1e400", ".5", "5.", "-0", "-0.0", "1e", "1_0",
			" 1", "1 ", "", "3.0", "0.1", "0.2", "1.1e10", "12345678901234567", "9007199254740993", "1e17", "1e16", "1e21", "123456.789e3", "1.7976931348623157e308",
			"5e-324", "1e-17", "0.30000000000000004", "3.14159265358979323846264338327950288", "1.5", "-2", "10", "1e5", "99999999999999999999.5", "1e-5")
	case "%B":
		return g.pick("-inf", "+inf", "inf", "(-inf", "(inf", "0", "1", "(1", "2", "(2", "3.1", "-1", "abc", "(", "100", "nan", "(nan", "1e3", "(1e3", "", "((1",
			" 1", "1 ", "1\x00", "0x1", "-0", "1e400", "1e-400", "(5e-3", "infinity")
	case "%T":
		return g.pick(g.word("%d"), g.word("%d"), g.word("%d"), "0", "-1", "-9223372036854775808", "9223372036854775807", "9223372036854775", "99999999999", "abc", "", "1.5", "+1000", "9223372036854775808")
	case "%d", "%d000":
		// No two are equal, since the servers' clocks are not either.
		return strconv.Itoa(1000+10*g.IntN(1_000_000)) + w[2:]
	case "%P":
		return g.pick(g.word("%d000"), g.word("%d000"), g.word("%d000"), "0", "-1", "-9223372036854775808", "9223372036854775807", "9223372036854775", "99999999999", "abc", "", "1.5", "9223372036854775808")
	case "%m":
		return g.pick("0", "1", "-1", "3", "-5", "100", "9223372036854775807", "-9223372036854775808", "9223372036854775808", "abc", "", "1.5", "4611686018427387904")
	case "%U":
		return g.pick("9999999999", "99999999999", "9999999999999", "1", "0", "-1", "-9223372036854775808", "9223372036854775807", "9223372036854775", "9223370000000000", "abc", "")
	case "%o":
		return g.pick("0", "1", "2", "7", "8", "9", "15", "20", "63", "64", "100", "1000", "-1", "4294967296", "abc", "", "4294967295000", "#", "#0", "#-1", "01")
	case "%w":
		return g.pick("u1", "i1", "u2", "i2", "u5", "i5", "u8", "i8", "u16", "i16", "u31", "u32", "i32", "i33", "u62", "u63", "i63", "i64", "i8", "u8", "u64", "i65", "u0", "i0", "x8", "i", "",
			"I8", "i08", "u-1", "i8x")
	case "%g":
		return g.pick("*", "a*", "?", "[a-c]*", "[^a]", "[^a-c]*", "*a", "s?", "\\*", "[", "[a", "[a-", "[z-a]*", "\\", "a\\", "", "**", "*?*", "[]a]*", "[\\]]", "h[0-2]", "*[13579]", "S*")
	case "%c":
		return g.pick("0", "0", "0", "-1", "1", "5", "+3", "", "-", "+", "--1", " 1", "1 ", "18446744073709551615", "18446744073709551616", "-18446744073709551615", "-18446744073709551616",
			"abc", "1x", "00", "0x1", "1\x00", "9223372036854775808")
	}
	return w
}

// fill replaces alternatives and selections in a template by what was chosen, the innermost first.
func (g *generator) fill(line string) string {
	for {
		j := strings.IndexAny(line, "}>")
		if j < 0 {
			return line
		}
		i := strings.LastIndexAny(line[:j], "{<")
		choices := strings.Split(line[i+1:j], "|")
		chosen := g.pick(choices...)
		if line[i] == '<' {
			n := g.pick("0", "1", "1", "1", "2", "2", "2", "3", "4")
			var some []string
			for _, k := range g.Perm(len(choices))[:min(len(choices), int(n[0]-'0'))] {
				some = append(some, choices[k])
			}
			chosen = strings.Join(some, " ")
		}
		line = line[:i] + chosen + line[j+1:]
	}
}

// call makes one call: a template filled in, and now and then spoilt.
func (g *generator) call() []string {
	var call []string
	for _, w := range strings.Fields(g.fill(g.lines[g.IntN(len(g.lines))])) {
		call = append(call, g.word(w))
	}
	if slices.ContainsFunc(call, func(a string) bool { return len(a) == 2 && a[0] == 'y' || a == "GET" || a == "BY" }) && call[0] != "GET" || call[0] == "COMMAND" || call[0] == "WAIT" {
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
	case 4:
		if i := g.IntN(len(call)); i > 0 {
			call[i] = g.pick(strings.ToLower(call[i]), strings.ToUpper(call[i]), call[i]+"x")
		}
	}
	return call
}

func newGenerator(seed uint64, templates ...string) *generator {
	g := &generator{Rand: rand.New(rand.NewPCG(seed, 1)), stray: 20}
	for l := range strings.Lines(strings.Join(templates, "")) {
		if l = strings.TrimSpace(l); l != "" {
			g.lines = append(g.lines, l)
		}
	}
	return g
}

// How replies of a command are compared.
var (
	unordered = words1("KEYS HGETALL HKEYS HVALS SMEMBERS SUNION SINTER SDIFF HSCAN SSCAN ZSCAN SCAN")
	random    = words1("HELLO TIME LASTSAVE MEMORY OBJECT COMMAND RANDOMKEY SPOP SRANDMEMBER HRANDFIELD ZRANDMEMBER")
	nearly    = words1("TTL PTTL EXPIRETIME PEXPIRETIME") // the clock has gone on
)

// same reports whether two replies are equal as far as they have to be.
func same(call []string, a, b []byte, va, vb respwire.Value) bool {
	name := strings.ToUpper(call[0])
	switch {
	case bytes.Equal(a, b):
		return true
	case bytes.HasPrefix(a, []byte("-ERR value is out of range, value must be at least -1048576")):
		return true
	case bytes.Contains(b, []byte("-0\r\n")) && bytes.Equal(positive(a), positive(b)): // small sorted sets of Redis lose the sign of 0
		return true
	case strings.HasPrefix(name, "SORT") && (slices.Contains(call, "BY") || slices.Contains(call, "by")): // the order of a set is anybody's
		return va.Type == vb.Type && len(va.Array) == len(vb.Array)
	case partial(name, call):
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

func positive(reply []byte) []byte {
	return bytes.ReplaceAll(bytes.ReplaceAll(reply, []byte("$2\r\n-0\r\n"), []byte("$1\r\n0\r\n")), []byte(",-0\r\n"), []byte(",0\r\n"))
}

// partial reports whether a scan shows a part of what there is, which each server chooses by where it keeps it.
func partial(name string, call []string) bool {
	cursor := 2
	if name == "SCAN" {
		cursor = 1
	}
	whole := len(call) > cursor && call[cursor] == "0" && (name != "SCAN" && name != "SSCAN" || len(call) == cursor+1 || slices.Contains(call, "10000"))
	return strings.HasSuffix(name, "SCAN") && !(whole && (name != "SCAN" || slices.Contains(call, "10000")))
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
		for i := 1; name == "ZSCAN" && i < len(v.Array); i += 2 {
			// 1e+17 once SORT has read the sorted set, before that all digits.
			f, _ := strconv.ParseFloat(string(v.Array[i].Str), 64)
			v.Array[i].Str = strconv.AppendFloat(nil, f, 'g', -1, 64)
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

// pair is a connection to each server.
type both struct {
	t            *testing.T
	ours, theirs *client
	proto        string
}

// fresh empties both servers.
func (p both) fresh() {
	for _, c := range []*client{p.ours, p.theirs} {
		for _, call := range [][]string{{"RESET"}, {"HELLO", p.proto}, {"FLUSHALL"}} {
			c.do(call...)
		}
	}
}

// staleErrno is how Redis's SORT answers now and then when an earlier command has read a number that is too large or too small.
const staleErrno = "-ERR One or more scores can't be converted into double\r\n"

// run sends calls, and returns the place of the first whose answers differ, or -1, and whether that is excused.
func (p both) run(calls [][]string) (first int, answer, want string, excused bool) {
	p.ours.send(calls...)
	p.theirs.send(calls...)
	first = -1
	for i, call := range calls {
		a, va := p.ours.reply()
		b, vb := p.theirs.reply()
		switch {
		case first >= 0:
		case string(b) == staleErrno && va.Type != '-':
			first, excused = i, true
		case !same(call, a, b, va, vb):
			first, answer, want = i, string(a), string(b)
		}
	}
	return first, answer, want, excused
}

// shorten returns as few calls as it finds, the last of which is still answered otherwise.
func (p both) shorten(calls [][]string) [][]string {
	last := calls[len(calls)-1]
	calls = calls[:len(calls)-1]
	for step := (len(calls) + 1) / 2; step > 0; step /= 2 {
		for i := 0; i < len(calls); {
			fewer := slices.Concat(calls[:i], calls[min(i+step, len(calls)):], [][]string{last})
			p.fresh()
			if n, _, _, excused := p.run(fewer); n == len(fewer)-1 && !excused {
				calls = fewer[:n]
				continue
			}
			i += step
		}
	}
	return append(calls, last)
}

// compare runs n generated calls on both servers. Where answers differ it tells the calls that lead there.
func (p both) compare(g *generator, n int) {
	p.t.Helper()
	const batch = 50
	differ := 0
	told := map[string]bool{}
	p.fresh()
	var history [][]string
	for done := 0; done < n; done += batch {
		calls := make([][]string, batch)
		for i := range calls {
			calls[i] = g.call()
			if i > 0 && strings.EqualFold(calls[i-1][0], "SPOP") && len(calls[i-1]) == 2 {
				// Each server has taken an element of its own choice.
				calls[i] = []string{"DEL", calls[i-1][1]}
			}
		}
		if strings.EqualFold(calls[batch-1][0], "SPOP") {
			calls[batch-1] = []string{"PING"}
		}
		history = append(history, calls...)
		first, answer, want, excused := p.run(calls)
		if first < 0 || excused {
			if len(history) >= 4000 || excused {
				p.fresh()
				history = nil
			}
			continue
		}
		found := fmt.Sprintf("%q\n\tanswers      %.300q\n\tredis-server %.300q", calls[max(0, first-2):first+1], answer, want)
		history = p.shorten(history[:len(history)-batch+first+1])
		if kind := strings.ToUpper(calls[first][0]) + fmt.Sprintf("%.30q %.30q", answer, want); !told[kind] {
			told[kind] = true
			if differ++; differ <= differMax() {
				p.t.Errorf("HELLO %s and %s\n\tthe way there: %q", p.proto, found, history)
			}
		}
		p.fresh()
		history = nil
	}
}

// differMax is how many differences are told of.
func differMax() int {
	if n, err := strconv.Atoi(os.Getenv("HEARTH_DIFFER_MAX")); err == nil {
		return n
	}
	return 20
}

// corpus is how the calls of one run are made: HEARTH_CALLS of each kind from HEARTH_SEED on, by hand, for a longer one.
func corpus(t *testing.T) (seeds []uint64, calls int) {
	seed, err := strconv.ParseUint(os.Getenv("HEARTH_SEED"), 10, 64)
	calls, err2 := strconv.Atoi(os.Getenv("HEARTH_CALLS"))
	if err == nil && err2 == nil {
		return []uint64{seed}, calls
	}
	return []uint64{1, 2}, 10_000
}

func TestDifferential(t *testing.T) {
	p := both{t: t, ours: dial(t, serve(t)), theirs: dial(t, redisServer(t))}
	seeds, calls := corpus(t)
	for _, seed := range seeds {
		for _, p.proto = range []string{"2", "3"} {
			p.compare(newGenerator(seed, templates), calls)
			p.compare(newGenerator(seed, oddTemplates), calls)
			odd := newGenerator(seed, templates, oddTemplates)
			odd.stray = 3
			p.compare(odd, calls)
		}
	}
}
