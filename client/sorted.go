package client

import (
	"context"
	"math"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
)

// Order says from which end of a sorted set or a leaderboard ranks count.
type Order uint64

// The orders.
const (
	Ascending  Order = iota // the lowest score first
	Descending              // the highest score first
)

// Aggregate says how UnionStore joins the scores of a value that several sets have.
type Aggregate uint64

// The aggregates.
const (
	Sum Aggregate = iota
	Min
	Max
)

// Scored is a value of a sorted set.
type Scored struct {
	Value []byte
	Score float64
}

// SortedSet is a sorted set of a Cache. It need not exist yet.
type SortedSet struct{ collection }

// SortedSet returns the sorted set of that name. Each write gives it ttl to live.
func (c *Cache) SortedSet(name string, ttl time.Duration) *SortedSet {
	return &SortedSet{collection{cache: c, name: []byte(name), ttl: ttl}}
}

// KeepTTL returns the sorted set with writes that give ttl to a new one only.
func (s *SortedSet) KeepTTL() *SortedSet {
	kept := *s
	kept.keep = true
	return &kept
}

// Put adds values or changes their scores.
func (s *SortedSet) Put(ctx context.Context, elements ...Scored) error {
	m := s.request()
	for _, e := range elements {
		m = m.bytes(2, message(nil).bytes(1, e.Value).double(2, e.Score))
	}
	_, err := s.do(ctx, "SortedSetPut", s.timed(m, 3))
	return err
}

// Range returns the values from one rank to before another, which may be End; negative ranks count from the end.
func (s *SortedSet) Range(ctx context.Context, from, to int, o Order) ([]Scored, error) {
	by := message(nil).signed(2, from)
	if to == End {
		by = by.empty(3)
	} else {
		by = by.signed(4, to)
	}
	return s.fetch(ctx, o, 4, by)
}

// RangeByScore returns values whose scores are min to max, both included and possibly infinite: of those in that order
// up to count, negative is any number, after the first skip.
func (s *SortedSet) RangeByScore(ctx context.Context, min, max float64, o Order, skip, count int) ([]Scored, error) {
	by := message(nil)
	if math.IsInf(min, -1) {
		by = by.empty(1)
	} else {
		by = by.bytes(2, message(nil).double(1, min))
	}
	if math.IsInf(max, 1) {
		by = by.empty(3)
	} else {
		by = by.bytes(4, message(nil).double(1, max))
	}
	return s.fetch(ctx, o, 5, by.varint(5, uint64(skip)).signed(6, count))
}

func (s *SortedSet) fetch(ctx context.Context, o Order, at protowire.Number, by message) ([]Scored, error) {
	in, ok, err := s.found(ctx, "SortedSetFetch", s.request().varint(2, uint64(o)).flag(3, true).bytes(at, by))
	if err != nil || !ok {
		return nil, err
	}
	in, _, err = member(in, 1)
	if err != nil {
		return nil, err
	}
	var got []Scored
	err = read(in, func(f field) {
		var e Scored
		_ = read(f.bytes, func(f field) {
			switch f.number {
			case 1:
				e.Value = f.bytes
			case 2:
				e.Score = f.double()
			}
		})
		got = append(got, e)
	})
	return got, err
}

// Score returns a value's score; ok is false where the set does not have it.
func (s *SortedSet) Score(ctx context.Context, value []byte) (score float64, ok bool, err error) {
	in, ok, err := s.found(ctx, "SortedSetGetScore", s.request().bytes(2, value))
	if err != nil || !ok {
		return 0, false, err
	}
	in, _, err = member(in, 1)
	if err != nil {
		return 0, false, err
	}
	ok = false
	err = read(in, func(f field) {
		switch f.number {
		case 1:
			ok = f.varint == resultHit
		case 2:
			score = f.double()
		}
	})
	return score, ok, err
}

// Rank returns how many values stand before one; ok is false where the set does not have it.
func (s *SortedSet) Rank(ctx context.Context, value []byte, o Order) (rank int, ok bool, err error) {
	in, ok, err := s.found(ctx, "SortedSetGetRank", s.request().bytes(2, value).varint(3, uint64(o)))
	if err != nil || !ok {
		return 0, false, err
	}
	result, err := number(in, 1)
	if err != nil || result != resultHit {
		return 0, false, err
	}
	n, err := number(in, 2)
	return int(n), true, err
}

// Increment adds amount to a value's score, 0 where there is none, and returns the sum.
func (s *SortedSet) Increment(ctx context.Context, value []byte, amount float64) (score float64, err error) {
	out, err := s.do(ctx, "SortedSetIncrement", s.timed(s.request().bytes(2, value).double(3, amount), 4))
	if err != nil {
		return 0, err
	}
	err = read(out, func(f field) {
		if f.number == 1 {
			score = f.double()
		}
	})
	return score, err
}

// Remove removes values.
func (s *SortedSet) Remove(ctx context.Context, values ...[]byte) error {
	_, err := s.do(ctx, "SortedSetRemove", s.request().bytes(3, message(nil).list(1, values)))
	return err
}

// Len returns the number of values, 0 where there is no such sorted set.
func (s *SortedSet) Len(ctx context.Context) (int, error) {
	return s.length(ctx, "SortedSetLength", s.request())
}

// LenByScore returns the number of values whose scores are min to max, both included and possibly infinite.
func (s *SortedSet) LenByScore(ctx context.Context, min, max float64) (int, error) {
	m := s.request()
	if math.IsInf(min, -1) {
		m = m.empty(4)
	} else {
		m = m.double(2, min)
	}
	if math.IsInf(max, 1) {
		m = m.empty(7)
	} else {
		m = m.double(5, max)
	}
	return s.length(ctx, "SortedSetLengthByScore", m)
}

// UnionStore puts the union of sorted sets, by name with what to multiply their scores with, into this one in place of
// what it has, and returns its length.
func (s *SortedSet) UnionStore(ctx context.Context, weights map[string]float32, how Aggregate) (int, error) {
	m := s.request()
	for name, weight := range weights {
		m = m.bytes(2, message(nil).string(1, name).float(2, weight))
	}
	out, err := s.do(ctx, "SortedSetUnionStore", m.varint(3, uint64(how)).varint(4, millis(s.ttl)))
	if err != nil {
		return 0, err
	}
	n, err := number(out, 1)
	return int(n), err
}
