package local

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/engine"
	"github.com/hearthcache/hearth/op"
	"github.com/hearthcache/hearth/value"
)

var (
	_ engine.Engine     = (*Engine)(nil)
	_ engine.Trier      = (*Engine)(nil)
	_ engine.Runner     = (*Engine)(nil)
	_ engine.Blocks     = (*Engine)(nil)
	_ engine.Transactor = (*Engine)(nil)
	_ engine.Scanner    = (*Engine)(nil)
	_ engine.Bounder    = (*Engine)(nil)
	_ engine.Keeper     = (*Engine)(nil)
	_ engine.Measurer   = (*Engine)(nil)
	_ engine.Feed       = (*Engine)(nil)
)

func newEngine(t testing.TB, o Options) *Engine {
	e := New(o)
	t.Cleanup(func() { e.Close() })
	return e
}

func TestGetAndSetAllocateNothing(t *testing.T) {
	e := newEngine(t, Options{BytesMax: 64 << 20})
	o, g := &op.Set{K: []byte("key"), Value: make([]byte, 100), Expiry: op.Expiry{TTL: 60_000}}, &op.Get{K: []byte("key")}
	var r op.Reply
	for i := range 3000 {
		o.K = fmt.Appendf(nil, "key:%d", i)
		e.Do(t.Context(), 1, o, &r)
	}
	ctx := t.Context()
	i := 0
	n := testing.AllocsPerRun(3000, func() {
		o.K = append(o.K[:0], "key:"...)
		o.K = append(o.K, byte('0'+i%10), byte('0'+i/10%10))
		g.K = o.K
		i++
		e.Do(ctx, 1, o, &r)
		r.Reset()
		e.Do(ctx, 1, g, &r)
		r.Reset()
	})
	if n != 0 {
		t.Errorf("a Set and a Get allocate %v times", n)
	}
}

func TestExpiryIsExact(t *testing.T) {
	now := int64(5000)
	e := newEngine(t, Options{BytesMax: 1 << 20, Now: func() int64 { return now }})
	set(t, e, "k", "v", 100)
	now = 5099
	if _, ok := get(t, e, "k"); !ok {
		t.Error("a miss a millisecond before it expires")
	}
	now = 5100
	if _, ok := get(t, e, "k"); ok {
		t.Error("a hit at the millisecond of its expiry")
	}
	e.walk(t)
}

func TestCausesOfMisses(t *testing.T) {
	now := int64(5000)
	e := newEngine(t, Options{BytesMax: 1 << 20, Now: func() int64 { return now }})
	check := func(key string, want op.Cause) {
		t.Helper()
		var r op.Reply
		if e.Do(t.Context(), 1, &op.Get{K: []byte(key)}, &r); r.Status != op.Miss || r.Cause != want {
			t.Errorf("Get %s = %v, cause %d; want a miss, cause %d", key, r.Status, r.Cause, want)
		}
	}
	check("a", op.NeverSeen)
	set(t, e, "a", "1", 10)
	now += 20
	check("a", op.Expired)
	set(t, e, "b", "1", 0)
	e.Do(t.Context(), 1, &op.Delete{K: []byte("b")}, &op.Reply{})
	check("b", op.WasDeleted)
	set(t, e, "c", "1", 0)
	for i := range 1100 {
		set(t, e, fmt.Sprint("fill", i), strings.Repeat("x", 1000), 0)
	}
	check("c", op.Evicted)
	e.Drop(t.Context(), 1)
	check("a", op.Flushed)
	e.walk(t)
}

func TestBlocksOutliveEviction(t *testing.T) {
	e := newEngine(t, Options{BytesMax: 16 << 20})
	b, err := e.Reserve(1, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	for i := range b.Bytes() {
		b.Bytes()[i] = 'x'
	}
	if err := e.Do(t.Context(), 1, &op.Set{K: []byte("big"), Block: b}, &op.Reply{}); err != nil {
		t.Fatal(err)
	}
	b.Release()
	var r op.Reply
	if e.Do(t.Context(), 1, &op.Get{K: []byte("big")}, &r); r.Block == nil {
		t.Fatal("a large value did not come as a block")
	}
	for i := range 40 {
		set(t, e, fmt.Sprint(i), strings.Repeat("y", 1<<20), 0)
		get(t, e, fmt.Sprint(i))
	}
	if _, ok := get(t, e, "big"); ok {
		t.Error("the item was not evicted")
	}
	if got := string(r.Value()); got != strings.Repeat("x", 1<<20) {
		t.Error("the value changed while it was held")
	}
	r.Reset()
	e.walk(t)
	e.Drop(t.Context(), 1)
	e.sweep(newPacer(t.Context()))
	if held := e.blocks.held.Load(); held != 0 {
		t.Errorf("%d bytes of blocks are held by nobody", held)
	}
}

func TestDropForgetsAtOnceAndForGood(t *testing.T) {
	e := newEngine(t, Options{BytesMax: 64 << 20})
	for i := range 10_000 {
		set(t, e, fmt.Sprint(i), "v", 0)
	}
	e.Drop(t.Context(), 1)
	set(t, e, "late", "v", 0)
	if _, ok := get(t, e, "late"); ok {
		t.Error("a space that was dropped keeps items")
	}
	e.sweep(newPacer(t.Context()))
	e.walk(t)
	if n := e.arena.inUse.Load(); n != 0 {
		t.Errorf("%d bytes are in use by nobody", n)
	}
}

func TestScanSeesWhatStays(t *testing.T) {
	e := newEngine(t, Options{BytesMax: 64 << 20})
	for i := range 1500 {
		set(t, e, fmt.Sprint("stays", i), "v", 0)
	}
	seen := map[string]int{}
	cursor, i := uint64(0), 0
	for {
		keys, next, err := e.Scan(t.Context(), 1, cursor, 50, value.None)
		if err != nil {
			t.Fatal(err)
		}
		for _, k := range keys {
			seen[string(k)]++
		}
		for range 50 { // pages split, and the space is spread, while the walk is under way
			set(t, e, fmt.Sprint("comes", i), "v", 0)
			i++
		}
		if cursor = next; cursor == 0 {
			break
		}
	}
	for i := range 1500 {
		if n := seen[fmt.Sprint("stays", i)]; n != 1 {
			t.Fatalf("stays%d was seen %d times", i, n)
		}
	}
}

func TestShares(t *testing.T) {
	e := newEngine(t, Options{BytesMax: 8 << 20})
	fill := func(s hearth.Space, n int) {
		for i := range n {
			e.Do(t.Context(), s, &op.Set{K: fmt.Append(nil, "k", i), Value: make([]byte, 1000)}, &op.Reply{})
		}
	}
	e.Bound(1, 3<<20, 0, 1)
	e.Bound(3, 0, 1<<20, 1)
	fill(1, 3000)
	fill(2, 1000)
	before := e.Size(2).Items
	fill(3, 5000)
	fill(4, 50_000) // noisy
	if got := e.Size(1).Bytes; got < 5<<20/2 {
		t.Errorf("a space with a floor of 3 MiB has %d bytes left", got)
	}
	if got := e.Size(3).Bytes; got > 1<<20+64<<10 {
		t.Errorf("a space with a ceiling of 1 MiB has %d bytes", got)
	}
	if one, other := e.Size(3).Max, e.Size(4).Max; one != 1<<20 || other != 8<<20 {
		t.Errorf("a space with a ceiling may come to %d bytes, another one to %d; want 1 and 8 MiB", one, other)
	}
	if e.Size(3).Evicted[engine.OverCeiling] == 0 {
		t.Error("evictions over the ceiling are not counted as such")
	}
	if got := e.Size(2).Items; got < before*3/4 {
		t.Errorf("a quiet space of %d items has %d left beside a noisy one", before, got)
	}
	e.walk(t)
}

func TestFeed(t *testing.T) {
	e := newEngine(t, Options{BytesMax: 1 << 20})
	woken := 0
	e.Wake(func() { woken++ })
	e.Follow(1, true)
	set(t, e, "a", "1", 0)
	set(t, e, "b", "1", 0)
	e.Do(t.Context(), 1, &op.Delete{K: []byte("a")}, &op.Reply{})
	events, lost := e.Events(nil)
	if len(events) != 3 || lost != 0 || woken != 1 {
		t.Errorf("%d events, %d lost, woken %d times; want 3, 0, 1", len(events), lost, woken)
	}
	if len(events) == 3 && (events[2].Kind != engine.ItemDeleted || string(events[2].Key) != "a") {
		t.Errorf("the last event is %+v", events[2])
	}
	for i := range eventsMax + 10 {
		set(t, e, fmt.Sprint(i%10), "1", 0)
	}
	if events, lost = e.Events(nil); lost == 0 || len(events) == 0 {
		t.Errorf("%d events, %d lost after an overflow", len(events), lost)
	}
	e.Follow(1, false)
}

func TestWatch(t *testing.T) {
	e := newEngine(t, Options{BytesMax: 64 << 20})
	together := func(w engine.Watch) bool {
		t.Helper()
		os := []op.Op{&op.Set{K: []byte("x"), Value: []byte("1")}, &op.Get{K: []byte("x")}}
		rs := make([]op.Reply, len(os))
		done, err := e.DoTogether(t.Context(), 1, w, os, rs)
		if err != nil {
			t.Fatal(err)
		}
		return done
	}
	watch := func() engine.Watch {
		t.Helper()
		w, err := e.Watch(t.Context(), 1, [][]byte{[]byte("a"), []byte("b")})
		if err != nil {
			t.Fatal(err)
		}
		return w
	}
	if !together(nil) || !together(watch()) {
		t.Error("a transaction was refused though nothing changed")
	}
	w := watch()
	set(t, e, "b", "1", 0)
	if together(w) {
		t.Error("a transaction happened though a watched key changed")
	}
	w = watch()
	for i := range 5000 { // the space is spread
		set(t, e, fmt.Sprint(i), "1", 0)
	}
	if !together(w) {
		t.Error("a transaction was refused though only other keys changed")
	}
	w = watch()
	e.Drop(t.Context(), 1)
	if together(w) {
		t.Error("a transaction happened though the space was dropped")
	}
}

func TestRunGivesMemoryBack(t *testing.T) {
	e := newEngine(t, Options{BytesMax: 256 << 20})
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { e.Run(ctx) })
	for i := range 100_000 {
		set(t, e, fmt.Sprint(i), strings.Repeat("v", 500), 700)
	}
	deadline := time.Now().Add(10 * time.Second)
	const past = 4 << 20 // of 60 MB: what remembers that the items have expired stays
	for (e.arena.committed.Load() > past || e.Size(1).Items > 0) && time.Now().Before(deadline) {
		time.Sleep(20 * time.Millisecond)
	}
	if got := e.arena.committed.Load(); got > past {
		t.Errorf("%d bytes are still held after everything expired", got)
	}
	stop()
	wg.Wait()
	if size := e.Size(1); size.Expired != 100_000 || size.Items != 0 {
		t.Errorf("after everything expired: %+v", size)
	}
	e.walk(t)
}

func TestConcurrentEverything(t *testing.T) {
	e := newEngine(t, Options{BytesMax: 8 << 20})
	ctx, stop := context.WithCancel(t.Context())
	var wg, background sync.WaitGroup
	background.Go(func() { e.Run(ctx) })
	for w := range 4 {
		wg.Go(func() {
			var r op.Reply
			for i := range 20_000 {
				s := hearth.Space(1 + i%3 + i/5000*3)
				k := fmt.Append(nil, "k", (i*7919+w)%9000)
				switch i % 7 {
				case 0, 1:
					e.Do(ctx, s, &op.Set{K: k, Value: make([]byte, i%3000), Expiry: op.Expiry{TTL: int64(i % 50)}}, &r)
				case 2:
					e.Do(ctx, s, &op.Set{K: k, Value: make([]byte, i%30_000)}, &r)
				case 3:
					e.Do(ctx, s, &op.Delete{K: k}, &r)
				case 4:
					if i%5000 > 4990 {
						e.Drop(ctx, s)
					}
					e.Scan(ctx, s, uint64(i), 10, value.None)
				default:
					e.Do(ctx, s, &op.Get{K: k}, &r)
				}
				r.Reset()
			}
		})
	}
	wg.Wait()
	stop()
	background.Wait()
	e.walk(t)
}

// TestKeptSpaces fills a store beyond its bound: nothing goes from a space that is kept, whoever writes.
func TestKeptSpaces(t *testing.T) {
	e := newEngine(t, Options{BytesMax: 32 << 20})
	e.Keep(1)
	var r op.Reply
	set := func(s hearth.Space, i, size int) {
		r.Reset()
		if err := e.Do(t.Context(), s, &op.Set{K: fmt.Appendf(nil, "key:%d", i), Value: make([]byte, size)}, &r); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 12 {
		set(1, i, 1<<20)
	}
	for i := range 3000 {
		set(1, 100+i, 100)
	}
	for i := range 200 {
		set(2, i, 1<<20)
		set(hearth.Space(3+i%5), i, 10<<10)
		set(1, 100+i, 101)
	}
	if n := e.Size(1).Items; n != 3012 {
		t.Errorf("%d items of 3012 are left in the space that is kept", n)
	}
	if used := e.used(); used > 32<<20 {
		t.Errorf("%d bytes are used", used)
	}
}

// TestReserveIsBounded reserves places for values that never come, beside items that make room for them.
func TestReserveIsBounded(t *testing.T) {
	const bytesMax = 32 << 20
	e := newEngine(t, Options{BytesMax: bytesMax})
	var r op.Reply
	for i := range 50_000 {
		r.Reset()
		if err := e.Do(t.Context(), 2, &op.Set{K: fmt.Appendf(nil, "key:%d", i), Value: make([]byte, 500)}, &r); err != nil {
			t.Fatal(err)
		}
	}
	var held []*value.Block
	for {
		b, err := e.Reserve(1, 256<<10)
		if err != nil {
			if hearth.KindOf(err) != hearth.Limited {
				t.Error(err)
			}
			break
		}
		held = append(held, b)
		if e.used() > bytesMax {
			t.Fatalf("%d bytes are used with %d places", e.used(), len(held))
		}
	}
	if n := len(held) * 256 << 10; n < bytesMax/2 {
		t.Errorf("only %d bytes could be reserved", n)
	}
	held[0].Release()
	if b, err := e.Reserve(1, 256<<10); err != nil {
		t.Errorf("after one was given back: %v", err)
	} else {
		b.Release()
	}
	for _, b := range held[1:] {
		b.Release()
	}
}
