package gateway

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/auth"
	"github.com/hearthcache/hearth/control"
	"github.com/hearthcache/hearth/engine"
	"github.com/hearthcache/hearth/op"
	"github.com/hearthcache/hearth/test/await"
)

// counted returns the counts of a verb on the cache "c", over all credentials.
func counted(t *testing.T, g *Gateway, verb string) control.Counts {
	t.Helper()
	owner := signIn(t, g, "")
	day := control.Day(g.now())
	lines, err := g.Usage(context.Background(), owner, day, day)
	if err != nil {
		t.Fatal(err)
	}
	for _, u := range control.Sum(lines, false, false, true) {
		if u.Cache == "c" && u.Verb == verb {
			return u.Counts
		}
	}
	return control.Counts{}
}

func TestUsageIsExact(t *testing.T) {
	g, _ := newTimed(t, nil)
	c := signIn(t, g, "c")
	random := rand.New(rand.NewPCG(1, 2))
	var sets, gets control.Counts
	stored := map[string]int{}
	for range 2000 {
		key := fmt.Sprintf("key-%d", random.IntN(50))
		r := &op.Reply{}
		if random.IntN(2) == 0 {
			n := random.IntN(5000)
			if _, err := g.Try(c, &op.Set{K: []byte(key), Value: make([]byte, n), Expiry: op.Expiry{TTL: 60_000}}, r); err != nil {
				t.Fatal(err)
			}
			stored[key] = n
			in := uint64(len(key) + n)
			sets.Add(&control.Counts{Operations: 1, In: in, Units: max(1, (in+1023)/1024)})
			continue
		}
		if _, err := g.Try(c, &op.Get{K: []byte(key)}, r); err != nil {
			t.Fatal(err)
		}
		n, hit := stored[key]
		want := control.Counts{Operations: 1, In: uint64(len(key)), Out: uint64(n), Misses: 1, Units: max(1, uint64(len(key)+n+1023)/1024)}
		if hit {
			want.Hits, want.Misses = 1, 0
		}
		gets.Add(&want)
	}
	if got := counted(t, g, "Set"); got != sets {
		t.Errorf("sets %+v, want %+v", got, sets)
	}
	if got := counted(t, g, "Get"); got != gets {
		t.Errorf("gets %+v, want %+v", got, gets)
	}
}

func TestUsageByCredential(t *testing.T) {
	ctx := context.Background()
	g, _ := newTimed(t, nil)
	key := signIn(t, g, "c")
	token, err := g.CreateToken(ctx, key, auth.TokenRequest{Seconds: 60, Rules: []auth.Rule{{Access: auth.Write}}})
	if err != nil {
		t.Fatal(err)
	}
	c, err := g.SignIn(Credential{Token: token.Token}, "c")
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := set(g, c, 1, time.Second); err != nil {
			t.Fatal(err)
		}
	}
	_ = set(g, c, 1, 0)                                   // not valid
	_, _ = g.Try(c, &op.Get{K: []byte("k")}, &op.Reply{}) // not permitted
	day := control.Day(g.now())
	lines, err := g.Usage(ctx, key, day, day)
	if err != nil {
		t.Fatal(err)
	}
	// A token's use is that of the key that asked for it, so that the books do not grow with tokens.
	want := []control.Usage{
		{Day: day, Cache: "c", Credential: key.who.key, Verb: "Get", Counts: control.Counts{Refused: 1}},
		{Day: day, Cache: "c", Credential: key.who.key, Verb: "Set", Counts: control.Counts{Operations: 3, In: 6, Units: 3, Refused: 1}},
	}
	if len(lines) != 2 || lines[0] != want[0] || lines[1] != want[1] {
		t.Errorf("usage %+v, want %+v", lines, want)
	}
}

// measured is an engine whose spaces hold what a test says.
type measured struct {
	nothing
	sizes map[hearth.Space]engine.Size
}

func (m *measured) Size(s hearth.Space) engine.Size { return m.sizes[s] }

func TestStoredBytesOverTime(t *testing.T) {
	ctx := context.Background()
	plane, err := control.NewPlane(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := plane.Change(ctx, control.CreateCache{Name: "c"}); err != nil {
		t.Fatal(err)
	}
	e, clock := &measured{sizes: map[hearth.Space]engine.Size{}}, newClock()
	g := New(Options{Engine: e, Plane: plane, Now: clock.now})
	space := plane.State().Caches["c"].Space
	hold := func(bytes, evicted, expired int64, forSeconds int) {
		t.Helper()
		e.sizes[space] = engine.Size{Bytes: bytes, Evicted: [engine.EvictionCauses]int64{evicted}, Expired: expired}
		if err := g.handOver(ctx); err != nil {
			t.Fatal(err)
		}
		clock.t = clock.t.Add(time.Duration(forSeconds) * time.Second)
	}
	hold(0, 0, 0, 10)
	hold(1000, 0, 1, 60)
	hold(500, 7, 3, 30)
	if _, err := plane.Change(ctx, control.FlushCache{Name: "c"}); err != nil {
		t.Fatal(err)
	}
	space = plane.State().Caches["c"].Space
	hold(200, 1, 0, 10)
	hold(0, 2, 0, 0)
	want := control.Counts{ByteMillis: 1000*60_000 + 500*30_000 + 200*10_000, Evicted: 9, Expired: 3}
	if got := counted(t, g, ""); got != want {
		t.Errorf("stored %+v, want %+v", got, want)
	}
}

func TestRunHandsOverAndSleeps(t *testing.T) {
	plane, err := control.NewPlane(context.Background(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := plane.Change(context.Background(), control.CreateCache{Name: "c"}); err != nil {
		t.Fatal(err)
	}
	ledger := control.NewLedger(nil)
	g := New(Options{Engine: nothing{}, Plane: plane, Open: true, Ledger: ledger})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- g.Run(ctx) }()
	c, err := g.SignIn(Credential{}, "c")
	if err != nil {
		t.Fatal(err)
	}
	if err := set(g, c, 1, time.Second); err != nil {
		t.Fatal(err)
	}
	operations := func() (n uint64) {
		today := control.Day(time.Now())
		lines, err := ledger.Query(ctx, today, today)
		if err != nil {
			t.Fatal(err)
		}
		for _, u := range lines {
			n += u.Operations
		}
		return n
	}
	await.That(t, "usage is handed over by itself", func() bool { return operations() == 1 })
	await.That(t, "Run ends its ticks where nothing happens", func() bool { return !g.alarm.awake.Load() })
	if err := set(g, c, 1, time.Second); err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	ctx = context.Background()
	if n := operations(); n != 2 {
		t.Errorf("%d operations in the books at the end, want 2", n)
	}
}

func TestDeletedCachesAreForgotten(t *testing.T) {
	ctx := context.Background()
	g, clock := newTimed(t, nil)
	c := signIn(t, g, "c")
	if err := set(g, c, 1, time.Second); err != nil {
		t.Fatal(err)
	}
	if err := c.Hold(hearth.Subscriptions); err != nil {
		t.Fatal(err)
	}
	if err := g.Change(ctx, c, control.DeleteCache{Name: "c"}); err != nil {
		t.Fatal(err)
	}
	left := func(tenants, meters int) {
		t.Helper()
		clock.t = clock.t.Add(time.Second)
		if err := g.handOver(ctx); err != nil {
			t.Fatal(err)
		}
		if len(g.tenants) != tenants || len(g.meters.m) != meters {
			t.Errorf("%d tenants and %d meters are left, want %d and %d", len(g.tenants), len(g.meters.m), tenants, meters)
		}
	}
	left(1, 1) // something is held, something was counted
	left(1, 0)
	c.Release(hearth.Subscriptions)
	left(0, 0)
}

func TestBatches(t *testing.T) {
	ctx := context.Background()
	g, _ := newTimed(t, map[string]string{"item-bytes": "10"})
	c := signIn(t, g, "c")
	batch := func(os ...op.Op) []op.Reply {
		rs := make([]op.Reply, len(os))
		g.DoAll(ctx, c, os, rs)
		return rs
	}
	x := op.Expiry{TTL: 1000}
	rs := batch(&op.Set{K: []byte("a"), Value: []byte("1"), Expiry: x}, &op.Set{K: []byte("b"), Value: make([]byte, 10), Expiry: x})
	if rs[0].Err != nil || limitOf(rs[1].Err) != int(hearth.RequestSize) {
		t.Errorf("a batch with one that is too large: %v, %v", rs[0].Err, rs[1].Err)
	}
	rs = batch(&op.Get{K: []byte("a")}, &op.Get{K: []byte("b")})
	if rs[0].Status != op.Hit || rs[1].Status != op.Miss {
		t.Errorf("a batch of reads: %+v", rs)
	}
	batch()
	if n := counted(t, g, "Get"); n.Operations != 2 || n.Hits != 1 || n.Misses != 1 {
		t.Errorf("counted %+v", n)
	}
	if n := counted(t, g, "Set"); n.Operations != 1 || n.Refused != 1 {
		t.Errorf("counted %+v", n)
	}
}
