package valkey

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/fleet"
	"github.com/hearthcache/hearth/topics"
	"github.com/hearthcache/hearth/topics/topicstest"
)

// said is what publishers were told, by what they published.
type said struct {
	mu    sync.Mutex
	texts map[string]receipt
}

type receipt struct {
	topics.Receipt
	at time.Time
}

// publishUntil publishes to a topic until stop is closed, and then an end that arrives for sure.
func (s *said) publishUntil(t *testing.T, b *Broker, who, topic string, stop <-chan struct{}) {
	for n := 0; ; n++ {
		text := fmt.Sprintf("%s %s %d", topic, who, n)
		r, err := b.Publish(context.Background(), 1, topic, topics.Body{Bytes: []byte(text), Text: true})
		if err == nil {
			s.mu.Lock()
			s.texts[text] = receipt{r, time.Now()}
			s.mu.Unlock()
		} else if hearth.KindOf(err) != hearth.Unavailable {
			t.Errorf("publishing: %v", err)
		}
		select {
		case <-stop:
			return
		case <-time.After(time.Millisecond):
		}
	}
}

// heard is what one subscriber has heard of a topic.
type heard struct {
	texts map[string]bool
	gaps  int
}

// hear follows a topic to its end and fails where a number is skipped or comes again without a word.
func hear(t *testing.T, l *topicstest.Listener, topic string) heard {
	h := heard{texts: map[string]bool{}}
	next, page := uint64(1), uint64(0)
	for {
		got := l.Next()
		if got.Gap != nil {
			h.gaps++
			next, page = got.Gap.Next, got.Gap.Page
		}
		for _, m := range got.Messages {
			if page == 0 {
				page = m.Page
			}
			if m.Sequence != next || m.Page != page {
				t.Errorf("%s: number %d of page %d, want %d of %d", topic, m.Sequence, m.Page, next, page)
				return h
			}
			next++
			if h.texts[string(m.Bytes)] = true; string(m.Bytes) == "end" {
				return h
			}
		}
	}
}

// A primary is killed and comes back under load. Every message that was acknowledged reaches every subscriber, or it is told of
// a discontinuity; only what was acknowledged right before the crash may be lost with the server.
func TestFailover(t *testing.T) {
	c := cluster(t, 1)
	brokers := [2]*Broker{gateway(t, c.Addrs()...), gateway(t, c.Addrs()...)}
	names := []string{"a", "b", "c", "d", "e", "f"}
	var listening, publishing sync.WaitGroup
	all := map[string]*heard{}
	var mu sync.Mutex
	for i, b := range brokers {
		for _, name := range names {
			l := topicstest.Listen(t, b, 1, topics.Filter{Topic: name}, topics.Position{})
			listening.Go(func() {
				h := hear(t, l, name)
				mu.Lock()
				all[fmt.Sprint(name, " at gateway ", i)] = &h
				mu.Unlock()
			})
		}
	}
	s := said{texts: map[string]receipt{}}
	stop := make(chan struct{})
	for i, b := range brokers {
		for _, name := range names {
			publishing.Go(func() { s.publishUntil(t, b, strconv.Itoa(i), name, stop) })
		}
	}
	s.enough(t, 1000)
	victim := owner(t, brokers[0], c, names[0])
	crash := time.Now()
	victim.Kill()
	publishes(t, brokers[1], names[0]) // a replica has taken over
	s.enough(t, 1000)
	if err := victim.Restart(); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(c.WaitOK(), c.WaitReplicas(3)); err != nil {
		t.Fatal(err)
	}
	s.enough(t, 1000)
	close(stop)
	publishing.Wait()
	for _, name := range names {
		topicstest.Publish(t, brokers[0], 1, name, "end")
	}
	listening.Wait()
	lost, gaps := 0, 0
	for where, h := range all {
		gaps += h.gaps
		for text, r := range s.texts {
			if !strings.HasPrefix(text, where[:1]+" ") || h.texts[text] {
				continue
			}
			if lost++; h.gaps == 0 && r.at.Before(crash.Add(-time.Second)) || r.at.After(crash.Add(10*time.Second)) && h.gaps == 0 {
				t.Errorf("%s: %q, acknowledged as %d of page %d %v after the crash, was lost without a word", where, text, r.Sequence, r.Page, r.at.Sub(crash))
			}
		}
	}
	t.Logf("%d messages to %d subscribers, %d not delivered, %d discontinuities", len(s.texts), len(all), lost, gaps)
}

// enough waits until so many more messages were published.
func (s *said) enough(t *testing.T, more int) {
	t.Helper()
	count := func() int {
		s.mu.Lock()
		defer s.mu.Unlock()
		return len(s.texts)
	}
	first := count()
	for end := time.Now().Add(topicstest.Patience); count() < first+more; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d messages were published, not %d", count()-first, more)
		}
	}
}

// owner returns the server that has a topic.
func owner(t *testing.T, b *Broker, c *fleet.Cluster, topic string) *fleet.Server {
	t.Helper()
	of, err := b.o.Owners(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range c.Servers {
		if s.Addr == of(topicKey(1, topic)) {
			return s
		}
	}
	t.Fatalf("nobody has topic %s", topic)
	return nil
}

// publishes waits until a topic takes messages.
func publishes(t *testing.T, b *Broker, topic string) {
	t.Helper()
	for end := time.Now().Add(topicstest.Patience); ; {
		_, err := b.Publish(context.Background(), 1, topic, topics.Body{Bytes: []byte("x"), Text: true})
		if err == nil {
			return
		}
		if time.Now().After(end) {
			t.Fatal(err)
		}
	}
}

// Servers that answer nobody: publishing and subscribing fail in time, a subscription stays, and hears what comes later.
func TestServersAway(t *testing.T) {
	s := single(t)
	b := gateway(t, s.Addr)
	b.o.Timeout = 300 * time.Millisecond
	l := topicstest.Listen(t, b, 1, topics.Filter{Topic: "t"}, topics.Position{})
	p := topicstest.Listen(t, b, 1, topics.Filter{Pattern: "*"}, topics.Position{})
	first := topicstest.Publish(t, b, 1, "t", "before")
	l.Until("before")
	p.Until("before")
	s.Stop()
	if _, err := b.Publish(t.Context(), 1, "t", topics.Body{Bytes: []byte("x")}); hearth.KindOf(err) != hearth.Unavailable {
		t.Errorf("publishing: %v", err)
	}
	if _, err := b.Subscribe(1, topics.Filter{Topic: "other"}, topics.Position{}, func() {}); hearth.KindOf(err) != hearth.Unavailable {
		t.Errorf("subscribing: %v", err)
	}
	if err := s.Restart(); err != nil {
		t.Fatal(err)
	}
	publishes(t, b, "t")
	// The server has lost everything: a new page, and a discontinuity before it. Whether a message comes with that depends on who
	// was first, the one that publishes or the one that looks where the topic stands.
	h := l.Next()
	if h.Gap == nil || h.Gap.Last != 1 || h.Gap.Next != 1 || h.Gap.Page <= first.Page {
		t.Errorf("heard %+v", h)
	}
	if len(h.Messages) == 0 {
		h = l.Next()
	}
	if len(h.Messages) == 0 || h.Messages[0].Sequence != 1 {
		t.Errorf("heard %+v after the discontinuity", h)
	}
	if h := p.Next(); h.Gap == nil {
		t.Errorf("the pattern's subscriber heard %+v", h)
	}
}

// What a failover has lost does not give its numbers to something else on the same page.
func TestLostWritesTurnThePage(t *testing.T) {
	s := single(t)
	b := gateway(t, s.Addr)
	l := topicstest.Listen(t, b, 1, topics.Filter{Topic: "t"}, topics.Position{})
	var page uint64
	for _, text := range []string{"1", "2", "3"} {
		page = topicstest.Publish(t, b, 1, "t", text).Page
	}
	l.Until("3")
	// As a replica would have it that has not heard of 2 and 3, and has gone on since.
	key := topicKey(1, "t")
	for _, args := range [][]string{{"HDEL", key, "2", "3"}, {"HSET", key, "last", "1"}} {
		if _, err := s.Command(args...); err != nil {
			t.Fatal(err)
		}
	}
	for _, text := range []string{"another 2", "another 3", "4"} {
		topicstest.Publish(t, gateway(t, s.Addr), 1, "t", text)
	}
	if _, err := s.Command("CLIENT", "KILL", "TYPE", "pubsub"); err != nil {
		t.Fatal(err)
	}
	topicstest.Publish(t, b, 1, "t", "end")
	told := false
	for end := false; !end; {
		h := l.Next()
		told = told || h.Gap != nil && h.Gap.Page > page
		for _, m := range h.Messages {
			end = end || string(m.Bytes) == "end"
		}
	}
	if !told {
		t.Error("no discontinuity told of a new page")
	}
}

// Slots move, with the topics in them, under load: nothing is lost and nobody is told that something was.
func TestReshard(t *testing.T) {
	c := cluster(t, 0)
	publisher, listener := gateway(t, c.Addrs()...), gateway(t, c.Addrs()...)
	l := topicstest.Listen(t, listener, 1, topics.Filter{Topic: "t"}, topics.Position{})
	s := said{texts: map[string]receipt{}}
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		s.publishUntil(t, publisher, "0", "t", stop)
	}()
	slot := keySlot(t, c.Servers[0], topicKey(1, "t"))
	from := owner(t, publisher, c, "t")
	to := c.Servers[0]
	if to == from {
		to = c.Servers[1]
	}
	for _, way := range [][2]*fleet.Server{{from, to}, {to, from}} {
		s.enough(t, 50)
		if err := c.MoveSlots(way[0], way[1], slot, slot); err != nil {
			t.Fatal(err)
		}
	}
	s.enough(t, 50)
	close(stop)
	<-done
	topicstest.Publish(t, publisher, 1, "t", "end")
	h := hear(t, l, "t")
	for text := range s.texts {
		if !h.texts[text] {
			t.Errorf("%q was lost", text)
		}
	}
	if h.gaps > 0 {
		t.Errorf("%d discontinuities", h.gaps)
	}
}

func keySlot(t *testing.T, s *fleet.Server, key string) int {
	t.Helper()
	said, err := s.Command("CLUSTER", "KEYSLOT", key)
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.Atoi(strings.TrimPrefix(said, ":"))
	if err != nil {
		t.Fatal(err)
	}
	return n
}
