package gateway

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/control"
	"github.com/hearthcache/hearth/op"
	"github.com/hearthcache/hearth/test/await"
)

func (f *fleet) invalidate(tags ...string) error {
	var names [][]byte
	for _, t := range tags {
		names = append(names, []byte(t))
	}
	return f.Invalidate(f.t.Context(), f.caller(), names)
}

// TestTagsOfAnOrigin has an origin tag what it answers.
func TestTagsOfAnOrigin(t *testing.T) {
	f, o := newFilled(t, map[string]string{"fresh": "10m", "stale-if-error": "1h"})
	o.tags = [][]byte{[]byte("sale")}
	f.wants("k", "v", true)
	f.wants("hot", "loaded", true)
	o.set(func(o *truth) { o.values["k"] = "w" })
	f.wants("k", "v", true)
	if err := f.invalidate("other", "sale"); err != nil {
		t.Fatal(err)
	}
	f.wants("k", "w", true)
	f.wants("hot", "loaded", true)
	if n := o.loads.Load(); n != 4 {
		t.Errorf("%d loads, want 4", n)
	}

	// What was invalidated is not served where the origin fails.
	o.set(func(o *truth) { o.err = &hearth.Error{Kind: hearth.Unavailable, Msg: "down"} })
	if err := f.invalidate("sale"); err != nil {
		t.Fatal(err)
	}
	f.wants("k", "", false)

	o.set(func(o *truth) { o.err, o.tags = nil, [][]byte{[]byte(strings.Repeat("x", 256))} })
	f.change(control.FlushCache{Name: "c"})
	f.wants("k", "", false)
}

// TestInvalidatedWhileLoaded has a tag invalidated while the origin is asked: what it had read before is given to nobody
// who asks after that.
func TestInvalidatedWhileLoaded(t *testing.T) {
	f, o := newFilled(t, nil)
	o.tags = [][]byte{[]byte("sale")}
	o.enter, o.leave = make(chan struct{}), make(chan struct{})
	got := make(chan string, 2)
	ask := func() {
		v, _, err := f.get(context.Background(), f.caller(), "k")
		if err != nil {
			t.Error(err)
		}
		got <- v
	}
	go ask()
	<-o.enter
	o.set(func(o *truth) { o.values["k"] = "new" })
	if err := f.invalidate("sale"); err != nil {
		t.Fatal(err)
	}
	// The first caller looks again, too, and asks anew.
	<-o.enter
	go ask()
	o.set(func(o *truth) { o.enter = nil })
	o.leave <- struct{}{}
	o.leave <- struct{}{}
	for range 2 {
		select {
		case v := <-got:
			if v != "new" {
				t.Errorf("a caller got %q", v)
			}
		case <-time.After(10 * time.Second):
			t.Fatal("a caller waits for ever")
		}
	}
	f.wants("k", "new", true)
	if n := o.loads.Load(); n != 2 {
		t.Errorf("%d loads", n)
	}
}

// TestInvalidationWakesWaiters has callers wait for one who loads: an invalidation has them look again.
func TestInvalidationWakesWaiters(t *testing.T) {
	f := newFleet(t, map[string]string{"collapse-wait": "60s", "collapse-load": "60s"})
	if _, hit, err := f.get(t.Context(), f.caller(), "k"); hit || err != nil {
		t.Fatal(hit, err)
	}
	woken := make(chan bool)
	go func() {
		_, hit, _ := f.get(context.Background(), f.caller(), "k")
		woken <- hit
	}()
	await.That(t, "somebody waits", func() bool { return f.flights.held.Load() == 1 })
	if err := f.invalidate("any"); err != nil {
		t.Fatal(err)
	}
	select {
	case hit := <-woken:
		if hit {
			t.Error("a hit of nothing")
		}
	case <-time.After(10 * time.Second):
		t.Fatal("a waiter was left")
	}
}

func TestInvalidateIsHeldAgainstLimits(t *testing.T) {
	f := newFleet(t, map[string]string{"request-rate": "10"})
	check := func(want hearth.Kind, tags ...string) {
		t.Helper()
		if got := hearth.KindOf(f.invalidate(tags...)); got != want {
			t.Errorf("%q: %v, want %v", tags, got, want)
		}
	}
	check(hearth.Invalid)
	check(hearth.Invalid, "")
	check(hearth.Invalid, "a b")
	check(hearth.Invalid, "a,b")
	check(hearth.Invalid, strings.Repeat("x", hearth.TagBytesMax+1))
	limited := false
	for range 30 {
		limited = limited || hearth.KindOf(f.invalidate("ok")) == hearth.Limited
	}
	if !limited {
		t.Error("invalidations do not count against the rate of requests")
	}
	var many [][]byte
	for range hearth.TagsMax + 1 {
		many = append(many, []byte("t"))
	}
	o := &op.Set{K: []byte("k"), Value: []byte("v"), Tags: many, Expiry: op.Expiry{TTL: 1000}}
	if err := f.Do(t.Context(), f.caller(), o, &op.Reply{}); hearth.KindOf(err) != hearth.Invalid {
		t.Errorf("an item with %d tags: %v", len(many), err)
	}
}
