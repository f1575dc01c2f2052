package op

import (
	"math"

	"github.com/hearthcache/hearth/value"
)

// Slice is a part of a sequence: from Start up to, not including, End, both from its end where they are negative. The
// zero Slice is everything.
type Slice struct {
	Start   int64
	End     int64
	Bounded bool // whether End counts; without it the slice goes to the end of the sequence
}

// Inclusive returns the slice that Redis calls start and stop.
func Inclusive(start, stop int64) Slice {
	if stop == -1 || stop == math.MaxInt64 {
		return Slice{Start: start}
	}
	return Slice{Start: start, End: stop + 1, Bounded: true}
}

// bounds returns the indexes of the slice in a sequence of n, with from <= to.
func (s Slice) bounds(n int) (from, to int) {
	from, to = at(s.Start, n), n
	if s.Bounded {
		to = at(s.End, n)
	}
	return from, max(from, to)
}

func at(i int64, n int) int {
	if i < 0 {
		i += int64(n)
	}
	return int(min(max(i, 0), int64(n)))
}

// inclusive returns the slice as Redis spells it.
func (s Slice) inclusive() (first, last int64) {
	switch {
	case !s.Bounded:
		return s.Start, -1
	case s.End == 0:
		return 1, 0
	}
	return s.Start, s.End - 1
}

// Scores is a range of scores. Infinities are no bounds.
type Scores struct {
	Min, Max                   float64
	MinExclusive, MaxExclusive bool
}

// AllScores is the range of every score.
func AllScores() Scores { return Scores{Min: math.Inf(-1), Max: math.Inf(1)} }

// indexes returns the places of the range in a sorted set; from may be past to.
func (s *Scores) indexes(z *value.Sorted) (from, to int) {
	from, to = z.Below(s.Min, s.MinExclusive), z.Below(s.Max, !s.MaxExclusive)
	return from, max(from, to)
}

func (s *Scores) args() (low, high []byte) {
	return bound(s.Min, s.MinExclusive), bound(s.Max, s.MaxExclusive)
}

func bound(f float64, exclusive bool) []byte {
	if exclusive {
		return append([]byte{'('}, score(f)...)
	}
	return score(f)
}
