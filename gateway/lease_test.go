package gateway

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/control"
	"github.com/hearthcache/hearth/control/store"
	"github.com/hearthcache/hearth/engine/valkey"
	servers "github.com/hearthcache/hearth/fleet"
	"github.com/hearthcache/hearth/op"
	"github.com/hearthcache/hearth/test/await"
)

// gateways returns gateways that share a cluster, with the settings of their cache "c", and the origin that all of them
// load from.
func gateways(t *testing.T, n int, near int64, settings map[string]string) ([]*fleet, *truth, *servers.Cluster) {
	t.Helper()
	c, err := servers.StartCluster(t.TempDir(), 3, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Stop)
	o := &truth{values: map[string]string{"k": "v", "hot": "loaded"}}
	all := make([]*fleet, n)
	for i := range all {
		all[i] = newShared(t, c, o, near)
	}
	all[0].change(control.CreateCache{Name: "c", Settings: settings})
	for _, f := range all {
		await.That(t, "every gateway has the cache", func() bool { return f.View().Caches["c"] != nil })
	}
	return all, o, c
}

// newShared returns one gateway more.
func newShared(t *testing.T, c *servers.Cluster, o *truth, near int64) *fleet {
	t.Helper()
	options := valkey.Options{Addrs: c.Addrs(), NearBytes: near}
	e, err := valkey.New(options)
	if err != nil {
		t.Fatal(err)
	}
	client, err := valkey.Connect(options)
	if err != nil {
		t.Fatal(err)
	}
	plane, err := control.NewPlane(t.Context(), store.NewValkey(client))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	f := &fleet{Gateway: New(Options{Engine: e, Plane: plane, Open: true, Origin: func(string) (Loader, error) { return o, nil }}), t: t}
	running.Go(func() { _ = plane.Run(ctx) })
	t.Cleanup(func() {
		cancel()
		running.Wait()
		f.Close()
		e.Close()
		client.Close()
	})
	return f
}

func nothingLeft(t *testing.T, all []*fleet) {
	t.Helper()
	for i, f := range all {
		await.That(t, fmt.Sprint("nothing is left at gateway ", i), func() bool { return f.flights.active.Load()+f.flights.held.Load() == 0 })
	}
}

func TestOneLoadOfManyGateways(t *testing.T) {
	all, _, _ := gateways(t, 3, 1<<20, map[string]string{"collapse": "on", "collapse-wait": patient, "collapse-load": patient})
	for round := range 3 {
		var wg sync.WaitGroup
		for i := range 1500 {
			wg.Go(func() {
				f := all[i%3]
				c := f.caller()
				key := fmt.Sprint("hot", round)
				v, hit, err := f.get(t.Context(), c, key)
				switch {
				case err != nil || hit && v != "loaded":
					t.Errorf("got %q, %v", v, err)
				case !hit:
					all[0].loads.Add(1)
					time.Sleep(50 * time.Millisecond) // the origin takes its time
					f.do(&op.Set{K: []byte(key), Value: []byte("loaded")})
				}
			})
		}
		wg.Wait()
		if n := all[0].loads.Swap(0); n != 1 {
			t.Errorf("round %d: the origin saw %d loads", round, n)
		}
	}
	nothingLeft(t, all)
}

func TestOneFillOfManyGateways(t *testing.T) {
	all, o, _ := gateways(t, 3, 1<<20, map[string]string{"origin": "https://example.com/{key}", "freshness": "balanced", "negative-absent": "10s", "origin-timeout": "30s"})
	o.set(func(o *truth) { o.delay = 50 * time.Millisecond })
	for round := range 3 {
		key := fmt.Sprint("hot", round)
		o.set(func(o *truth) { o.values[key] = "loaded" })
		var wg sync.WaitGroup
		for i := range 1500 {
			wg.Go(func() { all[i%3].wants(key, "loaded", true) })
		}
		wg.Wait()
		if n := o.loads.Swap(0); n != 1 {
			t.Errorf("round %d: the origin saw %d loads", round, n)
		}
	}
	for i := range 30 {
		all[i%3].wants("absent", "", false)
	}
	if n := o.loads.Swap(0); n != 1 {
		t.Errorf("the origin was asked %d times for what it does not have", n)
	}
	o.set(func(o *truth) { o.values["absent"] = "made" })
	all[0].wants("absent", "", false)
	all[1].do(&op.Delete{K: []byte("absent")})
	all[2].wants("absent", "made", true)
	nothingLeft(t, all)
}

// TestWaitersOfOtherGatewaysAreNotLeft has waiters at one gateway for a loader at another.
func TestWaitersOfOtherGatewaysAreNotLeft(t *testing.T) {
	all, _, c := gateways(t, 3, 1<<20, map[string]string{"collapse": "on", "collapse-wait": patient, "collapse-load": patient})
	loaders, waiters, others := all[0], all[1], all[2]
	allKnow := func() {
		t.Helper()
		await.That(t, "all know of the last change", func() bool {
			return loaders.View().Version == others.View().Version && waiters.View().Version == others.View().Version
		})
	}
	n := 0
	waiting := func() (key string, loader *Caller, results chan string) {
		t.Helper()
		n++
		key = fmt.Sprint("k", n)
		allKnow()
		loader = loaders.caller()
		if _, hit, err := loaders.get(t.Context(), loader, key); hit || err != nil {
			t.Fatalf("the loader got a hit, or %v", err)
		}
		results = make(chan string, 20)
		for range 20 {
			go func() {
				v, hit, err := waiters.get(t.Context(), waiters.caller(), key)
				results <- fmt.Sprint(v, " ", hit, " ", hearth.KindOf(err) == hearth.NoCache)
			}()
		}
		await.That(t, "they wait", func() bool { return waiters.flights.held.Load() == 20 })
		return key, loader, results
	}
	set := func(f *fleet, key string) { f.do(&op.Set{K: []byte(key), Value: []byte("v")}) }

	key, loader, results := waiting()
	set(loaders, key)
	expect(t, results, 20, hit)
	loader.Gone()

	key, _, results = waiting()
	set(others, key)
	expect(t, results, 20, hit)

	key, _, results = waiting()
	others.do(&op.Delete{K: []byte(key)})
	expect(t, results, 1, miss)
	set(waiters, key)
	expect(t, results, 19, hit)

	key, loader, results = waiting()
	loader.Gone()
	expect(t, results, 1, miss)
	set(others, key)
	expect(t, results, 19, hit)

	// By somebody who knows nothing of hearth, on the server itself.
	key, _, results = waiting()
	raw := "h:" + strconv.FormatUint(uint64(loaders.View().Caches["c"].Space), 36) + ":" + key
	for _, s := range c.Servers {
		_, _ = s.Command("SET", raw, "v") // one of them has the slot
	}
	expect(t, results, 20, hit)

	key, _, results = waiting()
	invalidatedElsewhere(t, others, results)
	set(waiters, key)

	key, _, results = waiting()
	others.change(control.FlushCache{Name: "c"})
	expect(t, results, 1, miss)
	allKnow()
	set(others, key)
	expectMost(t, results, 19, hit)

	_, _, results = waiting()
	others.change(control.DeleteCache{Name: "c"})
	expectMost(t, results, 20, " false true")
	nothingLeft(t, all)
}

// expectMost takes the results of n callers that waited when their cache was flushed or deleted. The loader's gateway may let go
// of the lease before theirs has heard of that: then one of them comes to lead, and has its miss.
func expectMost(t *testing.T, results chan string, n int, want string) {
	t.Helper()
	misses := 0
	for range n {
		select {
		case got := <-results:
			if got == miss {
				misses++
			} else if got != want {
				t.Errorf("a waiter got %q, want %q", got, want)
			}
		case <-time.After(10 * time.Second):
			t.Fatal("a waiter was left")
		}
	}
	if misses > 1 {
		t.Errorf("%d waiters were told to load", misses)
	}
}

// invalidatedElsewhere invalidates a tag of the cache through a gateway until somebody who waits at another one is told that
// there is nothing, and takes that result. Who has only just begun to wait may not have looked at the tags yet.
func invalidatedElsewhere(t *testing.T, others *fleet, results chan string) {
	t.Helper()
	for end := time.Now().Add(time.Minute); ; {
		if err := others.invalidate("any"); err != nil {
			t.Fatal(err)
		}
		select {
		case got := <-results:
			if got != miss {
				t.Errorf("after an invalidation: %s", got)
			}
			return
		case <-time.After(100 * time.Millisecond):
			if time.Now().After(end) {
				t.Fatal("who waits at another gateway does not hear of an invalidation")
			}
		}
	}
}

// TestInvalidationsReachTheLoadersGateway has callers wait at the gateway that loads, and an invalidation at another one.
func TestInvalidationsReachTheLoadersGateway(t *testing.T) {
	all, _, _ := gateways(t, 2, 1<<20, map[string]string{"collapse": "on", "collapse-wait": patient, "collapse-load": patient})
	loaders, others := all[0], all[1]
	if _, hit, err := loaders.get(t.Context(), loaders.caller(), "k"); hit || err != nil {
		t.Fatal(hit, err)
	}
	results := make(chan string, 1)
	go func() {
		v, hit, err := loaders.get(t.Context(), loaders.caller(), "k")
		results <- fmt.Sprint(v, " ", hit, " ", hearth.KindOf(err) == hearth.NoCache)
	}()
	await.That(t, "somebody waits", func() bool { return loaders.flights.held.Load() == 1 })
	invalidatedElsewhere(t, others, results)
	loaders.do(&op.Set{K: []byte("k"), Value: []byte("v")})
	nothingLeft(t, all)
}

// TestFillsOfOtherGatewaysAreOvertaken has a fill under way at one gateway while another one writes.
func TestFillsOfOtherGatewaysAreOvertaken(t *testing.T) {
	all, o, _ := gateways(t, 2, 1<<20, map[string]string{"origin": "https://example.com/{key}", "fresh": "1m"})
	for name, write := range map[string]struct {
		op   op.Op
		then string
	}{
		"set":    {&op.Set{K: []byte("k"), Value: []byte("set")}, "set"},
		"delete": {&op.Delete{K: []byte("k")}, "new"},
		"md":     {&op.MetaDelete{K: []byte("k")}, "new"},
		"multi":  {&op.MultiSet{List: [][]byte{[]byte("k"), []byte("z")}, Values: [][]byte{[]byte("set"), []byte("z")}}, "set"},
		"flush":  {nil, "new"},
	} {
		t.Run(name, func(t *testing.T) {
			all[0].do(&op.Delete{K: []byte("k")})
			enter, leave := make(chan struct{}, 10), make(chan struct{})
			o.set(func(o *truth) { o.values["k"], o.enter, o.leave = "old", enter, leave })
			got := make(chan string)
			go func() {
				v, _, err := all[0].get(t.Context(), all[0].caller(), "k")
				got <- fmt.Sprint(v, err)
			}()
			<-enter // the origin has read the old value
			o.set(func(o *truth) { o.values["k"], o.enter = "new", nil })
			if write.op != nil {
				all[1].do(write.op)
			} else {
				all[1].change(control.FlushCache{Name: "c"})
				await.That(t, "both know", func() bool { return all[0].View().Version == all[1].View().Version })
			}
			close(leave)
			if v := <-got; v == "old<nil>" {
				t.Error("a caller got a value that was overtaken")
			}
			for _, f := range all {
				f.wants("k", write.then, true)
			}
		})
	}
	nothingLeft(t, all)
}

// TestNoValueFromBeforeADeleteElsewhere is TestNoValueFromBeforeADelete through many gateways.
func TestNoValueFromBeforeADeleteElsewhere(t *testing.T) {
	// Another gateway's near cache may be a moment behind, as the docs say: here there is none.
	all, o, _ := gateways(t, 3, 0, map[string]string{"origin": "https://example.com/{key}"})
	var wg sync.WaitGroup
	var version atomic.Int64
	for i := range 6 {
		wg.Go(func() {
			for n := range 100 {
				var mine int64
				o.set(func(o *truth) {
					mine = version.Add(1)
					o.values["k"] = fmt.Sprint(mine)
				})
				all[(i+n)%3].do(&op.Delete{K: []byte("k")})
				f := all[i%3]
				v, hit, err := f.get(t.Context(), f.caller(), "k")
				var read int64
				if _, e := fmt.Sscan(v, &read); hit && (e != nil || err != nil || read < mine) {
					t.Errorf("read %q (%v) after deleting what was older than %d", v, err, mine)
				}
			}
		})
	}
	wg.Wait()
	nothingLeft(t, all)
}

// TestStaleItemsAreLoadedOnceByManyGateways makes sure that gateways that share an engine know how old items are.
func TestStaleItemsAreLoadedOnceByManyGateways(t *testing.T) {
	all, o, _ := gateways(t, 3, 1<<20, map[string]string{"origin": "https://example.com/{key}", "fresh": "300ms", "fresh-jitter": "0",
		"stale-while-revalidate": "1m", "stale-if-error": "1m"})
	all[0].wants("k", "v", true)
	enter, leave := make(chan struct{}), make(chan struct{})
	o.set(func(o *truth) { o.values["k"], o.enter, o.leave = "w", enter, leave })
	time.Sleep(350 * time.Millisecond) // it is stale
	all[0].wants("k", "v", true)
	<-enter // one of them loads, and has no answer yet
	for i := range 9 {
		all[i%3].wants("k", "v", true)
	}
	if n := o.loads.Load(); n != 2 {
		t.Errorf("the origin saw %d loads", n)
	}
	o.set(func(o *truth) { o.enter = nil })
	close(leave)
	await.That(t, "the new value is there", func() bool {
		v, _, _ := all[1].get(t.Context(), all[1].caller(), "k")
		return v == "w"
	})
	nothingLeft(t, all)
}
