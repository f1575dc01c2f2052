package webhook

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/guard"
	"github.com/hearthcache/hearth/topics"
)

// bench is a running Sender with its broker.
type bench struct {
	*Sender
	t      *testing.T
	broker *topics.Memory
	dead   chan Dead
	stop   func()
}

// newBench starts a Sender that may reach 127.0.0.1 and tries again soon.
func newBench(t *testing.T, change func(*Options)) *bench {
	t.Helper()
	leaks := goleak.IgnoreCurrent()
	b := &bench{t: t, broker: topics.NewMemory(topics.Options{}), dead: make(chan Dead, 20_000)}
	o := Options{
		Topics: b.broker, Guard: guard.Guard{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}}, Dead: func(d Dead) { b.dead <- d },
		Timeout: time.Minute, Horizon: time.Hour, BackoffFirst: 10 * time.Millisecond, BackoffMax: 80 * time.Millisecond,
	}
	if change != nil {
		change(&o)
	}
	b.Sender = New(o)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = b.Run(ctx)
	}()
	b.stop = sync.OnceFunc(func() { cancel(); <-done })
	t.Cleanup(func() {
		b.stop()
		b.client.CloseIdleConnections()
		b.broker.Close()
		goleak.VerifyNone(t, leaks)
	})
	return b
}

func (b *bench) publish(topic, text string) {
	b.t.Helper()
	if _, err := b.broker.Publish(context.Background(), 1, topic, topics.Body{Bytes: []byte(text), Text: true, Publisher: "me"}); err != nil {
		b.t.Fatal(err)
	}
}

func hook(name, topic, url string) Hook {
	return Hook{Space: 1, Cache: "c", Name: name, Topic: topic, URL: url, Secret: "secret of " + name}
}

// receiver notes what it accepts. answer says how it treats the n-th request, nil accepts.
type receiver struct {
	*httptest.Server
	texts    chan string
	seen     map[string]bool // by expect
	requests atomic.Int64
}

func newReceiver(t *testing.T, answer func(n int64, w http.ResponseWriter, r *http.Request) bool) *receiver {
	t.Helper()
	v := &receiver{texts: make(chan string, 20_000), seen: map[string]bool{}}
	v.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		if n := v.requests.Add(1); answer != nil && !answer(n, w, r) {
			return
		}
		var e event
		if err := json.Unmarshal(body, &e); err != nil {
			t.Errorf("body %q: %v", body, err)
			return
		}
		v.texts <- fmt.Sprintf("%d:%s", e.Sequence, *e.Text)
	}))
	t.Cleanup(v.Close)
	return v
}

// expect waits for messages first to last, in order, and nothing else; but one whose answer came too late comes again.
func (v *receiver) expect(t *testing.T, first, last int) {
	t.Helper()
	for i := first; i <= last; {
		select {
		case got := <-v.texts:
			switch {
			case got == fmt.Sprintf("%d:m%d", i, i):
				v.seen[got] = true
				i++
			case !v.seen[got]:
				t.Fatalf("received %q, want %d", got, i)
			}
		case <-time.After(time.Minute):
			t.Fatalf("message %d did not arrive; %d requests were made", i, v.requests.Load())
		}
	}
}

func TestDelivery(t *testing.T) {
	b := newBench(t, nil)
	type got struct {
		header http.Header
		body   []byte
	}
	requests := make(chan got, 2)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		requests <- got{r.Header, body}
	}))
	defer server.Close()
	h := hook("h", "t", server.URL)
	h.OldSecret, h.OldUntil = "old", time.Now().Add(time.Hour)
	b.publish("t", "before the webhook")
	b.Set([]Hook{h})
	begin := float64(time.Now().UnixMilli())
	b.publish("t", "hello")
	g := <-requests
	var e map[string]any
	if err := json.Unmarshal(g.body, &e); err != nil {
		t.Fatal(err)
	}
	if e["cache"] != "c" || e["topic"] != "t" || e["text"] != "hello" || e["token_id"] != "me" || e["topic_sequence_number"] != 2.0 ||
		e["event_timestamp"].(float64) > e["publish_timestamp"].(float64) || e["event_timestamp"].(float64) < begin || len(e) != 8 {
		t.Errorf("body %s", g.body)
	}
	if g.header.Get("momento-signature") != Sign(h.Secret, g.body) || g.header.Get("Content-Type") != "application/json" ||
		!strings.HasPrefix(g.header.Get("User-Agent"), "hearth/") || g.header.Get("Hearth-Attempt") != "1" {
		t.Errorf("headers %v", g.header)
	}
	at, _, _ := strings.Cut(strings.TrimPrefix(g.header.Get("Hearth-Signature"), "t="), ",")
	var seconds int64
	fmt.Sscan(at, &seconds)
	if want := SignAt(time.Unix(seconds, 0), g.body, h.Secret, "old"); g.header.Get("Hearth-Signature") != want || seconds == 0 {
		t.Errorf("hearth-signature %q, want %q", g.header.Get("Hearth-Signature"), want)
	}
	if _, err := b.broker.Publish(context.Background(), 1, "t", topics.Body{Bytes: []byte{0, 255}}); err != nil {
		t.Fatal(err)
	}
	if g := <-requests; !strings.Contains(string(g.body), `"binary":"AP8="`) || strings.Contains(string(g.body), `"text"`) {
		t.Errorf("binary: %s", g.body)
	}
}

// The values were computed with Python's hmac and hashlib.
func TestSignatures(t *testing.T) {
	body := []byte(`{"a":1}`)
	if got, want := Sign("key", body), "d60538d7ad71e1b96183b2f6bb2d96994a44393ca4e7c8d4244752911bcd705c"; got != want {
		t.Errorf("Sign = %s, want %s", got, want)
	}
	if got, want := SignAt(time.Unix(1700000000, 0), body, "key"), "t=1700000000,v1=a438e398bfafc57e4396bb7fc2304422f0f768e965d073ca313cb52e22e6ad03"; got != want {
		t.Errorf("SignAt = %s, want %s", got, want)
	}
}

func TestReceiversThatFail(t *testing.T) {
	b := newBench(t, func(o *Options) { o.Timeout = time.Second })
	hang := make(chan struct{})
	defer close(hang)
	fails := map[string]func(n int64, w http.ResponseWriter, r *http.Request) bool{
		"500": func(n int64, w http.ResponseWriter, r *http.Request) bool {
			if n%3 != 0 {
				w.WriteHeader(500)
			}
			return n%3 == 0
		},
		"hangs": func(n int64, w http.ResponseWriter, r *http.Request) bool {
			if n <= 2 {
				select {
				case <-hang:
				case <-r.Context().Done():
				}
			}
			return n > 2
		},
		"resets": func(n int64, w http.ResponseWriter, r *http.Request) bool {
			if n%2 == 1 {
				c, _, _ := http.NewResponseController(w).Hijack()
				_ = c.(*net.TCPConn).SetLinger(0)
				c.Close()
			}
			return n%2 == 0
		},
		"is slow": func(n int64, w http.ResponseWriter, r *http.Request) bool {
			time.Sleep(20 * time.Millisecond) // as such a receiver does
			return true
		},
		"is busy": func(n int64, w http.ResponseWriter, r *http.Request) bool {
			if n == 1 {
				w.Header().Set("Retry-After", "1")
				w.WriteHeader(503)
			}
			return n > 1
		},
		"redirects 302": func(n int64, w http.ResponseWriter, r *http.Request) bool {
			if n == 1 {
				http.Redirect(w, r, "/", http.StatusFound)
			}
			return n > 1
		},
		"breaks off": func(n int64, w http.ResponseWriter, r *http.Request) bool {
			if n == 1 {
				w.Header().Set("Content-Length", "100")
				_, _ = w.Write([]byte("x"))
			}
			return n > 1
		},
	}
	var hooks []Hook
	receivers := map[string]*receiver{}
	for name, answer := range fails {
		receivers[name] = newReceiver(t, answer)
		hooks = append(hooks, hook(name, "t", receivers[name].URL))
	}
	good := newReceiver(t, nil)
	b.Set(append(hooks, hook("good", "t", good.URL)))
	for i := range 6 {
		b.publish("t", fmt.Sprintf("m%d", i+1))
	}
	good.expect(t, 1, 6)
	for name, v := range receivers {
		t.Log(name)
		v.expect(t, 1, 6)
	}
	if len(b.dead) > 0 {
		t.Errorf("given up: %+v", <-b.dead)
	}
}

func TestForbiddenDestinationsAreNotConnectedTo(t *testing.T) {
	b := newBench(t, func(o *Options) { o.Horizon = time.Nanosecond })
	var connections atomic.Int64
	secret := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	secret.Config.ConnState = func(net.Conn, http.ConnState) { connections.Add(1) }
	l, err := net.Listen("tcp", "127.0.0.2:0") // loopback, and not the one address that is allowed
	if err != nil {
		t.Fatal(err)
	}
	secret.Listener = l
	secret.Start()
	defer secret.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	targets := []string{
		"http://127.0.0.2:" + port, "http://[::ffff:127.0.0.2]:" + port, "http://169.254.169.254/latest", "http://10.0.0.1/", "http://[fe80::1]/",
		"http://[::1]:" + port, "http://0.0.0.0:" + port, "http://[64:ff9b::7f00:2]:" + port, "ftp://example.com/", "//127.0.0.2:" + port,
	}
	var hooks []Hook
	for i, target := range targets {
		redirects := newReceiver(t, func(_ int64, w http.ResponseWriter, r *http.Request) bool {
			http.Redirect(w, r, target, http.StatusTemporaryRedirect)
			return false
		})
		hooks = append(hooks, hook(fmt.Sprint("redirect ", i), "t", redirects.URL), hook(fmt.Sprint("direct ", i), "t", target))
	}
	// A name that leads to loopback: what counts is the address at the moment of connecting.
	hooks = append(hooks, hook("name", "t", "http://localhost:"+port))
	b.Guard().Allow = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}
	b.Set(hooks)
	b.publish("t", "m1")
	for range hooks {
		select {
		case d := <-b.dead:
			if d.Attempts != 1 || d.Hook.Name != "name" && !strings.Contains(d.Reason, "may not reach") && !strings.Contains(d.Reason, "https") &&
				!strings.Contains(d.Reason, "scheme") {
				t.Errorf("%s (%s): %d attempts, %s", d.Hook.Name, d.Hook.URL, d.Attempts, d.Reason)
			}
		case <-time.After(time.Minute):
			t.Fatal("a delivery to a forbidden destination has not failed")
		}
	}
	if n := connections.Load(); n != 0 {
		t.Errorf("%d connections were made", n)
	}
}

func TestRedirectThatIsAllowed(t *testing.T) {
	b := newBench(t, nil)
	to := newReceiver(t, nil)
	from := newReceiver(t, func(_ int64, w http.ResponseWriter, r *http.Request) bool {
		http.Redirect(w, r, to.URL, http.StatusPermanentRedirect)
		return false
	})
	b.Set([]Hook{hook("h", "t", from.URL)})
	b.publish("t", "m1")
	to.expect(t, 1, 1)
}

func TestGivenUpAfterTheHorizon(t *testing.T) {
	var ahead atomic.Int64 // of the clock
	b := newBench(t, func(o *Options) {
		o.Horizon = time.Hour
		o.Now = func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
	})
	v := newReceiver(t, func(n int64, w http.ResponseWriter, r *http.Request) bool {
		ahead.Add(int64(25 * time.Minute))
		w.WriteHeader(500)
		return false
	})
	b.Set([]Hook{hook("h", "t", v.URL)})
	b.publish("t", "m1")
	d := <-b.dead
	if d.Attempts != 3 || string(d.Message.Bytes) != "m1" || d.Hook.Name != "h" || d.Reason != "the receiver answered 500" {
		t.Errorf("given up: %+v", d)
	}
}

func TestDeadDestinationsLeaveRoomForOthers(t *testing.T) {
	b := newBench(t, func(o *Options) { o.Timeout = 300 * time.Millisecond })
	hang := make(chan struct{})
	defer close(hang)
	tried := make(chan int, 1000) // how many deliveries to the dead destination were under way at each attempt
	dead := newReceiver(t, func(_ int64, w http.ResponseWriter, r *http.Request) bool {
		if underWay, broken := b.attempts("http://" + r.Host); broken {
			tried <- underWay
		}
		select {
		case <-hang:
		case <-r.Context().Done():
		}
		return false
	})
	var hooks []Hook
	for i := range 2 * hearth.WebhookDeliveriesMax {
		hooks = append(hooks, hook(fmt.Sprint("dead ", i), "t", dead.URL))
	}
	good := newReceiver(t, nil)
	b.Set(append(hooks, hook("good", "t", good.URL)))
	for i := range 20 {
		b.publish("t", fmt.Sprintf("m%d", i+1))
	}
	good.expect(t, 1, 20)
	// 128 lanes fail for ever, each wanting a retry every 80 ms: once those that had begun before have ended, the breaker
	// lets one attempt at a time through.
	for calm := 0; calm < 3; {
		if n := <-tried; n <= 1 {
			calm++
		} else if calm > 0 {
			t.Fatalf("%d attempts at once at a destination that is down", n)
		}
	}
}

// attempts returns how many deliveries to a destination are under way, and whether its breaker has opened.
func (b *bench) attempts(destination string) (underWay int, broken bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	d := b.destinations[destination]
	return d.underWay, d.failures >= hearth.WebhookBreakerFailures
}

func TestQueueIsBounded(t *testing.T) {
	b := newBench(t, nil)
	open := make(chan struct{})
	v := newReceiver(t, func(_ int64, w http.ResponseWriter, r *http.Request) bool {
		select {
		case <-open:
			return true
		case <-r.Context().Done():
			return false
		}
	})
	b.Set([]Hook{hook("h", "t", v.URL)})
	const over = 500
	for i := range hearth.WebhookQueueMessagesMax + over {
		b.publish("t", fmt.Sprintf("m%d", i+1))
		for i%500 == 499 && b.waiting() != min(i+1, hearth.WebhookQueueMessagesMax) {
			time.Sleep(time.Millisecond) // so that the ring does not overflow
		}
	}
	for i := range over {
		if d := <-b.dead; d.Message.Sequence != uint64(i+2) {
			t.Fatalf("given up: %+v", d)
		}
	}
	close(open)
	v.expect(t, 1, 1)
	v.expect(t, over+2, over+20)
}

func (b *bench) waiting() (n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, l := range b.lanes {
		n += len(l.queue)
	}
	return n
}

func TestSetChangesAndEnds(t *testing.T) {
	b := newBench(t, nil)
	down := newReceiver(t, func(_ int64, w http.ResponseWriter, r *http.Request) bool {
		w.WriteHeader(500)
		return false
	})
	up := newReceiver(t, nil)
	b.Set([]Hook{hook("h", "t", down.URL)})
	for i := range 3 {
		b.publish("t", fmt.Sprintf("m%d", i+1))
	}
	b.Set([]Hook{hook("h", "t", up.URL)}) // what waits goes to the new place
	up.expect(t, 1, 3)
	b.Set([]Hook{hook("h", "other", up.URL)})
	b.publish("t", "m4")
	b.publish("other", "m1")
	up.expect(t, 1, 1)
	b.Set(nil)
	b.publish("other", "m2")
	time.Sleep(50 * time.Millisecond) // a delivery that should not be would come by then
	if len(up.texts) > 0 || len(b.lanes)+len(b.destinations) > 0 || b.broker.Topic(1, "other").Subscribers+b.broker.Topic(1, "t").Subscribers > 0 {
		t.Errorf("after the end: %d messages, %d lanes, %d destinations", len(up.texts), len(b.lanes), len(b.destinations))
	}
}

func TestDelayGrowsWithJitter(t *testing.T) {
	s := New(Options{Topics: topics.NewMemory(topics.Options{})})
	for n, want := range map[int]time.Duration{1: time.Second, 2: 2 * time.Second, 5: 16 * time.Second, 7: time.Minute, 100: time.Minute} {
		seen := map[time.Duration]bool{}
		for range 100 {
			d := s.delay(n)
			seen[d] = true
			if d < want/2 || d > want {
				t.Errorf("delay(%d) = %v, want %v to %v", n, d, want/2, want)
			}
		}
		if len(seen) < 10 {
			t.Errorf("delay(%d) has no jitter", n)
		}
	}
}

func TestDroppedCacheStopsItsWebhooks(t *testing.T) {
	b := newBench(t, nil)
	v := newReceiver(t, nil)
	b.Set([]Hook{hook("h", "t", v.URL)})
	b.publish("t", "m1")
	v.expect(t, 1, 1)
	b.broker.Drop(1)
	b.Set(nil)
	var e *hearth.Error
	if errors.As(b.Run(canceled()), &e) {
		t.Error(e)
	}
}

func canceled() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}
