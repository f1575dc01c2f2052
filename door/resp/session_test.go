package resp

import (
	"context"
	"errors"
	options "flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/control"
	"github.com/hearthcache/hearth/door"
	"github.com/hearthcache/hearth/engine/local"
	"github.com/hearthcache/hearth/gateway"
	"github.com/hearthcache/hearth/op"
	"github.com/hearthcache/hearth/respwire"
)

var update = options.Bool("update", false, "write docs/resp.md")

// Every kind of error but Internal has a code, and Internal shows nothing of itself.
func TestKinds(t *testing.T) {
	for k := hearth.Kind(0); k < hearth.KindCount; k++ {
		if codes[k] == "" {
			t.Errorf("kind %d has no code", k)
		}
		code, text := errorText(&hearth.Error{Kind: k, Msg: "why", Err: errors.New("secret")}, "GET")
		text = code + text
		if !strings.HasPrefix(text, codes[k]) || strings.Contains(text, "secret") {
			t.Errorf("kind %d reads %q", k, text)
		}
		if k == hearth.Internal && strings.Contains(text, "why") {
			t.Errorf("an internal error reads %q", text)
		}
	}
	check := func(err error, want string) {
		t.Helper()
		if code, text := errorText(err, "GET"); code+text != want {
			t.Errorf("%v reads %q, want %q", err, code+text, want)
		}
	}

	check(errors.New("anything"), "ERR internal error")
	check(&hearth.Error{Kind: hearth.Denied, Msg: "no"}, "NOPERM this user has no permissions to run the 'get' command")
	check(&hearth.Error{Kind: hearth.Unauthenticated, Msg: "expired"}, "NOAUTH Authentication required.")
	check(&hearth.Error{Kind: hearth.Limited, Limit: hearth.MemoryLimit}, "OOM command not allowed when used memory > 'maxmemory'.")
	check(&hearth.Error{Kind: hearth.CrossSlot}, "CROSSSLOT Keys in request don't hash to the same slot")
	check(&hearth.Error{Kind: hearth.Precondition, Msg: "value is not an integer or out of range"}, "ERR value is not an integer or out of range")
}

// Sessions are compared with redis-server's, call by call.
func TestSessions(t *testing.T) {
	oracle := redisServer(t)
	session := func(lines ...string) {
		t.Helper()
		ours, theirs := dial(t, serve(t)), dial(t, oracle)
		theirs.do("FLUSHALL")
		for _, l := range lines {
			call := strings.Fields(l)
			ours.send(call)
			theirs.send(call)
			if a, b := read(ours, call), read(theirs, call); a != b {
				t.Errorf("%s answers %q, redis-server %q", l, a, b)
			}
		}
	}

	session("MULTI", "SET a 1", "INCR a", "LPUSH a x", "GET a", "EXEC", "EXEC", "DISCARD")
	session("MULTI", "MULTI", "WATCH a", "NOPE", "GET a", "EXEC", "GET a")
	session("MULTI", "GET", "EXEC", "MULTI", "DISCARD", "EXEC")
	session("WATCH a", "SET a 1", "MULTI", "GET a", "EXEC", "GET a", "WATCH a", "UNWATCH", "SET a 2", "MULTI", "GET a", "EXEC")
	session("WATCH a", "WATCH b", "SET a 1", "WATCH c", "MULTI", "PING", "EXEC")
	session("MULTI", "PING", "ECHO x", "SET k v", "STRLEN k", "TYPE k", "EXEC")
	session("MULTI", "EXEC", "MULTI x", "EXEC x", "DISCARD x")
	session("SET a 1", "MULTI", "DBSIZE", "FLUSHALL", "DBSIZE", "SET a 2", "KEYS *", "FLUSHDB BAD", "GET a", "FLUSHDB", "DBSIZE", "SET b 1", "EXEC", "GET a", "GET b")
	session("SET s v", "MULTI", "HRANDFIELD s x", "HRANDFIELD h x", "BITCOUNT s x y", "BITCOUNT h x y", "BITCOUNT s 1", "ZRANGEBYSCORE s x y", "EXEC")
	session("WATCH a", "MULTI", "FLUSHALL", "SET a 1", "EXEC", "GET a", "WATCH a", "SET a 2", "MULTI", "FLUSHALL", "SET a 3", "EXEC", "GET a")
	session("SUBSCRIBE a b", "GET x", "PING", "PING x", "UNSUBSCRIBE a", "UNSUBSCRIBE", "UNSUBSCRIBE", "PUNSUBSCRIBE", "GET x")
	session("PSUBSCRIBE a*", "SUBSCRIBE a", "PUNSUBSCRIBE", "UNSUBSCRIBE", "PING")
	session("SUBSCRIBE a", "HELLO 3", "AUTH a b", "MULTI", "RESET", "HELLO 3")
	session("HELLO 3", "SUBSCRIBE a", "GET x", "PING", "UNSUBSCRIBE")
	session("HELLO 4", "HELLO x", "HELLO 2 BAD", "HELLO 3 SETNAME n", "CLIENT GETNAME", "HELLO 2", "CLIENT GETNAME")
	session("CLIENT SETNAME x", "CLIENT GETNAME", "RESET", "CLIENT GETNAME", "CLIENT NO-EVICT ON", "CLIENT NO-EVICT X", "CLIENT REPLY X", "CLIENT REPLY ON")
	session("CLIENT KILL 1.2.3.4:5", "CLIENT KILL ID 99999", "CLIENT KILL ID x", "CLIENT GETREDIR", "CLIENT UNBLOCK 99")
	session("ZADD z 1e17 a 1e19 b -0 c 0.1 d", "ZSCAN z 0", "HELLO 3", "ZSCAN z 0", "ZSCAN z -1", "HSET h f v", "HSCAN h -1", "SSCAN h x", "SCAN -")
	session("RPUSH l 3 1e1 0x10 -inf", "SORT l", "RPUSH l x", "SORT l", "SORT l ALPHA", "RPUSH m 1e400", "SORT m", "RPUSH n 1e-400", "SORT n")
	session("SET a 1 PXAT 9999999999999", "PEXPIRETIME a", "EXPIRETIME a", "SET a 1 EXAT 9999999999", "EXPIRETIME a", "PEXPIREAT a 9223372036854775807", "EXPIRETIME a", "PEXPIRETIME a")
	session("SELECT 0", "AUTH a b c", "ECHO", "ECHO a b", "TIME x", "FLUSHALL BAD", "FLUSHDB ASYNC", "DBSIZE x", "WAIT 0 0", "WAIT x 0", "ROLE x")
}

// read reads as many replies as the call has: one for each channel.
func read(c *client, call []string) string {
	n := 1
	if strings.HasSuffix(strings.ToUpper(call[0]), "SUBSCRIBE") {
		n = max(1, len(call)-1)
	}
	var out []byte
	for range n {
		raw, v := c.reply()
		if call[0] == "HELLO" && v.Type != '-' {
			raw = []byte(fmt.Sprint(v.Type, len(v.Array)))
		}
		out = append(out, raw...)
	}
	return string(out)
}

func TestReplySilence(t *testing.T) {
	c := dial(t, serve(t))
	c.send([]string{"CLIENT", "REPLY", "SKIP"}, []string{"SET", "a", "1"}, []string{"GET", "a"},
		[]string{"CLIENT", "REPLY", "OFF"}, []string{"PING"}, []string{"GET", "a"}, []string{"CLIENT", "REPLY", "ON"}, []string{"PING"})
	big := strings.Repeat("x", 100_000) // goes out where it lies
	c.send([]string{"SET", "b", big}, []string{"CLIENT", "REPLY", "SKIP"}, []string{"GET", "b"}, []string{"ECHO", "end"})
	for _, want := range []string{"$1\r\n1\r\n", "+OK\r\n", "+PONG\r\n", "+OK\r\n", "$3\r\nend\r\n"} {
		if raw, _ := c.reply(); string(raw) != want {
			t.Errorf("answers %q, want %q", raw, want)
		}
	}
}

// Who has to sign in gets nothing before, and a small request at most.
func TestStranger(t *testing.T) {
	plane, err := control.NewPlane(context.Background(), nil)
	if err != nil {
		t.Fatal(err)
	}
	g := gateway.New(gateway.Options{Engine: local.New(local.Options{}), Plane: plane})
	addr := listen(t, New(Options{Gateway: g}))
	check := func(want string, args ...string) {
		t.Helper()
		if got := dial(t, addr).do(args...); got != want {
			t.Errorf("%q answers %q, want %q", args, got, want)
		}
	}

	check("-NOAUTH Authentication required.\r\n", "GET", "k")
	check("-NOAUTH Authentication required.\r\n", "SUBSCRIBE", "k")
	check("-WRONGPASS invalid username-password pair or user is disabled.\r\n", "AUTH", "cache", "token")
	check("-WRONGPASS invalid username-password pair or user is disabled.\r\n", "HELLO", "3", "AUTH", "cache", "token")
	check("-"+errHelloAuth+"\r\n", "HELLO", "3")
	check("-ERR Protocol error: unauthenticated bulk length\r\n", "ECHO", strings.Repeat("x", 20_000))
	check("+OK\r\n", "QUIT")

	// And its connection ends when it does not sign in.
	idle := dial(t, listenOn(t, &door.Server{Protocol: New(Options{Gateway: g}), GuestMax: time.Millisecond}))
	if n, err := idle.nc.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("a stranger that says nothing reads %d bytes, %v", n, err)
	}
}

// The rows say of a command what redis-server says of it.
func TestCommandTable(t *testing.T) {
	theirs := dial(t, redisServer(t))
	newer := []string{"CLIENT", "COMMAND", "ZRANK", "ZREVRANK"}
	for _, r := range newTable(families()...).shown() {
		theirs.send([]string{"COMMAND", "INFO", r.name})
		_, v := theirs.reply()
		if len(v.Array) != 1 || v.Array[0].Null || slices.Contains(newer, r.name) {
			continue
		}
		e := v.Array[0].Array
		got := fmt.Sprint(r.arity, r.first, r.last, r.step)
		want := fmt.Sprint(e[1].Int, e[3].Int, e[4].Int, e[5].Int)
		if got != want {
			t.Errorf("%s: arity and keys %s, redis-server %s", r.name, got, want)
		}
		for _, w := range []string{"write", "readonly", "fast", "denyoom"} {
			has := slices.ContainsFunc(e[2].Array, func(f respwire.Value) bool { return string(f.Str) == w })
			if has != slices.Contains(r.words(), w) {
				t.Errorf("%s: flag %s is %v with redis-server", r.name, w, has)
			}
		}
	}
}

// bare returns a session without a socket, on a cache of its own.
func bare(t testing.TB) *conn {
	t.Helper()
	plane, err := control.NewPlane(context.Background(), nil)
	if err != nil {
		t.Fatal(err)
	}
	g := gateway.New(gateway.Options{Engine: local.New(local.Options{}), Plane: plane, Open: true})
	c := &conn{door: New(Options{Gateway: g}), proto: respwire.RESP2, ctx: context.Background()}
	c.welcome()
	if err := c.makeDefault(); err != nil {
		t.Fatal(err)
	}
	return c
}

// exhaust limits the session's cache to a request in a while, and makes that.
func exhaust(t testing.TB, c *conn) {
	t.Helper()
	change := control.SetCache{Name: c.caller.Cache(), Settings: map[string]string{"request-rate": "1"}}
	if err := c.door.Gateway.Change(c.ctx, c.caller, change); err != nil {
		t.Fatal(err)
	}
	c.do([][]byte{[]byte("GET"), []byte("k")}, nil)
}

const errRate = "-ERR too many operations: the cache's request rate is reached\r\n"

func BenchmarkDo(b *testing.B) {
	set, get := [][]byte{[]byte("SET"), []byte("k"), []byte("value")}, [][]byte{[]byte("get"), []byte("k")}
	for _, name := range []string{"hit", "refused"} {
		b.Run(name, func(b *testing.B) {
			c := bare(b)
			c.do(set, nil)
			if name == "refused" {
				exhaust(b, c)
			}
			b.ReportAllocs()
			for b.Loop() {
				c.out = c.out[:0]
				c.do(get, nil)
			}
		})
	}
}

// What is refused since a limit is reached costs as little memory as what is done.
func TestRefusalsAllocateNothing(t *testing.T) {
	c := bare(t)
	exhaust(t, c)
	get := [][]byte{[]byte("GET"), []byte("k")}
	refused := 0
	n := testing.AllocsPerRun(1000, func() {
		c.out = c.out[:0]
		c.do(get, nil)
		if string(c.out) == errRate {
			refused++
		}
	})
	if refused < 900 || n >= 1 { // some are admitted where the test takes seconds
		t.Errorf("%d of 1000 were refused, with %v allocations each; the last answer is %q", refused, n, c.out)
	}
}

// GET and SET of small values allocate nothing in the door.
func TestAllocations(t *testing.T) {
	c := bare(t)
	set, get := [][]byte{[]byte("SET"), []byte("k"), []byte("value")}, [][]byte{[]byte("get"), []byte("k")}
	n := testing.AllocsPerRun(1000, func() {
		c.out = c.out[:0]
		c.do(set, nil)
		c.do(get, nil)
	})
	if string(c.out) != "+OK\r\n$5\r\nvalue\r\n" || n != 0 {
		t.Errorf("answers %q with %v allocations", c.out, n)
	}
	_ = op.Count
}

// TestDocument keeps docs/resp.md what the tables are.
func TestDocument(t *testing.T) {
	const path = "../../docs/resp.md"
	var b strings.Builder
	b.WriteString(preface)
	for _, f := range []struct {
		name string
		rows []row
	}{
		{"Strings", stringRows()}, {"Bitmaps", bitRows()}, {"Keys", append(keyRows(), scanRows...)}, {"Hashes", append(hashRows(), fieldRows()...)},
		{"Lists", listRows()}, {"Sets", setRows()}, {"Sorted sets", sortedRows()}, {"Tags", tagRows}, {"Publish and subscribe", pubsubRows},
		{"Transactions", transactionRows}, {"Connection", slices.Concat(connectionRows, clientRows)}, {"Server", slices.Concat(serverRows, clusterRows, commandRows)},
	} {
		fmt.Fprintf(&b, "\n### %s\n\n", f.name)
		var names []string
		for _, r := range f.rows {
			if r.flags&hidden != 0 {
				continue
			}
			name := "`" + r.name + "`"
			if len(r.subs) > 0 {
				var subs []string
				for _, s := range r.subs {
					subs = append(subs, s.name)
				}
				name += " (" + strings.Join(subs, ", ") + ")"
			}
			names = append(names, name)
		}
		b.WriteString(strings.Join(names, ", ") + "\n")
	}
	if *update {
		if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if have, err := os.ReadFile(path); err != nil || string(have) != b.String() {
		t.Errorf("docs/resp.md is not what the tables are (%v): run go test ./door/resp -run TestDocument -update", err)
	}
}

const preface = `# Redis and Valkey clients

Generated by door/resp from its tables: ` + "`go test ./door/resp -run TestDocument -update`" + `.

hearth speaks RESP 2 and 3, inline commands and pipelines on 127.0.0.1:6379. ` + "`AUTH cache token`, or `HELLO 3 AUTH cache token`" + `,
chooses the cache and shows a key or token. A client that sends only a password works on the cache "default"; while
hearth is open on this machine, a client that sends nothing does, too, and the cache is made when it is first used.
There is one database, and one node that owns all hash slots, so cluster clients work as well.

A generated corpus of 120,000 calls in RESP 2 and 3, errors included, is compared byte for byte with Debian's redis-server 7.0
in every run of the tests, and millions by hand: unordered answers as sets, random ones and INFO, MEMORY, OBJECT and COMMAND by
their shape.

## What differs, and why

| where | what | why |
| --- | --- | --- |
| SELECT | only 0 | caches take the place of databases |
| SORT | BY with a pattern that names other keys and GET but of # are refused; ALPHA compares bytes, also behind a zero byte | every key of a command is authorised before it runs; there is no locale |
| OBJECT REFCOUNT, IDLETIME, FREQ | 1, 0, 0 | nothing is shared, and access is not counted by item |
| OBJECT ENCODING, MEMORY USAGE | what comes closest | items are kept otherwise |
| SCAN, HSCAN, SSCAN, ZSCAN | cursors are other numbers | they are positions in other tables |
| ranges by bytes over unequal scores | other elements | Redis leaves them undefined |
| CONFIG | GET of what clients look at; SET is refused | hearth is configured by flags, environment and control plane |
| SLOWLOG, LATENCY | empty | slow requests are in hearth's log and metrics |
| INFO | of the client's cache; memory of the process only while hearth is open | other tenants are nobody's business |
| CLIENT LIST, KILL | connections of the same cache | likewise |
| READONLY, READWRITE, CLUSTER | answered, though INFO says that cluster mode is off | cluster clients work with one node |
| CLUSTER | what changes a cluster (MEET, ADDSLOTS, FAILOVER, …) is an unknown subcommand | there is nothing to change |
| commands on several keys | their keys may be of any slots; over a Valkey cluster all but MGET, MSET, DEL, UNLINK, EXISTS and TOUCH answer CROSSSLOT where they are not of one | this node owns all slots |
| COMMAND | COUNT and LIST tell of the commands that are offered here; DOCS says little more than that | the rest is in Valkey's documentation |
| CLIENT SETINFO, NO-TOUCH | are taken | as Redis 7.2 and Valkey have them |
| HELP of COMMAND, CLIENT, CLUSTER, CONFIG, LATENCY, MEMORY, OBJECT, PUBSUB, SLOWLOG | names the subcommands that are offered, without a sentence on each | likewise |
| channels | 1 to 255 bytes of UTF-8 without control characters, shared with Momento Topics; sharded and plain ones are the same | they are hearth's topics |
| WATCH | FLUSHDB and FLUSHALL change every watched key, one that was not there, too | the cache's items are dropped as a whole |
| MULTI | FLUSHDB, FLUSHALL, DBSIZE, KEYS, SCAN and RANDOMKEY have their turns among the queued commands, but what follows them does not run in one with what comes before | they are about the cache as a whole |
| ZRANK, ZREVRANK | WITHSCORE is taken | as Redis 7.2 and Valkey have it |
| EXISTS, TOUCH, DEL, UNLINK, MGET, MSET with more than 4,096 keys | are done 256 keys at a time, but as one within MULTI | others do not wait for a million of them |
| other commands over more than 65,536 keys, such as MSETNX or SUNION | are refused | they have to be done as one, and others would wait |
| MGET, HMGET, HGETEX, HGETDEL, SORT … GET | an answer of more than 64 MiB is refused | one large value could be named many times over |
| SRANDMEMBER, HRANDFIELD, ZRANDMEMBER | a count is at least -1,048,576, and the answer at most 64 MiB | likewise: elements may repeat |
| EXEC | reads whose answers come to more than 64 MiB together have an error in their place | likewise |
| a request of more than 64 MiB, but for one SET | is refused, and the connection ends | as one whose query buffer is full; the item limit of its cache bounds a SET |
| requests of all clients that are not done: half requests of more than 16 KiB, queued commands of a transaction beyond 16 KiB, watched keys | have 256 MiB together (less where --max-memory is less, but at least 64), with those of other protocols; a connection holds at most as much as it leaves free. Counted are bytes, 64 for each argument, 512 for each queued command, 256 for each watched key. A half request beyond it is refused and the connection ends; a queued command beyond it is refused, and EXEC answers EXECABORT | as one whose query buffer is full |
| a transaction of more than 262,144 commands, 1,048,576 arguments or 64 MiB of them | the command is refused, and EXEC answers EXECABORT | likewise, and others wait while EXEC runs |
| commands of more than 8,192 arguments, and EXEC of as many | run a few at a time (half the processors) | what they need beside their arguments stays bounded, and others are answered meanwhile |
| a client that has to sign in and does not | is closed after 30 s; one that has, or needs not, stays as with timeout 0 | connections are bounded |
| a client that does not read | is served no further once 1 MiB waits for it, or 64 KiB while the clients of the process have not taken half of 256 MiB (less where --max-memory is less); one whose answer finds no room beside those is closed | as by client-output-buffer-limit |
| WATCH of more than 65,536 keys by a connection; COMMAND INFO or DOCS of more than 256 names; a client's name or library of more than 1,024 bytes | are refused | each has its memory in the server |
| a connection subscribes to more than 65,536 channels, or patterns | the command is refused as a whole | each has its memory in the server |
| WAIT | answers 0 at once | there are no replicas to wait for |
| a subscriber that falls behind a topic's ring | is disconnected | as one whose output buffer is full; it learns that it missed something |
| PUBLISH, PUBSUB over several gateways | PUBLISH counts the receivers at its own gateway, and one for each other gateway with subscribers to the channel itself; PUBSUB tells of the gateway that is asked | a message does not wait for every gateway's count |
| FLUSHALL | empties the client's cache | as FLUSHDB |
| commands that hash fields with an expiry need | those of Redis 7.4 and Valkey 9, held against written answers | Debian's server does not have them |
| BITFIELD | a step that would end past bit 4,294,967,295 is refused | no item is that long |
| keys and values | at most the cache's largest item (5 MB unless configured) | the cache's limit |
| dates far in the past | EXPIRE with no or negative time deletes | as Redis |
| blocking pops, streams, geo, HyperLogLog, scripts, client tracking, ACL | Valkey's "unknown command" | not offered |

## Commands
`
