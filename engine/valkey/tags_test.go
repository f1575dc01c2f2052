package valkey

import (
	"context"
	"fmt"
	"testing"

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
