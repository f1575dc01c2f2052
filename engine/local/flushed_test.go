package local

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/op"
)

// flusher is a cache that is flushed from space to space.
type flusher struct {
	t     *testing.T
	e     *Engine
	space hearth.Space
}

func newFlusher(t *testing.T, bytesMax int64) *flusher {
	return &flusher{t: t, e: newEngine(t, Options{BytesMax: bytesMax}), space: 1}
}

func (f *flusher) set(from, to int) {
	f.t.Helper()
	for i := from; i < to; i++ {
		var r op.Reply
		if err := f.e.Do(f.t.Context(), f.space, &op.Set{K: fmt.Appendf(nil, "key:%d", i), Value: []byte("v")}, &r); err != nil {
			f.t.Fatal(err)
		}
	}
}

func (f *flusher) flush() {
	f.t.Helper()
	if err := f.e.Flush(f.t.Context(), f.space, f.space+1); err != nil {
		f.t.Fatal(err)
	}
	f.space++
}

func (f *flusher) cause(key string) op.Cause {
	f.t.Helper()
	var r op.Reply
	if err := f.e.Do(f.t.Context(), f.space, &op.Get{K: []byte(key)}, &r); err != nil || r.Status != op.Miss {
		f.t.Fatalf("Get %s: %v, %v", key, r.Status, err)
	}
	return r.Cause
}

// took holds that of the keys each miss is of one that a flush took, and of as many others hardly any.
func (f *flusher) took(from, to int) {
	f.t.Helper()
	wrong := 0
	for i := from; i < to; i++ {
		if c := f.cause(fmt.Sprintf("key:%d", i)); c != op.Flushed {
			f.t.Fatalf("key:%d is %v", i, c)
		}
		if f.cause(fmt.Sprintf("other:%d", i)) != op.NeverSeen {
			wrong++
		}
	}
	if wrong > 3+(to-from)/50 {
		f.t.Errorf("%d of %d keys that never were are said to have been flushed", wrong, to-from)
	}
}

// dig gives back all memory that is to be given back, looking at the causes after each piece.
func (f *flusher) dig(look func()) {
	f.t.Helper()
	for f.e.graves.dig() > 0 {
		look()
	}
	f.e.walk(f.t)
}

// TestFlushedIsACause tells what a flush took, before, while and after the memory is given back.
func TestFlushedIsACause(t *testing.T) {
	for _, n := range []int{1, 5, 1000, 60_000} { // the last are in several shards
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			f := newFlusher(t, 256<<20)
			f.set(0, n)
			f.flush()
			f.took(0, n)
			f.dig(func() { f.took(0, min(n, 50)); f.took(n-min(n, 50), n) })
			f.took(0, n)
			f.e.sweep(newPacer(t.Context()))
			f.took(0, n)

			f.set(0, 1)
			var r op.Reply
			if err := f.e.Do(t.Context(), f.space, &op.Delete{K: []byte("key:0")}, &r); err != nil {
				t.Fatal(err)
			}
			if c := f.cause("key:0"); c != op.WasDeleted {
				t.Errorf("what was deleted since is %v", c)
			}
		})
	}
}

// TestFlushesOfOneCache remembers the last ones that took something, and forgets them with the cache.
func TestFlushesOfOneCache(t *testing.T) {
	f := newFlusher(t, 64<<20)
	f.set(0, 1)
	f.flush()
	for range 10 {
		f.flush() // of nothing
	}
	f.took(0, 1)
	for i := 1; i < flushesMax; i++ {
		f.set(i, i+1)
		f.flush()
	}
	f.took(0, flushesMax)
	f.set(flushesMax, flushesMax+1)
	f.flush()
	f.took(1, flushesMax+1)
	if c := f.cause("key:0"); c != op.NeverSeen {
		t.Errorf("%d flushes ago: %v", flushesMax+1, c)
	}
	f.dig(func() {})
	f.took(1, flushesMax+1)
	f.e.Drop(t.Context(), f.space)
	f.dig(func() {})
	if n := f.e.flushes.list.Len(); n != 0 || f.e.logical.Load() != 0 || f.e.heap.Load() != 0 {
		t.Errorf("%d flushes of no cache are remembered in %d bytes", n, f.e.logical.Load())
	}
}

// TestFlushesAreBounded flushes so much that not all can be remembered: the last does, and all that is remembered keeps
// to its part of the bound.
func TestFlushesAreBounded(t *testing.T) {
	const bytesMax, n, caches = 1 << 20, 5000, 40
	e := newEngine(t, Options{BytesMax: bytesMax})
	for c := range caches {
		f := &flusher{t: t, e: e, space: hearth.Space(1 + 2*c)}
		f.set(0, n)
		f.flush()
		f.dig(func() {})
		f.took(0, n)
		if got := e.flushes.bytes; got > bytesMax/flushPart {
			t.Fatalf("%d bytes are remembered", got)
		}
	}
	if got := e.flushes.list.Len(); got == caches || got < 2 {
		t.Errorf("%d flushes of %d are remembered", got, caches)
	}
	if got := e.used(); got > bytesMax/flushPart {
		t.Errorf("%d bytes are used", got)
	}
}

// TestFlushUnderLoad flushes, asks, and gives memory back at once.
func TestFlushUnderLoad(t *testing.T) {
	e := newEngine(t, Options{BytesMax: 32 << 20})
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { e.Run(ctx) })
	for w := range 4 {
		wg.Go(func() {
			f := &flusher{t: t, e: e, space: hearth.Space(1 + 1000*w)}
			for range 50 {
				f.set(0, 300)
				f.flush()
				f.took(0, 100)
			}
			f.e.Drop(ctx, f.space)
		})
	}
	shared := flusher{t: t, e: e, space: 9000}
	for range 50 {
		var callers sync.WaitGroup
		f := shared
		for w := range 3 {
			callers.Go(func() { f.set(w*5000, w*5000+1000) }) // while it is flushed, too: that is kept nowhere
		}
		shared.flush()
		callers.Wait()
	}
	e.Drop(ctx, shared.space)
	stop()
	wg.Wait()
	for e.graves.dig() > 0 {
	}
	e.walk(t)
	if n := e.flushes.list.Len(); n != 0 {
		t.Errorf("%d flushes of no cache are remembered", n)
	}
}
