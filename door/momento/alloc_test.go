package momento

import (
	"context"
	"fmt"
	"testing"

	"github.com/hearthcache/hearth/control"
	"github.com/hearthcache/hearth/door/h2"
	"github.com/hearthcache/hearth/engine/local"
	"github.com/hearthcache/hearth/gateway"
)

// quietCall is a call that takes its answer and forgets it.
type quietCall struct {
	method  string
	message []byte
	local   any
	buf     []byte
	status  h2.Status
	pump    func()
}

func (c *quietCall) Method() string    { return c.method }
func (c *quietCall) Message() []byte   { return c.message }
func (c *quietCall) Memory() h2.Memory { return nil }
func (c *quietCall) Local() *any       { return &c.local }
func (c *quietCall) Begin() []byte     { return c.buf[:0] }
func (c *quietCall) End(b []byte)      { c.buf = b }

func (c *quietCall) Finish(s h2.Status)      { c.status = s }
func (c *quietCall) Detach() context.Context { return context.Background() }
func (c *quietCall) Stream(pump, _ func())   { c.pump = pump }
func (c *quietCall) Wake()                   {}
func (c *quietCall) Room() int               { return 1 << 20 }

func (c *quietCall) Header(name string) []byte {
	if name == "cache" {
		return cacheHeader
	}
	return nil
}

var cacheHeader = []byte("c")

// common are calls that have to be cheap, with a request each.
func common() []quietCall {
	const ttl = "\x18\xe0\xd4\x03"
	return []quietCall{
		{method: "/cache_client.Scs/Set", message: []byte("\x0a\x01k\x12\x05value" + ttl)},
		{method: "/cache_client.Scs/Get", message: []byte("\x0a\x01k")},
		{method: "/cache_client.Scs/Get", message: []byte("\x0a\x01x")},
		{method: "/cache_client.Scs/SetIfNotExists", message: []byte("\x0a\x01k\x12\x05value" + ttl)},
		{method: "/cache_client.Scs/Increment", message: []byte("\x0a\x01n\x10\x01" + ttl)},
		{method: "/cache_client.Scs/ItemGetTtl", message: []byte("\x0a\x01k")},
		{method: "/cache_client.Scs/Delete", message: []byte("\x0a\x01d")},
		{method: "/cache_client.Scs/DictionarySet", message: []byte("\x0a\x02di\x12\x06\x0a\x01f\x12\x01v" + ttl)},
		{method: "/cache_client.Scs/DictionaryGet", message: []byte("\x0a\x02di\x12\x01f")},
		{method: "/cache_client.Ping/Ping"},
	}
}

func newQuiet(t testing.TB) *Handler {
	t.Helper()
	plane, err := control.NewPlane(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	g := gateway.New(gateway.Options{Engine: local.New(local.Options{}), Plane: plane, Open: true})
	c, err := g.SignIn(gateway.Credential{}, "")
	if err != nil {
		t.Fatal(err)
	}
	if err := g.Change(t.Context(), c, control.CreateCache{Name: "c"}); err != nil {
		t.Fatal(err)
	}
	return New(g)
}

func TestCommonCallsAllocateNothing(t *testing.T) {
	if raceDetector {
		t.Skip("the race detector makes pools forget on purpose; the test runs without it too")
	}
	h := newQuiet(t)
	for _, c := range common() {
		run := func() { h.ServeCall(&c) }
		run()
		if c.status != (h2.Status{}) {
			t.Fatalf("%s: %+v", c.method, c.status)
		}
		// A collection may empty the pool of what calls reuse.
		if n := testing.AllocsPerRun(1000, run); n >= 1 {
			t.Errorf("%s allocates %v times", c.method, n)
		}
	}
}

// fanOut subscribes calls to a topic, and returns what publishes to them and has each of them take and send.
func fanOut(h *Handler, subscribers int) (publish func()) {
	where := "\x0a\x01c\x12\x01t"
	subs := make([]quietCall, subscribers)
	for i := range subs {
		subs[i] = quietCall{method: "/cache_client.pubsub.Pubsub/Subscribe", message: []byte(where)}
		h.ServeCall(&subs[i])
		subs[i].pump()
	}
	call := quietCall{method: "/cache_client.pubsub.Pubsub/Publish", message: []byte(where + "\x1a\x07\x0a\x05value")}
	publish = func() {
		h.ServeCall(&call)
		for i := range subs {
			subs[i].pump()
		}
	}
	publish() // buffers grow
	return publish
}

func TestDeliveriesAllocateNothing(t *testing.T) {
	if raceDetector {
		t.Skip("the race detector makes pools forget on purpose; the test runs without it too")
	}
	const subscribers = 100
	publish := fanOut(newQuiet(t), subscribers)
	// The message itself is copied once.
	if n := testing.AllocsPerRun(200, publish); n >= subscribers/10 {
		t.Errorf("a message to %d subscribers allocates %v times", subscribers, n)
	}
}

func BenchmarkDelivery(b *testing.B) {
	const subscribers = 1000
	publish := fanOut(newQuiet(b), subscribers)
	b.ReportAllocs()
	for b.Loop() {
		publish()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/subscribers, "ns/delivery")
}

// What is refused since a limit is reached costs no more than what is done.
func TestRefusedCallsAllocateNothing(t *testing.T) {
	if raceDetector {
		t.Skip("the race detector makes pools forget on purpose; the test runs without it too")
	}
	h := newQuiet(t)
	c, err := h.gateway.SignIn(gateway.Credential{}, "")
	if err != nil {
		t.Fatal(err)
	}
	if err := h.gateway.Change(t.Context(), c, control.SetCache{Name: "c", Settings: map[string]string{"request-rate": "1"}}); err != nil {
		t.Fatal(err)
	}
	get := quietCall{method: "/cache_client.Scs/Get", message: []byte("\x0a\x01k")}
	refused := 0
	n := testing.AllocsPerRun(1000, func() {
		get.status = h2.Status{}
		h.ServeCall(&get)
		if get.status.Err == "operations_rate_limit_exceeded" {
			refused++
		}
	})
	if refused < 900 || n >= 1 { // some are admitted where the test takes seconds
		t.Errorf("%d of 1000 were refused, with %v allocations each; the last ended with %+v", refused, n, get.status)
	}
}

func BenchmarkServeCall(b *testing.B) {
	h := newQuiet(b)
	for i, c := range common() {
		b.Run(fmt.Sprint(i, c.method), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				h.ServeCall(&c)
			}
		})
	}
}
