package test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/hearthcache/hearth/fleet"
	"github.com/hearthcache/hearth/test/await"
)

// TestKilledGateway kills one of two gateways under load. Clients that know both addresses go on without an error, and what
// the dead one has held is given up: its load is another caller's, its subscribers are not counted any more.
func TestKilledGateway(t *testing.T) {
	one, two, servers := twoGateways(t, 0)
	mustHearth(t, one, "cache", "set", "shop", "collapse=on", "collapse-wait=5m", "collapse-load=5m")
	await.That(t, "both know that misses are collapsed", func() bool {
		out, _, code := hearth(t, []string{"HEARTH_ENDPOINT=" + two.Listen}, "cache", "show", "shop")
		return code == 0 && strings.Contains(out, "collapse-load")
	})
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	at := func(addrs ...string) *redis.Client {
		c := redis.NewClient(&redis.Options{Addr: addrs[0], Username: "shop", Password: "any", ReadTimeout: time.Minute, MaxRetries: len(addrs) * 2,
			Dialer: anyOf(addrs)})
		t.Cleanup(func() { _ = c.Close() })
		return c
	}
	there := at(two.RESP)

	// The first gateway has a subscriber, and a caller who has been told to load a key.
	doomed := at(one.RESP)
	sub := doomed.Subscribe(ctx, "news")
	defer sub.Close()
	if _, err := sub.Receive(ctx); err != nil {
		t.Fatal(err)
	}
	await.That(t, "its subscriber is heard of", func() bool { return there.Publish(ctx, "news", "x").Val() == 1 })
	if err := doomed.Get(ctx, "loaded").Err(); !errors.Is(err, redis.Nil) {
		t.Fatalf("the first caller of a missing key: %v", err)
	}
	waiter := make(chan error, 1)
	go func() { waiter <- there.Get(ctx, "loaded").Err() }()
	await.That(t, "the lease is in the servers", func() bool { return leases(t, servers) == 1 })

	var done atomic.Int64
	var load sync.WaitGroup
	stop := make(chan struct{})
	for w := range 4 {
		addrs := []string{one.RESP, two.RESP}
		c := at(addrs[w%2], addrs[1-w%2])
		load.Go(func() { setAndGet(ctx, t, c, w, stop, &done) })
	}
	progress(t, &done, 200)
	one.kill()
	progress(t, &done, 1000)
	close(stop)
	load.Wait()

	// The waiter is told to load, long before its patience ends, and what it sets others get.
	if err := <-waiter; !errors.Is(err, redis.Nil) {
		t.Errorf("who waited for the dead gateway's caller: %v", err)
	}
	if err := there.Set(ctx, "loaded", "now", time.Minute).Err(); err != nil {
		t.Error(err)
	}
	if got := there.Get(ctx, "loaded").Val(); got != "now" {
		t.Errorf("the loaded key: %q", got)
	}
	await.That(t, "no lease is left", func() bool { return leases(t, servers) == 0 })
	await.That(t, "its subscriber is forgotten", func() bool {
		n, err := there.Publish(ctx, "news", "x").Result()
		return err == nil && n == 0
	})
}

// setAndGet writes keys and reads them back until it is told to stop. No error is allowed.
func setAndGet(ctx context.Context, t *testing.T, c *redis.Client, worker int, stop <-chan struct{}, done *atomic.Int64) {
	for i := 0; ; i++ {
		select {
		case <-stop:
			return
		default:
		}
		key, want := fmt.Sprintf("%d-%d", worker, i%100), fmt.Sprint(i)
		if err := c.Set(ctx, key, want, time.Minute).Err(); err != nil {
			t.Errorf("SET: %v", err)
			return
		}
		if got, err := c.Get(ctx, key).Result(); err != nil || got != want {
			t.Errorf("GET: %q, %v; want %q", got, err, want)
			return
		}
		done.Add(1)
	}
}

// anyOf connects to the first address that answers.
func anyOf(addrs []string) func(ctx context.Context, network, addr string) (net.Conn, error) {
	return func(ctx context.Context, network, _ string) (c net.Conn, err error) {
		for _, a := range addrs {
			var d net.Dialer
			if c, err = d.DialContext(ctx, network, a); err == nil {
				return c, nil
			}
		}
		return nil, err
	}
}

// leases returns how many leases the servers have.
func leases(t *testing.T, servers *fleet.Cluster) (n int) {
	t.Helper()
	for _, s := range servers.Servers {
		keys, err := s.Command("KEYS", "h::lease:*")
		if err != nil {
			t.Fatal(err)
		}
		n += strings.Count(keys, "h::lease:")
	}
	return n
}
