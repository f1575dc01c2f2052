package test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/hearthcache/hearth/test/await"
)

// TestOriginOutage takes a cache's origin away for some seconds, while three hundred clients read an item that is old by
// then and one that was never loaded.
func TestOriginOutage(t *testing.T) {
	var requests, now, most atomic.Int64
	var down atomic.Bool
	source := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		most.Store(max(most.Load(), now.Add(1)))
		defer now.Add(-1)
		time.Sleep(20 * time.Millisecond) // the origin takes its time
		if down.Load() {
			http.Error(w, "down", http.StatusServiceUnavailable)
			return
		}
		fmt.Fprint(w, "loaded "+r.URL.Path)
	}))
	defer source.Close()
	s := start(t, "--origin-allow", "127.0.0.0/8")
	s.admin(t, "cache", "create", "shop")
	s.admin(t, "cache", "set", "shop", "origin="+source.URL+"/{key}", "fresh=200ms", "stale-if-error=1m", "origin-timeout=500ms",
		"origin-retries=0", "origin-breaker=3", "origin-error=unavailable")
	const clients, outage, deadline = 300, 4 * time.Second, 2 * time.Second
	var rdbs []*redis.Client
	for range clients {
		rdb := redis.NewClient(&redis.Options{Addr: s.RESP, Username: "shop", Password: "x", PoolSize: 1, MaxRetries: -1, ReadTimeout: deadline})
		defer rdb.Close()
		rdbs = append(rdbs, rdb)
	}
	hot := func(rdb *redis.Client) {
		t.Helper()
		if v, err := rdb.Get(context.Background(), "hot").Result(); err != nil || v != "loaded /hot" {
			t.Errorf("the hot item is %q, %v", v, err)
		}
	}
	hot(rdbs[0])
	time.Sleep(250 * time.Millisecond) // it is old

	down.Store(true)
	before := requests.Load()
	var wg sync.WaitGroup
	var refused atomic.Int64
	for i, rdb := range rdbs {
		wg.Go(func() {
			time.Sleep(time.Duration(i) * time.Millisecond)
			for begun := time.Now(); time.Since(begun) < outage; time.Sleep(200 * time.Millisecond) {
				hot(rdb)
				var timeout net.Error
				_, err := rdb.Get(context.Background(), "never").Result()
				switch {
				case errors.As(err, &timeout):
					t.Errorf("a client waited past its deadline: %v", err)
				case err == nil || err == redis.Nil:
					t.Errorf("an item that cannot be loaded: %v", err)
				default:
					refused.Add(1)
				}
			}
		})
	}
	wg.Wait()
	if n := requests.Load() - before; n < 3 || n > 20 {
		t.Errorf("the origin saw %d requests while it was down, for %d refusals", n, refused.Load())
	}
	down.Store(false)
	await.That(t, "the item that was never loaded", func() bool {
		v, err := rdbs[0].Get(context.Background(), "never").Result()
		return err == nil && v == "loaded /never"
	})
	recovered := requests.Load()
	for _, rdb := range rdbs {
		wg.Go(func() { hot(rdb) })
	}
	wg.Wait()
	if n := requests.Load() - recovered; n > 3 || most.Load() > 2 {
		t.Errorf("the origin saw %d requests at its recovery, %d at once", n, most.Load())
	}
	for _, want := range []string{
		fmt.Sprintf(`hearth_origin_requests_total{cache="shop"} %d`, requests.Load()),
		`hearth_origin_failed_total{cache="shop"} `, `hearth_origin_stale_total{cache="shop"} `, `hearth_origin_left_alone_total{cache="shop"} `,
	} {
		if text := s.metrics(t); !strings.Contains(text, want) || strings.Contains(text, want+"0\n") {
			t.Errorf("the metrics do not say %s", want)
		}
	}
}

func (s *server) metrics(t *testing.T) string {
	t.Helper()
	r, err := http.Get("http://" + s.Admin + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestLoaderIsKilled lets three hundred clients wait for the set of one that dies, hangs, or sets something else.
func TestLoaderIsKilled(t *testing.T) {
	s := start(t)
	s.admin(t, "cache", "create", "shop")
	s.admin(t, "cache", "set", "shop", "collapse=on", "collapse-load=3s", "collapse-wait=20s")
	const waiters = 300
	var rdbs []*redis.Client
	for range waiters {
		rdb := redis.NewClient(&redis.Options{Addr: s.RESP, Username: "shop", Password: "x", PoolSize: 1, MaxRetries: -1, ReadTimeout: 30 * time.Second})
		defer rdb.Close()
		if err := rdb.Ping(t.Context()).Err(); err != nil {
			t.Fatal(err)
		}
		rdbs = append(rdbs, rdb)
	}
	for what, does := range map[string]func(c *redis.Client){
		"is killed":           func(c *redis.Client) { c.Close() },
		"hangs":               func(*redis.Client) {},
		"sets something else": func(c *redis.Client) { c.Set(context.Background(), "other", "v", time.Minute) },
		"deletes":             func(c *redis.Client) { c.Del(context.Background(), "deletes") },
	} {
		loader := redis.NewClient(&redis.Options{Addr: s.RESP, Username: "shop", Password: "x", PoolSize: 1, MaxRetries: -1})
		if err := loader.Get(context.Background(), what).Err(); err != redis.Nil {
			t.Fatal(err)
		}
		var loads, hits atomic.Int64
		var wg sync.WaitGroup
		for _, rdb := range rdbs {
			wg.Go(func() {
				v, err := rdb.Get(context.Background(), what).Result()
				switch {
				case err == nil && v == "v":
					hits.Add(1)
				case err == redis.Nil:
					loads.Add(1)
					time.Sleep(50 * time.Millisecond)
					err = rdb.Set(context.Background(), what, "v", time.Minute).Err()
					fallthrough
				default:
					if err != nil {
						t.Errorf("%s: %v", what, err)
					}
				}
			})
		}
		await.That(t, "all wait", func() bool {
			return strings.Contains(s.metrics(t), fmt.Sprintf("hearth_waiting{cache=\"shop\"} %d\n", waiters))
		})
		does(loader)
		wg.Wait()
		loader.Close()
		if loads.Load() != 1 || hits.Load() != waiters-1 {
			t.Errorf("the loader %s: %d waiters loaded, %d got the value", what, loads.Load(), hits.Load())
		}
	}
}
