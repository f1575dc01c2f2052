package test

import (
	"bufio"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/hearthcache/hearth/respwire"
)

// respNeeds says what every command of COMMAND LIST needs, with arguments that are right. Commands that follow each
// other on one connection stand with " / " between them: the last one's answer counts.
const respNeeds = `
	nothing: auth x y z; quit; reset
	signIn: hello; ping; echo x; select 0; readonly; readwrite; asking; client id; client getname; client info; client list; client setname x
	signIn: client setinfo lib-name x; client reply on; client no-evict off; client no-touch off; client help; client kill id 0
	signIn: multi; multi / discard; multi / exec; unwatch; unsubscribe; punsubscribe; sunsubscribe; time; lastsave; role; wait 0 0
	signIn: command; command count; command docs get; command getkeys get k; command getkeysandflags get k; command info get; command list; command help
	signIn: config get maxmemory; config set maxmemory 1; config resetstat; config help; slowlog get; slowlog len; slowlog reset; slowlog help
	signIn: latency latest; latency history x; latency reset; latency help; latency doctor; latency histogram
	signIn: cluster slots; cluster shards; cluster nodes; cluster info; cluster keyslot k; cluster myid; cluster help
	signIn: pubsub numsub t; pubsub shardnumsub t; pubsub help; object help; memory help; info
	signIn: client getredir; client unblock 0; cluster links; cluster replicas x; cluster slaves x; cluster count-failure-reports x; memory purge; memory doctor; memory malloc-stats
	looks: memory stats; cluster countkeysinslot 0; cluster getkeysinslot 0 1; scan 0; keys *; randomkey; dbsize
	sweeps: hearth.invalidate tag
	manages: flushdb; flushall
	reads: get k; strlen k; getrange k 0 1; substr k 0 1; mget k; lcs k k; getbit k 0; bitcount k; bitpos k 1; bitfield_ro k get u8 0
	reads: exists k; touch k; type k; ttl k; pttl k; expiretime k; pexpiretime k; sort_ro k; sort k; object encoding k; object refcount k; object idletime k
	reads: object freq k; memory usage k; watch k
	reads: hget k f; hmget k f; hexists k f; hstrlen k f; hgetall k; hkeys k; hvals k; hlen k; hrandfield k; hscan k 0
	reads: httl k fields 1 f; hpttl k fields 1 f; hexpiretime k fields 1 f; hpexpiretime k fields 1 f
	reads: llen k; lrange k 0 1; lindex k 0; lpos k x
	reads: scard k; sismember k x; smismember k x; smembers k; srandmember k; sunion k; sinter k; sdiff k; sintercard 1 k; sscan k 0
	reads: zcard k; zscore k x; zmscore k x; zrank k x; zrevrank k x; zcount k 0 1; zlexcount k - +; zrandmember k; zrange k 0 1; zrevrange k 0 1
	reads: zrangebyscore k 0 1; zrevrangebyscore k 1 0; zrangebylex k - +; zrevrangebylex k + -; zunion 1 k; zinter 1 k; zdiff 1 k; zintercard 1 k; zscan k 0
	writes: hearth.set k v ex 9 tags tag; set k v; set k v ex 9; set k v keepttl; setex k 9 v; psetex k 9000 v; mset k v; append k v; setrange k 0 v
	writes: del k; unlink k; expire k 9; pexpire k 9000; expireat k 9999999999; pexpireat k 9999999999000; persist k
	writes: hset k f v; hmset k f v; hdel k f; hexpire k 9 fields 1 f; hpexpire k 9000 fields 1 f; hexpireat k 9999999999 fields 1 f
	writes: hpexpireat k 9999999999000 fields 1 f; hpersist k fields 1 f; hsetex k ex 9 fields 1 f v
	writes: lpush k x; rpush k x; lset k 0 x; lrem k 0 x; ltrim k 0 1; sadd k x; srem k x
	writes: zadd k 1 x; zrem k x; zremrangebyrank k 0 1; zremrangebyscore k 0 1; zremrangebylex k - +; multi / set k v / exec
	both: set k v nx; set k v xx get; setnx k v; getset k v; getdel k; getex k ex 9; expire k 9 nx; incr k; decr k; incrby k 1; decrby k 1; incrbyfloat k 1
	both: msetnx k v; setbit k 0 1; bitop and k k; bitfield k set u8 0 1; rename k k; renamenx k k; copy k k; sort k store k
	both: hsetnx k f v; hincrby k f 1; hincrbyfloat k f 1; hgetdel k fields 1 f; hgetex k ex 9 fields 1 f; hsetex k fnx ex 9 fields 1 f v; hexpire k 9 nx fields 1 f
	both: lpushx k x; rpushx k x; lpop k; rpop k; linsert k before x y; lmove k k left right; rpoplpush k k; lmpop 1 k left
	both: spop k; smove k k x; sunionstore k k; sinterstore k k; sdiffstore k k
	both: zadd k nx 1 x; zadd k incr 1 x; zincrby k 1 x; zpopmin k; zpopmax k; zmpop 1 k min; zrangestore k k 0 1; zunionstore k 1 k; zinterstore k 1 k; zdiffstore k 1 k
	both: multi / get k / set k v / exec
	listens: subscribe t; ssubscribe t
	hears: pubsub channels; pubsub numpat; pubsub shardchannels
	lists: psubscribe *
	speaks: publish t m; spublish t m`

func TestEveryCommandOfRESP(t *testing.T) { everywhere(t, everyCommandOfRESP) }

func everyCommandOfRESP(t *testing.T, start starter) {
	g := startGuarded(t, start)
	needs := table(t, respNeeds, ";")
	there := g.respCommands()
	var cases []string
	known := map[string]bool{}
	var verbs []verb
	for line, n := range needs {
		steps := strings.Split(line, " / ")
		words := strings.Fields(steps[len(steps)-1])
		for _, name := range []string{words[0], strings.Join(words[:min(2, len(words))], " ")} {
			if there[name] && !known[name] {
				known[name] = true
				cases = append(cases, name)
			}
		}
		if !there[words[0]] {
			t.Errorf("RESP: there is no %s", words[0])
		}
		verbs = append(verbs, verb{line, n, func(token string) (bool, string) { return g.respSay(token, steps) }})
	}
	var all []string
	for name := range there {
		all = append(all, name)
	}
	whole(t, "RESP", all, cases)
	g.check(g.everybody(), verbs)
}

// respCommands returns the names of all commands, and of all subcommands behind the names of theirs.
func (g *guarded) respCommands() map[string]bool {
	g.t.Helper()
	conn, err := net.Dial("tcp", g.RESP)
	if err != nil {
		g.t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	_, _ = io.WriteString(conn, "AUTH a "+g.bare(g.root)+"\r\nCOMMAND\r\nQUIT\r\n")
	answers, err := io.ReadAll(conn)
	if err != nil {
		g.t.Fatal(err)
	}
	_, n, err := respwire.Decode(answers)
	if err != nil {
		g.t.Fatal(err)
	}
	table, _, err := respwire.Decode(answers[n:])
	if err != nil {
		g.t.Fatal(err)
	}
	names := map[string]bool{}
	for _, row := range table.Array {
		names[string(row.Array[0].Str)] = true
		if len(row.Array) < 10 {
			continue
		}
		for _, sub := range row.Array[9].Array {
			names[strings.ReplaceAll(string(sub.Array[0].Str), "|", " ")] = true
		}
	}
	if len(names) < 150 {
		g.t.Fatalf("only %d commands", len(names))
	}
	return names
}

// respSay signs in to the cache "a" with a token, says commands whatever became of that, and returns the first line of the
// answer to the last one.
func (g *guarded) respSay(token string, commands []string) (refused bool, answer string) {
	g.t.Helper()
	conn, err := net.Dial("tcp", g.RESP)
	if err != nil {
		g.t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	var b strings.Builder
	skip := len(commands) - 1
	if token != "" {
		b.WriteString("AUTH a " + token + "\r\n")
		skip++
	}
	for _, c := range commands {
		b.WriteString(c + "\r\n")
	}
	_, _ = io.WriteString(conn, b.String())
	in := bufio.NewReader(conn)
	for range skip {
		if answer, err = in.ReadString('\n'); err != nil {
			return true, "closed"
		}
	}
	if answer, err = in.ReadString('\n'); err != nil {
		return true, "closed"
	}
	// A transaction is refused as a whole, with the reason of the command that may not run.
	for _, code := range []string{"-NOAUTH", "-NOPERM", "-WRONGPASS", "-EXECABORT"} {
		refused = refused || strings.HasPrefix(answer, code)
	}
	return refused, answer
}
