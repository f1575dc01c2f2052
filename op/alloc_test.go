package op

import (
	"fmt"
	"slices"
	"testing"

	"github.com/hearthcache/hearth/value"
)

// packed returns the record of a small collection that commands have made.
func packed(t *testing.T, os ...Op) []byte {
	t.Helper()
	var e value.Entry
	var r Reply
	e.Load(value.None, 0, nil, nil, nil, value.Attrs{})
	for _, o := range os {
		if err := o.Apply(&e, 1, &r); err != nil {
			t.Fatal(err)
		}
	}
	rec, ok := e.Collection().Packed()
	if !ok {
		t.Fatal("not packed")
	}
	return slices.Clone(rec)
}

// The commands that matter most allocate nothing: on what an engine keeps as plain bytes, reads read in place and writes
// build the new record in memory that is reused.
func TestAllocations(t *testing.T) {
	key := []byte("k")
	var pairs []Pair
	var elements [][]byte
	var scores []Scored
	for i := range 50 {
		b := []byte(fmt.Sprint("element", i))
		pairs = append(pairs, Pair{Field: b, Value: b})
		elements = append(elements, b)
		scores = append(scores, Scored{Value: b, Score: float64(i)})
	}
	dict := packed(t, &DictSet{K: key, Pairs: pairs})
	set := packed(t, &SetUnion{K: key, Elements: elements})
	list := packed(t, &ListPush{K: key, Values: elements})
	sorted := packed(t, &SortedPut{K: key, Elements: scores})

	var e value.Entry
	var r Reply
	check := func(name string, k value.Kind, record []byte, o Op) {
		t.Helper()
		run := func() {
			r.Reset()
			if k > value.Scalar {
				e.LoadPacked(k, 0, record, value.Attrs{})
			} else {
				e.Load(k, 0, record, nil, nil, value.Attrs{})
			}
			if err := o.Apply(&e, 1, &r); err != nil {
				t.Fatal(err)
			}
		}
		run()
		if n := testing.AllocsPerRun(100, run); n != 0 {
			t.Errorf("%s allocates %v times", name, n)
		}
	}
	check("Get", value.Scalar, []byte("value"), &Get{K: key})
	check("Set", value.Scalar, []byte("value"), &Set{K: key, Value: []byte("v"), Expiry: Expiry{TTL: 5}})
	check("Increment", value.Scalar, []byte("41"), &Increment{K: key, Amount: 1})
	check("SetIf", value.Scalar, []byte("41"), &SetIf{K: key, Value: []byte("v"), Condition: Equal, Against: []byte("41")})
	check("DictGet", value.Dictionary, dict, &DictGet{K: key, Fields: elements[40:43]})
	check("DictFetch", value.Dictionary, dict, &DictFetch{K: key})
	check("DictSet", value.Dictionary, dict, &DictSet{K: key, Pairs: pairs[:3]})
	check("DictIncrement", value.Dictionary, dict, &DictIncrement{K: key, Field: []byte("new"), Amount: 1})
	check("SetContains", value.Set, set, &SetContains{K: key, Elements: elements[40:43]})
	check("SetUnion", value.Set, set, &SetUnion{K: key, Elements: [][]byte{[]byte("new")}})
	check("ListFetch", value.List, list, &ListFetch{K: key, Slice: Slice{Start: -5}})
	check("ListPush", value.List, list, &ListPush{K: key, Values: elements[:1], Front: true})
	check("ListPop", value.List, list, &ListPop{K: key, Count: 1})
	check("SortedFetch", value.SortedSet, sorted, &SortedFetch{K: key, Descending: true, Slice: Slice{End: 10, Bounded: true}})
	check("SortedPut", value.SortedSet, sorted, &SortedPut{K: key, Elements: scores[3:5]})
	check("SortedRank", value.SortedSet, sorted, &SortedRank{K: key, Value: elements[9]})
}
