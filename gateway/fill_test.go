package gateway

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/control"
	"github.com/hearthcache/hearth/engine/local"
	"github.com/hearthcache/hearth/op"
	"github.com/hearthcache/hearth/test/await"
)

// truth is an origin of the test's own: what it answers and how long that takes can be changed at any time.
type truth struct {
	mu     sync.Mutex
	values map[string]string
	tags   [][]byte // of every value
	err    error
	delay  time.Duration
	enter  chan struct{} // where not nil, a load says that it has read the value
	leave  chan struct{} // and waits here before it returns it

	loads, unchanged, most, now atomic.Int64
}

func (o *truth) set(f func(*truth)) {
	o.mu.Lock()
	defer o.mu.Unlock()
	f(o)
}

func (o *truth) Load(ctx context.Context, key []byte) ([]byte, time.Duration, error) {
	l, err := o.Revalidate(ctx, key, "")
	return l.Value, l.TTL, err
}

func (o *truth) Revalidate(ctx context.Context, key []byte, validator string) (Loaded, error) {
	o.loads.Add(1)
	o.most.Store(max(o.most.Load(), o.now.Add(1)))
	defer o.now.Add(-1)
	o.mu.Lock()
	v, ok := o.values[string(key)]
	err, delay, enter, leave, tags := o.err, o.delay, o.enter, o.leave, o.tags
	o.mu.Unlock()
	if enter != nil {
		enter <- struct{}{}
		<-leave
	}
	select {
	case <-time.After(delay):
	case <-ctx.Done():
		return Loaded{}, ctx.Err()
	}
	switch {
	case err != nil:
		return Loaded{}, err
	case !ok:
		return Loaded{}, &hearth.Error{Kind: hearth.NotFound, Msg: "no such item"}
	case validator == "is "+v:
		o.unchanged.Add(1)
		return Loaded{Unchanged: true, Validator: validator}, nil
	}
	return Loaded{Value: []byte(v), Validator: "is " + v, Tags: tags}, nil
}

// newFilled returns a fleet whose cache "c" has an origin.
func newFilled(t *testing.T, settings map[string]string) (*fleet, *truth) {
	t.Helper()
	return newFilledAt(t, settings, nil)
}

// newFilledAt is newFilled with a clock of milliseconds; nil is the machine's.
func newFilledAt(t *testing.T, settings map[string]string, clock func() int64) (*fleet, *truth) {
	t.Helper()
	now := time.Now
	if clock != nil {
		now = func() time.Time { return time.UnixMilli(clock()) }
	}
	o := &truth{values: map[string]string{"k": "v", "hot": "loaded"}}
	e := local.New(local.Options{Now: clock})
	plane, err := control.NewPlane(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	f := &fleet{Gateway: New(Options{Engine: e, Plane: plane, Open: true, Now: now, Origin: func(string) (Loader, error) { return o, nil }}), t: t}
	t.Cleanup(func() { f.Close(); e.Close() })
	all := map[string]string{"origin": "https://example.com/{key}", "fresh-jitter": "0"}
	for k, v := range settings {
		all[k] = v
	}
	f.change(control.CreateCache{Name: "c", Settings: all})
	return f, o
}

func (f *fleet) wants(key, value string, hit bool) {
	f.t.Helper()
	v, h, err := f.get(f.t.Context(), f.caller(), key)
	if v != value || h != hit || err != nil {
		f.t.Errorf("get %s: %q, hit %v, %v; want %q, %v", key, v, h, err, value, hit)
	}
}

func TestOneLoadForAThousandWaiters(t *testing.T) {
	f, o := newFilled(t, nil)
	o.delay = 100 * time.Millisecond
	var wg sync.WaitGroup
	for range 1000 {
		wg.Go(func() { f.wants("hot", "loaded", true) })
	}
	wg.Wait()
	if n := o.loads.Load(); n != 1 {
		t.Errorf("the origin saw %d loads", n)
	}
	await.That(t, "nothing is left", func() bool { return f.flights.active.Load()+f.flights.held.Load() == 0 })
}

func TestLoadOutlivesItsCaller(t *testing.T) {
	f, o := newFilled(t, nil)
	o.delay = 200 * time.Millisecond
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, hit, err := f.get(ctx, f.caller(), "k"); hit || err != nil {
		t.Errorf("hit %v, %v before the load was over", hit, err)
	}
	await.That(t, "stored", func() bool { return f.flights.active.Load() == 0 })
	f.wants("k", "v", true)
	if n := o.loads.Load(); n != 1 {
		t.Errorf("%d loads", n)
	}
}

func TestBatchIsLoadedTogether(t *testing.T) {
	f, o := newFilled(t, map[string]string{"origin-concurrency": "3"})
	var os []op.Op
	for i := range 9 {
		key := fmt.Sprint("b", i)
		o.values[key] = key
		os = append(os, &op.Get{K: []byte(key)})
	}
	o.delay = 20 * time.Millisecond
	rs := make([]op.Reply, len(os))
	f.DoAll(t.Context(), f.caller(), os, rs)
	for i := range rs {
		if string(rs[i].Value()) != fmt.Sprint("b", i) || rs[i].Err != nil {
			t.Errorf("reply %d: %q, %v", i, rs[i].Value(), rs[i].Err)
		}
	}
	if o.loads.Load() != 9 || o.most.Load() > 3 || o.most.Load() < 2 {
		t.Errorf("%d loads, %d at once", o.loads.Load(), o.most.Load())
	}
}

// TestOvertakenFillIsDiscarded lets a write happen after the origin has read its value and before it has answered.
func TestOvertakenFillIsDiscarded(t *testing.T) {
	for name, c := range map[string]struct {
		write func(f *fleet)
		value string
	}{
		"set":    {func(f *fleet) { f.set(f.caller(), "k", "newer") }, "newer"},
		"delete": {func(f *fleet) { f.do(&op.Delete{K: []byte("k")}) }, "after"},
		"flush":  {func(f *fleet) { f.change(control.FlushCache{Name: "c"}) }, "after"},
		"several": {func(f *fleet) {
			f.do(&op.MultiDelete{List: [][]byte{[]byte("x"), []byte("k")}})
		}, "after"},
	} {
		t.Run(name, func(t *testing.T) {
			f, o := newFilled(t, nil)
			o.enter, o.leave = make(chan struct{}), make(chan struct{})
			got := make(chan string)
			go func() {
				v, _, _ := f.get(t.Context(), f.caller(), "k")
				got <- v
			}()
			<-o.enter
			leave := o.leave
			o.set(func(o *truth) { o.values["k"], o.enter = "after", nil })
			c.write(f)
			f.wants("k", c.value, true)
			close(leave)
			if v := <-got; v != c.value {
				t.Errorf("who asked before got %q", v)
			}
			time.Sleep(20 * time.Millisecond) // what the load has brought would be stored by now
			f.wants("k", c.value, true)
		})
	}
}

func (f *fleet) do(o op.Op) {
	f.t.Helper()
	var r op.Reply
	if err := f.Do(f.t.Context(), f.caller(), o, &r); err != nil {
		f.t.Error(err)
	}
}

// TestNoValueFromBeforeADelete lets callers write the truth, delete the item and read it, all at once: nobody may read
// what was true before their delete.
func TestNoValueFromBeforeADelete(t *testing.T) {
	f, o := newFilled(t, nil)
	var wg sync.WaitGroup
	var version atomic.Int64
	for range 4 {
		wg.Go(func() {
			for range 200 {
				var mine int64
				o.set(func(o *truth) {
					mine = version.Add(1)
					o.values["k"] = fmt.Sprint(mine)
				})
				f.do(&op.Delete{K: []byte("k")})
				v, hit, err := f.get(t.Context(), f.caller(), "k")
				var read int64
				if _, e := fmt.Sscan(v, &read); hit && (e != nil || err != nil || read < mine) {
					t.Errorf("read %q (%v) after deleting what was older than %d", v, err, mine)
				}
			}
		})
	}
	wg.Wait()
}

func TestNegativeAnswers(t *testing.T) {
	f, o := newFilled(t, map[string]string{"negative-absent": "1h", "negative-refused": "1h", "negative-failed": "1m", "origin-retries": "0", "item-bytes": "1000"})
	for key, c := range map[string]struct {
		err   error
		value string
	}{
		"absent":  {},
		"refused": {err: &hearth.Error{Kind: hearth.Denied}},
		"failed":  {err: errors.New("broken")},
		"large":   {value: strings.Repeat("x", 1000)},
	} {
		before := o.loads.Load()
		o.set(func(o *truth) {
			o.err = c.err
			if c.value != "" {
				o.values[key] = c.value
			}
		})
		for range 5 {
			f.wants(key, "", false)
		}
		if n := o.loads.Load() - before; n != 1 {
			t.Errorf("%s: %d loads", key, n)
		}
	}
	o.set(func(o *truth) { o.err = nil; o.values["absent"] = "there now" })
	f.do(&op.Delete{K: []byte("absent")})
	f.wants("absent", "there now", true)
}

func TestOriginFails(t *testing.T) {
	f, o := newFilled(t, map[string]string{"origin-error": "unavailable", "negative-failed": "0", "origin-retries": "2", "origin-breaker": "6"})
	o.err = errors.New("broken")
	get := func() error { _, _, err := f.get(t.Context(), f.caller(), "k"); return err }
	for range 4 {
		if err := get(); hearth.KindOf(err) != hearth.Unavailable {
			t.Errorf("got %v", err)
		}
	}
	if n := o.loads.Load(); n != 6 {
		t.Errorf("%d requests; 2 loads of 3 requests break it", n)
	}
	o.set(func(o *truth) { o.err = nil })
	await.That(t, "the origin is tried again", func() bool { return get() == nil })
	if n := o.loads.Load(); n != 7 {
		t.Errorf("%d requests at recovery", n-6)
	}
}

func TestSlowOriginTimesOut(t *testing.T) {
	f, o := newFilled(t, map[string]string{"origin-timeout": "30ms", "origin-retries": "0"})
	o.delay = time.Hour
	f.wants("k", "", false) // before the hour is over
}

func TestOnlyAllowedKeysAreLoaded(t *testing.T) {
	f, o := newFilled(t, map[string]string{"origin-keys": "item:, user:"})
	o.values["item:1"], o.values["other"] = "1", "2"
	f.wants("item:1", "1", true)
	f.wants("other", "", false)
}

func TestStaleWhileRevalidate(t *testing.T) {
	f, o := newFilled(t, map[string]string{"fresh": "100ms", "stale-while-revalidate": "1h"})
	f.wants("k", "v", true)
	time.Sleep(120 * time.Millisecond) // it is not fresh any more
	enter, leave := make(chan struct{}), make(chan struct{})
	o.set(func(o *truth) { o.enter, o.leave, o.values["k"] = enter, leave, "v2" })
	f.wants("k", "v", true)
	<-enter
	for range 10 {
		f.wants("k", "v", true) // nobody waits for the origin, which has not answered
	}
	if n := o.loads.Load(); n != 2 {
		t.Errorf("%d loads", n)
	}
	o.set(func(o *truth) { o.enter = nil })
	close(leave)
	await.That(t, "loaded again", func() bool { v, _, _ := f.get(t.Context(), f.caller(), "k"); return v == "v2" })
}

func TestRevalidationKeepsWhatIsUnchanged(t *testing.T) {
	f, o := newFilled(t, map[string]string{"fresh": "50ms", "stale-if-error": "1h"})
	f.wants("k", "v", true)
	time.Sleep(60 * time.Millisecond) // it is not fresh any more
	f.wants("k", "v", true)
	if o.loads.Load() != 2 || o.unchanged.Load() != 1 {
		t.Errorf("%d loads, %d unchanged", o.loads.Load(), o.unchanged.Load())
	}
	f.set(f.caller(), "k", "by a client") // without a time to live
	f.wants("k", "by a client", true)
}

func TestStaleIfError(t *testing.T) {
	f, o := newFilled(t, map[string]string{"fresh": "50ms", "stale-if-error": "1h", "origin-retries": "0", "negative-failed": "30s", "negative-absent": "0"})
	f.wants("k", "v", true)
	time.Sleep(60 * time.Millisecond) // it is not fresh any more
	o.set(func(o *truth) { o.err = errors.New("broken") })
	for range 10 {
		f.wants("k", "v", true)
	}
	if n := o.loads.Load(); n != 2 {
		t.Errorf("%d loads: the origin is not left alone", n-1)
	}
	f.do(&op.Delete{K: []byte("k")}) // ends the pause too
	o.set(func(o *truth) { o.err = nil })
	f.wants("k", "v", true)
	time.Sleep(60 * time.Millisecond) // it is not fresh any more
	o.set(func(o *truth) { delete(o.values, "k") })
	f.wants("k", "", false)
}

func TestClientsItemIsFreshForItsTime(t *testing.T) {
	f, o := newFilled(t, map[string]string{"fresh": "1h", "stale-if-error": "1h"})
	f.do(&op.Set{K: []byte("k"), Value: []byte("mine"), Expiry: op.Expiry{TTL: 200}})
	f.wants("k", "mine", true)
	if n := o.loads.Load(); n != 0 {
		t.Errorf("%d loads", n)
	}
	time.Sleep(220 * time.Millisecond) // its time to live is over
	f.wants("k", "v", true)
}

func TestEarlyRefresh(t *testing.T) {
	s := newSource(plan{early: true, fresh: 1000, concurrency: 1}, nil)
	s.loadTime.Store(100)
	count := func(left int64) (early int) {
		for range 1000 {
			if s.ageOf(0, left) == isEarly {
				early++
			}
		}
		return early
	}
	// exp(-left/took) of those who ask load again.
	for left, want := range map[int64][2]int{1000: {0, 5}, 230: {60, 145}, 70: {430, 570}, 1: {970, 1000}} {
		if n := count(left); n < want[0] || n > want[1] {
			t.Errorf("%d ms before the end %d of 1000 load early, want %v", left, n, want)
		}
	}
}

func TestJitterSpreadsTheEnd(t *testing.T) {
	s := newSource(plan{fresh: 1000, jitter: 20, ifError: 5000, max: 1 << 40, concurrency: 1}, nil)
	seen := map[int64]bool{}
	for range 200 {
		n := s.lifetime(&Loaded{})
		seen[n] = true
		if n < 5800 || n > 6000 {
			t.Fatalf("lives for %d ms", n)
		}
	}
	if len(seen) < 50 {
		t.Errorf("only %d different ends", len(seen))
	}
}

// TestEveryReadOfWhatIsStale has an item loaded again by whichever command has read it past its fresh time.
func TestEveryReadOfWhatIsStale(t *testing.T) {
	key := []byte("k")
	for _, o := range []op.Op{&op.Get{K: key}, &op.GetTTL{K: key}, &op.GetRange{K: key, End: -1}, &op.MetaGet{K: key}, &op.GetWithHash{K: key}} {
		f, origin := newFilled(t, map[string]string{"fresh": "50ms", "stale-while-revalidate": "1h"})
		f.wants("k", "v", true)
		origin.set(func(o *truth) { o.values["k"] = "w" })
		time.Sleep(60 * time.Millisecond) // it is not fresh any more
		var r op.Reply
		if done, err := f.Try(f.caller(), o, &r); !done || err != nil {
			t.Errorf("%T: done %v, %v", o, done, err)
		}
		r.Reset()
		await.That(t, fmt.Sprintf("%T has the item loaded again", o), func() bool { return origin.loads.Load() >= 2 })
	}
}
