package memcache

import (
	"context"
	"fmt"
	"net"
	"os"
	"runtime"
	"strconv"
	"syscall"
	"time"

	"github.com/hearthcache/hearth/engine"
)

// context is of what outlives its connection.
func (d *Door) context() context.Context { return context.Background() }

func runStats(c *conn, words [][]byte) {
	if len(words) == 1 {
		c.statsGeneral()
		return
	}
	switch string(words[1]) {
	case "settings":
		c.statsSettings()
	case "items":
		c.statsItems()
	case "slabs":
		c.statsSlabs()
	case "sizes":
		c.stat("sizes_status", "disabled")
		c.say("END")
	case "conns":
		c.statsConns()
	case "reset":
		c.say("RESET")
	case "detail":
		c.statsDetail(words[2:])
	default:
		c.say("ERROR")
	}
}

// statsDetail takes memcached's switch for figures by prefix, of which none are kept.
func (c *conn) statsDetail(words [][]byte) {
	switch {
	case len(words) == 1 && string(words[0]) == "dump":
		c.say("END")
	case len(words) == 1 && (string(words[0]) == "on" || string(words[0]) == "off"):
		c.say("OK")
	default:
		c.say("CLIENT_ERROR usage: stats detail on|off|dump")
	}
}

func (c *conn) stat(name string, value any) {
	c.out = fmt.Appendf(c.out, "STAT %s %v\r\n", name, value)
}

// zeros are figures of parts that memcached has and hearth has not.
func (c *conn) zeros(names ...string) {
	for _, n := range names {
		c.stat(n, 0)
	}
}

// size is what the cache holds; nothing while it is still to be made.
func (c *conn) size() (s engine.Size, evicted int64) {
	s, _ = c.door.Gateway.Size(c.caller)
	for _, n := range s.Evicted {
		evicted += n
	}
	return s, evicted
}

func (c *conn) statsGeneral() {
	n := &c.door.count
	now := time.Now()
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	size, evicted := c.size()
	c.stat("pid", os.Getpid())
	c.stat("uptime", int64(now.Sub(c.door.began)/time.Second))
	c.stat("time", now.Unix())
	c.stat("version", version)
	c.stat("libevent", "none")
	c.stat("pointer_size", strconv.IntSize)
	c.stat("rusage_user", fmt.Sprintf("%d.%06d", u.Utime.Sec, u.Utime.Usec))
	c.stat("rusage_system", fmt.Sprintf("%d.%06d", u.Stime.Sec, u.Stime.Usec))
	c.stat("max_connections", 65536)
	c.stat("curr_connections", n.open.Load())
	c.stat("total_connections", n.accepted.Load())
	c.zeros("rejected_connections")
	c.stat("connection_structures", n.open.Load())
	c.zeros("response_obj_oom", "response_obj_count", "response_obj_bytes", "read_buf_count", "read_buf_bytes", "read_buf_bytes_free",
		"read_buf_oom", "reserved_fds")
	c.stat("cmd_get", n.gets.Load())
	c.stat("cmd_set", n.sets.Load())
	c.stat("cmd_flush", n.flushes.Load())
	c.stat("cmd_touch", n.touches.Load())
	c.stat("cmd_meta", n.metas.Load())
	c.stat("get_hits", n.getHits.Load())
	c.stat("get_misses", n.getMisses.Load())
	c.zeros("get_expired", "get_flushed")
	c.stat("delete_misses", n.deleteMisses.Load())
	c.stat("delete_hits", n.deleteHits.Load())
	c.stat("incr_misses", n.incrMisses.Load())
	c.stat("incr_hits", n.incrHits.Load())
	c.stat("decr_misses", n.decrMisses.Load())
	c.stat("decr_hits", n.decrHits.Load())
	c.stat("cas_misses", n.casMisses.Load())
	c.stat("cas_hits", n.casHits.Load())
	c.stat("cas_badval", n.casBadval.Load())
	c.stat("touch_hits", n.touchHits.Load())
	c.stat("touch_misses", n.touchMisses.Load())
	c.stat("store_too_large", n.tooLarge.Load())
	c.zeros("store_no_memory")
	c.stat("auth_cmds", n.auths.Load())
	c.stat("auth_errors", n.authErrors.Load())
	c.stat("bytes_read", n.read.Load())
	c.zeros("bytes_written")
	c.stat("limit_maxbytes", size.Max)
	c.stat("accepting_conns", 1)
	c.zeros("listen_disabled_num", "time_in_listen_disabled_us")
	c.stat("threads", runtime.GOMAXPROCS(0))
	c.zeros("conn_yields", "hash_power_level", "hash_bytes", "hash_is_expanding", "slab_reassign_rescues", "slab_reassign_chunk_rescues",
		"slab_reassign_evictions_nomem", "slab_reassign_inline_reclaim", "slab_reassign_busy_items", "slab_reassign_busy_deletes",
		"slab_reassign_running", "slabs_moved", "lru_crawler_running", "lru_crawler_starts", "lru_maintainer_juggles", "malloc_fails",
		"log_worker_dropped", "log_worker_written", "log_watcher_skipped", "log_watcher_sent", "log_watchers", "unexpected_napi_ids",
		"round_robin_fallback")
	c.stat("bytes", size.Bytes)
	c.stat("curr_items", size.Items)
	c.stat("total_items", n.sets.Load())
	c.zeros("slab_global_page_pool", "expired_unfetched", "evicted_unfetched", "evicted_active")
	c.stat("evictions", evicted)
	c.stat("reclaimed", size.Expired)
	c.zeros("crawler_reclaimed", "crawler_items_checked", "lrutail_reflocked", "moves_to_cold", "moves_to_warm", "moves_within_lru",
		"direct_reclaims", "lru_bumps_dropped")
	c.say("END")
}

func (c *conn) statsSettings() {
	_, port := c.address()
	size, _ := c.size()
	for _, s := range [][2]any{
		{"maxbytes", size.Max}, {"maxconns", 65536}, {"tcpport", port}, {"udpport", 0}, {"inter", "NULL"}, {"verbosity", 0}, {"oldest", 0},
		{"evictions", "on"}, {"domain_socket", "NULL"}, {"umask", 700}, {"shutdown_command", "no"}, {"growth_factor", "1.25"},
		{"chunk_size", 48}, {"num_threads", runtime.GOMAXPROCS(0)}, {"num_threads_per_udp", 0}, {"stat_key_prefix", ":"},
		{"detail_enabled", "no"}, {"reqs_per_event", 0}, {"cas_enabled", "yes"}, {"tcp_backlog", 1024}, {"binding_protocol", "ascii"},
		{"auth_enabled_sasl", "no"}, {"auth_enabled_ascii", yes(!c.open)}, {"item_size_max", c.itemBytesMax()}, {"maxconns_fast", "yes"},
		{"hashpower_init", 0}, {"slab_reassign", "no"}, {"slab_automove", 0}, {"slab_automove_ratio", "0.80"}, {"slab_automove_window", 30},
		{"slab_chunk_max", 0}, {"lru_crawler", "no"}, {"lru_crawler_sleep", 100}, {"lru_crawler_tocrawl", 0}, {"tail_repair_time", 0},
		{"flush_enabled", "yes"}, {"dump_enabled", "no"}, {"hash_algorithm", "maphash"}, {"lru_maintainer_thread", "no"}, {"lru_segmented", "no"},
		{"hot_lru_pct", 0}, {"warm_lru_pct", 0}, {"hot_max_factor", "0.00"}, {"warm_max_factor", "0.00"}, {"temp_lru", "no"},
		{"temporary_ttl", 0}, {"idle_timeout", 0}, {"watcher_logbuf_size", 0}, {"worker_logbuf_size", 0}, {"read_buf_mem_limit", 0},
		{"track_sizes", "no"}, {"inline_ascii_response", "no"}, {"slab_automove_freeratio", "0.010"},
	} {
		c.stat(s[0].(string), s[1])
	}
	c.say("END")
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// statsItems shows all items as one class: hearth has no slabs.
func (c *conn) statsItems() {
	size, evicted := c.size()
	if size.Items > 0 {
		c.stat("items:1:number", size.Items)
		c.stat("items:1:number_hot", size.Items)
		c.zeros("items:1:number_warm", "items:1:number_cold", "items:1:age_hot", "items:1:age_warm", "items:1:age")
		c.stat("items:1:mem_requested", size.Bytes)
		c.stat("items:1:evicted", evicted)
		c.zeros("items:1:evicted_nonzero", "items:1:evicted_time", "items:1:outofmemory", "items:1:tailrepairs")
		c.stat("items:1:reclaimed", size.Expired)
		c.zeros("items:1:expired_unfetched", "items:1:evicted_unfetched", "items:1:evicted_active", "items:1:crawler_reclaimed",
			"items:1:crawler_items_checked", "items:1:lrutail_reflocked", "items:1:moves_to_cold", "items:1:moves_to_warm",
			"items:1:moves_within_lru", "items:1:direct_reclaims", "items:1:hits_to_hot", "items:1:hits_to_warm", "items:1:hits_to_cold",
			"items:1:hits_to_temp")
	}
	c.say("END")
}

func (c *conn) statsSlabs() {
	n := &c.door.count
	size, _ := c.size()
	if size.Items > 0 {
		c.stat("1:chunk_size", size.Bytes/size.Items)
		c.stat("1:chunks_per_page", size.Items)
		c.stat("1:total_pages", 1)
		c.stat("1:total_chunks", size.Items)
		c.stat("1:used_chunks", size.Items)
		c.zeros("1:free_chunks", "1:free_chunks_end")
		c.stat("1:get_hits", n.getHits.Load())
		c.stat("1:cmd_set", n.sets.Load())
		c.stat("1:delete_hits", n.deleteHits.Load())
		c.stat("1:incr_hits", n.incrHits.Load())
		c.stat("1:decr_hits", n.decrHits.Load())
		c.stat("1:cas_hits", n.casHits.Load())
		c.stat("1:cas_badval", n.casBadval.Load())
		c.stat("1:touch_hits", n.touchHits.Load())
		c.stat("active_slabs", 1)
	} else {
		c.stat("active_slabs", 0)
	}
	c.stat("total_malloced", size.Bytes)
	c.say("END")
}

// statsConns shows the connection that asks: others may be other tenants'.
func (c *conn) statsConns() {
	c.stat("1:addr", "tcp:"+fmt.Sprint(c.sock.RemoteAddr()))
	c.stat("1:listen_addr", "tcp:"+fmt.Sprint(c.sock.LocalAddr()))
	c.stat("1:state", "conn_parse_cmd")
	c.stat("1:secs_since_last_cmd", 0)
	c.say("END")
}

// address is where clients are told to find this node: where they have found it.
func (c *conn) address() (host string, port int) {
	if c.door.Host != "" {
		return c.door.Host, c.door.Port
	}
	host, p, err := net.SplitHostPort(fmt.Sprint(c.sock.LocalAddr()))
	if err != nil {
		return "localhost", c.door.Port
	}
	port, _ = strconv.Atoi(p)
	return host, port
}

// runConfig answers "config get cluster", with which ElastiCache's clients find nodes: this one.
func runConfig(c *conn, words [][]byte) {
	if string(words[1]) != "get" || string(words[2]) != "cluster" {
		c.say("ERROR")
		return
	}
	host, port := c.address()
	text := fmt.Sprintf("1\n%s|%s|%d\n", host, host, port)
	c.out = fmt.Appendf(c.out, "CONFIG cluster 0 %d\r\n%s\r\nEND\r\n", len(text), text)
}
