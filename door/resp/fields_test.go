package resp

import (
	"strings"
	"testing"
)

// Fields that expire are not in the oracle, so what Redis 7.4 answers is written down.
func TestFieldExpiry(t *testing.T) {
	c := dial(t, serve(t))
	check := func(line, want string) {
		t.Helper()
		if got := c.do(strings.Fields(line)...); got != want {
			t.Errorf("%s answers %q, want %q", line, got, want)
		}
	}

	check("HSET h a 1 b 2 c 3", ":3\r\n")
	check("HEXPIRE h 100 FIELDS 2 a x", "*2\r\n:1\r\n:-2\r\n")
	check("HEXPIRE none 100 FIELDS 1 a", "*1\r\n:-2\r\n")
	check("HTTL h FIELDS 3 a b x", "*3\r\n:100\r\n:-1\r\n:-2\r\n")
	check("HEXPIRE h 50 GT FIELDS 1 a", "*1\r\n:0\r\n")
	check("HEXPIRE h 50 LT FIELDS 1 a", "*1\r\n:1\r\n")
	check("HPERSIST h FIELDS 2 a b", "*2\r\n:1\r\n:-1\r\n")
	check("HPEXPIRE h 0 FIELDS 1 b", "*1\r\n:2\r\n")
	check("HEXISTS h b", ":0\r\n")
	check("HEXPIREAT h 1 FIELDS 1 c", "*1\r\n:2\r\n")
	check("HLEN h", ":1\r\n")
	check("HSETEX h EX 100 FIELDS 1 d 4", ":1\r\n")
	check("HSETEX h FNX FIELDS 1 d 5", ":0\r\n")
	check("HGETEX h PERSIST FIELDS 2 d x", "*2\r\n$1\r\n4\r\n$-1\r\n")
	check("HTTL h FIELDS 1 d", "*1\r\n:-1\r\n")
	check("HGETDEL h FIELDS 1 d", "*1\r\n$1\r\n4\r\n")
	check("HEXPIRE h 10 FIELDS 2 a", "-ERR The `numfields` parameter must match the number of arguments\r\n")
	check("HEXPIRE h 10 WRONG 1 a x", "-ERR Mandatory argument FIELDS is missing or not at the right position\r\n")
	check("HEXPIRE h -1 FIELDS 1 a", "-ERR invalid expire time in 'hexpire' command\r\n")
	check("HTTL h FIELDS 0 a", "-ERR Number of fields must be a positive integer\r\n")
	check("SET s v", "+OK\r\n")
	check("HTTL s FIELDS 1 a", "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n")
}

// ZRANK with the score is of Redis 7.2.
func TestRankWithScore(t *testing.T) {
	c := dial(t, serve(t))
	check := func(line, want string) {
		t.Helper()
		if got := c.do(strings.Fields(line)...); got != want {
			t.Errorf("%s answers %q, want %q", line, got, want)
		}
	}

	check("ZADD z 1 a 2.5 b", ":2\r\n")
	check("ZRANK z b WITHSCORE", "*2\r\n:1\r\n$3\r\n2.5\r\n")
	check("ZREVRANK z b withscore", "*2\r\n:0\r\n$3\r\n2.5\r\n")
	check("ZRANK z none WITHSCORE", "*-1\r\n")
	check("ZRANK none b WITHSCORE", "*-1\r\n")
	check("ZRANK z none", "$-1\r\n")
	check("ZRANK z b BOGUS", "-ERR wrong number of arguments for 'zrank' command\r\n")
	check("ZRANK z b WITHSCORE x", "-ERR wrong number of arguments for 'zrank' command\r\n")
}
