package value

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

func TestSequenceAgainstModel(t *testing.T) {
	for _, grow := range []int{50, 52, 60} { // of 100 steps that change the length, how many make it longer
		t.Run(fmt.Sprint(grow), func(t *testing.T) {
			r := rand.New(rand.NewPCG(7, uint64(grow)))
			l := newSequence()
			l.start()
			var m []string
			var views [][2][]byte
			for step := range 12_000 {
				if step%97 == 0 {
					l = reopen(t, l, &views)
				}
				m = changeSequence(t, r, l, m, grow)
				if l.Len() != len(m) {
					t.Fatalf("step %d: Len %d, want %d", step, l.Len(), len(m))
				}
				if step%500 == 0 || len(m) < 300 && step%20 == 0 {
					sameSequence(t, l, m, r)
				}
			}
			checkViews(t, views)
		})
	}
}

func changeSequence(t *testing.T, r *rand.Rand, l *Sequence, m []string, grow int) []string {
	v := randomValue(r)
	if r.IntN(3) == 0 {
		v = []byte(fmt.Sprint(r.IntN(5)))
	}
	if r.IntN(100) < grow {
		switch at := r.IntN(len(m) + 1); r.IntN(5) {
		case 0, 1:
			l.PushBack(v)
			return append(m, string(v))
		case 2, 3:
			l.PushFront(v)
			return slices.Insert(m, 0, string(v))
		default:
			l.Insert(at, v)
			return slices.Insert(m, at, string(v))
		}
	}
	if len(m) == 0 {
		return m
	}
	at := r.IntN(len(m))
	switch r.IntN(12) {
	case 0:
		l.Set(at, v)
		m[at] = string(v)
	case 1:
		return deleteEqual(t, r, l, m)
	case 2:
		to := min(len(m), at+r.IntN(4))
		if r.IntN(200) == 0 {
			to = min(len(m), at+r.IntN(len(m)))
		}
		if n := l.Delete(at, to); n != to-at {
			t.Fatalf("Delete of %d removed %d", to-at, n)
		}
		return slices.Delete(m, at, to)
	case 3, 4, 5, 6:
		l.Delete(0, 1)
		return m[1:]
	case 7, 8, 9, 10:
		l.Delete(len(m)-1, len(m))
		return m[:len(m)-1]
	default:
		if got := string(l.At(at)); got != m[at] {
			t.Fatalf("At(%d) = %q, want %q", at, got, m[at])
		}
	}
	return m
}

func deleteEqual(t *testing.T, r *rand.Rand, l *Sequence, m []string) []string {
	v, limit, backward := fmt.Sprint(r.IntN(5)), r.IntN(4), r.IntN(2) == 0
	if limit == 0 && r.IntN(10) > 0 {
		limit = 1
	}
	if backward {
		slices.Reverse(m)
	}
	removed := 0
	kept := m[:0:0]
	for _, e := range m {
		if e == v && (limit == 0 || removed < limit) {
			removed++
		} else {
			kept = append(kept, e)
		}
	}
	if backward {
		slices.Reverse(kept)
	}
	if n := l.DeleteEqual([]byte(v), limit, backward); n != removed {
		t.Fatalf("DeleteEqual removed %d, want %d", n, removed)
	}
	return kept
}

func sameSequence(t *testing.T, l *Sequence, m []string, r *rand.Rand) {
	t.Helper()
	var got []string
	for v := range l.All {
		got = append(got, string(v))
	}
	if !slices.Equal(got, m) {
		t.Fatalf("%d elements differ from the %d wanted", len(got), len(m))
	}
	from := r.IntN(len(m) + 1)
	to := from + r.IntN(len(m)-from+1)
	got = nil
	l.Range(from, to, func(v []byte) bool {
		got = append(got, string(v))
		return true
	})
	if !slices.Equal(got, m[from:to]) {
		t.Fatalf("Range(%d, %d) of %d is wrong", from, to, len(m))
	}
	got = nil
	for v := range l.Tail(len(m) - from) {
		got = append(got, string(v))
	}
	slices.Reverse(got)
	if !slices.Equal(got, m[from:]) {
		t.Fatalf("Tail(%d) of %d is wrong", len(m)-from, len(m))
	}
	if l.large != nil {
		held, n := 0, 0
		for _, s := range l.large.strips {
			held += len(s.buf)
			n += int(s.n)
		}
		if held != l.large.held || n != l.large.count {
			t.Fatalf("held %d, counted %d; %d elements, counted %d", held, l.large.held, n, l.large.count)
		}
	}
}
