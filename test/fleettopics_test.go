package test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/hearthcache/hearth/fleet"
	"github.com/hearthcache/hearth/test/await"
)

// twoGateways starts two gateways over a cluster of three shards, with a cache that both know.
func twoGateways(t *testing.T, replicas int) (one, two *server, servers *fleet.Cluster) {
	t.Helper()
	servers, err := fleet.StartCluster(t.TempDir(), 3, replicas, "--cluster-node-timeout", "1000")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(servers.Stop)
	args := []string{"--engine", "valkey", "--valkey-addrs", strings.Join(servers.Addrs()[:3], ",")}
	one, two = start(t, args...), start(t, args...)
	mustHearth(t, one, "cache", "create", "shop")
	await.That(t, "the cache is known to both", func() bool {
		out, _, code := hearth(t, []string{"HEARTH_ENDPOINT=" + two.Listen}, "cache", "list")
		return code == 0 && strings.Contains(out, "shop")
	})
	return one, two, servers
}

// Subscribers at one gateway, publishers at the other, with every kind of client.
func TestTopicsAcrossGateways(t *testing.T) {
	one, two, _ := twoGateways(t, 0)
	t.Run("Momento", func(t *testing.T) {
		host, port := hostPort(t, one.Listen)
		otherHost, otherPort := hostPort(t, two.Listen)
		t.Log(node(t, "topics.mjs", host, port, otherHost, otherPort))
	})
	t.Run("Redis", func(t *testing.T) { redisAcrossGateways(t, one, two) })
	t.Run("events", func(t *testing.T) { eventsAcrossGateways(t, one, two) })
	t.Run("changes", func(t *testing.T) { changesAcrossGateways(t, one, two) })
}

func redisAcrossGateways(t *testing.T, one, two *server) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	here := redis.NewClient(&redis.Options{Addr: one.RESP, Username: "shop", Password: "any"})
	defer here.Close()
	there := redis.NewClient(&redis.Options{Addr: two.RESP, Username: "shop", Password: "any"})
	defer there.Close()
	topic, pattern := here.Subscribe(ctx, "news.a"), here.PSubscribe(ctx, "news.*")
	defer topic.Close()
	defer pattern.Close()
	for _, s := range []*redis.PubSub{topic, pattern} {
		if _, err := s.Receive(ctx); err != nil { // the confirmation
			t.Fatal(err)
		}
	}
	if n, err := there.Publish(ctx, "news.nobody", "x").Result(); err != nil || n != 0 {
		t.Errorf("PUBLISH to nobody: %d, %v", n, err)
	}
	for i := range 100 {
		n, err := there.Publish(ctx, "news.a", i).Result()
		if err != nil || n != 1 {
			t.Fatalf("PUBLISH heard at the other gateway: %d, %v", n, err)
		}
	}
	for _, s := range []*redis.PubSub{topic, pattern} {
		for i := 0; i < 100; {
			m, err := s.ReceiveMessage(ctx)
			if err != nil {
				t.Fatal(err)
			}
			if m.Channel == "news.nobody" {
				continue
			}
			if m.Channel != "news.a" || m.Payload != fmt.Sprint(i) {
				t.Fatalf("%s %s, want news.a %d", m.Channel, m.Payload, i)
			}
			i++
		}
	}
}

// eventsAcrossGateways follows Server-Sent Events at one gateway, and goes on at the other where it has left off.
func eventsAcrossGateways(t *testing.T, one, two *server) {
	publish := func(s *server, text string) {
		t.Helper()
		resp, err := http.Post(s.url("/topics/shop/events"), "text/plain", strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode/100 != 2 {
			t.Fatalf("publishing: %s", resp.Status)
		}
	}
	first := openEvents(t, one, "")
	publish(two, "1")
	publish(one, "2")
	var last string
	for _, want := range []string{"1", "2"} {
		if last = first.next(t, want); last == "" {
			t.Fatal("an event without an id")
		}
	}
	first.Close()
	publish(one, "3")
	publish(two, "4")
	again := openEvents(t, two, last)
	again.next(t, "3")
	again.next(t, "4")
	publish(one, "5")
	again.next(t, "5")
}

// events is a stream of Server-Sent Events.
type events struct {
	io.Closer
	lines *bufio.Scanner
}

// openEvents subscribes to the topic events of the cache shop, and returns when the server has said where the stream begins.
func openEvents(t *testing.T, s *server, last string) *events {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url("/topics/shop/events"), nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept", "text/event-stream")
	if last != "" {
		req.Header.Set("Last-Event-ID", last)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("subscribing: %s", resp.Status)
	}
	return &events{resp.Body, bufio.NewScanner(resp.Body)}
}

// next returns the id of the next event that has data, which is the wanted text.
func (e *events) next(t *testing.T, want string) (id string) {
	t.Helper()
	for e.lines.Scan() {
		field, value, _ := strings.Cut(e.lines.Text(), ":")
		value = strings.TrimPrefix(value, " ")
		switch field {
		case "id":
			id = value
		case "event":
			t.Fatalf("an event of type %s before %q", value, want)
		case "data":
			if value != want {
				t.Fatalf("data %q, want %q", value, want)
			}
			return id
		}
	}
	t.Fatalf("the stream ended before %q: %v", want, e.lines.Err())
	return ""
}

// What one gateway changes, the subscribers of the change feed hear at another.
func changesAcrossGateways(t *testing.T, one, two *server) {
	mustHearth(t, one, "cache", "set", "shop", "feed=on")
	await.That(t, "both know that changes are told", func() bool {
		out, _, code := hearth(t, []string{"HEARTH_ENDPOINT=" + two.Listen}, "cache", "show", "shop")
		return code == 0 && strings.Contains(out, "feed")
	})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	clients := [2]*redis.Client{}
	for i, s := range []*server{one, two} {
		clients[i] = redis.NewClient(&redis.Options{Addr: s.RESP, Username: "shop", Password: "any"})
		defer clients[i].Close()
	}
	feeds := [2]*redis.PubSub{}
	for i, c := range clients {
		feeds[i] = c.Subscribe(ctx, "$hearth/changes")
		defer feeds[i].Close()
		if _, err := feeds[i].Receive(ctx); err != nil {
			t.Fatal(err)
		}
	}
	expect := func(want string) {
		t.Helper()
		for i, f := range feeds {
			m, err := f.ReceiveMessage(ctx)
			if err != nil {
				t.Fatalf("at gateway %d, for %s: %v", i, want, err)
			}
			if m.Payload != want {
				t.Fatalf("at gateway %d: %s, want %s", i, m.Payload, want)
			}
		}
	}
	do := func(c *redis.Client, args ...any) {
		t.Helper()
		if err := c.Do(ctx, args...).Err(); err != nil {
			t.Fatal(err)
		}
	}
	do(clients[0], "SET", "k", "v")
	expect(`{"event":"set","key":"k"}`)
	do(clients[1], "HSET", "h", "f", "v")
	expect(`{"event":"set","key":"h"}`)
	do(clients[1], "DEL", "k", "h")
	expect(`{"event":"deleted","key":"k"}`)
	expect(`{"event":"deleted","key":"h"}`)
	mustHearth(t, two, "cache", "flush", "shop")
	for range 2 {
		expect(`{"event":"flushed"}`) // each gateway says it
	}
}
