package local

import (
	"bytes"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/hearthcache/hearth/op"
	"github.com/hearthcache/hearth/value"
)

// fillWith stores items of so many bytes until the engine is nearly full.
func fillWith(t *testing.T, e *Engine, bytes int) (n int) {
	t.Helper()
	var r op.Reply
	for ; !e.full(1 << 20); n++ {
		r.Reset()
		if err := e.Do(t.Context(), 1, &op.Set{K: fmt.Appendf(nil, "key:%d", n), Value: make([]byte, bytes)}, &r); err != nil {
			t.Fatal(err)
		}
	}
	return n
}

// TestReserveAmongItemsInUse makes room where every item was asked for lately, so that all are looked at before the first
// goes.
func TestReserveAmongItemsInUse(t *testing.T) {
	const bytesMax = 64 << 20
	e := newEngine(t, Options{BytesMax: bytesMax})
	var r op.Reply
	n := fillWith(t, e, 300)
	for i := range 4 * n {
		r.Reset()
		if e.Do(t.Context(), 1, &op.Get{K: fmt.Appendf(nil, "key:%d", i%n)}, &r); r.Status != op.Hit {
			t.Fatalf("item %d is not there", i%n)
		}
	}
	for i := range 200 {
		b, err := e.Reserve(1, 64<<10)
		if err != nil {
			t.Fatalf("value %d was refused: %v", i, err)
		}
		if err := e.Do(t.Context(), 1, &op.Set{K: fmt.Appendf(nil, "large:%d", i), Block: b}, &r); err != nil {
			t.Fatal(err)
		}
		b.Release()
		if over := e.used() - bytesMax; over > slackBytes/2 {
			t.Fatalf("%d bytes above the bound", over)
		}
	}
}

// TestReserveWhileFlushedItemsGo reserves memory while somebody else is giving it back.
func TestReserveWhileFlushedItemsGo(t *testing.T) {
	const bytesMax = 16 << 20
	e := newEngine(t, Options{BytesMax: bytesMax})
	var r op.Reply
	slow, going := make(chan struct{}), make(chan struct{})
	last := value.NewBlock(make([]byte, 64<<10), func(*value.Block) { close(going); <-slow })
	if err := e.Do(t.Context(), 2, &op.Set{K: []byte("last"), Block: last}, &r); err != nil {
		t.Fatal(err)
	}
	last.Release()
	for i := range 100 {
		b, err := e.Reserve(1, 128<<10)
		if err != nil {
			t.Fatal(err)
		}
		if err := e.Do(t.Context(), 2, &op.Set{K: fmt.Appendf(nil, "%d", i), Block: b}, &r); err != nil {
			t.Fatal(err)
		}
		b.Release()
	}
	for _, s := range e.space(2).layout.Load().shards {
		for i, d := range s.side { // the slow one goes first
			if d.block == last {
				s.side[i], s.side[len(s.side)-1] = s.side[len(s.side)-1], d
			}
		}
	}
	if err := e.Drop(t.Context(), 2); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() { e.relieve(nil, bytesMax, 1) })
	<-going
	answer := make(chan error, 1)
	wg.Go(func() {
		b, err := e.Reserve(1, 5<<20)
		if err == nil {
			b.Release()
		}
		answer <- err
	})
	select {
	case err := <-answer:
		if err != nil {
			t.Errorf("refused while the memory of a flushed space is on its way back: %v", err)
		}
		answer <- nil
	case <-time.After(100 * time.Millisecond): // it waits
	}
	close(slow)
	wg.Wait()
	if err := <-answer; err != nil {
		t.Error(err)
	}
}

// TestReservesTogether takes the bound many times over by many callers at once, none of which holds more than its part.
func TestReservesTogether(t *testing.T) {
	const bytesMax, callers, size, times = 32 << 20, 16, 1 << 20, 400
	e := newEngine(t, Options{BytesMax: bytesMax})
	fillWith(t, e, 1000)
	var wg sync.WaitGroup
	for w := range callers {
		wg.Go(func() {
			var r op.Reply
			for i := range times {
				b, err := e.Reserve(1, size)
				if err != nil {
					t.Errorf("caller %d, value %d: %v", w, i, err)
					return
				}
				r.Reset()
				if err := e.Do(t.Context(), 1, &op.Set{K: fmt.Appendf(nil, "%d:%d", w, i), Block: b}, &r); err != nil {
					t.Error(err)
				}
				b.Release()
			}
		})
	}
	wg.Wait()
}

// TestGrowingCollectionStays grows a dictionary to three quarters of a store that is full of items nobody asks for.
func TestGrowingCollectionStays(t *testing.T) {
	const bytesMax, fields = 64 << 20, 70_000
	e := newEngine(t, Options{BytesMax: bytesMax})
	fillWith(t, e, 1000)
	var r op.Reply
	body := make([]byte, 500)
	for i := range fields {
		r.Reset()
		o := &op.DictSet{K: []byte("dictionary"), Pairs: []op.Pair{{Field: fmt.Appendf(nil, "f%d", i), Value: body}}}
		if err := e.Do(t.Context(), 1, o, &r); err != nil {
			t.Fatal(err)
		}
	}
	r.Reset()
	if err := e.Do(t.Context(), 1, &op.DictLength{K: []byte("dictionary")}, &r); err != nil || r.Int != fields {
		t.Errorf("the dictionary has %d fields of %d: %v", r.Int, fields, err)
	}
}

// TestBlocksOfEverySize fills the store with large values of one size after another: the address space that the first
// ones had serves the next.
func TestBlocksOfEverySize(t *testing.T) {
	const bytesMax = 16 << 20
	e := newEngine(t, Options{BytesMax: bytesMax})
	var sizes []int
	for size := blockMin; size <= bytesMax/8; size += size / 4 {
		sizes = append(sizes, size)
	}
	var r op.Reply
	body := make([]byte, bytesMax/8)
	for range 3 {
		for _, size := range sizes {
			for i := range bytesMax/size + 1 {
				r.Reset()
				if err := e.Do(t.Context(), 1, &op.Set{K: fmt.Appendf(nil, "%d:%d", size, i), Value: body[:size]}, &r); err != nil {
					t.Fatalf("value %d of %d bytes: %v", i, size, err)
				}
			}
		}
		slices.Reverse(sizes)
	}
}

// TestBlocksShareNoPages gives back the pages of places of every size, among others that stay.
func TestBlocksShareNoPages(t *testing.T) {
	e := newEngine(t, Options{BytesMax: 64 << 20})
	var small, large []*value.Block
	for size := 1; size < 200_000; size += 1 + size/9 {
		for _, n := range []int{size, 20_000} {
			b, err := e.Reserve(1, n)
			if err != nil {
				t.Fatal(err)
			}
			for i := range b.Bytes() {
				b.Bytes()[i] = 'x'
			}
			if n == size {
				small = append(small, b)
			} else {
				large = append(large, b)
			}
		}
	}
	for _, b := range small {
		b.Release()
	}
	e.blocks.trim()
	for i, b := range large {
		if n := bytes.Count(b.Bytes(), []byte("x")); n != len(b.Bytes()) {
			t.Errorf("place %d has lost %d bytes", i, len(b.Bytes())-n)
		}
		b.Release()
	}
}
