package resp

import (
	"fmt"
	"os"
	"runtime"
	"runtime/metrics"
	"syscall"
	"time"
)

func infoServer(c *conn) []string {
	up := time.Since(c.door.began)
	return []string{
		"redis_version:" + redisVersion, "redis_git_sha1:00000000", "redis_git_dirty:0", "redis_build_id:0", "redis_mode:standalone",
		"server_name:hearth", "hearth_version:" + c.door.Version, "os:" + runtime.GOOS + " " + runtime.GOARCH, "arch_bits:64",
		fmt.Sprintf("process_id:%d", os.Getpid()), "run_id:" + c.door.id(), fmt.Sprintf("tcp_port:%d", c.door.Port),
		fmt.Sprintf("server_time_usec:%d", time.Now().UnixMicro()), fmt.Sprintf("uptime_in_seconds:%d", int64(up.Seconds())),
		fmt.Sprintf("uptime_in_days:%d", int64(up.Hours()/24)), "hz:10", "executable:", "config_file:",
	}
}

func infoClients(c *conn) []string {
	c.door.mu.Lock()
	n := len(c.door.conns)
	c.door.mu.Unlock()
	return []string{fmt.Sprintf("connected_clients:%d", n), "cluster_connections:0", "maxclients:65536",
		"client_recent_max_input_buffer:0", "client_recent_max_output_buffer:0", "blocked_clients:0", "tracking_clients:0", "clients_in_timeout_table:0"}
}

// infoMemory tells what the client's cache holds, not the process: other tenants are none of its business.
func infoMemory(c *conn) []string {
	s, _ := c.size()
	lines := []string{fmt.Sprintf("used_memory:%d", s.Bytes), fmt.Sprintf("used_memory_human:%s", human(s.Bytes)),
		fmt.Sprintf("used_memory_dataset:%d", s.Bytes)}
	if c.open {
		m := []metrics.Sample{{Name: "/memory/classes/total:bytes"}}
		metrics.Read(m)
		lines = append(lines, fmt.Sprintf("used_memory_rss:%d", m[0].Value.Uint64()))
	}
	return append(lines, fmt.Sprintf("maxmemory:%d", s.Max), fmt.Sprintf("maxmemory_human:%s", human(s.Max)), "maxmemory_policy:allkeys-lfu", "mem_fragmentation_ratio:1.00", "mem_allocator:hearth")
}

func human(n int64) string {
	switch {
	case n >= 1<<30:
		return fmt.Sprintf("%.2fG", float64(n)/(1<<30))
	case n >= 1<<20:
		return fmt.Sprintf("%.2fM", float64(n)/(1<<20))
	case n >= 1<<10:
		return fmt.Sprintf("%.2fK", float64(n)/(1<<10))
	}
	return fmt.Sprintf("%dB", n)
}

func infoStats(c *conn) []string {
	s, _ := c.size()
	evicted := int64(0)
	for _, n := range s.Evicted {
		evicted += n
	}
	patterns, _ := c.door.Gateway.Patterns(c.caller)
	return []string{
		fmt.Sprintf("total_connections_received:%d", c.door.nextID.Load()), fmt.Sprintf("total_commands_processed:%d", c.door.commands.Load()),
		"instantaneous_ops_per_sec:0", "rejected_connections:0", fmt.Sprintf("expired_keys:%d", s.Expired), fmt.Sprintf("evicted_keys:%d", evicted),
		"keyspace_hits:0", "keyspace_misses:0", "pubsub_channels:0", fmt.Sprintf("pubsub_patterns:%d", patterns), "latest_fork_usec:0", "total_forks:0",
	}
}

func infoCPU(c *conn) []string {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return []string{fmt.Sprintf("used_cpu_sys:%d.%06d", u.Stime.Sec, u.Stime.Usec), fmt.Sprintf("used_cpu_user:%d.%06d", u.Utime.Sec, u.Utime.Usec),
		"used_cpu_sys_children:0.000000", "used_cpu_user_children:0.000000"}
}

func infoKeyspace(c *conn) []string {
	s, err := c.size()
	if err != nil || s.Items == 0 {
		return nil
	}
	return []string{fmt.Sprintf("db0:keys=%d,expires=0,avg_ttl=0", s.Items)}
}
