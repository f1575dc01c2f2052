package resp

import (
	"strings"
	"time"

	"github.com/hearthcache/hearth/control"
	"github.com/hearthcache/hearth/engine"
	"github.com/hearthcache/hearth/respwire"

	"github.com/hearthcache/hearth/topics"
)

var serverRows = []row{
	{name: "INFO", arity: -1, flags: loading | stale, run: runInfo},
	{name: "TIME", arity: 1, flags: loading | stale | fast, run: runTime},
	{name: "DBSIZE", arity: 1, flags: readonly | fast | waits, run: runDBSize},
	{name: "FLUSHDB", arity: -1, flags: write | waits, run: runFlush},
	{name: "FLUSHALL", arity: -1, flags: write | waits, run: runFlush},
	{name: "LASTSAVE", arity: 1, flags: loading | stale | fast, run: func(c *conn, args [][]byte) {
		c.out = respwire.AppendInteger(c.out, c.door.began.Unix())
	}},
	{name: "ROLE", arity: 1, flags: loading | stale | fast, run: runRole},
	{name: "WAIT", arity: 3, flags: 0, run: runWait},
	{name: "CONFIG", arity: -2, subs: []row{
		{name: "GET", arity: -3, flags: admin | loading | stale, run: runConfigGet},
		{name: "SET", arity: -4, flags: admin | loading | stale, run: runConfigSet},
		{name: "RESETSTAT", arity: 2, flags: admin | loading | stale, run: runOK},
		{name: "HELP", arity: 2, flags: loading | stale, run: func(c *conn, args [][]byte) { c.help("CONFIG", "GET <pattern>", "RESETSTAT", "HELP") }},
	}},
	{name: "SLOWLOG", arity: -2, subs: []row{
		{name: "GET", arity: -2, flags: admin | loading | stale, run: runSlowlogGet},
		{name: "LEN", arity: 2, flags: admin | loading | stale, run: func(c *conn, args [][]byte) { c.out = respwire.AppendInteger(c.out, 0) }},
		{name: "RESET", arity: 2, flags: admin | loading | stale, run: runOK},
		{name: "HELP", arity: 2, flags: loading | stale, run: func(c *conn, args [][]byte) { c.help("SLOWLOG", "GET [<count>]", "LEN", "RESET", "HELP") }},
	}},
	{name: "LATENCY", arity: -2, subs: []row{
		{name: "LATEST", arity: 2, flags: admin | loading | stale, run: runEmptyArray},
		{name: "HISTORY", arity: 3, flags: admin | loading | stale, run: runEmptyArray},
		{name: "RESET", arity: -2, flags: admin | loading | stale, run: func(c *conn, args [][]byte) { c.out = respwire.AppendInteger(c.out, 0) }},
		{name: "HISTOGRAM", arity: -2, flags: admin | loading | stale, run: func(c *conn, args [][]byte) { c.out = c.proto.AppendMap(c.out, 0) }},
		{name: "DOCTOR", arity: 2, flags: admin | loading | stale, run: func(c *conn, args [][]byte) {
			c.text("Latencies are measured by the gateway: see hearth's metrics.\n")
		}},
		{name: "HELP", arity: 2, flags: loading | stale, run: func(c *conn, args [][]byte) { c.help("LATENCY", "LATEST", "HISTORY <event>", "RESET", "HELP") }},
	}},
}

func runEmptyArray(c *conn, args [][]byte) { c.out = respwire.AppendArray(c.out, 0) }

func runSlowlogGet(c *conn, args [][]byte) {
	if len(args) > 3 {
		c.out = respwire.AppendError(c.out, "ERR unknown subcommand or wrong number of arguments for '"+clip(args[1], 128)+"'. Try SLOWLOG HELP.")
		return
	}
	if len(args) == 3 {
		if n, ok := respwire.Int(args[2]); !ok || n < -1 {
			c.out = respwire.AppendError(c.out, "ERR count should be greater than or equal to -1")
			return
		}
	}
	runEmptyArray(c, args)
}

func runTime(c *conn, args [][]byte) {
	now := time.Now()
	c.out = respwire.AppendArray(c.out, 2)
	c.out = respwire.AppendBulkString(c.out, itoa(now.Unix()))
	c.out = respwire.AppendBulkString(c.out, itoa(int64(now.Nanosecond()/1000)))
}

func runRole(c *conn, args [][]byte) {
	c.out = respwire.AppendArray(c.out, 3)
	c.out = respwire.AppendBulkString(c.out, "master")
	c.out = respwire.AppendInteger(c.out, 0)
	c.out = respwire.AppendArray(c.out, 0)
}

// runWait answers at once: there are no replicas to wait for.
func runWait(c *conn, args [][]byte) {
	_, number := respwire.Int(args[1])
	timeout, ok := respwire.Int(args[2])
	switch {
	case !number:
		c.out = respwire.AppendError(c.out, string(errNotInt))
	case !ok:
		c.out = respwire.AppendError(c.out, "ERR timeout is not an integer or out of range")
	case timeout < 0:
		c.out = respwire.AppendError(c.out, "ERR timeout is negative")
	default:
		c.out = respwire.AppendInteger(c.out, 0)
	}
}

// size is what the client's cache holds; nothing while the cache is still to be made.
func (c *conn) size() (engine.Size, error) {
	s, err := c.door.Gateway.Size(c.caller)
	if c.missesDefault(err) {
		return engine.Size{}, nil
	}
	return s, err
}

// runDBSize counts by a walk where the engine does not know: over servers, whose other caches it passes by.
func runDBSize(c *conn, args [][]byte) {
	s, err := c.size()
	if err == nil && s.Items == 0 {
		err = c.walk(func([]byte) bool { s.Items++; return true })
	}
	if err != nil {
		c.fail(c.info.command, err)
		return
	}
	c.out = respwire.AppendInteger(c.out, s.Items)
}

// runFlush empties the client's cache: there is one database, so both commands are the same.
func runFlush(c *conn, args [][]byte) {
	if len(args) > 2 || (len(args) == 2 && !is(args[1], "ASYNC") && !is(args[1], "SYNC")) {
		c.out = respwire.AppendError(c.out, string(errSyntax))
		return
	}
	err := c.door.Gateway.Change(c.ctx, c.caller, control.FlushCache{Name: c.caller.Cache()})
	if err != nil && !c.missesDefault(err) {
		c.fail(c.info.command, err)
		return
	}
	c.out = respwire.AppendOK(c.out)
}

// parameters is what CONFIG GET tells, for clients that look before they start.
func (c *conn) parameters() [][2]string {
	s, _ := c.size()
	return [][2]string{
		{"appendonly", "no"}, {"save", ""}, {"databases", "1"}, {"maxmemory", itoa(s.Max)}, {"maxmemory-policy", "allkeys-lfu"},
		{"timeout", "0"}, {"port", itoa(int64(c.door.Port))}, {"proto-max-bulk-len", itoa(respwire.BulkBytesMax)}, {"cluster-enabled", "no"},
		{"notify-keyspace-events", ""}, {"slowlog-log-slower-than", "10000"}, {"slowlog-max-len", "0"}, {"maxclients", "65536"},
		{"latency-monitor-threshold", "0"}, {"lazyfree-lazy-user-flush", "yes"}, {"tcp-keepalive", "300"},
	}
}

func runConfigGet(c *conn, args [][]byte) {
	var found [][2]string
	for _, p := range c.parameters() {
		for _, a := range args[2:] {
			if topics.Match(lower(string(a)), p[0]) {
				found = append(found, p)
				break
			}
		}
	}
	c.out = c.proto.AppendMap(c.out, len(found))
	for _, p := range found {
		c.pair(p[0], p[1])
	}
}

func runConfigSet(c *conn, args [][]byte) {
	c.out = respwire.AppendError(c.out, "ERR CONFIG SET failed - hearth is configured by its flags, its environment and its control plane")
}

// section is one part of INFO.
type section struct {
	name string
	rare bool // shown only when asked for, or with "all"
	body func(*conn) []string
}

var sections = []section{
	{name: "Server", body: infoServer},
	{name: "Clients", body: infoClients},
	{name: "Memory", body: infoMemory},
	{name: "Persistence", body: func(*conn) []string {
		return []string{"loading:0", "async_loading:0", "rdb_changes_since_last_save:0", "rdb_bgsave_in_progress:0", "rdb_last_bgsave_status:ok",
			"aof_enabled:0", "aof_rewrite_in_progress:0", "aof_last_bgrewrite_status:ok", "aof_last_write_status:ok"}
	}},
	{name: "Stats", body: infoStats},
	{name: "Replication", body: func(*conn) []string {
		return []string{"role:master", "connected_slaves:0", "master_failover_state:no-failover", "master_repl_offset:0", "repl_backlog_active:0"}
	}},
	{name: "CPU", body: infoCPU},
	{name: "Modules", body: func(*conn) []string { return nil }},
	{name: "Errorstats", body: func(*conn) []string { return nil }},
	{name: "Commandstats", rare: true, body: func(*conn) []string { return nil }},
	{name: "Cluster", body: func(*conn) []string { return []string{"cluster_enabled:0"} }},
	{name: "Keyspace", body: infoKeyspace},
}

func runInfo(c *conn, args [][]byte) {
	var b strings.Builder
	for _, s := range sections {
		if !wants(args[1:], s) {
			continue
		}
		if b.Len() > 0 {
			b.WriteString("\r\n")
		}
		b.WriteString("# " + s.name + "\r\n")
		for _, line := range s.body(c) {
			b.WriteString(line + "\r\n")
		}
	}
	c.text(b.String())
}

func wants(args [][]byte, s section) bool {
	if len(args) == 0 {
		return !s.rare
	}
	for _, a := range args {
		if is(a, strings.ToUpper(s.name)) || is(a, "ALL") || is(a, "EVERYTHING") || (is(a, "DEFAULT") && !s.rare) {
			return true
		}
	}
	return false
}
