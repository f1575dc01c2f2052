package resp

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

func ctx(t testing.TB) context.Context {
	c, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	t.Cleanup(cancel)
	return c
}

func TestGoRedis(t *testing.T) {
	for _, proto := range []int{2, 3} {
		addr := serve(t)
		c := redis.NewClient(&redis.Options{Addr: addr, Protocol: proto})
		defer c.Close()
		useGoRedis(t, c)
	}
}

func TestGoRedisCluster(t *testing.T) {
	c := redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{serve(t)}})
	defer c.Close()
	useGoRedis(t, c)
}

// useGoRedis does what applications do with a client.
func useGoRedis(t *testing.T, c redis.UniversalClient) {
	t.Helper()
	x := ctx(t)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(c.Set(x, "k", "v", time.Minute).Err())
	if v, err := c.Get(x, "k").Result(); v != "v" || err != nil {
		t.Error(v, err)
	}
	if _, err := c.Get(x, "none").Result(); err != redis.Nil {
		t.Error(err)
	}
	must(c.HSet(x, "h", "a", 1, "b", 2).Err())
	if m, err := c.HGetAll(x, "h").Result(); len(m) != 2 || m["b"] != "2" || err != nil {
		t.Error(m, err)
	}
	must(c.ZAdd(x, "z", redis.Z{Score: 1.5, Member: "m"}, redis.Z{Score: 2, Member: "n"}).Err())
	if z, err := c.ZRangeWithScores(x, "z", 0, -1).Result(); len(z) != 2 || z[0].Score != 1.5 || err != nil {
		t.Error(z, err)
	}
	pipe, err := c.Pipelined(x, func(p redis.Pipeliner) error {
		for i := range 100 {
			p.Incr(x, fmt.Sprint("n", i%10))
		}
		return nil
	})
	must(err)
	if n := pipe[99].(*redis.IntCmd).Val(); n != 10 {
		t.Error(n)
	}
	tx, err := c.TxPipelined(x, func(p redis.Pipeliner) error {
		p.Set(x, "{t}a", 1, 0)
		p.Incr(x, "{t}a")
		return nil
	})
	must(err)
	if n := tx[1].(*redis.IntCmd).Val(); n != 2 {
		t.Error(n)
	}
	watched := c.Watch(x, func(tx *redis.Tx) error {
		must(c.Set(x, "{t}a", 7, 0).Err())
		_, err := tx.TxPipelined(x, func(p redis.Pipeliner) error { return p.Set(x, "{t}a", 8, 0).Err() })
		return err
	}, "{t}a")
	if watched != redis.TxFailedErr {
		t.Error(watched)
	}
	subscribe(t, c)
}

func subscribe(t *testing.T, c redis.UniversalClient) {
	t.Helper()
	x := ctx(t)
	s, p := c.Subscribe(x, "news"), c.PSubscribe(x, "ne?s")
	defer s.Close()
	defer p.Close()
	for _, sub := range []*redis.PubSub{s, p} {
		if _, err := sub.Receive(x); err != nil {
			t.Fatal(err)
		}
	}
	if n, err := c.Publish(x, "news", "hello").Result(); n != 2 || err != nil {
		t.Error(n, err)
	}
	for _, sub := range []*redis.PubSub{s, p} {
		if m, err := sub.ReceiveMessage(x); err != nil || m.Payload != "hello" || m.Channel != "news" {
			t.Error(m, err)
		}
	}
}

func TestRedisCLI(t *testing.T) {
	addr := serve(t)
	_, port, _ := strings.Cut(addr, ":")
	check := func(want string, args ...string) {
		t.Helper()
		out, err := exec.Command("redis-cli", append([]string{"-p", port}, args...)...).CombinedOutput()
		if got := strings.TrimSpace(string(out)); got != want || err != nil {
			t.Errorf("%q prints %q (%v), want %q", args, got, err, want)
		}
	}

	check("OK", "set", "k", "v")
	check("v", "get", "k")
	check("(error) WRONGTYPE Operation against a key holding the wrong kind of value", "--no-raw", "lpush", "k", "x")
}

// Debian's exporter for Prometheus scrapes without an error.
func TestExporter(t *testing.T) {
	addr := serve(t)
	dial(t, addr).do("SET", "k", "v")
	port := freePort(t)
	cmd := exec.Command("prometheus-redis-exporter", "-redis.addr", "redis://"+addr, "-web.listen-address", fmt.Sprintf("127.0.0.1:%d", port),
		"-check-single-keys", "k", "-include-system-metrics")
	log := filepath.Join(t.TempDir(), "log")
	var err error
	if cmd.Stderr, err = os.Create(log); err != nil {
		t.Fatal(err)
	}
	start(t, cmd)
	resp, err := http.Get("http://" + awaitPort(t, port) + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	for _, line := range []string{"redis_up 1", "redis_exporter_last_scrape_error{err=\"\"} 0"} {
		if !strings.Contains(string(body), line+"\n") {
			t.Errorf("no line %q in the metrics", line)
		}
	}
	if m := regexp.MustCompile(`(?m)^redis_memory_max_bytes (.*)$`).FindStringSubmatch(string(body)); m == nil || m[1] == "0" {
		t.Errorf("the memory that the cache may come to is shown as %q", m)
	}
	if said, err := os.ReadFile(log); err != nil || strings.Contains(string(said), "level=error") {
		t.Errorf("%s (%v)", said, err)
	}
}
