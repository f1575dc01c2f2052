package gateway

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/auth"
	"github.com/hearthcache/hearth/control"
	"github.com/hearthcache/hearth/op"
)

func (f *fleet) explain(key string) *Explanation {
	f.t.Helper()
	x, err := f.Explain(f.t.Context(), f.caller(), "c", []byte(key))
	if err != nil {
		f.t.Fatal(err)
	}
	return x
}

// Where implements locator.
func (o *truth) Where(key []byte) (string, error) {
	if string(key) == "../up" {
		return "", errors.New("it would climb")
	}
	return "https://example.com/" + string(key), nil
}

// TestExplain holds each explanation against what a read then comes to.
func TestExplain(t *testing.T) {
	var clock atomic.Int64
	clock.Store(time.Now().UnixMilli())
	f, o := newFilledAt(t, map[string]string{"fresh": "1m", "stale-while-revalidate": "1m", "stale-if-error": "1h",
		"origin-retries": "0", "origin-breaker": "2", "negative-absent": "10m", "negative-failed": "10ms"}, clock.Load)
	check := func(key, answer string) *Explanation {
		t.Helper()
		x := f.explain(key)
		if x.Answer != answer {
			t.Errorf("%s: %s, %s; want %s", key, x.Answer, x.Why, answer)
		}
		return x
	}

	if x := check("k", "load"); x.Cause != "never-seen" || x.Origin.Asks != "https://example.com/k" || x.Item != nil {
		t.Errorf("%+v %+v", x, x.Origin)
	}
	if o.loads.Load() != 0 {
		t.Error("an explanation has loaded something")
	}
	f.wants("k", "v", true)
	if x := check("k", "hit"); *x.Item.Bytes != 1 || *x.Item.FreshFor != 60_000 || x.Item.State != "fresh" {
		t.Errorf("%+v", x.Item)
	}
	clock.Add(61_000)
	if x := check("k", "stale"); x.Item.State != "stale" {
		t.Errorf("%+v", x.Item)
	}
	clock.Add(61_000)
	check("k", "load")
	check("../up", "miss")

	f.wants("none", "", false)
	if x := check("none", "miss"); x.Origin.Verdict != "absent" || x.Origin.VerdictFor <= 0 || x.LastMiss == nil || x.LastMiss.Cause != "never-seen" {
		t.Errorf("%+v %+v", x, x.Origin)
	}

	o.set(func(o *truth) { o.err = &hearth.Error{Kind: hearth.Unavailable, Msg: "down"} })
	f.wants("k", "v", true)
	f.wants("other", "", false)
	clock.Add(20)
	if x := check("another", "miss"); x.Origin.Breaker != "open" || x.Origin.OpenFor <= 0 {
		t.Errorf("%+v", x.Origin)
	}
	check("k", "stale")
	f.change(control.SetCache{Name: "c", Settings: map[string]string{"origin-error": "unavailable"}})
	o.set(func(o *truth) { o.err, o.enter, o.leave = nil, make(chan struct{}), make(chan struct{}) })
	go f.get(context.Background(), f.caller(), "slow")
	<-o.enter
	if x := check("slow", "wait"); !x.Collapse.Loading || x.Collapse.Waiters != 1 {
		t.Errorf("%+v", x.Collapse)
	}
	o.leave <- struct{}{}
}

func TestExplainOfCollapsedMisses(t *testing.T) {
	f := newFleet(t, map[string]string{"request-rate": "20"})
	if x := f.explain("k"); x.Answer != "miss" || !x.Collapse.On || x.Collapse.Loading {
		t.Errorf("%+v", x)
	}
	f.get(t.Context(), f.caller(), "k")
	if x := f.explain("k"); x.Answer != "wait" || !x.Collapse.Loading {
		t.Errorf("%+v", x)
	}
	f.set(f.caller(), "k", "v")
	if x := f.explain("k"); x.Answer != "hit" || x.Item.ExpiresIn != nil || x.LastMiss.Cause != "never-seen" {
		t.Errorf("%+v %+v", x, x.Item)
	}
	for range 30 {
		f.get(t.Context(), f.caller(), "k")
	}
	if x := f.explain("k"); x.Answer != "refused" || !x.Limits.Reached {
		t.Errorf("%+v", x)
	}
	if x := f.explain("\xff"); x.Key != "" || string(x.KeyBase64) != "\xff" {
		t.Errorf("%+v", x)
	}
}

// TestCausesOfMisses counts each cause that the engine tells.
func TestCausesOfMisses(t *testing.T) {
	f := newFleet(t, map[string]string{"collapse": "off"})
	c := f.caller()
	set := func(x op.Expiry, tags ...[]byte) {
		t.Helper()
		if err := f.Do(t.Context(), c, &op.Set{K: []byte("k"), Value: []byte("v"), Expiry: x, Tags: tags}, &op.Reply{}); err != nil {
			t.Fatal(err)
		}
	}
	miss := func(want op.Cause) {
		t.Helper()
		if _, hit, err := f.get(t.Context(), c, "k"); hit || err != nil {
			t.Fatal(hit, err)
		}
		if x := f.explain("k"); x.Cause != want.String() || x.LastMiss.Cause != want.String() {
			t.Errorf("%s, last miss %+v; want %s", x.Cause, x.LastMiss, want)
		}
	}

	miss(op.NeverSeen)
	set(op.Expiry{TTL: 1})
	time.Sleep(5 * time.Millisecond) // its time to live, a millisecond, is over
	miss(op.Expired)
	set(op.Expiry{})
	if err := f.Do(t.Context(), c, &op.Delete{K: []byte("k")}, &op.Reply{}); err != nil {
		t.Fatal(err)
	}
	miss(op.WasDeleted)
	set(op.Expiry{}, []byte("tag"))
	if err := f.invalidate("tag"); err != nil {
		t.Fatal(err)
	}
	miss(op.Invalidated)
	all := f.Loadings()
	if len(all) != 1 || all[0].Cache != "c" {
		t.Fatalf("%+v", all)
	}
	if x := f.explain("k"); x.FlushedAgo != nil {
		t.Errorf("flushed %d ms ago", *x.FlushedAgo)
	}
	set(op.Expiry{})
	f.change(control.FlushCache{Name: "c"})
	miss(op.Flushed)
	if x := f.explain("k"); x.FlushedAgo == nil {
		t.Error("not a word of when")
	}
	if x := f.explain("other"); x.Cause != op.NeverSeen.String() {
		t.Errorf("what was not there when the cache was flushed: %s", x.Cause)
	}
	set(op.Expiry{})
	if x := f.explain("k"); x.FlushedAgo != nil || x.Item == nil {
		t.Errorf("%+v", x)
	}
	f.change(control.DeleteCache{Name: "c"})
	f.change(control.CreateCache{Name: "c"})
	if x := f.explain("k"); x.Cause != op.NeverSeen.String() {
		t.Errorf("of a cache that is another one now: %s", x.Cause)
	}
	for _, cause := range []op.Cause{op.NeverSeen, op.Expired, op.WasDeleted, op.Invalidated, op.Flushed} {
		if f.counted().Misses[cause] != 1 {
			t.Errorf("%s counts %d", cause, all[0].Misses[cause])
		}
	}
}

// TestCausesOfAnOriginsMisses has each cause that an origin's answer tells.
func TestCausesOfAnOriginsMisses(t *testing.T) {
	f, o := newFilled(t, map[string]string{"item-bytes": "64", "negative-refused": "0"})
	miss := func(key string, want op.Cause) {
		t.Helper()
		f.wants(key, "", false)
		if x := f.explain(key); x.LastMiss == nil || x.LastMiss.Cause != want.String() {
			t.Errorf("the last miss is %+v; want %s", x.LastMiss, want)
		}
		if n := f.counted().Misses[want]; n != 1 {
			t.Errorf("%s counts %d", want, n)
		}
	}
	o.set(func(o *truth) { o.values["large"] = strings.Repeat("x", 100) })
	miss("large", op.TooLarge)
	miss("none", op.NeverSeen)
	o.set(func(o *truth) { o.err = &hearth.Error{Kind: hearth.Denied, Msg: "not for you"} })
	miss("secret", op.NotPermitted)
	o.set(func(o *truth) { o.err = &hearth.Error{Kind: hearth.Unavailable, Msg: "down"} })
	miss("unlucky", op.OriginFailed)
}

// TestWhoMayBeTold: an explanation takes the permission to list caches, and who may read is told to those who list keys.
func TestWhoMayBeTold(t *testing.T) {
	f := newFleet(t, nil)
	key := &auth.Key{ID: "k1", Permissions: auth.Permissions{Super: true}}
	f.change(control.AddKey{Key: key})
	if p := f.explain("k").Permission; p == nil || !p.Open || p.Of != 1 || p.Keys[0] != "k1" {
		t.Errorf("%+v", p)
	}
	if _, err := f.Explain(t.Context(), f.caller(), "nowhere", []byte("k")); hearth.KindOf(err) != hearth.NoCache {
		t.Error(err)
	}
	f.open = false
	if _, err := f.SignIn(Credential{}, "c"); err == nil {
		t.Fatal("a stranger signs in")
	}
}
