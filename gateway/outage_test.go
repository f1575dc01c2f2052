package gateway

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hearthcache/hearth/op"
)

// The tests of this file run in bubbles whose clock jumps ahead while everybody waits: a minute of outage takes as long
// as its requests.

// explained is what explains the requests that an origin saw.
type explained struct {
	Loading
	OriginLoading
}

func (f *fleet) counted() (c explained) {
	for _, l := range f.Loadings() {
		if l.Cache == "c" {
			c.Loading = l
			if l.Origin != nil {
				c.OriginLoading = *l.Origin
			}
		}
	}
	return c
}

var errDown = errors.New("down")

// asker is one caller who asks again and again.
type asker struct {
	f        *fleet
	deadline time.Duration // of each call

	hits, misses, errs, late atomic.Int64
	longest                  atomic.Int64
}

// ask asks for a key once.
func (a *asker) ask(t *testing.T, c *Caller, key string) (value string, hit bool) {
	ctx, cancel := context.WithTimeout(t.Context(), a.deadline)
	defer cancel()
	begun := time.Now()
	v, hit, err := a.f.get(ctx, c, key)
	took := time.Since(begun)
	a.longest.Store(max(a.longest.Load(), int64(took)))
	if took > a.deadline {
		a.late.Add(1)
	}
	switch {
	case err != nil:
		a.errs.Add(1)
	case hit:
		a.hits.Add(1)
	default:
		a.misses.Add(1)
	}
	return v, hit
}

// TestOriginDownForAMinute has a thousand callers ask once a second for a hot item, and once a second for one that was
// never loaded, while the origin is down for a minute.
func TestOriginDownForAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, o := newFilled(t, map[string]string{"fresh": "1s", "stale-while-revalidate": "500ms", "stale-if-error": "10m",
			"origin-timeout": "1s", "origin-retries": "1", "origin-breaker": "5"})
		o.delay = 50 * time.Millisecond
		o.values["never"] = "at last"
		const callers, down, up = 1000, 60 * time.Second, 60 * time.Second
		f.wants("hot", "loaded", true)

		begun := time.Now()
		o.set(func(o *truth) { o.err = errDown })
		hot, never := &asker{f: f, deadline: 500 * time.Millisecond}, &asker{f: f, deadline: 500 * time.Millisecond}
		var atRecovery, inOutage atomic.Int64
		var firstNew atomic.Int64 // after the recovery
		var wg sync.WaitGroup
		for i := range callers {
			wg.Go(func() {
				c := f.caller()
				time.Sleep(time.Duration(i) * time.Millisecond)
				for time.Since(begun) < down+up {
					if v, hit := hot.ask(t, c, "hot"); !hit || v != "loaded" && v != "newer" {
						t.Errorf("after %v the hot item was %q, %v", time.Since(begun), v, hit)
					} else if v == "newer" {
						firstNew.CompareAndSwap(0, int64(time.Since(begun)))
					}
					never.ask(t, c, "never")
					time.Sleep(time.Second)
				}
			})
		}
		time.Sleep(down)
		inOutage.Store(o.loads.Load() - 1)
		before := f.counted()
		o.set(func(o *truth) { o.err, o.values["hot"] = nil, "newer" })
		time.Sleep(40 * time.Second) // the longest pause of the breaker, and some
		atRecovery.Store(o.loads.Load() - 1 - inOutage.Load())
		if v, hit := never.ask(t, f.caller(), "never"); !hit || v != "at last" {
			t.Errorf("after the recovery the other item was %q, %v", v, hit)
		}
		wg.Wait()
		t.Logf("%d requests to the origin in the outage, %d in the 40 s after it; %d callers' calls took at most %v", inOutage.Load(), atRecovery.Load(), callers, time.Duration(max(hot.longest.Load(), never.longest.Load())))

		if n := hot.late.Load() + never.late.Load(); n != 0 {
			t.Errorf("%d callers waited past their deadline", n)
		}
		// The breaker lets one request through after 1, 2, 4, 8, 16, 30 seconds: 5 until it opens, and about 6.
		if n := inOutage.Load(); n < 6 || n > 15 {
			t.Errorf("%d requests in the outage", n)
		}
		// Then the hot item is loaded about every second and a half, the other one too: never by more than one caller.
		if n := atRecovery.Load(); n < 2 || n > 90 {
			t.Errorf("%d requests in the 40 seconds after the recovery", n)
		}
		if at := time.Duration(firstNew.Load()); at < down || at > down+31*time.Second {
			t.Errorf("the new value was seen after %v", at)
		}
		if o.most.Load() > 2 {
			t.Errorf("%d requests at once for two items", o.most.Load())
		}
		after := f.counted()
		if int64(after.Requests) != o.loads.Load() || before.Failed == 0 || before.LeftAlone == 0 || before.Stale == 0 {
			t.Errorf("the counters do not explain %d requests: %+v before the recovery, %+v after", o.loads.Load(), before, after)
		}
		if n := uint64(hot.hits.Load()); after.Stale > n {
			t.Errorf("%d answers were stale, of %d hits", after.Stale, n)
		}
	})
}

// TestOriginFlaps lets the origin be up and down for three seconds each: the hot item is there all the time, and the
// origin is never asked for it twice at once.
func TestOriginFlaps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, o := newFilled(t, map[string]string{"fresh": "500ms", "stale-if-error": "1m", "origin-retries": "0", "origin-breaker": "3", "negative-failed": "200ms"})
		o.delay = 20 * time.Millisecond
		f.wants("hot", "loaded", true)
		begun := time.Now()
		const length = 60 * time.Second
		a := &asker{f: f, deadline: 300 * time.Millisecond}
		var wg sync.WaitGroup
		wg.Go(func() {
			for n := 0; time.Since(begun) < length; n++ {
				time.Sleep(3 * time.Second)
				o.set(func(o *truth) {
					o.err = errDown
					if n%2 == 1 {
						o.err = nil
					}
				})
			}
		})
		for i := range 200 {
			wg.Go(func() {
				c := f.caller()
				time.Sleep(time.Duration(i) * time.Millisecond)
				for time.Since(begun) < length {
					if v, hit := a.ask(t, c, "hot"); !hit || v != "loaded" {
						t.Errorf("after %v: %q, %v", time.Since(begun), v, hit)
					}
					time.Sleep(200 * time.Millisecond)
				}
			})
		}
		wg.Wait()
		l := f.counted()
		t.Logf("%d requests for %d reads: %+v", o.loads.Load(), a.hits.Load(), l)
		if o.most.Load() != 1 || o.loads.Load() > 240 || a.late.Load() != 0 {
			t.Errorf("%d requests, %d at once; %d callers late", o.loads.Load(), o.most.Load(), a.late.Load())
		}
		if int64(l.Requests) != o.loads.Load() || l.Failed == 0 || l.Stale == 0 {
			t.Errorf("%+v does not explain it", l)
		}
	})
}

// TestRecoveryOfManyKeys has a thousand callers wait for a thousand items when the origin comes back.
func TestRecoveryOfManyKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, o := newFilled(t, map[string]string{"origin-concurrency": "8", "origin-timeout": "1s", "origin-retries": "0", "origin-breaker": "5",
			"negative-failed": "200ms", "fresh": "1h"})
		o.delay, o.err = 20*time.Millisecond, errDown
		begun := time.Now()
		const down = 60 * time.Second
		a := &asker{f: f, deadline: 2 * time.Second}
		var wg sync.WaitGroup
		for i := range 1000 {
			o.values[fmt.Sprint("item", i)] = "v"
		}
		for i := range 1000 {
			key := fmt.Sprint("item", i)
			wg.Go(func() {
				c := f.caller()
				for hit := false; !hit; time.Sleep(500 * time.Millisecond) {
					if _, hit = a.ask(t, c, key); time.Since(begun) > 3*down {
						t.Errorf("%s was never loaded", key)
						return
					}
				}
			})
		}
		time.Sleep(down)
		outage := o.loads.Load()
		o.set(func(o *truth) { o.err = nil })
		wg.Wait()
		l := f.counted()
		t.Logf("%d requests in the outage, %d after it, %d at once at most; %+v", outage, o.loads.Load()-outage, o.most.Load(), l)
		if o.most.Load() > 8 || outage > 30 || o.loads.Load()-outage != 1000 || a.late.Load() != 0 {
			t.Errorf("%d requests in the outage, %d after it, at most %d at once; %d callers late", outage, o.loads.Load()-outage, o.most.Load(), a.late.Load())
		}
	})
}

// TestOriginHangs has a thousand callers with deadlines of their own wait for an item that does not come.
func TestOriginHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, o := newFilled(t, map[string]string{"origin-timeout": "2s", "origin-retries": "1", "negative-failed": "1s"})
		o.delay = time.Hour
		var wg sync.WaitGroup
		for i := range 1000 {
			wg.Go(func() {
				a := &asker{f: f, deadline: time.Duration(i+20) * 10 * time.Millisecond}
				if _, hit := a.ask(t, f.caller(), "hot"); hit || a.late.Load() != 0 || a.errs.Load() != 0 {
					t.Errorf("with %v: hit %v, late %d, errors %d", a.deadline, hit, a.late.Load(), a.errs.Load())
				}
			})
		}
		wg.Wait()
		l := f.counted()
		if o.loads.Load() != 2 || l.Requests != 2 || l.Failed != 1 || l.GaveUp == 0 || l.Waited+l.GaveUp < 999 {
			t.Errorf("%d requests; %+v", o.loads.Load(), l)
		}
		o.set(func(o *truth) { o.delay = 0 })
		time.Sleep(2 * time.Second)
		f.wants("hot", "loaded", true)
		if n := o.loads.Load(); n != 3 {
			t.Errorf("%d requests after the recovery", n-2)
		}
	})
}

// TestAThousandWaiters is what can become of a loader that knows nothing of it, with a thousand callers behind it. Each
// case says how many callers are told to load; all others get the value.
func TestAThousandWaiters(t *testing.T) {
	const waiters = 1000
	settings := map[string]string{"collapse-wait": "10s", "collapse-load": "2s"}
	for name, c := range map[string]struct {
		loader func(f *fleet, c *Caller)
		loads  int
		within time.Duration
	}{
		"sets":                {func(f *fleet, c *Caller) { f.set(c, "k", "v") }, 0, 0},
		"is killed":           {func(_ *fleet, c *Caller) { c.Gone() }, 1, 0},
		"hangs":               {func(*fleet, *Caller) {}, 1, 2 * time.Second},
		"answers an error":    {func(*fleet, *Caller) {}, 1, 2 * time.Second}, // to its own caller; hearth cannot tell
		"sets something else": {func(f *fleet, c *Caller) { f.set(c, "other", "v") }, 1, 2 * time.Second},
		"deletes":             {func(f *fleet, c *Caller) { f.do(&op.Delete{K: []byte("k")}) }, 1, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFleet(t, settings)
				loader := f.caller()
				f.get(t.Context(), loader, "k")
				a := &asker{f: f, deadline: 20 * time.Second}
				var wg sync.WaitGroup
				for range waiters {
					wg.Go(func() {
						c := f.caller()
						v, hit := a.ask(t, c, "k")
						if hit && v != "v" {
							t.Errorf("a waiter got %q", v)
						}
						if !hit {
							f.set(c, "k", "v")
						}
					})
				}
				synctest.Wait() // all wait
				if n := f.flights.held.Load(); n != waiters {
					t.Fatalf("%d wait", n)
				}
				c.loader(f, loader)
				wg.Wait()
				if int(a.misses.Load()) != c.loads || int(a.hits.Load()) != waiters-c.loads || time.Duration(a.longest.Load()) > c.within+10*time.Millisecond {
					t.Errorf("%d waiters were told to load, %d got the value, the longest after %v", a.misses.Load(), a.hits.Load(), time.Duration(a.longest.Load()))
				}
				l := f.counted()
				if int(l.Led) != 1+c.loads || l.Waited < waiters || l.GaveUp != 0 || l.Crowded != 0 {
					t.Errorf("%+v", l)
				}
				if n := f.flights.held.Load() + f.flights.active.Load(); n > 1 || n == 1 && c.loads == 0 {
					t.Errorf("%d flights and waiters are left", n)
				}
			})
		})
	}
}

// TestCollapseThroughAnOutage has callers who load by themselves come all the time while their origin is down for a
// minute: their loads fail, so that nothing is set. Nobody waits past the deadline, and when the origin is back those who
// are loading already, and no others, reach it.
func TestCollapseThroughAnOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, nil)
		const down, latency, everyMillis = 60 * time.Second, 50 * time.Millisecond, 10
		begun := time.Now()
		a := &asker{f: f, deadline: 5 * time.Second}
		var loads, recovered atomic.Int64
		var wg sync.WaitGroup
		for i := range 70_000 / everyMillis {
			wg.Go(func() {
				time.Sleep(time.Duration(i) * everyMillis * time.Millisecond)
				c := f.caller()
				v, hit := a.ask(t, c, "hot")
				if hit {
					if v != "loaded" || time.Since(begun) < down {
						t.Errorf("after %v: %q", time.Since(begun), v)
					}
					return
				}
				loads.Add(1)
				up := time.Since(begun) >= down
				if up {
					recovered.Add(1)
				}
				time.Sleep(latency)
				if up {
					f.set(c, "hot", "loaded")
				}
			})
		}
		wg.Wait()
		l := f.counted()
		t.Logf("%d loads, %d of them after the recovery; %+v", loads.Load(), recovered.Load(), l)
		if n := recovered.Load(); n < 1 || n > int64(latency/time.Millisecond/everyMillis)+2 {
			t.Errorf("%d loads after the recovery", n)
		}
		if a.late.Load() != 0 || a.errs.Load() != 0 || uint64(loads.Load()) != l.Led+l.GaveUp {
			t.Errorf("%d late, %d errors; %d loads; %+v", a.late.Load(), a.errs.Load(), loads.Load(), l)
		}
	})
}

// TestOvertakenFillsAreCounted discards a fill by each kind of write, and says so.
func TestOvertakenFillsAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, o := newFilled(t, nil)
		o.delay = time.Second
		for i, write := range []func(){
			func() { f.set(f.caller(), "k", "newer") },
			func() { f.do(&op.Delete{K: []byte("k")}) },
		} {
			f.do(&op.Delete{K: []byte("k")})
			go f.get(t.Context(), f.caller(), "k")
			time.Sleep(500 * time.Millisecond)
			write()
			time.Sleep(10 * time.Second)
			if n := f.counted().Discarded; n != uint64(i+1) {
				t.Errorf("%d fills were discarded, want %d", n, i+1)
			}
		}
	})
}
