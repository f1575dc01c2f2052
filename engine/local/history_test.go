package local

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/engine"
	"github.com/hearthcache/hearth/op"
)

// history runs random commands on an engine and on a model beside it. A miss where the model has an item is allowed
// only where the engine may have evicted it.
type history struct {
	t       *testing.T
	rng     *rand.Rand
	e       *Engine
	now     int64
	keys    int
	space   hearth.Space
	model   map[string]modelItem
	lossy   bool
	large   int   // the longest value
	evicted int64 // in spaces that were dropped
}

type modelItem struct {
	value  string
	expiry int64
}

func newHistory(t *testing.T, seed uint64, bytesMax int64, keys, large int, lossy bool) *history {
	h := &history{
		t: t, rng: rand.New(rand.NewPCG(seed, 1)), now: 1_000_000, keys: keys, space: 1, large: large, lossy: lossy,
		model: map[string]modelItem{},
	}
	h.e = New(Options{BytesMax: bytesMax, Now: func() int64 { return h.now }})
	t.Cleanup(func() { h.e.Close() })
	return h
}

func (h *history) step() {
	key := fmt.Sprintf("key:%d", h.rng.IntN(h.keys))
	switch n := h.rng.IntN(1000); {
	case n < 500:
		h.get(key)
	case n < 900:
		h.set(key)
	case n < 960:
		h.do(&op.Delete{K: []byte(key)}, &op.Reply{})
		delete(h.model, key)
	case n < 990:
		h.now += h.rng.Int64N(50)
	case n < 998:
		h.e.sweep(newPacer(h.t.Context()))
	case n < 999 && h.rng.IntN(100) == 0:
		h.evicted += h.e.Size(h.space).Evicted[engine.OverMemory]
		if h.rng.IntN(4) == 0 {
			h.e.Drop(h.t.Context(), h.space)
		} else {
			h.e.Flush(h.t.Context(), h.space, h.space+1)
		}
		h.space++
		clear(h.model)
	}
}

func (h *history) do(o op.Op, r *op.Reply) {
	h.t.Helper()
	if err := h.e.Do(h.t.Context(), h.space, o, r); err != nil && !(h.lossy && hearth.KindOf(err) == hearth.Limited) {
		h.t.Fatalf("%s: %v", o.Spec().Name, err)
	}
}

func (h *history) set(key string) {
	it := modelItem{value: key + strings.Repeat("v", h.rng.IntN(1+h.rng.IntN(h.large)))}
	o := op.Set{K: []byte(key), Value: []byte(it.value)}
	if h.rng.IntN(2) == 0 {
		o.Expiry.TTL = 1 + h.rng.Int64N(2000)
		it.expiry = h.now + o.Expiry.TTL
	}
	if h.rng.IntN(10) == 0 {
		o.Flags = 7
	}
	h.do(&o, &op.Reply{})
	h.model[key] = it
}

func (h *history) get(key string) {
	h.t.Helper()
	var r op.Reply
	h.do(&op.Get{K: []byte(key)}, &r)
	defer r.Reset()
	it, ok := h.model[key]
	ok = ok && (it.expiry == 0 || h.now < it.expiry)
	switch {
	case r.Status == op.Hit && !ok:
		h.t.Fatalf("Get %s is a hit; it was deleted, flushed or has expired", key)
	case r.Status == op.Hit && string(r.Value()) != it.value:
		h.t.Fatalf("Get %s = %.40q; want %.40q", key, r.Value(), it.value)
	case r.Status == op.Miss && ok && !h.lossy:
		h.t.Fatalf("Get %s is a miss (%d); nothing may be evicted", key, r.Cause)
	}
}

func TestHistories(t *testing.T) {
	run := func(name string, bytesMax int64, keys, large, steps int, lossy bool) {
		t.Run(name, func(t *testing.T) {
			seed := rand.Uint64()
			defer func() {
				if t.Failed() {
					t.Logf("seed %d", seed)
				}
			}()
			h := newHistory(t, seed, bytesMax, keys, large, lossy)
			h.e.slack = min(h.e.slack, 1<<20+bytesMax/4)
			for i := range steps {
				h.step()
				if i%(steps/8) == 0 {
					h.e.walk(t)
				}
				if t.Failed() {
					return
				}
			}
			h.e.walk(t)
			if size := h.e.Size(h.space); lossy && size.Evicted[engine.OverMemory]+h.evicted == 0 {
				t.Errorf("nothing was evicted: %+v", size)
			}
			if used := h.e.used(); used > bytesMax+bytesMax/8+64<<10 {
				t.Errorf("%d bytes are used; the bound is %d", used, bytesMax)
			}
		})
	}

	run("roomy", 256<<20, 3000, 2000, 100_000, false)
	run("large values", 512<<20, 500, 60_000, 30_000, false)
	run("tight", 256<<10, 5000, 500, 100_000, true)
	run("tight and spread", 8<<20, 60_000, 4000, 200_000, true)
	run("tight with large values", 4<<20, 500, 60_000, 50_000, true)
	run("tiny", 64<<10, 5000, 60, 100_000, true)
}
