package local

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/engine"
	"github.com/hearthcache/hearth/op"
	"github.com/hearthcache/hearth/value"
)

const allowance = 64 << 20 // what the process may hold beyond the bound

// rss is the resident memory of this process.
func rss(t testing.TB) int64 {
	b, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Skip("no /proc on this system")
	}
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); len(f) > 1 && f[0] == "VmRSS:" {
			k, _ := strconv.ParseInt(f[1], 10, 64)
			return k << 10
		}
	}
	t.Fatal("no VmRSS")
	return 0
}

// soakLength is what HEARTH_SOAK says: a duration, or ten minutes for 1, as make soak sets it.
func soakLength(t *testing.T) time.Duration {
	switch s := os.Getenv("HEARTH_SOAK"); s {
	case "":
		t.Skip("long: make soak sets HEARTH_SOAK")
	case "1":
		return 10 * time.Minute
	default:
		d, err := time.ParseDuration(s)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	return 0
}

// TestSoak lets several callers do everything at once at full memory, for as long as HEARTH_SOAK says. The
// memory of the process stays within the bound, and in the end every sum agrees with a full walk.
func TestSoak(t *testing.T) {
	length := soakLength(t)
	const bytesMax = 256 << 20
	defer debug.SetGCPercent(debug.SetGCPercent(GCPercent))
	e := newEngine(t, Options{BytesMax: bytesMax})
	ctx, stop := context.WithTimeout(t.Context(), length)
	defer stop()
	var wg sync.WaitGroup
	wg.Go(func() { e.Run(ctx) })
	var first atomic.Uint32 // the oldest space; flushes move it on
	first.Store(1)
	for w := range 4 {
		wg.Go(func() {
			c := soaker{e: e, rng: rand.New(rand.NewPCG(uint64(w), 7)), first: &first, body: make([]byte, 5<<20)}
			for ctx.Err() == nil {
				c.step(ctx, t)
			}
		})
	}
	var most int64
	for ctx.Err() == nil {
		most = max(most, rss(t))
		time.Sleep(20 * time.Millisecond) // between two looks at the memory
	}
	wg.Wait()
	t.Logf("at most %d MiB resident; the bound is %d MiB", most>>20, bytesMax>>20)
	if most > bytesMax+allowance {
		t.Errorf("%d bytes were resident; the bound is %d and %d", most, bytesMax, allowance)
	}
	e.walk(t)
}

// soaker is one caller of a soak.
type soaker struct {
	e     *Engine
	rng   *rand.Rand
	first *atomic.Uint32
	body  []byte
	r     op.Reply
}

func (c *soaker) step(ctx context.Context, t *testing.T) {
	s := hearth.Space(c.first.Load() + c.rng.Uint32N(3))
	k := fmt.Appendf(nil, "key:%d", c.rng.IntN(300_000))
	var o op.Op = &op.Get{K: k}
	switch n := c.rng.IntN(10_000); {
	case n < 4000:
	case n < 8000:
		o = &op.Set{K: k, Value: c.body[:10+c.rng.IntN(2000)], Expiry: op.Expiry{TTL: c.rng.Int64N(20_000)}}
	case n < 8100:
		o = &op.Set{K: k, Value: c.body[:c.rng.IntN(200_000)]}
	case n < 8105:
		o = &op.Set{K: k, Value: c.body[:c.rng.IntN(len(c.body))]}
	case n < 9000:
		o = &op.DictSet{K: append(k[:5], byte('a'+n%20)), Pairs: []op.Pair{{Field: k, Value: c.body[:c.rng.IntN(500)]}}}
	case n < 9500:
		o = &op.Delete{K: k}
	case n < 9600:
		c.e.Scan(ctx, s, c.rng.Uint64(), 100, value.None)
	case n < 9610:
		c.e.Size(s)
	case n == 9611:
		first := c.first.Add(1) - 1
		c.e.Flush(ctx, hearth.Space(first), hearth.Space(first+1))
	}
	if err := c.e.Do(ctx, s, o, &c.r); err != nil && hearth.KindOf(err) != hearth.Limited && hearth.KindOf(err) != hearth.WrongType {
		t.Errorf("%s: %v", o.Spec().Name, err)
	}
	c.r.Reset()
}

// TestSoakMemoryIsAPromise fills a small store in every way that is hard for it. The process stays within the bound.
func TestSoakMemoryIsAPromise(t *testing.T) {
	soakLength(t)
	const bytesMax = 256 << 20
	defer debug.SetGCPercent(debug.SetGCPercent(GCPercent))
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(bytesMax + allowance/2))
	debug.FreeOSMemory()
	e := newEngine(t, Options{BytesMax: bytesMax})
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { e.Run(ctx) })
	defer func() { stop(); wg.Wait(); e.walk(t) }()
	var r op.Reply
	space, n := hearth.Space(1), 0
	run := func(o op.Op) {
		t.Helper()
		if err := e.Do(ctx, space, o, &r); err != nil && hearth.KindOf(err) != hearth.Limited {
			t.Fatal(err)
		}
		r.Reset()
		if n++; n%5000 == 0 {
			if got := rss(t); got > bytesMax+allowance {
				t.Fatalf("%d MiB are resident after %d commands; used %d, physical %d", got>>20, n, e.used()>>20, e.physical()>>20)
			}
		}
	}
	body := make([]byte, 5<<20)
	rng := rand.New(rand.NewPCG(1, 1))
	for i := range 6_000_000 {
		run(&op.Set{K: fmt.Append(nil, i), Value: body[:100]})
	}
	for i := range 20_000 {
		run(&op.Set{K: fmt.Append(nil, i), Value: body[:10<<rng.IntN(20)%len(body)]})
	}
	if e.Size(space).Evicted[engine.OverMemory] == 0 {
		t.Error("nothing was evicted")
	}
	for round := range 3 {
		for i := range 200_000 {
			run(&op.Set{K: fmt.Append(nil, round, i), Value: body[:1000], Expiry: op.Expiry{TTL: 1000}})
		}
	}
	for range 1000 {
		for i := range 500 {
			run(&op.Set{K: fmt.Append(nil, i), Value: body[:1000]})
		}
		e.Flush(ctx, space, space+1)
		space++
	}
	for i := range 200_000 {
		run(&op.DictSet{K: []byte("large"), Pairs: []op.Pair{{Field: fmt.Append(nil, i), Value: body[:500]}}})
	}
	for i := range 2_000_000 {
		run(&op.DictSet{K: fmt.Append(nil, "d", i%20_000), Pairs: []op.Pair{{Field: fmt.Append(nil, i), Value: body[:20]}}})
	}
}
