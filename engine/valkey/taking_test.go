package valkey

import (
	"testing"
	"time"

	"github.com/hearthcache/hearth/engine"
	"github.com/hearthcache/hearth/op"
	"github.com/hearthcache/hearth/value"
)

// TestTake looks for items under leases, on pipes: who gets the lease, what is found, and what ends the lease.
func TestTake(t *testing.T) {
	e, c := cluster(t, 0, Options{})
	a, b := newStarting(t, e), newStarting(t, open(t, Options{Addrs: c.Addrs(), NearBytes: 1 << 20}))
	take := func(on starting, key string, name uint64) (got engine.Leased, r *op.Reply) {
		t.Helper()
		taking := on.Take(7, &op.Get{K: []byte(key)}, name, time.Minute)
		r = &op.Reply{}
		if err := on.Do(t.Context(), 7, taking, r); err != nil {
			t.Fatal(err)
		}
		if taking.Leased().Err != nil {
			t.Fatal(taking.Leased().Err)
		}
		return taking.Leased(), r
	}
	name := names.Add(1)
	got, r := take(a, "k", name)
	if got.Lease == nil || r.Status != op.Miss {
		t.Fatalf("the first: %+v, %v", got, r.Status)
	}
	if again, _ := take(a, "k", name); again.Lease == nil {
		t.Errorf("asked again: %+v", again)
	}
	if other, r := take(b, "k", names.Add(1)); other.Lease != nil || other.Note != nil || r.Status != op.Miss {
		t.Errorf("another: %+v, %v", other, r.Status)
	}
	r = &op.Reply{}
	if err := b.Do(t.Context(), 7, b.Overtake(&op.Set{K: []byte("k"), Value: []byte("v")}), r); err != nil || r.Status != op.Done {
		t.Errorf("a set: %v, %v", r.Status, err)
	}
	if done, err := got.Lease.Store(t.Context(), &op.Set{K: []byte("k"), Value: []byte("old")}); done || err != nil {
		t.Errorf("stored without a lease: %v, %v", done, err)
	}
	got.Lease.Ended()
	if got, r = take(b, "k", names.Add(1)); got.Lease == nil || r.Status != op.Hit || string(r.Value()) != "v" {
		t.Errorf("after the set: %+v, %v %q", got, r.Status, r.Value())
	}
	got.Lease.Leave([]byte("gone"), time.Minute)
	if got, _ = take(a, "k", names.Add(1)); got.Lease != nil || string(got.Note) != "gone" {
		t.Errorf("a note: %+v", got)
	}
	// What is wrong with one command of several is that command's answer.
	dict := &op.DictSet{K: []byte("k"), Pairs: []op.Pair{{Field: []byte("f"), Value: []byte("v")}}, Expiry: op.Expiry{TTL: 1000}}
	if err := a.Do(t.Context(), 7, a.Overtake(dict), &op.Reply{}); err != value.ErrWrongType {
		t.Errorf("a dictionary over a string: %v", err)
	}
	if begun := a.begun.Load() + b.begun.Load(); begun < 5 { // writes may have to ask about tags first
		t.Errorf("only %d commands were started", begun)
	}
}
