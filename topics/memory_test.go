package topics

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hearthcache/hearth"
)

// publish publishes text and returns its receipt.
func publish(t testing.TB, m *Memory, s hearth.Space, topic, text string) Receipt {
	t.Helper()
	r, err := m.Publish(context.Background(), s, topic, Body{Bytes: []byte(text), Text: true, Publisher: "me"})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// follower is a subscription of a test, with how often it was woken.
type follower struct {
	Sub
	woken atomic.Int64
}

func follow(t testing.TB, m *Memory, s hearth.Space, f Filter, after Position) *follower {
	t.Helper()
	w := &follower{}
	sub, err := m.Subscribe(s, f, after, func() { w.woken.Add(1) })
	if err != nil {
		t.Fatal(err)
	}
	w.Sub = sub
	return w
}

// drain takes all there is and writes it down: "3:text" for a message, "gap 1>3" for a gap.
func drain(t testing.TB, s Sub) string {
	t.Helper()
	var b strings.Builder
	ms := make([]Message, 3)
	for {
		n, gap, err := s.Take(ms, 1<<20)
		if err != nil {
			fmt.Fprintf(&b, "%s ", hearthKind(err))
			return strings.TrimSpace(b.String())
		}
		if gap != nil {
			fmt.Fprintf(&b, "gap %d>%d ", gap.Last, gap.Next)
		}
		for _, m := range ms[:n] {
			fmt.Fprintf(&b, "%d:%s ", m.Sequence, m.Bytes)
		}
		if n == 0 && gap == nil {
			return strings.TrimSpace(b.String())
		}
	}
}

func hearthKind(err error) string {
	if hearth.KindOf(err) == hearth.NoCache {
		return "ended"
	}
	return err.Error()
}

func TestPublishAndTake(t *testing.T) {
	m := NewMemory(Options{})
	defer m.Close()
	check := func(what, got, want string) {
		t.Helper()
		if got != want {
			t.Errorf("%s: got %q, want %q", what, got, want)
		}
	}
	publish(t, m, 1, "a", "early")
	s := follow(t, m, 1, Filter{Topic: "a"}, Position{})
	check("from now on", drain(t, s), "")
	if n := s.woken.Load(); n != 0 {
		t.Errorf("woken %d times before anything was published", n)
	}
	publish(t, m, 1, "a", "x")
	publish(t, m, 1, "a", "y")
	publish(t, m, 2, "a", "of another space")
	if n := s.woken.Load(); n != 1 {
		t.Errorf("woken %d times, want once until the next Take", n)
	}
	check("two messages", drain(t, s), "2:x 3:y")
	page := m.Topic(1, "a").Page
	check("resumed in the ring", drain(t, follow(t, m, 1, Filter{Topic: "a"}, Position{2, page})), "2:x 3:y")
	check("resumed at the end", drain(t, follow(t, m, 1, Filter{Topic: "a"}, Position{4, page})), "")
	check("another page", drain(t, follow(t, m, 1, Filter{Topic: "a"}, Position{2, page - 1})), "gap 1>1 1:early 2:x 3:y")
	check("beyond the end", drain(t, follow(t, m, 1, Filter{Topic: "a"}, Position{9, page})), "gap 8>1 1:early 2:x 3:y")
	s.Close()
	s.Close()
	publish(t, m, 1, "a", "z")
	if n := s.woken.Load(); n != 1 {
		t.Errorf("woken %d times after Close", n)
	}
}

func TestBodyIsCopiedAndKept(t *testing.T) {
	m := NewMemory(Options{})
	defer m.Close()
	s := follow(t, m, 1, Filter{Topic: "a"}, Position{})
	body := []byte("bytes")
	if _, err := m.Publish(context.Background(), 1, "a", Body{Bytes: body, Publisher: "p", Key: body[:2]}); err != nil {
		t.Fatal(err)
	}
	copy(body, "BYTES")
	var ms [1]Message
	if n, _, err := s.Take(ms[:], 0); n != 1 || err != nil {
		t.Fatalf("Take = %d, %v", n, err)
	}
	if got := ms[0]; string(got.Bytes) != "bytes" || string(got.Key) != "by" || got.Text || got.Publisher != "p" || got.Topic != "a" {
		t.Errorf("took %+v", got)
	}
	_, err := m.Publish(context.Background(), 1, "a", Body{Bytes: make([]byte, hearth.TopicMessageBytesMax+1)})
	var e *hearth.Error
	if !errors.As(err, &e) || e.Kind != hearth.Limited || e.Limit != hearth.RequestSize {
		t.Errorf("a message that is too long: %v", err)
	}
}

func TestRoomBoundsTake(t *testing.T) {
	m := NewMemory(Options{})
	defer m.Close()
	s := follow(t, m, 1, Filter{Topic: "a"}, Position{})
	for range 5 {
		publish(t, m, 1, "a", "12345")
	}
	ms := make([]Message, 5)
	check := func(room, want int) {
		t.Helper()
		if n, _, _ := s.Take(ms, room); n != want {
			t.Errorf("Take with room for %d bytes: %d messages, want %d", room, n, want)
		}
	}
	check(0, 1)
	check(10, 2)
	check(1000, 2)
	check(1000, 0)
}

func TestSlowReaderIsToldOfItsLoss(t *testing.T) {
	m := NewMemory(Options{})
	defer m.Close()
	slow, quick := follow(t, m, 1, Filter{Topic: "a"}, Position{}), follow(t, m, 1, Filter{Topic: "a"}, Position{})
	drain(t, slow)
	for i := range hearth.TopicRingMessagesMax + 10 {
		publish(t, m, 1, "a", "m")
		if got, want := drain(t, quick), fmt.Sprintf("%d:m", i+1); got != want {
			t.Fatalf("the quick reader took %q, want %q", got, want)
		}
	}
	if n := slow.woken.Load(); n != 1 {
		t.Errorf("the slow reader was woken %d times, want once", n)
	}
	if got := drain(t, slow); !strings.HasPrefix(got, "gap 0>11 11:m 12:m") || !strings.HasSuffix(got, " 1034:m") {
		t.Errorf("the slow reader took %.40q...", got)
	}
	big := strings.Repeat("b", 1<<20)
	for range 12 {
		publish(t, m, 1, "a", big)
	}
	if info := m.Topic(1, "a"); info.Bytes > hearth.TopicRingBytesMax {
		t.Errorf("the ring holds %d bytes", info.Bytes)
	}
}

func TestDropEndsSubscriptions(t *testing.T) {
	m := NewMemory(Options{})
	defer m.Close()
	one, all := follow(t, m, 1, Filter{Topic: "a"}, Position{}), follow(t, m, 1, Filter{Pattern: "*"}, Position{})
	other := follow(t, m, 2, Filter{Topic: "a"}, Position{})
	drain(t, one)
	drain(t, all)
	publish(t, m, 1, "a", "x")
	page := m.Topic(1, "a").Page
	m.Drop(1)
	m.Drop(7)
	if got := drain(t, one) + " " + drain(t, all); got != "ended ended" {
		t.Errorf("after Drop: %q", got)
	}
	if one.woken.Load() == 0 || all.woken.Load() == 0 {
		t.Error("nobody was woken to hear of the end")
	}
	if r := publish(t, m, 1, "a", "y"); r.Sequence != 1 || r.Page <= page {
		t.Errorf("the topic of that name after Drop: %+v, the page before was %d", r, page)
	}
	if got := drain(t, other); got != "" {
		t.Errorf("another space took %q", got)
	}
	one.Close()
	all.Close()
	other.Close()
	if n := m.subs.Load(); n != 0 {
		t.Errorf("%d subscriptions are left", n)
	}
}

func TestBreak(t *testing.T) {
	m := NewMemory(Options{})
	defer m.Close()
	up, behind := follow(t, m, 1, Filter{Topic: "a"}, Position{}), follow(t, m, 1, Filter{Topic: "a"}, Position{})
	publish(t, m, 1, "a", "x")
	if got := drain(t, up); got != "1:x" {
		t.Errorf("took %q", got)
	}
	m.Break(1, "a")
	publish(t, m, 1, "a", "y")
	if got := drain(t, up) + ", " + drain(t, behind); got != "gap 1>3 3:y, gap 0>3 3:y" || up.woken.Load() != 1 {
		t.Errorf("after a break took %q, woken %d times", got, up.woken.Load())
	}
	m.Break(1, "a")
	if got := drain(t, up); got != "gap 3>5" || drain(t, up) != "" {
		t.Errorf("after a break took %q", got)
	}
}

func TestPatterns(t *testing.T) {
	m := NewMemory(Options{})
	defer m.Close()
	s := follow(t, m, 1, Filter{Pattern: "news.*"}, Position{})
	drain(t, s)
	if r := publish(t, m, 1, "weather", "no"); r.Receivers != 0 {
		t.Errorf("%d receivers of a topic nobody asked for", r.Receivers)
	}
	publish(t, m, 1, "news.a", "1")
	publish(t, m, 1, "news.b", "2")
	if r := publish(t, m, 1, "news.a", "3"); r.Receivers != 1 {
		t.Errorf("%d receivers, want 1", r.Receivers)
	}
	if got := drain(t, s); got != "1:1 2:3 1:2" {
		t.Errorf("took %q", got)
	}
	publish(t, m, 1, "news.a", "4")
	if got := drain(t, s); got != "3:4" || s.woken.Load() != 2 {
		t.Errorf("took %q, woken %d times", got, s.woken.Load())
	}
	for i := range hearth.TopicPatternLagMax + 1 {
		publish(t, m, 1, fmt.Sprintf("news.%d", i), "x")
	}
	if got := drain(t, s); !strings.HasPrefix(got, "gap 0>0 1:x") || strings.Count(got, "1:x") != hearth.TopicPatternLagMax {
		t.Errorf("after too many topics: %.40q, %d messages", got, strings.Count(got, "1:x"))
	}
	if m.Patterns(1) != 1 {
		t.Errorf("%d patterns", m.Patterns(1))
	}
	s.Close()
	if m.Patterns(1) != 0 {
		t.Error("a pattern is left")
	}
}

func TestIdleTopicsAreForgotten(t *testing.T) {
	now := time.Unix(1_000_000, 0)
	m := NewMemory(Options{Now: func() time.Time { return now }})
	defer m.Close()
	old := publish(t, m, 1, "idle", "x")
	kept := publish(t, m, 1, "kept", "x")
	s := follow(t, m, 1, Filter{Topic: "kept"}, Position{})
	now = now.Add(hearth.TopicIdleMax / 2)
	publish(t, m, 1, "young", "x")
	if !m.forgetIdle() || m.Topic(1, "idle").Next == 0 {
		t.Error("a topic was forgotten too early")
	}
	now = now.Add(hearth.TopicIdleMax/2 + time.Second)
	if !m.forgetIdle() || m.Topic(1, "idle").Next != 0 || m.Topic(1, "young").Next != 2 || m.Topic(1, "kept").Next != 2 {
		t.Errorf("left: %+v %+v %+v", m.Topic(1, "idle"), m.Topic(1, "young"), m.Topic(1, "kept"))
	}
	if got := drain(t, follow(t, m, 1, Filter{Topic: "idle"}, Position{2, old.Page})); got != "gap 1>1" {
		t.Errorf("resumed on a topic that was forgotten: %q", got)
	}
	if got := drain(t, follow(t, m, 1, Filter{Topic: "kept"}, Position{1, kept.Page})); got != "1:x" {
		t.Errorf("resumed on a topic that was kept: %q", got)
	}
	s.Close()
}

func TestMemoryIsBounded(t *testing.T) {
	const bound = 4 << 20
	m := NewMemory(Options{BytesMax: bound})
	defer m.Close()
	held := follow(t, m, 1, Filter{Topic: "held"}, Position{})
	publish(t, m, 1, "held", strings.Repeat("h", 500_000))
	rnd := rand.New(rand.NewPCG(1, 2))
	for i := range 20_000 {
		publish(t, m, hearth.Space(1+rnd.IntN(3)), fmt.Sprintf("topic %d", rnd.IntN(5000)), strings.Repeat("x", rnd.IntN(3000)))
		if n := m.bytes.Load(); n > bound {
			t.Fatalf("after %d messages the broker holds %d bytes", i, n)
		}
	}
	var sum int64
	for s := range m.spaces {
		m.List(s, "", func(i Info) bool {
			sum += i.Bytes + topicCost + int64(len(i.Name))
			return true
		})
	}
	if sum != m.bytes.Load() {
		t.Errorf("topics cost %d bytes, the count says %d", sum, m.bytes.Load())
	}
	got := drain(t, held)
	if !strings.HasPrefix(got, "1:hhh") && got != "gap 0>2" {
		t.Errorf("the subscriber of a ring that was emptied took %.30q", got)
	}
}

// TestAgainstModel runs random publications, subscriptions and takes and holds each subscriber to what it may see: every
// number once and in order, a gap exactly where numbers are missing, and nothing missing that the ring still held.
func TestAgainstModel(t *testing.T) {
	type reader struct {
		*follower
		next uint64 // the number that must come next, unless a gap says otherwise
	}
	for seed := range uint64(15) {
		rnd := rand.New(rand.NewPCG(seed, 7))
		m := NewMemory(Options{})
		var published, first uint64 = 0, 1
		readers := map[int]*reader{}
		page := uint64(0)
		step := func(r *reader) {
			ms := make([]Message, 1+rnd.IntN(400))
			n, gap, err := r.Take(ms, 1<<20)
			if err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
			if gap != nil {
				if gap.Next != first || r.next >= first {
					t.Fatalf("seed %d: gap %+v where %d comes next and the ring begins at %d", seed, *gap, r.next, first)
				}
				r.next = gap.Next
			}
			for _, got := range ms[:n] {
				if got.Sequence != r.next || string(got.Bytes) != fmt.Sprint(got.Sequence) || got.Page != page {
					t.Fatalf("seed %d: took %+v, want number %d", seed, got, r.next)
				}
				r.next++
			}
			if n == 0 && gap == nil && r.next != published+1 {
				t.Fatalf("seed %d: nothing to take at %d of %d", seed, r.next, published)
			}
		}
		for range 300 {
			switch i := rnd.IntN(8); {
			case i < 3:
				for range rnd.IntN(500) {
					published++
					page = publish(t, m, 1, "a", fmt.Sprint(published)).Page
				}
				first = max(1, published-min(published, hearth.TopicRingMessagesMax)+1)
			case i == 3 && readers[rnd.IntN(5)] == nil:
				readers[rnd.IntN(5)] = &reader{follow(t, m, 1, Filter{Topic: "a"}, Position{}), published + 1}
			case i == 4 && published > 0:
				at := first + rnd.Uint64N(published+2-first)
				readers[rnd.IntN(5)] = &reader{follow(t, m, 1, Filter{Topic: "a"}, Position{at, page}), at}
			default:
				if r := readers[rnd.IntN(5)]; r != nil {
					step(r)
				}
			}
		}
		m.Close()
	}
}

// TestConcurrently has many of everything at once; each reader must see every message of its publishers in order.
func TestConcurrently(t *testing.T) {
	const publishers, readers, each = 4, 8, 400
	m := NewMemory(Options{})
	defer m.Close()
	var wg sync.WaitGroup
	for i := range readers {
		f := Filter{Topic: "a"}
		if i%2 == 1 {
			f = Filter{Pattern: "[ab]"}
		}
		wake := make(chan struct{}, 1)
		s, err := m.Subscribe(1, f, Position{}, func() {
			select {
			case wake <- struct{}{}:
			default:
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		wg.Go(func() {
			defer s.Close()
			ms, next := make([]Message, 7), uint64(1)
			for next <= publishers*each {
				n, gap, err := s.Take(ms, 1<<20)
				if err != nil {
					t.Error(err)
					return
				}
				if gap != nil {
					if gap.Last != next-1 {
						t.Errorf("gap %+v, want it after %d", *gap, next-1)
					}
					next = gap.Next
				}
				for _, m := range ms[:n] {
					if m.Sequence != next {
						t.Errorf("took %d, want %d", m.Sequence, next)
						return
					}
					next++
				}
				if n == 0 && gap == nil {
					<-wake
				}
			}
		})
	}
	for range publishers {
		wg.Go(func() {
			for range each {
				publish(t, m, 1, "a", "x")
				s := follow(t, m, 1, Filter{Topic: "a"}, Position{})
				drain(t, s)
				s.Close()
			}
		})
	}
	wg.Wait()
	if n := m.subs.Load(); n != 0 {
		t.Errorf("%d subscriptions are left", n)
	}
}

func TestMatch(t *testing.T) {
	check := func(pattern, name string, want bool) {
		t.Helper()
		if got := Match(pattern, name); got != want {
			t.Errorf("Match(%q, %q) = %v", pattern, name, got)
		}
	}
	check("", "", true)
	check("", "a", false)
	check("*", "", true)
	check("h?llo", "hello", true)
	check("h?llo", "hllo", false)
	check("h*llo", "heeeello", true)
	check("h[ae]llo", "hallo", true)
	check("h[ae]llo", "hillo", false)
	check("h[^e]llo", "hello", false)
	check("h[a-c]llo", "hbllo", true)
	check("h[c-a]llo", "hbllo", true)
	check(`h\*llo`, "h*llo", true)
	check(`h\*llo`, "hxllo", false)
	check(`h[\]]llo`, "h]llo", true)
	check("h[ab", "ha", true)
	check("*a*b*c", "xxaxxbxxc", true)
	check("*a*b*c", "xxaxxcxxb", false)
	check(`a\`, `a\`, true)
	check(strings.Repeat("a*", 40)+"b", strings.Repeat("a", 4000), false)
}

func BenchmarkPublishFanOut(b *testing.B) {
	for _, n := range []int{1, 100, 5000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			m := NewMemory(Options{})
			defer m.Close()
			var subs []*follower
			for range n {
				subs = append(subs, follow(b, m, 1, Filter{Topic: "a"}, Position{}))
			}
			body, ms := Body{Bytes: make([]byte, 100)}, make([]Message, 8)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := m.Publish(context.Background(), 1, "a", body); err != nil {
					b.Fatal(err)
				}
				for _, s := range subs {
					for {
						if n, _, _ := s.Take(ms, 1<<16); n == 0 {
							break
						}
					}
				}
			}
		})
	}
}
