package local

import (
	"fmt"
	"testing"
)

// Where a caller waits for a shard, Run leaves it after a few records; and yet it finishes, however many keep waiting.
func TestSweepGivesWay(t *testing.T) {
	now := int64(1_000_000)
	e := newEngine(t, Options{BytesMax: 256 << 20, Now: func() int64 { return now }})
	const items = 3000 // the space is spread
	for i := range items {
		set(t, e, fmt.Sprint(i), "v", 1000)
	}
	now += 2000
	shards := e.space(1).layout.Load().shards
	if len(shards) == 1 {
		t.Fatal("the space was not spread")
	}
	for _, s := range shards {
		s.waiting.Store(1)
	}
	s := shards[0]
	before := s.items
	for range 3 {
		at := s.items
		s.sweep(now)
		if gone := at - s.items; gone > sweepLeast {
			t.Errorf("%d items were taken out under one lock while a caller waited, and at most %d should be", gone, sweepLeast)
		}
	}
	if s.items == before {
		t.Error("nothing is taken out while a caller waits")
	}
	e.sweep(t.Context())
	if size := e.Size(1); size.Items != 0 || size.Expired != items {
		t.Errorf("after a sweep past callers that wait all the time: %+v", size)
	}
}

// Making room passes over a shard that others are in, and waits only where they are in all of them.
func TestTakePassesOver(t *testing.T) {
	e := newEngine(t, Options{BytesMax: 256 << 20})
	for i := range 3000 {
		set(t, e, fmt.Sprint(i), "v", 0)
	}
	sp := e.space(1)
	shards := sp.layout.Load().shards
	s := shards[sp.hand.Load()%uint32(len(shards))]
	s.mu.Lock()
	held := s.items
	steps := e.take(sp, e.bytesMax)
	if left := s.items; steps == 0 || left != held {
		t.Errorf("%d steps, and %d of %d items left in a shard that was locked", steps, left, held)
	}
	s.mu.Unlock()
	for _, s := range shards {
		s.waiting.Store(1)
	}
	before := e.Size(1).Items
	if steps := e.take(sp, e.bytesMax); steps == 0 || e.Size(1).Items == before {
		t.Error("nothing was evicted where callers wait for every shard")
	}
}
