package test

import (
	"errors"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/hearthcache/hearth/test/await"
)

// loadingFleet starts gateways over one cluster, with a cache "default" with settings.
func loadingFleet(t *testing.T, gateways int, settings ...string) []*server {
	t.Helper()
	addrs := sharedCluster.empty(t)
	all := make([]*server, gateways)
	for i := range all {
		all[i] = start(t, "--engine", "valkey", "--valkey-addrs", addrs, "--origin-allow", "127.0.0.0/8")
	}
	for _, args := range [][]string{{"cache", "create", "default"}, append([]string{"cache", "set", "default"}, settings...)} {
		if _, stderr, code := hearth(t, []string{"HEARTH_ENDPOINT=" + all[0].Listen}, args...); code != 0 {
			t.Fatal(stderr)
		}
	}
	for _, s := range all {
		await.That(t, "every gateway knows the settings", func() bool {
			out, _, _ := hearth(t, []string{"HEARTH_ENDPOINT=" + s.Listen}, "cache", "show", "default")
			return strings.Contains(out, strings.Split(settings[0], "=")[0])
		})
	}
	return all
}

// TestOneLoadOfTheFleet has a thousand callers at each of three gateways, half with go-redis and half with Momento's
// Node.js SDK, none of which knows of the others, miss the same item at once: one of them is told to load it.
func TestOneLoadOfTheFleet(t *testing.T) {
	gateways := loadingFleet(t, 3, "collapse=on", "collapse-wait=20s", "collapse-load=20s")
	var loads atomic.Int64
	var wg sync.WaitGroup
	for _, s := range gateways {
		wg.Go(func() {
			host, port := hostPort(t, s.Listen)
			out := node(t, "readaside.mjs", host, port, "default", "hot", "500")
			loads.Add(int64(strings.Count(out, "load\n")))
		})
		rdb := redis.NewClient(&redis.Options{Addr: s.RESP, PoolSize: 500, ReadTimeout: 20 * time.Second, PoolTimeout: 20 * time.Second})
		defer rdb.Close()
		for range 500 {
			wg.Go(func() {
				got, err := rdb.Get(t.Context(), "hot").Result()
				switch {
				case errors.Is(err, redis.Nil):
					loads.Add(1)
					time.Sleep(2 * time.Second) // so that the slowest Node.js process is there, too
					if err := rdb.Set(t.Context(), "hot", "loaded", time.Minute).Err(); err != nil {
						t.Error(err)
					}
				case err != nil || got != "loaded":
					t.Errorf("GET: %q, %v", got, err)
				}
			})
		}
	}
	wg.Wait()
	if n := loads.Load(); n != 1 {
		t.Errorf("%d callers were told to load the item", n)
	}
}

// TestTheLoadersGatewayDies kills the gateway of a loader: a caller who waits at another one becomes the loader.
func TestTheLoadersGatewayDies(t *testing.T) {
	gateways := loadingFleet(t, 2, "collapse=on", "collapse-wait=20s", "collapse-load=20s")
	ctx := t.Context()
	one := redis.NewClient(&redis.Options{Addr: gateways[0].RESP, MaxRetries: -1})
	defer one.Close()
	two := redis.NewClient(&redis.Options{Addr: gateways[1].RESP, MaxRetries: -1, PoolSize: 200, ReadTimeout: 20 * time.Second})
	defer two.Close()
	if err := one.Get(ctx, "k").Err(); !errors.Is(err, redis.Nil) {
		t.Fatal(err)
	}
	results := make(chan string, 100)
	for range 100 {
		go func() {
			got, err := two.Get(ctx, "k").Result()
			if err != nil {
				got = err.Error()
			}
			results <- got
		}()
	}
	time.Sleep(200 * time.Millisecond)
	select {
	case got := <-results:
		t.Fatalf("a waiter got %q while somebody loads", got)
	default:
	}
	began := time.Now()
	gateways[0].kill()
	if got := <-results; got != redis.Nil.Error() {
		t.Errorf("the first waiter got %q; want to be told to load", got)
	}
	t.Logf("the next caller was told to load %v after the gateway was killed", time.Since(began))
	if err := two.Set(ctx, "k", "v", time.Minute).Err(); err != nil {
		t.Fatal(err)
	}
	for i := range 99 {
		if got := <-results; got != "v" {
			t.Errorf("waiter %s got %q", strconv.Itoa(i), got)
		}
	}
}
