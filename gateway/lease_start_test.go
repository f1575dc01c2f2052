package gateway

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	servers "github.com/hearthcache/hearth/fleet"
	"github.com/hearthcache/hearth/op"
)

// started runs commands as doors do that go on meanwhile, and counts how often that was possible.
type started struct {
	*fleet
	begun atomic.Int64
}

func (f *started) run(ctx context.Context, c *Caller, o op.Op) *op.Reply {
	var s Begun
	os, rs, done := []op.Op{o}, make([]op.Reply, 1), make(chan func(context.Context), 1)
	if !f.Start(&s, c, os, rs, func(rest func(context.Context)) { done <- rest }) {
		f.DoAll(ctx, c, os, rs)
		return &rs[0]
	}
	f.begun.Add(1)
	f.Flush()
	if rest := <-done; rest != nil {
		rest(ctx)
	}
	return &rs[0]
}

func startedGateways(t *testing.T) ([]*started, *servers.Cluster) {
	t.Helper()
	all, _, c := gateways(t, 3, 1<<20, map[string]string{"collapse": "on", "collapse-wait": patient, "collapse-load": patient})
	out := make([]*started, len(all))
	for i, f := range all {
		out[i] = &started{fleet: f}
	}
	return out, c
}

// One of all who miss a key at several gateways loads it, where none of them has a goroutine at its door.
func TestOneLoadStarted(t *testing.T) {
	all, _ := startedGateways(t)
	var loads, begun atomic.Int64
	for round := range 3 {
		var wg sync.WaitGroup
		key := []byte(fmt.Sprint("hot", round))
		for i := range 600 {
			wg.Go(func() {
				f := all[i%len(all)]
				c := f.caller()
				switch r := f.run(t.Context(), c, &op.Get{K: key}); {
				case r.Err != nil || r.Status == op.Hit && string(r.Value()) != "loaded":
					t.Errorf("got %q, %v", r.Value(), r.Err)
				case r.Status == op.Miss:
					loads.Add(1)
					time.Sleep(50 * time.Millisecond) // the origin takes its time
					if r := f.run(t.Context(), c, &op.Set{K: key, Value: []byte("loaded")}); r.Err != nil {
						t.Error(r.Err)
					}
				}
			})
		}
		wg.Wait()
		if n := loads.Swap(0); n != 1 {
			t.Errorf("round %d: the origin saw %d loads", round, n)
		}
	}
	for _, f := range all {
		begun.Add(f.begun.Load())
		nothingLeft(t, []*fleet{f.fleet})
	}
	if begun.Load() == 0 {
		t.Error("nothing was started")
	}
}

// A caller that was told to load, and whose client has not heard of it, leaves the load to the next one, at any gateway.
func TestUnheardOfLoad(t *testing.T) {
	all, _ := startedGateways(t)
	get := &op.Get{K: []byte("k")}
	for n := range 6 {
		f := all[n%len(all)]
		c := f.caller()
		r := f.run(t.Context(), c, get)
		if r.Status != op.Miss || r.Err != nil {
			t.Fatalf("%v, %v", r.Status, r.Err)
		}
		if f.begun.Load() > 0 && r.Lease == 0 {
			t.Error("whoever was told to load has no lease")
		}
		f.Unheard(c, get, r)
		if r.Lease == 0 { // it waited in DoAll, since the gateway had no pipes yet
			c.Gone()
		}
	}
	for _, f := range all {
		nothingLeft(t, []*fleet{f.fleet})
	}
}

// Servers that are full give no leases; what is missing is missing still, and each gateway loads for itself.
func TestFullServersGiveNoLease(t *testing.T) {
	all, c := startedGateways(t)
	for n := range 12 { // to be known to servers that have something
		f := all[n%len(all)]
		f.do(&op.Set{K: []byte(fmt.Sprint("filled", n)), Value: []byte("v")})
		f.run(t.Context(), f.caller(), &op.Get{K: []byte(fmt.Sprint("filled", n))})
	}
	for _, s := range c.Servers {
		if _, err := s.Command("CONFIG", "SET", "maxmemory", "1"); err != nil {
			t.Fatal(err)
		}
	}
	for n := range 6 {
		f := all[n%len(all)]
		if r := f.run(t.Context(), f.caller(), &op.Get{K: []byte(fmt.Sprint("k", n))}); r.Status != op.Miss || r.Err != nil {
			t.Errorf("%v, %v", r.Status, r.Err)
		}
	}
	if all[0].begun.Load()+all[1].begun.Load()+all[2].begun.Load() == 0 {
		t.Error("nothing was started")
	}
}
