package op

import (
	"math"
	"strconv"
	"testing"

	"github.com/hearthcache/hearth"
)

func TestCheck(t *testing.T) {
	check := func(c Checker, ok bool) {
		t.Helper()
		if err := c.Check(); (err == nil) != ok || err != nil && hearth.KindOf(err) != hearth.Invalid {
			t.Errorf("%+v: %v", c, err)
		}
	}
	nan, inf := math.NaN(), math.Inf(1)

	check(&SortedPut{Elements: []Scored{{Score: inf}}}, true)
	check(&SortedPut{Elements: []Scored{{Score: 1}, {Score: nan}}}, false)
	check(&SortedIncrement{Amount: -inf}, true)
	check(&SortedIncrement{Amount: nan}, false)
	check(&SortedUnionStore{}, false)
	check(&SortedUnionStore{Sources: []Source{{Weight: 1}}}, true)
	check(&SortedUnionStore{Sources: []Source{{Weight: nan}}}, false)

	check(&BoardUpsert{Elements: []BoardElement{{Score: inf}}}, false)
	check(&BoardUpsert{Elements: []BoardElement{{Score: nan}}}, false)
	check(&BoardUpsert{Elements: make([]BoardElement, BoardElementsMax)}, true)
	check(&BoardUpsert{Elements: make([]BoardElement, BoardElementsMax+1)}, false)
	check(&BoardRemove{IDs: make([]uint32, BoardElementsMax+1)}, false)
	check(&BoardRank{IDs: make([]uint32, BoardElementsMax)}, true)
	check(&BoardCompetitionRank{IDs: make([]uint32, BoardElementsMax+1)}, false)
	check(&BoardByRank{From: 0, To: BoardElementsMax}, true)
	check(&BoardByRank{From: 0, To: BoardElementsMax + 1}, false)
	check(&BoardByRank{From: math.MaxUint32 - 1, To: math.MaxUint32}, true)
	check(&BoardByRank{From: 0, To: math.MaxUint32}, false)
	check(&BoardByRank{From: 3, To: 3}, false)
	check(&BoardByScore{Scores: AllScores(), Limit: BoardElementsMax}, true)
	check(&BoardByScore{Scores: AllScores(), Limit: math.MaxUint32}, false)
	check(&BoardByScore{Scores: Scores{Min: nan}}, false)
}

func TestParseInt(t *testing.T) {
	check := func(in string, want int64, ok bool) {
		t.Helper()
		if got, is := ParseInt([]byte(in)); got != want || is != ok {
			t.Errorf("ParseInt(%q) = %d, %v", in, got, is)
		}
	}
	for _, n := range []int64{0, 1, -1, 9, 10, math.MaxInt64, math.MinInt64, math.MaxInt64 - 1, math.MinInt64 + 1} {
		check(strconv.FormatInt(n, 10), n, true)
	}
	for _, s := range []string{"", "-", "+1", "01", "-0", "-01", " 1", "1 ", "1.0", "1e3", "0x1", "9223372036854775808",
		"-9223372036854775809", "18446744073709551616", "99999999999999999999", "999999999999999999999", "1\x00"} {
		check(s, 0, false)
	}
}

func FuzzParseInt(f *testing.F) {
	f.Add("12")
	f.Add("-9223372036854775808")
	f.Fuzz(func(t *testing.T, s string) {
		n, ok := ParseInt([]byte(s))
		want, err := strconv.ParseInt(s, 10, 64)
		if is := err == nil && strconv.FormatInt(want, 10) == s; ok != is || ok && n != want {
			t.Errorf("ParseInt(%q) = %d, %v", s, n, ok)
		}
	})
}

func TestSlice(t *testing.T) {
	check := func(s Slice, n, from, to int) {
		t.Helper()
		if f, u := s.bounds(n); f != from || u != to {
			t.Errorf("%+v of %d: [%d:%d], want [%d:%d]", s, n, f, u, from, to)
		}
	}
	end := func(start, end int64) Slice { return Slice{Start: start, End: end, Bounded: true} }

	check(Slice{}, 10, 0, 10)
	check(Slice{Start: -5}, 10, 5, 10)
	check(Slice{Start: 20}, 10, 10, 10)
	check(end(2, -6), 10, 2, 4)
	check(end(-7, -2), 10, 3, 8)
	check(end(-2, -6), 10, 8, 8)
	check(end(5, 0), 10, 5, 5)
	check(end(-1, 1), 1, 0, 1)
	check(end(0, -1), 1, 0, 0)
	check(end(math.MinInt64, math.MaxInt64), 10, 0, 10)
	check(Inclusive(0, -1), 10, 0, 10)
	check(Inclusive(1, 1), 10, 1, 2)
	check(Inclusive(-3, -2), 10, 7, 9)
	check(Inclusive(0, math.MaxInt64), 10, 0, 10)
	check(Inclusive(0, math.MinInt64), 10, 0, 0)
}

// What Redis is told of a slice means the same there.
func TestSliceInclusive(t *testing.T) {
	for n := range 6 {
		for start := int64(-8); start < 8; start++ {
			for end := int64(-8); end < 8; end++ {
				s := Slice{Start: start, End: end, Bounded: true}
				from, to := s.bounds(n)
				first, last := s.inclusive()
				f, u := redis(first, last, n)
				if from < to && (f != from || u != to) || from == to && f < u {
					t.Fatalf("%+v of %d is [%d:%d]; Redis, told %d %d, makes it [%d:%d]", s, n, from, to, first, last, f, u)
				}
			}
		}
	}
}

// redis is what LRANGE does with its arguments.
func redis(start, stop int64, n int) (int, int) {
	if start < 0 {
		start = max(0, start+int64(n))
	}
	if stop < 0 {
		stop += int64(n)
	}
	stop = min(stop, int64(n)-1)
	return int(start), int(stop + 1)
}

func TestEraseRanges(t *testing.T) {
	check := func(in, want []IndexRange) {
		t.Helper()
		got := (&ListErase{Ranges: in}).disjoint()
		if len(got) != len(want) {
			t.Fatalf("%v: %v, want %v", in, got, want)
		}
		for i := range got {
			if got[i] != want[i] {
				t.Fatalf("%v: %v, want %v", in, got, want)
			}
		}
	}
	check(nil, nil)
	check([]IndexRange{{1, 2}, {5, 1}}, []IndexRange{{5, 1}, {1, 2}})
	check([]IndexRange{{1, 9}, {2, 1}, {5, 1}}, []IndexRange{{1, 9}})
	check([]IndexRange{{3, 2}, {1, 2}}, []IndexRange{{1, 4}})
	check([]IndexRange{{0, math.MaxUint32}, {7, math.MaxUint32}}, []IndexRange{{0, math.MaxUint32}})
}
