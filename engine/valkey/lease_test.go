package valkey

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hearthcache/hearth/engine"
	"github.com/hearthcache/hearth/op"
)

func TestTagsHaveTheirSlots(t *testing.T) {
	for s := range uint16(1 << 14) {
		tag := tagOf(s)
		if got := slotOf([]byte("h::lease:{" + string(tag[:]) + "}a{b}c")); got != s {
			t.Fatalf("the tag %q of slot %d has slot %d", tag, s, got)
		}
	}
}

// names are those of leases, each of which is taken once.
var names atomic.Uint64

func takeLease(t *testing.T, e *Engine, key string, d time.Duration) engine.Leased {
	t.Helper()
	got := e.Lease(t.Context(), 7, [][]byte{[]byte(key)}, []uint64{names.Add(1)}, d)[0]
	if got.Err != nil {
		t.Fatal(got.Err)
	}
	return got
}

// TestLeases runs two gateways' engines on one cluster: who has a lease, what ends it, and what a write does to it.
func TestLeases(t *testing.T) {
	a, c := cluster(t, 0, Options{})
	b := open(t, Options{Addrs: c.Addrs(), NearBytes: 1 << 20})
	run := func(name string, test func(t *testing.T, key string)) {
		t.Run(name, func(t *testing.T) { test(t, "{"+name+"}k}{") })
	}
	held := func(t *testing.T, key string) engine.Lease {
		t.Helper()
		l := takeLease(t, a, key, time.Minute).Lease
		if l == nil {
			t.Fatal("nobody has the lease, and it was not to be had")
		}
		if got := takeLease(t, b, key, time.Minute); got.Lease != nil || got.Note != nil {
			t.Fatalf("two have the lease: %+v", got)
		}
		return l
	}
	value := func(t *testing.T, e *Engine, key string) string {
		t.Helper()
		return string(do(t, e, &op.Get{K: []byte(key)}).Value())
	}
	run("only what is missing", func(t *testing.T, key string) {
		l := held(t, key)
		do(t, b, &op.Set{K: []byte(key), Value: []byte("newer")})
		fill := &op.Fill{Set: op.Set{K: []byte(key), Value: []byte("v"), Expiry: op.Expiry{TTL: 60_000}}, Absent: true}
		if done, err := l.Store(t.Context(), fill); done || err != nil {
			t.Errorf("Store over what was set: %v, %v", done, err)
		}
		if v := value(t, a, key); v != "newer" {
			t.Errorf("the item is %q", v)
		}
		do(t, b, &op.Delete{K: []byte(key)})
		if done, err := held(t, key).Store(t.Context(), fill); !done || err != nil || value(t, b, key) != "v" {
			t.Errorf("Store of what is missing: %v, %v", done, err)
		}
	})
	run("stored", func(t *testing.T, key string) {
		l := held(t, key)
		if done, err := l.Store(t.Context(), &op.Set{K: []byte(key), Value: []byte("v"), Expiry: op.Expiry{TTL: 60_000}}); !done || err != nil {
			t.Errorf("Store: %v, %v", done, err)
		}
		if value(t, b, key) != "v" || takeLease(t, b, key, time.Minute).Lease == nil {
			t.Error("not stored, or the lease did not end with that")
		}
		if done, err := l.Store(t.Context(), &op.Set{K: []byte(key), Value: []byte("w")}); done || err != nil || value(t, b, key) != "v" {
			t.Errorf("stored without a lease: %v, %v", done, err)
		}
	})
	for name, write := range map[string]op.Op{
		"set":    &op.Set{Value: []byte("new")},
		"delete": &op.Delete{},
		"multi":  &op.MultiDelete{},
		"md":     &op.MetaDelete{},
		"ms":     &op.MetaSet{Value: []byte("new")},
		"dict":   &op.DictSet{Pairs: []op.Pair{{Field: []byte("f"), Value: []byte("v")}}, Expiry: op.Expiry{TTL: 1000}},
	} {
		run("overtaken by "+name, func(t *testing.T, key string) {
			l := held(t, key)
			do(t, b, b.Overtake(withKey(write, key)))
			if done, err := l.Store(t.Context(), &op.Set{K: []byte(key), Value: []byte("old")}); done || err != nil {
				t.Errorf("a fill that was overtaken is stored: %v, %v", done, err)
			}
		})
	}
	run("ended", func(t *testing.T, key string) {
		held(t, key).End()
		within(t, "the lease ends", func() bool { return takeLease(t, b, key, time.Minute).Lease != nil })
	})
	run("note", func(t *testing.T, key string) {
		held(t, key).Leave([]byte("gone"), time.Minute)
		if got := takeLease(t, b, key, time.Minute); got.Lease != nil || string(got.Note) != "gone" {
			t.Errorf("%+v", got)
		}
		do(t, a, a.Overtake(&op.Delete{K: []byte(key)}))
		if got := takeLease(t, b, key, time.Minute); got.Lease == nil {
			t.Errorf("after a write: %+v", got)
		}
	})
	run("prolonged", func(t *testing.T, key string) {
		takeLease(t, a, key, 4*time.Second)
		began := time.Now()
		for takeLease(t, b, key, time.Second).Lease == nil {
			time.Sleep(10 * time.Millisecond)
		}
		if d := time.Since(began); d < 3900*time.Millisecond {
			t.Errorf("a lease of 4 s was lost after %v", d)
		}
	})
}

// withKey returns a command on a key.
func withKey(o op.Op, key string) op.Op {
	k := []byte(key)
	switch o := o.(type) {
	case *op.Set:
		o.K = k
	case *op.Delete:
		o.K = k
	case *op.MultiDelete:
		o.List = [][]byte{k, []byte("another slot")}
	case *op.MetaDelete:
		o.K = k
	case *op.MetaSet:
		o.K = k
	case *op.DictSet:
		o.K = k
	default:
		panic(fmt.Sprintf("%T", o))
	}
	return o
}

func TestFollowersAreWoken(t *testing.T) {
	a, c := cluster(t, 0, Options{})
	b := open(t, Options{Addrs: c.Addrs()})
	follow := func(key string, absent bool) (woken chan struct{}) {
		woken = make(chan struct{})
		stop := b.Follow(7, []byte(key), absent, nil, func() { close(woken) })
		t.Cleanup(stop)
		return woken
	}
	soon := func(t *testing.T, what string, woken chan struct{}) {
		t.Helper()
		began := time.Now()
		select {
		case <-woken:
			t.Logf("%s: woken after %v", what, time.Since(began))
		case <-time.After(5 * time.Second):
			t.Errorf("%s: not woken", what)
		}
	}
	soon(t, "nobody has the lease", follow("none", true))
	for name, change := range map[string]func(key string, l engine.Lease){
		"the lease is given back":     func(_ string, l engine.Lease) { l.End() },
		"a note is left":              func(_ string, l engine.Lease) { l.Leave([]byte("x"), time.Minute) },
		"the key is deleted":          func(key string, _ engine.Lease) { do(t, a, a.Overtake(&op.Delete{K: []byte(key)})) },
		"somebody else sets the item": func(key string, _ engine.Lease) { do(t, a, &op.Set{K: []byte(key), Value: []byte("v")}) },
		"the item is filled": func(key string, l engine.Lease) {
			_, _ = l.Store(context.Background(), &op.Set{K: []byte(key), Value: []byte("v")})
		},
	} {
		l := takeLease(t, a, name, time.Minute).Lease
		woken := follow(name, true)
		time.Sleep(1200 * time.Millisecond) // the lease is prolonged meanwhile
		select {
		case <-woken:
			t.Errorf("%s: woken before anything happened", name)
		default:
		}
		change(name, l)
		soon(t, name, woken)
	}
	// A holder that is gone: its lease is not prolonged.
	dead, err := New(Options{Addrs: c.Addrs()})
	if err != nil {
		t.Fatal(err)
	}
	takeLease(t, dead, "dead", time.Minute)
	woken := follow("dead", true)
	_ = dead.Close()
	soon(t, "its holder is gone", woken)
}

func within(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for began := time.Now(); !holds(); time.Sleep(time.Millisecond) {
		if time.Since(began) > 5*time.Second {
			t.Fatal(what + ": not within five seconds")
		}
	}
}

var _ engine.Leaser = (*Engine)(nil)

// TestFollowersAreHastenedAtOnce has the servers tell of changes while followers begin and end.
func TestFollowersAreHastenedAtOnce(t *testing.T) {
	e, _ := cluster(t, 0, Options{})
	var stopped atomic.Bool
	var telling sync.WaitGroup
	telling.Go(func() {
		for !stopped.Load() {
			e.ears.hear(nil)
		}
	})
	for range 20_000 {
		e.Follow(7, []byte("k"), false, nil, func() {})()
	}
	stopped.Store(true)
	telling.Wait()
}
