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
}

func (c *quietCall) Method() string  { return c.method }
func (c *quietCall) Message() []byte { return c.message }
func (c *quietCall) Local() *any     { return &c.local }
func (c *quietCall) Begin() []byte   { return c.buf[:0] }
func (c *quietCall) End(b []byte)    { c.buf = b }

func (c *quietCall) Finish(s h2.Status)      { c.status = s }
func (c *quietCall) Detach() context.Context { return context.Background() }
func (c *quietCall) Stream(_, _ func())      {}
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
