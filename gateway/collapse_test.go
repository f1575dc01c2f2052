package gateway

import (
	"context"
	"fmt"
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

// fleet is a gateway whose cache "c" collapses misses, and what its callers have loaded.
type fleet struct {
	*Gateway
	t     *testing.T
	loads atomic.Int64
}

func newFleet(t *testing.T, settings map[string]string) *fleet {
	t.Helper()
	e := local.New(local.Options{})
	t.Cleanup(func() { e.Close() })
	plane, err := control.NewPlane(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	f := &fleet{Gateway: New(Options{Engine: e, Plane: plane, Open: true}), t: t}
	all := map[string]string{"collapse": "on"}
	for k, v := range settings {
		all[k] = v
	}
	f.change(control.CreateCache{Name: "c", Settings: all})
	return f
}

func (f *fleet) change(c control.Change) {
	f.t.Helper()
	if _, err := f.plane.Change(context.Background(), c); err != nil {
		f.t.Fatal(err)
	}
}

func (f *fleet) caller() *Caller {
	f.t.Helper()
	c, err := f.SignIn(Credential{Door: RESP}, "c")
	if err != nil {
		f.t.Fatal(err)
	}
	return c
}

// get is a door: Try, and Do where that was not enough.
func (f *fleet) get(ctx context.Context, c *Caller, key string) (value string, hit bool, err error) {
	var r op.Reply
	o := &op.Get{K: []byte(key)}
	done, err := f.Try(c, o, &r)
	if !done {
		r.Reset()
		err = f.Do(ctx, c, o, &r)
	}
	return string(r.Value()), r.Status == op.Hit, err
}

func (f *fleet) set(c *Caller, key, value string) {
	f.t.Helper()
	var r op.Reply
	if _, err := f.Try(c, &op.Set{K: []byte(key), Value: []byte(value)}, &r); err != nil {
		f.t.Error(err)
	}
}

// readAside is what an execution environment does: get, and on a miss load and set.
func (f *fleet) readAside(ctx context.Context, key string, load time.Duration) {
	c := f.caller()
	v, hit, err := f.get(ctx, c, key)
	switch {
	case err != nil:
		f.t.Error(err)
	case hit && v != "loaded":
		f.t.Errorf("got %q", v)
	case !hit:
		f.loads.Add(1)
		time.Sleep(load) // the origin takes its time
		f.set(c, key, "loaded")
	}
}

func TestOneLoadForAThousandCallers(t *testing.T) {
	f := newFleet(t, nil)
	var wg sync.WaitGroup
	for range 1000 {
		wg.Go(func() { f.readAside(t.Context(), "hot", 50*time.Millisecond) })
	}
	wg.Wait()
	if n := f.loads.Load(); n != 1 {
		t.Errorf("the origin saw %d loads", n)
	}
	if n := f.flights.active.Load() + f.flights.held.Load(); n != 0 {
		t.Errorf("%d flights and waiters are left", n)
	}
}

func TestWithoutCollapseEverybodyLoads(t *testing.T) {
	f := newFleet(t, map[string]string{"collapse": "off"})
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() { f.readAside(t.Context(), "hot", 50*time.Millisecond) })
	}
	wg.Wait()
	if n := f.loads.Load(); n < 2 {
		t.Errorf("the origin saw %d loads: the tests above prove nothing", n)
	}
}

// waiting starts n gets of key behind a loader and returns when all of them wait; the results come by the channel.
func (f *fleet) waiting(ctx context.Context, key string, n int) (loader *Caller, results chan string) {
	f.t.Helper()
	loader = f.caller()
	if _, hit, err := f.get(ctx, loader, key); hit || err != nil {
		f.t.Fatalf("the loader got a hit, or %v", err)
	}
	results = make(chan string, n)
	for range n {
		go func() {
			v, hit, err := f.get(ctx, f.caller(), key)
			results <- fmt.Sprint(v, " ", hit, " ", hearth.KindOf(err) == hearth.NoCache)
		}()
	}
	f.waitForWaiters(int64(n))
	return loader, results
}

func expect(t *testing.T, results chan string, n int, want string) {
	t.Helper()
	for range n {
		select {
		case got := <-results:
			if got != want {
				t.Errorf("a waiter got %q, want %q", got, want)
			}
		case <-time.After(10 * time.Second):
			t.Fatal("a waiter was left")
		}
	}
}

const (
	patient = "30s" // longer than any test
	hit     = "v true false"
	miss    = " false false"
)

func TestWaitersAreNotLeft(t *testing.T) {
	slow := map[string]string{"collapse-wait": patient, "collapse-load": patient}
	t.Run("set", func(t *testing.T) {
		f := newFleet(t, slow)
		loader, results := f.waiting(t.Context(), "k", 20)
		f.set(loader, "k", "v")
		expect(t, results, 20, hit)
	})
	t.Run("set by another", func(t *testing.T) {
		f := newFleet(t, slow)
		_, results := f.waiting(t.Context(), "k", 20)
		f.set(f.caller(), "k", "v")
		expect(t, results, 20, hit)
	})
	t.Run("set to something else first", func(t *testing.T) {
		f := newFleet(t, slow)
		loader, results := f.waiting(t.Context(), "k", 5)
		f.set(loader, "other", "v")
		select {
		case got := <-results:
			t.Errorf("a waiter got %q by a set of another key", got)
		case <-time.After(20 * time.Millisecond):
		}
		f.set(loader, "k", "v")
		expect(t, results, 5, hit)
	})
	t.Run("delete makes the next one the loader", func(t *testing.T) {
		f := newFleet(t, slow)
		loader, results := f.waiting(t.Context(), "k", 20)
		var r op.Reply
		if err := f.Do(t.Context(), loader, &op.Delete{K: []byte("k")}, &r); err != nil {
			t.Fatal(err)
		}
		expect(t, results, 1, miss)
		f.set(loader, "k", "v")
		expect(t, results, 19, hit)
	})
	t.Run("the loader goes away", func(t *testing.T) {
		f := newFleet(t, slow)
		loader, results := f.waiting(t.Context(), "k", 20)
		loader.Gone()
		expect(t, results, 1, miss)
		f.set(f.caller(), "k", "v")
		expect(t, results, 19, hit)
	})
	t.Run("the loader takes too long", func(t *testing.T) {
		f := newFleet(t, map[string]string{"collapse-wait": patient, "collapse-load": "500ms"})
		_, results := f.waiting(t.Context(), "k", 20)
		expect(t, results, 1, miss)
		f.set(f.caller(), "k", "v")
		expect(t, results, 19, hit)
	})
	t.Run("flush makes the next one the loader", func(t *testing.T) {
		f := newFleet(t, slow)
		_, results := f.waiting(t.Context(), "k", 20)
		f.change(control.FlushCache{Name: "c"})
		expect(t, results, 1, miss)
		f.set(f.caller(), "k", "v")
		expect(t, results, 19, hit)
	})
	t.Run("cache deleted", func(t *testing.T) {
		f := newFleet(t, slow)
		_, results := f.waiting(t.Context(), "k", 20)
		f.change(control.DeleteCache{Name: "c"})
		expect(t, results, 20, " false true")
	})
	t.Run("patience ends", func(t *testing.T) {
		f := newFleet(t, map[string]string{"collapse-wait": "300ms", "collapse-load": patient})
		_, results := f.waiting(t.Context(), "k", 20)
		expect(t, results, 20, miss)
	})
}

func TestNobodyWaitsPastItsDeadline(t *testing.T) {
	f := newFleet(t, map[string]string{"collapse-wait": patient, "collapse-load": patient})
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	_, results := f.waiting(ctx, "k", 20)
	for range 20 {
		if got := <-results; got != miss {
			t.Errorf("a waiter got %q", got)
		}
	}
	if ctx.Err() != nil {
		t.Error("waiters got their misses after their deadline, when they are of no use")
	}
}

// TestBatchesDoNotWaitForEachOther runs two batches that miss the same keys in opposite order.
func TestBatchesDoNotWaitForEachOther(t *testing.T) {
	f := newFleet(t, map[string]string{"collapse-wait": patient, "collapse-load": patient})
	batch := func(c *Caller, keys ...string) (misses int) {
		t.Helper()
		os, rs := make([]op.Op, len(keys)), make([]op.Reply, len(keys))
		for i, k := range keys {
			os[i] = &op.Get{K: []byte(k)}
		}
		f.DoAll(t.Context(), c, os, rs)
		for i := range rs {
			if rs[i].Status == op.Miss {
				misses++
			}
		}
		return misses
	}
	if n := batch(f.caller(), "x"); n != 1 {
		t.Fatalf("the first batch missed %d", n)
	}
	if n := batch(f.caller(), "y", "x"); n != 2 {
		t.Errorf("a batch that leads y waited for x: it missed %d", n)
	}
	done := make(chan int)
	go func() { done <- batch(f.caller(), "x", "y") }()
	f.waitForWaiters(1)
	f.set(f.caller(), "x", "loaded")
	f.set(f.caller(), "y", "loaded")
	if n := <-done; n != 0 {
		t.Errorf("a batch that leads nothing missed %d", n)
	}
}

func (f *fleet) waitForWaiters(n int64) {
	f.t.Helper()
	await.That(f.t, fmt.Sprint(n, " callers wait"), func() bool { return f.flights.held.Load() >= n })
}
