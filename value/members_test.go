package value

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

func TestMembersAgainstModel(t *testing.T) {
	for _, size := range testSizes {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			r := rand.New(rand.NewPCG(1, uint64(size)))
			s := newMembers()
			s.start()
			m := map[string]bool{}
			var views [][2][]byte
			for step := range 60_000 {
				if step%97 == 0 {
					s = reopen(t, s, &views)
				}
				k := fmt.Sprint("element", r.IntN(size))
				switch r.IntN(5) {
				case 0, 1:
					if got := s.Add([]byte(k)); got == m[k] {
						t.Fatalf("step %d: Add %v", step, got)
					}
					m[k] = true
				case 2:
					if got := s.Delete([]byte(k)); got != m[k] {
						t.Fatalf("step %d: Delete %v", step, got)
					}
					delete(m, k)
				default:
					if got := s.Contains([]byte(k)); got != m[k] {
						t.Fatalf("step %d: Contains %v", step, got)
					}
				}
				if s.Len() != len(m) {
					t.Fatalf("step %d: Len %d, want %d", step, s.Len(), len(m))
				}
			}
			checkViews(t, views)
			sample(t, s, m, r)
		})
	}
}

// sample: as many as wanted, all different, all there, and over many tries every one.
func sample(t *testing.T, s *Members, m map[string]bool, r *rand.Rand) {
	t.Helper()
	seen := map[string]bool{}
	for _, n := range []int{0, 1, 3, len(m) / 2, len(m) - 1, len(m), len(m) + 5} {
		got := map[string]bool{}
		s.Sample(n, r, func(e []byte) { got[string(e)] = true })
		if len(got) != min(n, len(m)) {
			t.Errorf("a sample of %d has %d", n, len(got))
		}
		for e := range got {
			if !m[e] {
				t.Errorf("a sample has %q, which is not there", e)
			}
		}
	}
	for range 12 * len(m) {
		seen[string(s.Random(r))] = true
	}
	if len(seen) < len(m)*99/100 {
		t.Errorf("random picks found %d of %d", len(seen), len(m))
	}
}
