package valkey

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/op"
	"github.com/hearthcache/hearth/value"
)

// TestTagsAcrossGateways has one gateway invalidate what another one has stored and a third one keeps near.
func TestTagsAcrossGateways(t *testing.T) {
	a, c := cluster(t, 0, Options{})
	b, near := open(t, Options{Addrs: c.Addrs()}), open(t, Options{Addrs: c.Addrs(), NearBytes: 1 << 20})
	ctx := context.Background()
	tags := [][]byte{[]byte("price"), []byte("apple")}
	key := []byte("k")
	set := func(e *Engine) { do(t, e, &op.Set{K: key, Value: []byte("v"), Tags: tags}) }
	exists := func(e *Engine, want int64) {
		t.Helper()
		if r := do(t, e, &op.Exists{K: key}); r.Int != want {
			t.Errorf("EXISTS is %d, want %d", r.Int, want)
		}
	}

	// Nobody has heard of tags yet, and says so.
	exists(b, 0)
	exists(near, 0)
	for round := range 3 {
		set(a)
		exists(b, 1)
		// That there was nothing may be remembered until the server's message arrives.
		for end := time.Now().Add(10 * time.Second); do(t, near, &op.Get{K: key}).Status != op.Hit; {
			if time.Now().After(end) {
				t.Fatal("what was stored is not seen")
			}
		}
		for range 20 {
			if r := do(t, near, &op.Get{K: key}); r.Status != op.Hit {
				t.Fatal("a miss of what was stored")
			}
		}
		if err := a.Invalidate(ctx, 7, tags[round%2]); err != nil {
			t.Fatal(err)
		}
		switch round {
		case 0:
			exists(b, 0)
		case 1:
			if keys, err := allKeys(b, 7); err != nil || len(keys) != 0 {
				t.Errorf("a walk finds %q, %v", keys, err)
			}
		}
		if r := do(t, near, &op.Get{K: key}); r.Status != op.Miss || round == 2 && r.Cause != op.Invalidated {
			t.Errorf("round %d: status %d, cause %d after the tag was invalidated", round, r.Status, r.Cause)
		}
	}
}

func allKeys(e *Engine, s hearth.Space) (keys [][]byte, err error) {
	for cursor := uint64(0); ; {
		some, next, err := e.Scan(context.Background(), s, cursor, 100, value.None)
		keys = append(keys, some...)
		if cursor = next; err != nil || cursor == 0 {
			return keys, err
		}
	}
}

// TestTagTable holds what the functions do with a table of invalidations: one that is full, and one that was lost.
func TestTagTable(t *testing.T) {
	e, _ := single(t, Options{})
	ctx := context.Background()
	set := func(tag string) (value.Tags, []byte) {
		t.Helper()
		o, err := e.stamped(ctx, 7, &op.Set{K: []byte(tag), Value: []byte("v"), Tags: [][]byte{[]byte(tag)}})
		if err != nil {
			t.Fatal(err)
		}
		do(t, e, o)
		return value.MakeTags(o.(*op.Set).Stamp, o.(*op.Set).Tags), []byte(tag)
	}
	check := func(tags value.Tags, want bool) {
		t.Helper()
		if stale, err := e.stale(ctx, 7, []value.Tags{tags}); err != nil || stale[0] != want {
			t.Errorf("%q is stale: %v, %v", tags, stale, err)
		}
	}
	invalidate := func(tag string, most int) {
		t.Helper()
		if _, err := e.table(ctx, 7, "hearth_invalidate", false, []byte(tag), fmt.Append(nil, most)); err != nil {
			t.Fatal(err)
		}
	}

	first, _ := set("first")
	second, _ := set("second")
	check(first, false)
	invalidate("first", 3)
	check(first, true)
	check(second, false)
	third, name := set("first")
	check(third, false)
	invalidate("x", 3)
	invalidate("y", 3)
	check(second, false)
	// The table is full: what it forgets takes along what was stored before.
	invalidate("z", 3)
	check(second, true)
	check(third, false)
	set("later")
	if r := do(t, e, &op.Get{K: name}); r.Status != op.Hit {
		t.Error("an item that was stored after what is forgotten is a miss")
	}

	// A table that a server has lost takes every tagged item along.
	c, err := e.conn()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Do(ctx, c.B().Del().Key(string(appendTableKey(nil, 7))).Build()).Error(); err != nil {
		t.Fatal(err)
	}
	if r := do(t, e, &op.Get{K: name}); r.Status != op.Miss || r.Cause != op.Invalidated {
		t.Errorf("status %d, cause %d without a table", r.Status, r.Cause)
	}
	fresh, _ := set("fresh")
	check(fresh, false)
}

// TestTaggedBatch runs a batch and a transaction over items with tags that hold, with tags that do not, and without.
func TestTaggedBatch(t *testing.T) {
	both(t, Options{NearBytes: 1 << 20}, func(t *testing.T, e *Engine) {
		ctx := context.Background()
		set := func(key, tag string) {
			o := &op.Set{K: []byte(key), Value: []byte("7")}
			if tag != "" {
				o.Tags = [][]byte{[]byte(tag)}
			}
			do(t, e, o)
		}
		fresh := func() {
			set("{k}stale", "gone")
			set("{k}holds", "kept")
			set("{k}plain", "")
			if err := e.Invalidate(ctx, 7, []byte("gone")); err != nil {
				t.Fatal(err)
			}
		}
		check := func(rs []op.Reply, want ...string) {
			t.Helper()
			for i := range rs {
				got := fmt.Sprintf("%d %d %s %v", rs[i].Status, rs[i].Int, rs[i].Value(), rs[i].Err)
				if got != want[i] {
					t.Errorf("command %d: %s, want %s", i, got, want[i])
				}
			}
		}

		fresh()
		rs := make([]op.Reply, 8)
		e.DoAll(ctx, 7, []op.Op{
			&op.Get{K: []byte("{k}stale")}, &op.Get{K: []byte("{k}holds")}, &op.StrLen{K: []byte("{k}holds")}, &op.StrLen{K: []byte("{k}stale")},
			&op.Append{K: []byte("{k}holds"), Value: []byte("x")}, &op.Get{K: []byte("{k}holds")}, &op.Exists{K: []byte("{k}stale")},
			&op.Increment{K: []byte("{k}plain"), Amount: 1, KeepTTL: true},
		}, rs)
		check(rs, "2 0  <nil>", "1 0 7 <nil>", "0 1  <nil>", "0 0  <nil>", "0 2  <nil>", "1 0 7x <nil>", "0 0  <nil>", "0 8  <nil>")
		if rs[0].Cause != op.Invalidated {
			t.Errorf("cause %d", rs[0].Cause)
		}

		// A batch that tags an item and goes on with it.
		rs = make([]op.Reply, 3)
		e.DoAll(ctx, 7, []op.Op{
			&op.Set{K: []byte("{k}new"), Value: []byte("1"), Tags: [][]byte{[]byte("kept")}},
			&op.Append{K: []byte("{k}new"), Value: []byte("2")}, &op.Get{K: []byte("{k}new")},
		}, rs)
		check(rs, "0 0  <nil>", "0 2  <nil>", "1 0 12 <nil>")

		fresh()
		w, err := e.Watch(ctx, 7, [][]byte{[]byte("{k}holds")})
		if err != nil {
			t.Fatal(err)
		}
		rs = make([]op.Reply, 3)
		done, err := e.DoTogether(ctx, 7, w, []op.Op{
			&op.Get{K: []byte("{k}stale")}, &op.Set{K: []byte("{k}new"), Value: []byte("3"), Tags: [][]byte{[]byte("new")}}, &op.Get{K: []byte("{k}holds")},
		}, rs)
		if !done || err != nil {
			t.Fatal(done, err)
		}
		check(rs, "2 0  <nil>", "0 0  <nil>", "1 0 7 <nil>")
		if r := do(t, e, &op.Get{K: []byte("{k}new")}); string(r.Value()) != "3" {
			t.Errorf("%q of a transaction that tagged it", r.Value())
		}
		if err := e.Invalidate(ctx, 7, []byte("new")); err != nil {
			t.Fatal(err)
		}
		if r := do(t, e, &op.Get{K: []byte("{k}new")}); r.Status != op.Miss {
			t.Error("a hit of what was invalidated")
		}
		if err := e.Drop(ctx, 7); err != nil {
			t.Fatal(err)
		}
		if err := e.reclaim(ctx); err != nil {
			t.Fatal(err)
		}
		c, _ := e.conn()
		if n, err := c.Do(ctx, c.B().Exists().Key(string(appendTableKey(nil, 7))).Build()).AsInt64(); n != 0 || err != nil {
			t.Errorf("the table outlives its space: %d, %v", n, err)
		}
	})
}
