package local

import (
	"fmt"
	"testing"
)

// TestSweepIsBrief has Run take out what has expired and give the memory back: never much under one lock, whatever there
// is to do.
func TestSweepIsBrief(t *testing.T) {
	now := int64(1_000_000)
	e := newEngine(t, Options{BytesMax: 64 << 20, Now: func() int64 { return now }})
	const items = 40_000
	for i := range items {
		set(t, e, fmt.Sprint(i), "v", 1000)
	}
	now += 2000
	shards := e.space(1).layout.Load().shards
	full := e.arena.inUse.Load()
	for left := true; left; {
		left = false
		for _, s := range shards {
			before, pages := s.items, e.arena.inUse.Load()
			left = s.sweep(now) || left
			if gone := before - s.items; gone > sweepRecords {
				t.Fatalf("%d items were taken out under one lock", gone)
			}
			if gone := pages - e.arena.inUse.Load(); gone > 2*chunkBytes {
				t.Fatalf("%d bytes were given back under one lock", gone)
			}
		}
	}
	if size := e.Size(1); size.Items != 0 || size.Expired != items {
		t.Errorf("after the sweep: %+v", size)
	}
	e.sweep(newPacer(t.Context()))
	if kept := e.arena.inUse.Load(); kept > full/4 {
		t.Errorf("%d of %d bytes are in use", kept, full)
	}
	e.walk(t)
}

// TestCallersMeetTheSweep reads and writes while everything else expires.
func TestCallersMeetTheSweep(t *testing.T) {
	e := newEngine(t, Options{BytesMax: 64 << 20})
	const items = 20_000
	for i := range items {
		set(t, e, fmt.Sprint(i), "v", 1)
		set(t, e, fmt.Sprint("kept", i), "v", 0)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for e.Size(1).Items > items {
			e.sweep(newPacer(t.Context()))
		}
	}()
	for i := 0; ; i++ {
		select {
		case <-done:
			e.walk(t)
			return
		default:
			if got, _ := get(t, e, fmt.Sprint("kept", i%items)); got != "v" {
				t.Fatalf("item %d is %q", i%items, got)
			}
			set(t, e, fmt.Sprint("kept", i%items), "v", 0)
		}
	}
}
