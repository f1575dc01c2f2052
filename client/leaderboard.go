package client

import (
	"context"
	"math"
)

// Ranked is an element of a leaderboard.
type Ranked struct {
	ID    uint32
	Rank  int
	Score float64
}

// Leaderboard ranks numbered elements by score. It need not exist yet, and stays until it is deleted.
type Leaderboard struct {
	cache *Cache
	name  string
}

// Leaderboard returns the leaderboard of that name.
func (c *Cache) Leaderboard(name string) *Leaderboard { return &Leaderboard{c, name} }

func (l *Leaderboard) do(ctx context.Context, method string, m message) ([]byte, error) {
	c := l.cache.client
	return c.call(ctx, c.data, "/leaderboard.Leaderboard/"+method, l.cache.name, m.string(2, l.name))
}

// Put adds elements or changes their scores.
func (l *Leaderboard) Put(ctx context.Context, scores map[uint32]float64) error {
	var m message
	for id, score := range scores {
		m = m.bytes(3, message(nil).varint(1, uint64(id)).double(3, score))
	}
	_, err := l.do(ctx, "UpsertElements", m)
	return err
}

// Remove removes elements.
func (l *Leaderboard) Remove(ctx context.Context, ids ...uint32) error {
	_, err := l.do(ctx, "RemoveElements", numbered(nil, ids))
	return err
}

func numbered(m message, ids []uint32) message {
	for _, id := range ids {
		m = m.varint(3, uint64(id))
	}
	return m
}

// Range returns the elements from one rank, counted from 0, to before another.
func (l *Leaderboard) Range(ctx context.Context, from, to int, o Order) ([]Ranked, error) {
	by := message(nil).varint(1, uint64(from)).varint(2, uint64(to))
	return ranked(l.do(ctx, "GetByRank", message(nil).bytes(3, by).varint(4, uint64(o))))
}

// RangeByScore returns elements whose scores are at least min and below max, both possibly infinite: of those in that
// order up to count, 0 is as many as the server answers at once, after the first skip.
func (l *Leaderboard) RangeByScore(ctx context.Context, min, max float64, o Order, skip, count int) ([]Ranked, error) {
	by := message(nil)
	if math.IsInf(min, -1) {
		by = by.empty(1)
	} else {
		by = by.double(5, min)
	}
	if math.IsInf(max, 1) {
		by = by.empty(3)
	} else {
		by = by.double(6, max)
	}
	m := message(nil).bytes(3, by).varint(4, uint64(skip)).varint(5, uint64(count)).varint(6, uint64(o))
	return ranked(l.do(ctx, "GetByScore", m))
}

// Rank returns those of the elements that there are, with their ranks.
func (l *Leaderboard) Rank(ctx context.Context, o Order, ids ...uint32) ([]Ranked, error) {
	return ranked(l.do(ctx, "GetRank", numbered(nil, ids).varint(4, uint64(o))))
}

// CompetitionRank is Rank where equal scores share one rank: 0, 1, 1, 3.
func (l *Leaderboard) CompetitionRank(ctx context.Context, o Order, ids ...uint32) ([]Ranked, error) {
	c := l.cache.client
	m := message(nil).string(1, l.name)
	for _, id := range ids {
		m = m.varint(2, uint64(id))
	}
	return ranked(c.call(ctx, c.data, "/leaderboard.Leaderboard/GetCompetitionRank", l.cache.name, m.varint(3, uint64(o))))
}

// Len returns the number of elements.
func (l *Leaderboard) Len(ctx context.Context) (int, error) {
	out, err := l.do(ctx, "GetLeaderboardLength", nil)
	if err != nil {
		return 0, err
	}
	n, err := number(out, 1)
	return int(n), err
}

// Delete deletes the leaderboard.
func (l *Leaderboard) Delete(ctx context.Context) error {
	_, err := l.do(ctx, "DeleteLeaderboard", nil)
	return err
}

// ranked reads the elements of an answer.
func ranked(out []byte, err error) ([]Ranked, error) {
	if err != nil {
		return nil, err
	}
	var got []Ranked
	err = read(out, func(f field) {
		var e Ranked
		_ = read(f.bytes, func(f field) {
			switch f.number {
			case 1:
				e.ID = uint32(f.varint)
			case 3:
				e.Rank = int(f.varint)
			case 4:
				e.Score = f.double()
			}
		})
		got = append(got, e)
	})
	return got, err
}
