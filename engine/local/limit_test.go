package local

import (
	"fmt"
	"testing"

	"github.com/hearthcache/hearth/engine"
	"github.com/hearthcache/hearth/op"
)

func TestItemsGrowNoLargerThanTheirLimit(t *testing.T) {
	const most = 100_000
	e := newEngine(t, Options{BytesMax: 64 << 20})
	e.Limit(1, most)
	ten := make([]byte, 1000)
	name := func(i int) []byte { return fmt.Appendf(nil, "%06d", i) }
	long := func(i int) []byte { return append(name(i), ten...) }
	for what, add := range map[string]func(i int) op.Op{
		"append": func(int) op.Op { return &op.Append{K: []byte("append"), Value: ten} },
		"join":   func(int) op.Op { return &op.MetaSet{K: []byte("join"), Value: ten, Mode: op.StoreAfter} },
		"list":   func(i int) op.Op { return &op.ListPush{K: []byte("list"), Values: [][]byte{ten}, Front: i%2 == 0} },
		"dict": func(i int) op.Op {
			return &op.DictSet{K: []byte("dict"), Pairs: []op.Pair{{Field: name(i), Value: ten}}}
		},
		"dict new":  func(i int) op.Op { return &op.DictSetNew{K: []byte("dict new"), Field: name(i), Value: ten} },
		"set":       func(i int) op.Op { return &op.SetUnion{K: []byte("set"), Elements: [][]byte{long(i)}} },
		"sorted":    func(i int) op.Op { return &op.SortedPut{K: []byte("sorted"), Elements: []op.Scored{{Value: long(i)}}} },
		"increment": func(i int) op.Op { return &op.DictIncrement{K: []byte("increment"), Field: long(i), Amount: 1} },
	} {
		if err := e.Do(t.Context(), 1, &op.Set{K: []byte("join")}, &op.Reply{}); err != nil {
			t.Fatal(err)
		}
		n := 0
		for ; n < 200; n++ {
			if err := e.Do(t.Context(), 1, add(n), &op.Reply{}); err == engine.ErrItemSize {
				break
			} else if err != nil {
				t.Fatalf("%s: %v", what, err)
			}
		}
		if n < 90 || n > 100 {
			t.Errorf("%s: %d writes of 1,000 bytes fit into %d", what, n, most)
		}
		// What is there can still be replaced, where the item has names for it.
		if err := e.Do(t.Context(), 1, add(0), &op.Reply{}); err != nil && what != "append" && what != "join" && what != "list" {
			t.Errorf("%s: an element that is there cannot be written again: %v", what, err)
		}
		// Another space has no limit.
		for i := range 200 {
			if err := e.Do(t.Context(), 2, add(i), &op.Reply{}); err != nil {
				t.Fatalf("%s without a limit: %v", what, err)
			}
		}
	}
	capped := &op.ListPush{K: []byte("capped"), Values: [][]byte{ten}, Truncate: 50}
	for range 300 {
		if err := e.Do(t.Context(), 1, capped, &op.Reply{}); err != nil {
			t.Fatalf("a list that is kept short: %v", err)
		}
	}
	// The result of a store is no larger than its sources together, and nothing is added to it, or made of it.
	for i := range 90 {
		do(t, e, &op.SetUnion{K: []byte("other"), Elements: [][]byte{long(i + 1000)}})
	}
	do(t, e, &op.SetCombineStore{To: []byte("union"), List: [][]byte{[]byte("set"), []byte("other")}})
	for _, o := range []op.Op{
		&op.SetUnion{K: []byte("union"), Elements: [][]byte{long(5000)}},
		&op.SetCombineStore{To: []byte("next"), List: [][]byte{[]byte("union"), []byte("other")}},
	} {
		if err := e.Do(t.Context(), 1, o, &op.Reply{}); err != engine.ErrItemSize {
			t.Errorf("%s on a set that is too large: %v", o.Spec().Name, err)
		}
	}
	e.walk(t)
}

func do(t *testing.T, e *Engine, o op.Op) {
	t.Helper()
	if err := e.Do(t.Context(), 1, o, &op.Reply{}); err != nil {
		t.Fatalf("%s: %v", o.Spec().Name, err)
	}
}
