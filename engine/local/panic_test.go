package local

import (
	"context"
	"fmt"
	"testing"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/engine"
	"github.com/hearthcache/hearth/op"
	"github.com/hearthcache/hearth/value"
)

// hasty is a command that changes what it finds and then panics.
type hasty struct{ op.DictSet }

func (h *hasty) Apply(en *value.Entry, now int64, r *op.Reply) error {
	_ = h.DictSet.Apply(en, now, r)
	panic("hasty")
}

// hastyAll is one over several keys.
type hastyAll struct{ op.Rename }

func (h *hastyAll) ApplyAll(es []*value.Entry, now int64, r *op.Reply) error {
	_ = h.Rename.ApplyAll(es, now, r)
	panic("hasty")
}

func TestACommandThatPanicsFailsAlone(t *testing.T) {
	e := newEngine(t, Options{BytesMax: 16 << 20})
	ctx := context.Background()
	fields := func(key string, n int) {
		for i := range n {
			o := &op.DictSet{K: []byte(key), Pairs: []op.Pair{{Field: fmt.Append(nil, i), Value: make([]byte, 100)}}}
			if err := e.Do(ctx, 1, o, &op.Reply{}); err != nil {
				t.Fatal(err)
			}
		}
	}
	present := func(key string) bool {
		r := &op.Reply{}
		if err := e.Do(ctx, 1, &op.DictGet{K: []byte(key), Fields: [][]byte{[]byte("0")}}, r); err != nil {
			t.Fatal(err)
		}
		return r.Status == op.Hit
	}
	fails := func(o op.Op) {
		t.Helper()
		err := e.Do(ctx, 1, o, &op.Reply{})
		if p := engine.Panicked(err); p == nil || p.Value != "hasty" || hearth.KindOf(err) != hearth.Internal {
			t.Fatalf("a command that panicked: %v", err)
		}
	}
	pairs := []op.Pair{{Field: []byte("new"), Value: make([]byte, 5000)}}
	fields("few", 3)
	fields("many", 5000)
	fields("other", 5000)
	set(t, e, "plain", "v", 0)

	fails(&hasty{op.DictSet{K: []byte("none"), Pairs: pairs}})
	fails(&hasty{op.DictSet{K: []byte("few"), Pairs: pairs}})
	fails(&hasty{op.DictSet{K: []byte("plain"), Pairs: pairs}})
	if !present("few") || present("none") {
		t.Error("a small collection is not as it was")
	}
	if v, ok := get(t, e, "plain"); !ok || v != "v" {
		t.Errorf("a scalar is now %q, %v", v, ok)
	}
	fails(&hasty{op.DictSet{K: []byte("many"), Pairs: pairs}})
	if present("many") {
		t.Error("a large collection that was changed in part is still there")
	}
	fails(&hastyAll{op.Rename{From: []byte("other"), To: []byte("few")}})
	if present("other") || !present("few") {
		t.Error("a command over several keys left more or less than it should")
	}

	rs := make([]op.Reply, 2)
	os := []op.Op{&hasty{op.DictSet{K: []byte("few"), Pairs: pairs}}, &op.Delete{K: []byte("few")}}
	if done, err := e.DoTogether(ctx, 1, nil, os, rs); !done || err != nil || engine.Panicked(rs[0].Err) == nil || rs[1].Err != nil {
		t.Errorf("a transaction with a command that panicked: %v, %v, %v, %v", done, err, rs[0].Err, rs[1].Err)
	}
	e.walk(t)
}

// BenchmarkHappen shows what it costs that a command may panic.
func BenchmarkHappen(b *testing.B) {
	en, r := &value.Entry{}, &op.Reply{}
	var o op.Op = &op.Exists{}
	for name, f := range map[string]func(*value.Entry, op.Op, int64, *op.Reply) error{
		"guarded": happen,
		"bare":    func(en *value.Entry, o op.Op, now int64, r *op.Reply) error { return o.Apply(en, now, r) },
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				_ = f(en, o, 0, r)
			}
		})
	}
}
