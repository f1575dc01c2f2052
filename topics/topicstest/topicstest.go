// Package topicstest is the suite that every topics.Broker passes: what subscribers and publishers may rely on, wherever
// messages are numbered and whichever gateways they come through.
package topicstest

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/topics"
)

// Gateways are the brokers of two gateways of one fleet; the same one twice where there is one gateway.
type Gateways [2]topics.Broker

// Run holds brokers to the suite. open is called for each test, and closes with it what it opens.
func Run(t *testing.T, open func(t *testing.T) Gateways) {
	for name, test := range map[string]func(*testing.T, Gateways){
		"numbers":     numbers,
		"bodies":      bodies,
		"resumption":  resumption,
		"from now on": fromNowOn,
		"untouched":   untouched,
		"ring":        ring,
		"ring bytes":  ringBytes,
		"slow reader": slowReader,
		"deletion":    deletion,
		"many topics": manyTopics,
		"patterns":    patterns,
		"receivers":   receivers,
		"too long":    tooLong,
		"break":       broken,
	} {
		t.Run(name, func(t *testing.T) { test(t, open(t)) })
	}
}

// Patience bounds how long a test waits for what must come.
const Patience = 30 * time.Second

// Listener is a subscription that waits.
type Listener struct {
	t    *testing.T
	sub  topics.Sub
	wake chan struct{}
}

// Listen subscribes.
func Listen(t *testing.T, b topics.Broker, s hearth.Space, f topics.Filter, after topics.Position) *Listener {
	t.Helper()
	l := &Listener{t: t, wake: make(chan struct{}, 1)}
	sub, err := b.Subscribe(s, f, after, func() {
		select {
		case l.wake <- struct{}{}:
		default:
		}
	})
	if err != nil {
		t.Fatalf("subscribing: %v", err)
	}
	l.sub = sub
	t.Cleanup(sub.Close)
	return l
}

// Heard is what a Listener has taken at once: messages, and a gap before them.
type Heard struct {
	Gap      *topics.Gap
	Messages []topics.Message
}

// Next waits for what comes next: at least one message, or a gap.
func (l *Listener) Next() Heard {
	l.t.Helper()
	h, err := l.next()
	if err != nil {
		l.t.Fatalf("the subscription has ended: %v", err)
	}
	return h
}

// End waits for the end of the subscription and returns its error.
func (l *Listener) End() error {
	l.t.Helper()
	for {
		if _, err := l.next(); err != nil {
			return err
		}
	}
}

func (l *Listener) next() (Heard, error) {
	l.t.Helper()
	end := time.After(Patience)
	ms := make([]topics.Message, 64)
	for {
		n, gap, err := l.sub.Take(ms, 1<<20)
		if err != nil || n > 0 || gap != nil {
			return Heard{gap, ms[:n]}, err
		}
		select {
		case <-l.wake:
		case <-end:
			l.t.Fatal("nothing came")
		}
	}
}

// Until collects messages until one has a body, and fails where a gap is told of.
func (l *Listener) Until(body string) []topics.Message {
	l.t.Helper()
	var all []topics.Message
	for {
		h := l.Next()
		if h.Gap != nil {
			l.t.Fatalf("a gap: %+v", *h.Gap)
		}
		for i, m := range h.Messages {
			if all = append(all, m); string(m.Bytes) == body {
				if i+1 < len(h.Messages) {
					l.t.Errorf("%d messages after %q", len(h.Messages)-i-1, body)
				}
				return all
			}
		}
	}
}

// Publish publishes a text.
func Publish(t *testing.T, b topics.Broker, s hearth.Space, topic, text string) topics.Receipt {
	t.Helper()
	r, err := b.Publish(context.Background(), s, topic, topics.Body{Bytes: []byte(text), Text: true, Publisher: "me"})
	if err != nil {
		t.Fatalf("publishing: %v", err)
	}
	return r
}

func to(topic string) topics.Filter { return topics.Filter{Topic: topic} }

// numbers: what two gateways publish at once gets one order, the same for everybody.
func numbers(t *testing.T, g Gateways) {
	const each = 200
	ls := []*Listener{Listen(t, g[0], 1, to("t"), topics.Position{}), Listen(t, g[1], 1, to("t"), topics.Position{})}
	var mu sync.Mutex
	said := map[uint64]string{}
	var wg sync.WaitGroup
	for i, b := range g {
		wg.Go(func() {
			for n := range each {
				text := fmt.Sprintf("%d.%d", i, n)
				r, err := b.Publish(context.Background(), 1, "t", topics.Body{Bytes: []byte(text), Text: true})
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				said[r.Sequence] = text
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	page := Publish(t, g[0], 1, "t", "end").Page
	for i, l := range ls {
		next, of := uint64(1), [2]int{}
		all := l.Until("end")
		for _, m := range all {
			if m.Sequence != next || m.Page != page || m.Topic != "t" {
				t.Fatalf("listener %d: %s %d on page %d, want t %d on %d", i, m.Topic, m.Sequence, m.Page, next, page)
			}
			next++
			if want, ok := said[m.Sequence]; ok && want != string(m.Bytes) {
				t.Fatalf("listener %d: number %d is %q, its publisher was told of %q", i, m.Sequence, m.Bytes, want)
			}
			var who, n int
			if _, err := fmt.Sscanf(string(m.Bytes), "%d.%d", &who, &n); err == nil {
				if n != of[who] {
					t.Fatalf("listener %d: message %d of publisher %d, want %d", i, n, who, of[who])
				}
				of[who]++
			}
		}
		if len(all) != 2*each+1 {
			t.Errorf("listener %d: %d messages", i, len(all))
		}
	}
}

func bodies(t *testing.T, g Gateways) {
	l := Listen(t, g[1], 1, to("t"), topics.Position{})
	began := time.Now().UnixMilli()
	for _, b := range []topics.Body{
		{Bytes: []byte("text"), Text: true, Publisher: "somebody"},
		{Bytes: []byte{0, 255, '\r', '\n', ' '}},
		{Bytes: []byte{}, Text: true},
		{Bytes: []byte("about"), Key: []byte("a key\x00")},
		{Bytes: []byte("about"), Key: []byte{}},
		{Bytes: bytes.Repeat([]byte{'x'}, 1<<20)},
	} {
		sent := b
		sent.Bytes = append([]byte(nil), b.Bytes...)
		if _, err := g[0].Publish(context.Background(), 1, "t", sent); err != nil {
			t.Fatal(err)
		}
		clear(sent.Bytes) // borrowed no longer
		m := l.Next().Messages[0]
		if !bytes.Equal(m.Bytes, b.Bytes) || m.Text != b.Text || m.Publisher != b.Publisher || !bytes.Equal(m.Key, b.Key) || (m.Key == nil) != (b.Key == nil) {
			t.Errorf("published %+v, heard %+v", b, m.Body)
		}
		if m.Time < began-1000 || m.Time > time.Now().UnixMilli()+1000 {
			t.Errorf("published at %d, now %d", m.Time, time.Now().UnixMilli())
		}
	}
}

// say writes down what was heard: "3:text" for a message, "gap 1>3" for a gap.
func say(hs ...Heard) string {
	var b strings.Builder
	for _, h := range hs {
		if h.Gap != nil {
			fmt.Fprintf(&b, "gap %d>%d ", h.Gap.Last, h.Gap.Next)
		}
		for _, m := range h.Messages {
			fmt.Fprintf(&b, "%d:%s ", m.Sequence, m.Bytes)
		}
	}
	return strings.TrimSpace(b.String())
}

// through collects what is heard up to a body.
func (l *Listener) through(body string) (hs []Heard) {
	l.t.Helper()
	for {
		h := l.Next()
		hs = append(hs, h)
		if n := len(h.Messages); n > 0 && string(h.Messages[n-1].Bytes) == body {
			return hs
		}
	}
}

func resumption(t *testing.T, g Gateways) {
	var page uint64
	for _, text := range []string{"a", "b", "c", "d"} {
		page = Publish(t, g[0], 1, "t", text).Page
	}
	for _, c := range []struct {
		after topics.Position
		want  string
	}{
		{topics.Position{Sequence: 3, Page: page}, "3:c 4:d"},
		{topics.Position{Sequence: 1, Page: page}, "1:a 2:b 3:c 4:d"},
		{topics.Position{Sequence: 0, Page: page}, "1:a 2:b 3:c 4:d"},
		{topics.Position{Sequence: 2}, "2:b 3:c 4:d"}, // a number alone is one of the present page
		{topics.Position{Sequence: 9}, "gap 8>1 1:a 2:b 3:c 4:d"},
		{topics.Position{Sequence: 9, Page: page}, "gap 8>1 1:a 2:b 3:c 4:d"},
		{topics.Position{Sequence: 3, Page: page - 1}, "gap 2>1 1:a 2:b 3:c 4:d"},
	} {
		for i, b := range g {
			l := Listen(t, b, 1, to("t"), c.after)
			if got := say(l.through("d")...); got != c.want {
				t.Errorf("gateway %d, after %d on page %+d: %s, want %s", i, c.after.Sequence, int64(c.after.Page-page), got, c.want)
			}
		}
	}
	l := Listen(t, g[1], 1, to("t"), topics.Position{Sequence: 5, Page: page})
	Publish(t, g[0], 1, "t", "e")
	if got := say(l.through("e")...); got != "5:e" {
		t.Errorf("from the end on: %s", got)
	}
	// Who was away goes on where it was, through another gateway.
	l = Listen(t, g[0], 1, to("t"), topics.Position{Sequence: 4, Page: page})
	Publish(t, g[1], 1, "t", "f")
	if got := say(l.through("f")...); got != "4:d 5:e 6:f" {
		t.Errorf("back: %s", got)
	}
}

func fromNowOn(t *testing.T, g Gateways) {
	for n := range 10 {
		topic := fmt.Sprint("t", n)
		Publish(t, g[0], 1, topic, "early")
		l := Listen(t, g[1], 1, to(topic), topics.Position{})
		Publish(t, g[0], 1, topic, "late")
		if got := say(l.Next()); got != "2:late" {
			t.Fatalf("heard %s", got)
		}
		// A gateway that follows the topic already may not have heard yet what was published a moment ago at another one.
		l = Listen(t, g[1], 1, to(topic), topics.Position{})
		Publish(t, g[0], 1, topic, "later")
		if got := l.Until("later"); len(got) > 2 {
			t.Fatalf("heard %v", got)
		}
	}
}

// untouched: a topic that has subscribers has its page before anything is published, the same at every gateway, and who
// has learnt of it and comes back misses nothing.
func untouched(t *testing.T, g Gateways) {
	quiet := []*Listener{Listen(t, g[0], 1, to("t"), topics.Position{}), Listen(t, g[1], 1, to("t"), topics.Position{})}
	var page uint64
	for i, b := range g {
		info := b.(topics.Lister).Topic(1, "t")
		if info.Page == 0 || info.Next != 1 || page != 0 && info.Page != page {
			t.Errorf("gateway %d: page %d, next %d; the other one has page %d", i, info.Page, info.Next, page)
		}
		page = info.Page
	}
	for _, b := range g {
		quiet = append(quiet, Listen(t, b, 1, to("t"), topics.Position{Sequence: 1, Page: page}))
	}
	if got := Publish(t, g[0], 1, "t", "a"); got.Page != page || got.Sequence != 1 {
		t.Errorf("the first message is %d on page %d, want 1 on %d", got.Sequence, got.Page, page)
	}
	for _, b := range g {
		quiet = append(quiet, Listen(t, b, 1, to("t"), topics.Position{Sequence: 1, Page: page}))
	}
	for i, l := range quiet {
		if got := say(l.through("a")...); got != "1:a" {
			t.Errorf("listener %d has heard %s", i, got)
		}
	}
}

func ring(t *testing.T, g Gateways) {
	const over = 100
	var page uint64
	for n := 1; n <= hearth.TopicRingMessagesMax+over; n++ {
		page = Publish(t, g[n%2], 1, "t", fmt.Sprint(n)).Page
	}
	last := fmt.Sprint(hearth.TopicRingMessagesMax + over)
	for _, b := range g {
		l := Listen(t, b, 1, to("t"), topics.Position{Sequence: 1, Page: page})
		l.expect(&topics.Gap{Topic: "t", Last: 0, Next: over + 1, Page: page}, over+1, last)
		l = Listen(t, b, 1, to("t"), topics.Position{Sequence: over + 1, Page: page})
		l.expect(nil, over+1, last)
	}
}

// expect holds what comes against a gap, or none, and messages that are their own numbers, to the last one.
func (l *Listener) expect(gap *topics.Gap, next uint64, last string) {
	l.t.Helper()
	h := l.Next()
	if (h.Gap == nil) != (gap == nil) || gap != nil && *h.Gap != *gap {
		l.t.Fatalf("gap %+v, want %+v", h.Gap, gap)
	}
	for {
		for _, m := range h.Messages {
			if m.Sequence != next || string(m.Bytes) != fmt.Sprint(next) {
				l.t.Fatalf("%d:%s, want %d", m.Sequence, m.Bytes, next)
			}
			next++
			if string(m.Bytes) == last {
				return
			}
		}
		if h = l.Next(); h.Gap != nil {
			l.t.Fatalf("a gap: %+v", *h.Gap)
		}
	}
}

func ringBytes(t *testing.T, g Gateways) {
	body := bytes.Repeat([]byte{'x'}, 3<<20)
	var r topics.Receipt
	for range 5 {
		var err error
		if r, err = g[0].Publish(context.Background(), 1, "t", topics.Body{Bytes: body}); err != nil {
			t.Fatal(err)
		}
	}
	l := Listen(t, g[1], 1, to("t"), topics.Position{Sequence: 1, Page: r.Page})
	h := l.Next()
	fit := uint64(hearth.TopicRingBytesMax / len(body))
	if h.Gap == nil || h.Gap.Next != 5-fit+1 {
		t.Fatalf("gap %+v, want one up to %d", h.Gap, 5-fit+1)
	}
	for next := h.Gap.Next; ; h = l.Next() {
		for _, m := range h.Messages {
			if m.Sequence != next || len(m.Bytes) != len(body) {
				t.Fatalf("message %d of %d bytes", m.Sequence, len(m.Bytes))
			}
			next++
		}
		if next == 6 {
			return
		}
	}
}

func slowReader(t *testing.T, g Gateways) {
	const many = hearth.TopicRingMessagesMax + 500
	slow := Listen(t, g[1], 1, to("t"), topics.Position{})
	quick := Listen(t, g[1], 1, to("t"), topics.Position{})
	var heard []topics.Message
	var page uint64
	for n := 1; n <= many; n++ {
		page = Publish(t, g[0], 1, "t", fmt.Sprint(n)).Page
		if n%100 == 0 || n == many {
			heard = append(heard, quick.Until(fmt.Sprint(n))...)
		}
	}
	if len(heard) != many {
		t.Errorf("the quick reader has %d messages of %d", len(heard), many)
	}
	slow.expect(&topics.Gap{Topic: "t", Last: 0, Next: 501, Page: page}, 501, fmt.Sprint(many))
}

func deletion(t *testing.T, g Gateways) {
	var ls []*Listener
	for _, b := range g {
		ls = append(ls, Listen(t, b, 1, to("t"), topics.Position{}), Listen(t, b, 1, topics.Filter{Pattern: "t*"}, topics.Position{}))
	}
	other := Listen(t, g[1], 2, to("t"), topics.Position{})
	first := Publish(t, g[0], 1, "t", "x")
	// Every gateway learns of a deletion by the control state.
	g[0].Drop(1)
	g[1].Drop(1)
	for i, l := range ls {
		if err := l.End(); hearth.KindOf(err) != hearth.NoCache {
			t.Errorf("listener %d: %v", i, err)
		}
	}
	Publish(t, g[0], 2, "t", "y")
	if got := say(other.Next()); got != "1:y" {
		t.Errorf("another cache's topic: %s", got)
	}
	if first.Sequence != 1 {
		t.Errorf("the first number is %d", first.Sequence)
	}
}

func manyTopics(t *testing.T, g Gateways) {
	const many = 300
	all := Listen(t, g[1], 1, topics.Filter{Pattern: "many.*"}, topics.Position{})
	ls := make([]*Listener, many)
	for n := range ls {
		ls[n] = Listen(t, g[n%2], 1, to(fmt.Sprint("many.", n)), topics.Position{})
	}
	for n := range many {
		Publish(t, g[(n+1)%2], 1, fmt.Sprint("many.", n), fmt.Sprint(n))
	}
	for n, l := range ls {
		if got, want := say(l.Next()), fmt.Sprintf("1:%d", n); got != want {
			t.Fatalf("topic %d: %s", n, got)
		}
	}
	seen := map[string]bool{}
	for len(seen) < many {
		h := all.Next()
		if h.Gap != nil {
			t.Fatalf("a gap: %+v", *h.Gap)
		}
		for _, m := range h.Messages {
			if seen[m.Topic] || m.Topic != "many."+string(m.Bytes) {
				t.Fatalf("%s:%s, again %v", m.Topic, m.Bytes, seen[m.Topic])
			}
			seen[m.Topic] = true
		}
	}
}

func patterns(t *testing.T, g Gateways) {
	l := Listen(t, g[1], 1, topics.Filter{Pattern: "a.*"}, topics.Position{})
	own := Listen(t, g[1], 1, topics.Filter{Topic: "a.1"}, topics.Position{})
	for n := range 50 {
		Publish(t, g[0], 1, fmt.Sprint("a.", n%2), fmt.Sprint(n))
		Publish(t, g[0], 1, "b", "not this")
		Publish(t, g[0], 2, "a.1", "nor this")
	}
	next, left := [2]uint64{1, 1}, 50
	for left > 0 {
		h := l.Next()
		if h.Gap != nil {
			t.Fatalf("a gap: %+v", *h.Gap)
		}
		for _, m := range h.Messages {
			var of int
			if _, err := fmt.Sscanf(m.Topic, "a.%d", &of); err != nil || of > 1 || m.Sequence != next[of] {
				t.Fatalf("%s %d:%s, want numbers %v", m.Topic, m.Sequence, m.Bytes, next)
			}
			next[of]++
			left--
		}
	}
	if got := own.Until("49"); len(got) != 25 {
		t.Errorf("beside it, the topic itself: %d messages", len(got))
	}
}

// receivers: nobody is nobody, and those of the publisher's own gateway are counted one by one.
func receivers(t *testing.T, g Gateways) {
	if n := Publish(t, g[0], 1, "t", "x").Receivers; n != 0 {
		t.Errorf("%d receivers where nobody listens", n)
	}
	for range 3 {
		Listen(t, g[0], 1, to("t"), topics.Position{})
	}
	if n := Publish(t, g[0], 1, "t", "x").Receivers; n != 3 {
		t.Errorf("%d receivers, want 3", n)
	}
	if n := Publish(t, g[1], 1, "t", "x").Receivers; n == 0 {
		t.Errorf("no receivers, seen from the other gateway")
	}
}

func tooLong(t *testing.T, g Gateways) {
	_, err := g[0].Publish(context.Background(), 1, "t", topics.Body{Bytes: make([]byte, hearth.TopicMessageBytesMax+1)})
	if hearth.KindOf(err) != hearth.Limited {
		t.Errorf("a message that is too long: %v", err)
	}
}

// broken: what never came to a broker is told of like any loss.
func broken(t *testing.T, g Gateways) {
	l := Listen(t, g[1], 1, to("t"), topics.Position{})
	page := Publish(t, g[0], 1, "t", "1").Page
	l.Until("1")
	g[0].(topics.Breaker).Break(1, "t")
	// A broker that asks servers may not have done so yet.
	for last := uint64(1); ; last++ {
		if n := Publish(t, g[0], 1, "t", "x").Sequence; n == last+1 {
			if h := l.Next(); h.Gap != nil {
				t.Fatalf("a gap: %+v", *h.Gap)
			}
			continue
		}
		if h := l.Next(); h.Gap == nil || *h.Gap != (topics.Gap{Topic: "t", Last: last, Next: last + 2, Page: page}) {
			t.Errorf("heard %+v", h)
		}
		return
	}
}
