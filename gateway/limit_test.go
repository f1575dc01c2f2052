package gateway

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/control"
	"github.com/hearthcache/hearth/op"
)

// limitOf returns which limit an error is about; -1 where it is about none.
func limitOf(err error) int {
	var e *hearth.Error
	if errors.As(err, &e) && e.Kind == hearth.Limited {
		return int(e.Limit)
	}
	return -1
}

func TestNothingIsLimitedByDefault(t *testing.T) {
	g, _ := newTimed(t, nil)
	c := signIn(t, g, "c")
	for range 20_000 {
		if err := set(g, c, 100, time.Second); err != nil {
			t.Fatal(err)
		}
	}
}

func set(g *Gateway, c *Caller, bytes int, ttl time.Duration) error {
	o := &op.Set{K: []byte("k"), Value: make([]byte, bytes), Expiry: op.Expiry{TTL: ttl.Milliseconds()}}
	_, err := g.Try(c, o, &op.Reply{})
	return err
}

func TestRequestRate(t *testing.T) {
	g, clock := newTimed(t, map[string]string{"request-rate": "100"})
	c := signIn(t, g, "c")
	admitted := func() (n int) {
		for range 1000 {
			switch err := set(g, c, 1, time.Second); limitOf(err) {
			case -1:
				n++
			case int(hearth.RequestRate):
			default:
				t.Fatal(err)
			}
		}
		return n
	}
	if n := admitted(); n != 100 {
		t.Errorf("%d at once, want a second's worth", n)
	}
	clock.t = clock.t.Add(time.Second / 2)
	if n := admitted(); n != 50 {
		t.Errorf("%d after half a second, want 50", n)
	}
	// Another caller of the cache shares its rate; deleting the cache refills nothing.
	other := signIn(t, g, "c")
	if err := set(g, other, 1, time.Second); limitOf(err) != int(hearth.RequestRate) {
		t.Errorf("another caller: %v", err)
	}
	ctx := context.Background()
	for _, change := range []control.Change{control.DeleteCache{Name: "c"}, control.CreateCache{Name: "c", Settings: map[string]string{"request-rate": "100"}}} {
		if err := g.Change(ctx, c, change); err != nil {
			t.Fatal(err)
		}
	}
	if err := set(g, c, 1, time.Second); limitOf(err) != int(hearth.RequestRate) {
		t.Errorf("after creating the cache again: %v", err)
	}
	// A change of the limit holds from the next command on.
	if err := g.Change(ctx, c, control.SetCache{Name: "c", Settings: map[string]string{"request-rate": ""}}); err != nil {
		t.Fatal(err)
	}
	if n := admitted(); n != 1000 {
		t.Errorf("%d without a limit", n)
	}
}

func TestRateIsSharedByGoroutines(t *testing.T) {
	g, _ := newTimed(t, map[string]string{"request-rate": "1000"})
	c := signIn(t, g, "c")
	var admitted atomic.Int64
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 500 {
				if set(g, c, 1, time.Second) == nil {
					admitted.Add(1)
				}
			}
		})
	}
	wg.Wait()
	if n := admitted.Load(); n != 1000 {
		t.Errorf("%d admitted, want exactly 1000", n)
	}
}

func TestThroughput(t *testing.T) {
	g, clock := newTimed(t, map[string]string{"throughput": "10kB"})
	_ = clock
	c := signIn(t, g, "c")
	if err := set(g, c, 9_000, time.Minute); err != nil {
		t.Fatal(err)
	}
	if err := set(g, c, 9_000, time.Minute); limitOf(err) != int(hearth.Throughput) {
		t.Errorf("a second write: %v", err)
	}
	clock.t = clock.t.Add(time.Second)
	// What is read counts when its size is known: later callers wait for it.
	get := func() error {
		_, err := g.Try(c, &op.Get{K: []byte("k")}, &op.Reply{})
		return err
	}
	for range 2 {
		if err := get(); err != nil {
			t.Fatal(err)
		}
	}
	if err := get(); limitOf(err) != int(hearth.Throughput) {
		t.Errorf("a third read: %v", err)
	}
	clock.t = clock.t.Add(time.Second)
	if err := get(); err != nil {
		t.Errorf("a second later: %v", err)
	}
}

func TestSizes(t *testing.T) {
	g, _ := newTimed(t, map[string]string{"item-bytes": "100", "element-bytes": "10"})
	c := signIn(t, g, "c")
	if err := set(g, c, 99, time.Second); err != nil {
		t.Error(err)
	}
	if err := set(g, c, 100, time.Second); limitOf(err) != int(hearth.RequestSize) {
		t.Errorf("key and value of 101 bytes: %v", err)
	}
	push := func(values ...string) error {
		o := &op.ListPush{K: []byte("l"), Expiry: op.Expiry{TTL: 1000}}
		for _, v := range values {
			o.Values = append(o.Values, []byte(v))
		}
		_, err := g.Try(c, o, &op.Reply{})
		return err
	}
	if err := push("0123456789"); err != nil {
		t.Error(err)
	}
	if err := push("0123456789x"); limitOf(err) != int(hearth.ElementSize) {
		t.Errorf("an element of 11 bytes: %v", err)
	}
	if err := push("0123456789", "0123456789", "0123456789", "0123456789", "0123456789", "0123456789", "0123456789", "0123456789", "0123456789", "0123456789"); limitOf(err) != int(hearth.RequestSize) {
		t.Errorf("a request of 101 bytes: %v", err)
	}
	if _, err := g.Try(c, &op.Get{K: make([]byte, hearth.KeyBytesMax+1)}, &op.Reply{}); hearth.KindOf(err) != hearth.Invalid {
		t.Errorf("a key of 64 KiB and a byte: %v", err)
	}
	if _, err := g.Reserve(c, []byte("k"), 100, 0); limitOf(err) != int(hearth.RequestSize) {
		t.Errorf("Reserve: %v", err)
	}
}

func TestVendorsSizesByDefault(t *testing.T) {
	g, _ := newTimed(t, nil)
	c := signIn(t, g, "c")
	if err := set(g, c, 5_000_000, time.Second); err != nil {
		t.Errorf("5 MB: %v", err)
	}
	if err := set(g, c, 5_300_000, time.Second); limitOf(err) != int(hearth.RequestSize) {
		t.Errorf("5.3 MB: %v", err)
	}
}

func TestTimeToLive(t *testing.T) {
	expiry := func(door Door, settings map[string]string, in, want op.Expiry, ok bool) {
		t.Helper()
		g, _ := newTimed(t, settings)
		c := signIn(t, g, "c")
		c.door = door
		c.rebind()
		o := &op.Set{K: []byte("k"), Expiry: in}
		_, err := g.Try(c, o, &op.Reply{})
		if (err == nil) != ok || err != nil && hearth.KindOf(err) != hearth.Invalid || ok && o.Expiry != want {
			t.Errorf("door %d, %v, %+v: %+v, %v; want %+v, ok %v", door, settings, in, o.Expiry, err, want, ok)
		}
	}
	ttl := func(d time.Duration) op.Expiry { return op.Expiry{TTL: d.Milliseconds()} }
	at := func(d time.Duration) op.Expiry { return op.Expiry{At: newClock().t.Add(d).UnixMilli()} }
	hour := map[string]string{"ttl-max": "1h"}
	short := map[string]string{"ttl-default": "5m"}

	for _, door := range []Door{Momento, HTTP} {
		expiry(door, nil, ttl(time.Millisecond), ttl(time.Millisecond), true)
		expiry(door, nil, ttl(24*time.Hour), ttl(24*time.Hour), true)
		expiry(door, nil, ttl(24*time.Hour+1e6), ttl(0), false)
		expiry(door, nil, ttl(0), ttl(0), false)
		expiry(door, nil, ttl(-time.Second), ttl(0), false)
		expiry(door, hour, ttl(time.Hour+1e6), ttl(0), false)
		expiry(door, short, ttl(0), ttl(0), false)
	}
	for _, door := range []Door{RESP, Memcache} {
		expiry(door, nil, ttl(0), ttl(0), true)
		expiry(door, nil, ttl(48*time.Hour), ttl(48*time.Hour), true)
		expiry(door, short, ttl(0), ttl(5*time.Minute), true)
		expiry(door, short, ttl(time.Hour), ttl(time.Hour), true)
		expiry(door, hour, ttl(0), ttl(time.Hour), true)
		expiry(door, hour, ttl(2*time.Hour), ttl(time.Hour), true)
		expiry(door, hour, at(2*time.Hour), ttl(time.Hour), true)
		expiry(door, hour, at(time.Minute), at(time.Minute), true)
		expiry(door, hour, at(-time.Minute), at(-time.Minute), true) // has passed: the command decides
	}
}

func TestHeld(t *testing.T) {
	g, _ := newTimed(t, map[string]string{"connections": "2", "subscriptions": "1"})
	c := signIn(t, g, "c")
	for range 2 {
		if err := c.Hold(hearth.ConnectionLimit); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.Hold(hearth.ConnectionLimit); limitOf(err) != int(hearth.ConnectionLimit) {
		t.Errorf("a third connection: %v", err)
	}
	if err := c.Hold(hearth.Subscriptions); err != nil {
		t.Errorf("a subscription: %v", err)
	}
	if err := c.Hold(hearth.Subscriptions); limitOf(err) != int(hearth.Subscriptions) {
		t.Errorf("a second subscription: %v", err)
	}
	c.Release(hearth.ConnectionLimit)
	if err := c.Hold(hearth.ConnectionLimit); err != nil {
		t.Errorf("after one was given back: %v", err)
	}
	if err := signIn(t, g, "none").Hold(hearth.ConnectionLimit); hearth.KindOf(err) != hearth.NoCache {
		t.Errorf("on no cache: %v", err)
	}
}

// bounds is an engine that remembers what it was told of memory.
type bounds struct {
	nothing
	last map[hearth.Space][3]int64
}

func (b *bounds) Bound(s hearth.Space, floor, ceiling int64, weight int) {
	b.last[s] = [3]int64{floor, ceiling, int64(weight)}
}

func TestMemoryIsBounded(t *testing.T) {
	ctx := context.Background()
	plane, err := control.NewPlane(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	change := func(c control.Change) {
		t.Helper()
		if _, err := plane.Change(ctx, c); err != nil {
			t.Fatal(err)
		}
	}
	change(control.CreateCache{Name: "early", Settings: map[string]string{"memory-ceiling": "1MB"}})
	e := &bounds{last: map[hearth.Space][3]int64{}}
	New(Options{Engine: e, Plane: plane})
	is := func(name string, want [3]int64) {
		t.Helper()
		if got := e.last[plane.State().Caches[name].Space]; got != want {
			t.Errorf("%s is bounded by %v, want %v", name, got, want)
		}
	}
	is("early", [3]int64{0, 1e6, 1})
	change(control.CreateCache{Name: "late", Settings: map[string]string{"memory-floor": "2KiB"}})
	is("late", [3]int64{2048, 0, 1})
	change(control.SetAccount{Settings: map[string]string{"memory-weight": "5"}})
	is("early", [3]int64{0, 1e6, 5})
	is("late", [3]int64{2048, 0, 5})
	change(control.FlushCache{Name: "late"})
	is("late", [3]int64{2048, 0, 5})
}

func TestACollectionGrowsNoLargerThanAnItem(t *testing.T) {
	ctx := context.Background()
	g := newGateway(t, true)
	c, err := g.SignIn(Credential{}, "c")
	if err != nil {
		t.Fatal(err)
	}
	if err := g.Change(ctx, c, control.CreateCache{Name: "c"}); err != nil {
		t.Fatal(err)
	}
	push := func(pushes int) (err error) {
		for range pushes {
			o := &op.ListPush{K: []byte("l"), Values: [][]byte{make([]byte, 1000)}, Expiry: op.Expiry{TTL: 60_000}}
			if err = g.Do(ctx, c, o, &op.Reply{}); err != nil {
				return err
			}
		}
		return nil
	}
	set := func(value string) {
		t.Helper()
		if err := g.Change(ctx, c, control.SetCache{Name: "c", Settings: map[string]string{"item-bytes": value}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := push(200); err != nil {
		t.Errorf("without a limit of the cache's own: %v", err)
	}
	set("100KB")
	if err := push(1); limitOf(err) != int(hearth.ItemSize) {
		t.Errorf("a list that is too large takes more: %v", err)
	}
	set("5MB")
	if err := push(1); err != nil {
		t.Errorf("a list that is small again: %v", err)
	}
	set("")
	if err := push(6000); err != nil {
		t.Errorf("without a limit again: %v", err)
	}
}
