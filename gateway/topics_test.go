package gateway

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/control"
	"github.com/hearthcache/hearth/engine/local"
	"github.com/hearthcache/hearth/topics"
)

// topicGateway returns a gateway over a local engine with the cache "c", and a caller on it.
func topicGateway(t *testing.T) (*Gateway, *Caller) {
	t.Helper()
	plane, err := control.NewPlane(context.Background(), nil)
	if err != nil {
		t.Fatal(err)
	}
	g := New(Options{Engine: local.New(local.Options{}), Plane: plane, Open: true})
	if _, err := plane.Change(context.Background(), control.CreateCache{Name: "c"}); err != nil {
		t.Fatal(err)
	}
	c, err := g.SignIn(Credential{}, "c")
	if err != nil {
		t.Fatal(err)
	}
	return g, c
}

func text(s string) topics.Body { return topics.Body{Bytes: []byte(s), Text: true} }

// takeAll returns the bodies that wait on a subscription, and the error that ends it.
func takeAll(s *Subscription) (bodies []string, err error) {
	ms := make([]topics.Message, 2)
	for {
		n, gap, err := s.Take(ms, 1000)
		for _, m := range ms[:n] {
			bodies = append(bodies, string(m.Bytes))
		}
		if err != nil || n == 0 && gap == nil {
			return bodies, err
		}
	}
}

func TestSubscriptionsOutliveAFlushAndEndWithTheCache(t *testing.T) {
	g, c := topicGateway(t)
	ctx := context.Background()
	woken := make(chan struct{}, 10)
	s, err := g.Subscribe(c, topics.Filter{Topic: "t"}, topics.Position{}, false, func() { woken <- struct{}{} })
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if got, err := takeAll(s); len(got) > 0 || err != nil {
		t.Fatalf("took %q, %v", got, err)
	}
	if err := g.Change(ctx, c, control.FlushCache{Name: "c"}); err != nil {
		t.Fatal(err)
	}
	if _, err := g.Publish(ctx, c, "t", text("x")); err != nil {
		t.Fatal(err)
	}
	<-woken
	if got, err := takeAll(s); len(got) != 1 || got[0] != "x" || err != nil {
		t.Fatalf("after a flush took %q, %v", got, err)
	}
	if err := g.Change(ctx, c, control.DeleteCache{Name: "c"}); err != nil {
		t.Fatal(err)
	}
	<-woken
	if _, err := takeAll(s); hearth.KindOf(err) != hearth.NoCache {
		t.Errorf("after the cache was deleted: %v", err)
	}
	if _, err := g.Publish(ctx, c, "t", text("x")); hearth.KindOf(err) != hearth.NoCache {
		t.Errorf("published on a cache that is gone: %v", err)
	}
	if _, err := g.Subscribe(c, topics.Filter{Topic: "t"}, topics.Position{}, false, func() {}); hearth.KindOf(err) != hearth.NoCache {
		t.Errorf("subscribed to a cache that is gone: %v", err)
	}
}

func TestTopicNames(t *testing.T) {
	g, c := topicGateway(t)
	check := func(topic string, publish, subscribe bool) {
		t.Helper()
		_, err := g.Publish(context.Background(), c, topic, text("x"))
		if (err == nil) != publish || err != nil && hearth.KindOf(err) != hearth.Invalid {
			t.Errorf("publish on %q: %v", topic, err)
		}
		s, err := g.Subscribe(c, topics.Filter{Topic: topic}, topics.Position{}, false, func() {})
		if (err == nil) != subscribe || err != nil && hearth.KindOf(err) != hearth.Invalid {
			t.Errorf("subscribe to %q: %v", topic, err)
		}
		if s != nil {
			s.Close()
		}
	}
	check("t", true, true)
	check("$other", true, true)
	check("$hearth/changes", false, true)
	check("$hearth/changes/user:", false, true)
	check("", false, false)
	check(" ", false, false)
	check("a\x00b", false, false)
	check("\xff", false, false)
}

func TestFeedIsFilteredByKey(t *testing.T) {
	g, c := topicGateway(t)
	space := c.bind().cache.Topics
	s, err := g.Subscribe(c, topics.Filter{Topic: FeedTopic + "/user:"}, topics.Position{}, false, func() {})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, key := range []string{"user:1", "order:1", "order:2", "order:3", "user:2", "us"} {
		if _, err := g.topics.Publish(context.Background(), space, FeedTopic, topics.Body{Bytes: []byte(key), Key: []byte(key)}); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := takeAll(s); len(got) != 2 || got[0] != "user:1" || got[1] != "user:2" || err != nil {
		t.Errorf("took %q, %v", got, err)
	}
}

func TestHeartbeats(t *testing.T) {
	g, c := topicGateway(t)
	woken := make(chan struct{}, 10)
	begin := time.Now()
	s, err := g.Subscribe(c, topics.Filter{Topic: "t"}, topics.Position{}, true, func() { woken <- struct{}{} })
	if err != nil {
		t.Fatal(err)
	}
	if !s.Beat() || s.Beat() {
		t.Error("not exactly one heartbeat at once")
	}
	<-woken
	if took := time.Since(begin); took < 500*time.Millisecond || !s.Beat() || s.Beat() {
		t.Errorf("woken after %v without exactly one heartbeat", took)
	}
	s.Close()
	before := len(woken)
	if _, err := g.Publish(context.Background(), c, "t", text("x")); err != nil || len(woken) > before {
		t.Errorf("woken after Close, or %v", err)
	}
}

func TestSubscriptionsLimit(t *testing.T) {
	g, c := topicGateway(t)
	if err := g.Change(context.Background(), c, control.SetCache{Name: "c", Settings: map[string]string{"subscriptions": "2"}}); err != nil {
		t.Fatal(err)
	}
	subscribe := func() (*Subscription, error) {
		return g.Subscribe(c, topics.Filter{Topic: "t"}, topics.Position{}, true, func() {})
	}
	one, err1 := subscribe()
	two, err2 := subscribe()
	_, err3 := subscribe()
	var e *hearth.Error
	if err1 != nil || err2 != nil || !errors.As(err3, &e) || e.Limit != hearth.Subscriptions {
		t.Fatalf("three subscriptions where two are allowed: %v, %v, %v", err1, err2, err3)
	}
	one.Close()
	three, err := subscribe()
	if err != nil {
		t.Fatalf("after one was closed: %v", err)
	}
	two.Close()
	three.Close()
}
