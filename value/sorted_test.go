package value

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

type scored struct {
	v string
	s float64
}

func inOrder(m map[string]float64) []scored {
	var out []scored
	for v, s := range m {
		out = append(out, scored{v, s})
	}
	slices.SortFunc(out, func(a, b scored) int { return cmp.Or(cmp.Compare(a.s, b.s), cmp.Compare(a.v, b.v)) })
	return out
}

func TestSortedAgainstModel(t *testing.T) {
	for _, size := range testSizes {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			r := rand.New(rand.NewPCG(1, uint64(size)))
			z := newSorted()
			z.start()
			m := map[string]float64{}
			var views [][2][]byte
			for step := range 40_000 {
				if step%97 == 0 {
					z = reopen(t, z, &views)
				}
				k := fmt.Sprint("v", r.IntN(size))
				score := float64(r.IntN(size/4+2)) / 2
				old, ok := m[k]
				switch n := r.IntN(10); {
				case n < 6:
					if got := z.Put([]byte(k), score); got == ok {
						t.Fatalf("step %d: Put added %v", step, got)
					}
					m[k] = score
				case n < 8:
					if got := z.Delete([]byte(k)); got != ok {
						t.Fatalf("step %d: Delete %v", step, got)
					}
					delete(m, k)
				default:
					if got, there := z.Score([]byte(k)); got != old || there != ok {
						t.Fatalf("step %d: Score %v %v, want %v %v", step, got, there, old, ok)
					}
				}
				if z.Len() != len(m) {
					t.Fatalf("step %d: Len %d, want %d", step, z.Len(), len(m))
				}
				if step%2000 == 1999 {
					sameSorted(t, z, m, r)
				}
				if step%9000 == 8999 {
					from := r.IntN(len(m))
					all := inOrder(m)
					to := min(len(all), from+len(all)/3)
					z.DeleteRange(from, to)
					for _, e := range all[from:to] {
						delete(m, e.v)
					}
					sameSorted(t, z, m, r)
				}
			}
			checkViews(t, views)
		})
	}
}

func sameSorted(t *testing.T, z *Sorted, m map[string]float64, r *rand.Rand) {
	t.Helper()
	want := inOrder(m)
	from := r.IntN(len(want) + 1)
	to := from + r.IntN(len(want)-from+1)
	var got []scored
	collect := func(v []byte, s float64) bool {
		got = append(got, scored{string(v), s})
		return true
	}
	z.Range(0, len(want), collect)
	if !slices.Equal(got, want) {
		t.Fatalf("%d values in order differ from %d wanted", len(got), len(want))
	}
	got = nil
	z.Backward(from, to, collect)
	slices.Reverse(got)
	if !slices.Equal(got, want[from:to]) {
		t.Fatalf("Backward(%d, %d) of %d is wrong", from, to, len(want))
	}
	for range 50 {
		i := r.IntN(len(want))
		if got, ok := z.Index([]byte(want[i].v)); got != i || !ok {
			t.Fatalf("Index = %d, want %d", got, i)
		}
		lo := slices.IndexFunc(want, func(e scored) bool { return e.s >= want[i].s })
		hi := len(want)
		if n := slices.IndexFunc(want, func(e scored) bool { return e.s > want[i].s }); n >= 0 {
			hi = n
		}
		if z.Below(want[i].s, false) != lo || z.Below(want[i].s, true) != hi {
			t.Fatalf("Below(%v) = %d, %d; want %d, %d", want[i].s, z.Below(want[i].s, false), z.Below(want[i].s, true), lo, hi)
		}
	}
	if z.Below(math.Inf(-1), false) != 0 || z.Below(math.Inf(1), true) != len(want) {
		t.Fatal("Below of infinities is wrong")
	}
	if z.order != nil {
		held, n := 0, 0
		for c := range z.order.chunks {
			held += z.order.chunks[c].bytes()
			n += int(z.order.counts[c])
		}
		if held != z.order.held || n != len(want) {
			t.Fatalf("held %d, counted %d; %d values, counted %d", z.order.held, held, len(want), n)
		}
	}
}

func TestSortedByBytes(t *testing.T) {
	for _, n := range []int{20, 3000} {
		z := newSorted()
		z.start()
		for i := range n {
			z.Put([]byte(fmt.Sprintf("%06d", i*2)), 0)
		}
		check := func(v string, equal bool, want int) {
			t.Helper()
			if got := z.Before([]byte(v), equal); got != want {
				t.Errorf("Before(%q, %v) = %d, want %d", v, equal, got, want)
			}
		}
		check("000010", false, 5)
		check("000010", true, 6)
		check("000011", false, 6)
		check("", true, 0)
		check("x", false, n)
	}
}

func TestSortedOddScores(t *testing.T) {
	z := newSorted()
	z.start()
	for i, s := range []float64{math.Inf(1), math.Inf(-1), 0, math.Copysign(0, -1), math.MaxFloat64, math.SmallestNonzeroFloat64} {
		z.Put([]byte{byte('a' + i)}, s)
	}
	var got []byte
	z.Range(0, z.Len(), func(v []byte, _ float64) bool {
		got = append(got, v...)
		return true
	})
	if string(got) != "bcdfea" {
		t.Errorf("order %q, want bcdfea: zeros are equal", got)
	}
}
