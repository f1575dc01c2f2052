package gateway

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/control"
	"github.com/hearthcache/hearth/control/store"
	"github.com/hearthcache/hearth/engine/local"
	"github.com/hearthcache/hearth/op"
	"github.com/hearthcache/hearth/topics"
	"github.com/hearthcache/hearth/topics/webhook"
)

// runTopics runs the gateway's part until the test ends.
func runTopics(t *testing.T, g *Gateway) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = g.RunTopics(ctx)
	}()
	stop = func() { cancel(); <-done }
	t.Cleanup(stop)
	return stop
}

// listen subscribes and returns a function that waits for the next n bodies.
func listen(t *testing.T, g *Gateway, c *Caller, topic string) func(n int) []string {
	t.Helper()
	wake := make(chan struct{}, 1)
	s, err := g.Subscribe(c, topics.Filter{Topic: topic}, topics.Position{}, false, func() {
		select {
		case wake <- struct{}{}:
		default:
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	var got []string
	return func(n int) []string {
		t.Helper()
		for timeout := time.After(time.Minute); ; {
			more, err := takeAll(s)
			if err != nil {
				t.Fatal(err)
			}
			if got = append(got, more...); len(got) >= n {
				first := got[:n:n]
				got = got[n:]
				return first
			}
			select {
			case <-wake:
			case <-timeout:
				t.Fatalf("only %q came", got)
			}
		}
	}
}

func TestFeed(t *testing.T) {
	g, c := topicGateway(t)
	runTopics(t, g)
	ctx := context.Background()
	do := func(o op.Op) {
		t.Helper()
		if err := g.Do(ctx, c, o, &op.Reply{}); err != nil {
			t.Fatal(err)
		}
	}
	set := func(key string, ttl int64) {
		t.Helper()
		do(&op.Set{K: []byte(key), Value: []byte("v"), Expiry: op.Expiry{TTL: ttl}})
	}
	all, users := listen(t, g, c, FeedTopic), listen(t, g, c, FeedTopic+"/user:")
	set("silent", 60_000)
	if err := g.Change(ctx, c, control.SetCache{Name: "c", Settings: map[string]string{"feed": "on"}}); err != nil {
		t.Fatal(err)
	}
	check := func(got []string, want ...string) {
		t.Helper()
		if !slices.Equal(got, want) {
			t.Errorf("feed %q, want %q", got, want)
		}
	}
	set("order:1", 60_000)
	check(all(1), `{"event":"set","key":"order:1"}`)
	set("user:1", 60_000)
	check(users(1), `{"event":"set","key":"user:1"}`)
	do(&op.Delete{K: []byte("user:1")})
	check(users(1), `{"event":"deleted","key":"user:1"}`)
	check(all(2), `{"event":"set","key":"user:1"}`, `{"event":"deleted","key":"user:1"}`)
	if err := g.Invalidate(ctx, c, [][]byte{[]byte("sale"), []byte("spring")}); err != nil {
		t.Fatal(err)
	}
	for _, feed := range []func(int) []string{all, users} {
		check(feed(2), `{"event":"invalidated","tag":"sale"}`, `{"event":"invalidated","tag":"spring"}`)
	}
	set("\xff", 60_000)
	check(all(1), `{"event":"set","key_base64":"/w=="}`)
	if err := g.Change(ctx, c, control.FlushCache{Name: "c"}); err != nil {
		t.Fatal(err)
	}
	check(all(1), `{"event":"flushed"}`)
	check(users(1), `{"event":"flushed"}`)
	set("user:2", 60_000)
	check(users(1), `{"event":"set","key":"user:2"}`)
	check(all(1), `{"event":"set","key":"user:2"}`)
	if err := g.Change(ctx, c, control.SetCache{Name: "c", Settings: map[string]string{"feed": ""}}); err != nil {
		t.Fatal(err)
	}
	set("user:3", 60_000)
	if err := g.Change(ctx, c, control.SetCache{Name: "c", Settings: map[string]string{"feed": "on"}}); err != nil {
		t.Fatal(err)
	}
	set("user:4", 60_000)
	check(users(1), `{"event":"set","key":"user:4"}`)
}

func TestFeedOverflowIsADiscontinuity(t *testing.T) {
	g, c := topicGateway(t)
	ctx := context.Background()
	if err := g.Change(ctx, c, control.SetCache{Name: "c", Settings: map[string]string{"feed": "on"}}); err != nil {
		t.Fatal(err)
	}
	s, err := g.Subscribe(c, topics.Filter{Topic: FeedTopic}, topics.Position{}, false, func() {})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	// Nobody takes events yet: the engine keeps some and counts the rest.
	for i := range 100_000 {
		if err := g.Do(ctx, c, &op.Set{K: fmt.Append(nil, i), Value: []byte("v"), Expiry: op.Expiry{TTL: 60_000}}, &op.Reply{}); err != nil {
			t.Fatal(err)
		}
	}
	runTopics(t, g)
	ms := make([]topics.Message, 100)
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		_, gap, err := s.Take(ms, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		if gap != nil {
			return
		}
	}
	t.Error("no discontinuity came")
}

func TestDeadLetters(t *testing.T) {
	g, c := topicGateway(t)
	dead := listen(t, g, c, DeadTopic)
	hook := webhook.Hook{Space: g.View().Caches["c"].Topics, Cache: "c", Name: "h", Topic: "t"}
	m := topics.Message{Topic: "t", Sequence: 3, Page: 7, Time: 11, Body: topics.Body{Bytes: []byte("x"), Text: true, Publisher: "me"}}
	g.bury(webhook.Dead{Hook: hook, Message: m, Attempts: 2, Reason: "the receiver answered 500"})
	m.Body = topics.Body{Bytes: []byte{255}}
	g.bury(webhook.Dead{Hook: hook, Message: m, Reason: "full"})
	want := []string{
		`{"webhook":"h","topic":"t","topic_sequence_number":3,"topic_sequence_page":7,"event_timestamp":11,"token_id":"me","attempts":2,"reason":"the receiver answered 500","text":"x"}`,
		`{"webhook":"h","topic":"t","topic_sequence_number":3,"topic_sequence_page":7,"event_timestamp":11,"token_id":"","attempts":0,"reason":"full","binary":"/w=="}`,
	}
	if got := dead(2); !slices.Equal(got, want) {
		t.Errorf("dead letters %q, want %q", got, want)
	}
}

// TestWebhooksOutliveTheProcess puts a webhook into a gateway with a file and delivers from the next one.
func TestWebhooksOutliveTheProcess(t *testing.T) {
	folder, ctx := t.TempDir(), context.Background()
	bodies := make(chan string, 10)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		bodies <- string(body)
	}))
	defer server.Close()
	open := func() (*Gateway, *Caller, func()) {
		file, err := store.Open(folder)
		if err != nil {
			t.Fatal(err)
		}
		plane, err := control.NewPlane(ctx, file)
		if err != nil {
			t.Fatal(err)
		}
		engine := local.New(local.Options{})
		g := New(Options{Engine: engine, Plane: plane, Open: true, WebhookAllow: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}})
		c, err := g.SignIn(Credential{}, "c")
		if err != nil {
			t.Fatal(err)
		}
		return g, c, func() { _ = engine.Close(); _ = file.Close() }
	}
	g, c, end := open()
	if err := g.Change(ctx, c, control.CreateCache{Name: "c"}); err != nil {
		t.Fatal(err)
	}
	secret, err := g.PutWebhook(ctx, c, control.PutWebhook{Cache: "c", Name: "h", Topic: "t", URL: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := g.PutWebhook(ctx, c, control.PutWebhook{Cache: "c", Name: "h2", Topic: "t", URL: "http://10.0.0.1/"}); hearth.KindOf(err) != hearth.Invalid {
		t.Errorf("a webhook to a private address: %v", err)
	}
	end()

	g, c, end = open()
	defer end()
	stop := runTopics(t, g)
	if w, err := g.Webhook(c, "c", "h"); err != nil || w.Secret != secret {
		t.Fatalf("after the restart: %+v, %v", w, err)
	}
	if _, err := g.Publish(ctx, c, "t", text("hello")); err != nil {
		t.Fatal(err)
	}
	if body := <-bodies; !strings.Contains(body, `"text":"hello"`) {
		t.Errorf("delivered %s", body)
	}
	stop()
}
