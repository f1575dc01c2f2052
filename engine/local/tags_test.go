package local

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/op"
	"github.com/hearthcache/hearth/value"
)

// tagged is an engine with a clock of its own, and what these tests ask of it.
type tagged struct {
	*Engine
	now atomic.Int64
	t   *testing.T
}

func newTagged(t *testing.T) *tagged {
	e := &tagged{t: t}
	e.now.Store(1_700_000_000_000)
	e.Engine = New(Options{BytesMax: 64 << 20, Now: e.now.Load})
	t.Cleanup(func() { e.Close() })
	return e
}

func (e *tagged) set(key string, v []byte, tags ...string) {
	e.t.Helper()
	o := &op.Set{K: []byte(key), Value: v}
	for _, t := range tags {
		o.Tags = append(o.Tags, []byte(t))
	}
	if err := e.Do(context.Background(), 1, o, &op.Reply{}); err != nil {
		e.t.Fatal(err)
	}
}

// get returns why a key missed, op.Unknown where it hit.
func (e *tagged) get(key string) op.Cause {
	e.t.Helper()
	var r op.Reply
	defer r.Reset()
	if err := e.Do(context.Background(), 1, &op.Get{K: []byte(key)}, &r); err != nil {
		e.t.Fatal(err)
	}
	return r.Cause
}

func (e *tagged) invalidate(tag string) {
	e.t.Helper()
	if err := e.Invalidate(context.Background(), 1, []byte(tag)); err != nil {
		e.t.Fatal(err)
	}
}

func TestInvalidated(t *testing.T) {
	e := newTagged(t)
	check := func(key string, want op.Cause) {
		t.Helper()
		if got := e.get(key); got != want {
			t.Errorf("%s: cause %d, want %d", key, got, want)
		}
	}

	e.set("small", []byte("v"), "a", "b")
	e.set("large", make([]byte, 100_000), "b")
	e.set("plain", []byte("v"))
	check("small", op.Unknown)
	check("large", op.Unknown)
	e.invalidate("b")
	keys, _, err := e.Scan(context.Background(), 1, 0, 100, value.None)
	if err != nil || len(keys) != 1 {
		t.Errorf("a walk finds %q, %v", keys, err)
	}
	check("small", op.Invalidated)
	check("large", op.Invalidated)
	check("plain", op.Unknown)
	e.set("small", []byte("w"), "b")
	check("small", op.Unknown)
	if e.blocks.inUse() != 0 {
		t.Errorf("blocks hold %d bytes of an item that was invalidated", e.blocks.inUse())
	}
}

// TestInvalidatedOfLongAgo has a cache invalidate more tags than it remembers: the forgotten ones take all tagged items of
// their time along, and no others.
func TestInvalidatedOfLongAgo(t *testing.T) {
	e := newTagged(t)
	e.set("old", []byte("v"), "unrelated")
	e.set("hit", []byte("v"), "tag-0")
	e.set("plain", []byte("v"))
	empty := e.logical.Load()
	for i := range 2 * halfTagsMax {
		e.invalidate(fmt.Sprint("tag-", i))
	}
	e.set("new", []byte("v"), "unrelated")
	for range 3 {
		e.invalidate("one more")
	}
	for key, want := range map[string]op.Cause{"old": op.Invalidated, "hit": op.Invalidated, "plain": op.Unknown, "new": op.Unknown} {
		if got := e.get(key); got != want {
			t.Errorf("%s: cause %d, want %d", key, got, want)
		}
	}
	g := &e.space(1).tags
	if n := len(g.young) + len(g.old); n > hearth.TagsInvalidatedMax {
		t.Errorf("%d tags are remembered", n)
	}
	if more := e.logical.Load() - empty; more < halfTagsMax*generationBytes {
		t.Errorf("the memory of tags counts %d bytes", more)
	}
	if err := e.Drop(context.Background(), 1); err != nil {
		t.Fatal(err)
	}
	e.sweep(newPacer(t.Context()))
	if n := e.logical.Load(); n != 0 || e.heap.Load() != 0 {
		t.Errorf("nothing is left, and %d bytes are counted, %d of the heap", n, e.heap.Load())
	}
}

// TestInvalidatedMemory has the sweep give back what was invalidated and nobody asked for, in every shard.
func TestInvalidatedMemory(t *testing.T) {
	e := newTagged(t)
	const n = 20_000
	for i := range n {
		e.set(fmt.Sprint("k", i), []byte("some value"), fmt.Sprint("t", i%2))
	}
	for _, want := range []int64{n / 2, 0} {
		e.invalidate(fmt.Sprint("t", want*2/n))
		e.now.Add(sweepTagsMillis)
		e.sweep(newPacer(t.Context()))
		if got := e.Size(1).Items; got != want {
			t.Errorf("%d items are left, want %d", got, want)
		}
	}
}

// TestInvalidateRaces has items written and invalidated at once: what was written before an invalidation began is not
// read once it has ended.
func TestInvalidateRaces(t *testing.T) {
	e := newTagged(t)
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			key, tag := fmt.Sprint("k", w), fmt.Sprint("t", w%2)
			for i := range 2000 {
				e.set(key, []byte("v"), tag, fmt.Sprint("own", w))
				if e.invalidate(fmt.Sprint("own", w)); e.get(key) == op.Unknown {
					t.Errorf("round %d: %s was read after it was invalidated", i, key)
					return
				}
				if i%16 == 0 {
					e.invalidate(tag)
				}
			}
		})
	}
	wg.Go(func() {
		for range 50 {
			e.now.Add(sweepTagsMillis)
			e.sweep(newPacer(t.Context()))
		}
	})
	wg.Wait()
}
