package enginetest

import (
	"crypto/sha1"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/op"
	"github.com/hearthcache/hearth/value"
)

func sha(s string) []byte {
	h := sha1.Sum([]byte(s))
	return h[:]
}

// ordered returns the values of a sorted set in order.
func (it *thing) ordered(descending bool) []string {
	var vs []string
	for v := range it.sorted {
		vs = append(vs, v)
	}
	slices.SortFunc(vs, func(a, b string) int {
		switch {
		case it.sorted[a] < it.sorted[b]:
			return -1
		case it.sorted[a] > it.sorted[b]:
			return 1
		}
		return strings.Compare(a, b)
	})
	if descending {
		slices.Reverse(vs)
	}
	return vs
}

func within(s op.Scores, f float64) bool {
	return (f > s.Min || f == s.Min && !s.MinExclusive) && (f < s.Max || f == s.Max && !s.MaxExclusive)
}

func (m *model) sortedSet(o op.Op) error {
	switch o := o.(type) {
	case *op.SortedUnionStore:
		return m.union(o)
	case *op.SortedReplace:
		delete(m.items, string(o.K))
		it, _ := m.grow(o.K, value.SortedSet, o.Expiry, true)
		for _, e := range o.Elements {
			it.sorted[string(e.Value)] = e.Score
		}
		m.r.Int = int64(len(it.sorted))
		return nil
	case *op.SortedFetchAny:
		it, err := m.weights(o.K)
		if m.found(err == nil && it.size() > 0) {
			for _, v := range it.ordered(false) {
				m.r.AddPart([]byte(v), it.sorted[v])
			}
		}
		return err
	}
	it, err := m.get(o.Key(), value.SortedSet)
	if err != nil {
		return err
	}
	switch o := o.(type) {
	case *op.SortedPut:
		m.putScores(o)
		return nil
	case *op.SortedIncrement:
		return m.addScore(o, it)
	case *op.SortedRemove:
		for _, v := range o.Values {
			if it != nil {
				if _, ok := it.sorted[string(v)]; ok {
					m.r.Int++
				}
				delete(it.sorted, string(v))
			}
		}
		return nil
	}
	if m.found(it != nil) {
		return m.readSorted(o, it)
	}
	return nil
}

func (m *model) readSorted(o op.Op, it *thing) error {
	switch o := o.(type) {
	case *op.SortedFetch:
		vs := it.ordered(o.Descending)
		if o.Scores != nil {
			vs = slices.DeleteFunc(vs, func(v string) bool { return !within(*o.Scores, it.sorted[v]) })
			vs = vs[min(int(max(o.Offset, 0)), len(vs)):]
			if o.Count >= 0 && int(o.Count) < len(vs) {
				vs = vs[:o.Count]
			}
		} else {
			from, to := slice(o.Slice, len(vs))
			vs = vs[from:to]
		}
		for _, v := range vs {
			m.r.AddPart([]byte(v), it.sorted[v])
		}
	case *op.SortedScore:
		for _, v := range o.Values {
			if s, ok := it.sorted[string(v)]; ok {
				m.r.AddNum(s)
			} else {
				m.r.AddMiss()
			}
		}
	case *op.SortedRank:
		i := slices.Index(it.ordered(o.Descending), string(o.Value))
		if !m.found(i >= 0) {
			m.r.AddMiss()
			return nil
		}
		m.r.Int = int64(i)
	case *op.SortedCount:
		for _, s := range it.sorted {
			if within(o.Scores, s) {
				m.r.Int++
			}
		}
	case *op.SortedLength:
		m.r.Int = int64(len(it.sorted))
	default:
		return fmt.Errorf("the model does not know %T", o)
	}
	return nil
}

// allowed reports whether a put condition lets a score through.
func allowed(c op.PutCondition, present bool, old, new float64) bool {
	ok := true
	if c&op.IfNew != 0 {
		ok = ok && !present
	}
	if c&op.IfOld != 0 {
		ok = ok && present
	}
	if c&op.IfGreater != 0 && present {
		ok = ok && new > old
	}
	if c&op.IfLess != 0 && present {
		ok = ok && new < old
	}
	return ok
}

func (m *model) putScores(o *op.SortedPut) {
	it, _ := m.grow(o.K, value.SortedSet, o.Expiry, o.Refresh)
	for _, e := range o.Elements {
		old, ok := it.sorted[string(e.Value)]
		if !allowed(o.Only, ok, old, e.Score) {
			continue
		}
		it.sorted[string(e.Value)] = e.Score
		if !ok || o.Changed && old != e.Score {
			m.r.Int++
		}
	}
}

func (m *model) addScore(o *op.SortedIncrement, it *thing) error {
	var old float64
	var ok bool
	if it != nil {
		old, ok = it.sorted[string(o.Value)]
	}
	if !allowed(o.Only&(op.IfNew|op.IfOld), ok, 0, 0) {
		m.r.Status = op.Refused
		return nil
	}
	if math.IsNaN(old + o.Amount) {
		return refusal(hearth.Precondition, "resulting score is not a number (NaN)")
	}
	if !allowed(o.Only, ok, old, old+o.Amount) {
		m.r.Status = op.Refused
		return nil
	}
	it, _ = m.grow(o.K, value.SortedSet, o.Expiry, o.Refresh)
	it.sorted[string(o.Value)] = old + o.Amount
	m.r.Num = old + o.Amount
	return nil
}

// weights returns a sorted set, or a set with scores of 1.
func (m *model) weights(key []byte) (*thing, error) {
	if s, err := m.get(key, value.Set); err == nil {
		it := &thing{sorted: map[string]float64{}}
		if s != nil {
			for v := range s.set {
				it.sorted[v] = 1
			}
		}
		return it, nil
	}
	return m.get(key, value.SortedSet)
}

func (m *model) union(o *op.SortedUnionStore) error {
	all := map[string]float64{}
	for _, s := range o.Sources {
		it, err := m.weights(s.K)
		if err != nil {
			return err
		}
		for v, f := range it.sorted {
			f *= s.Weight
			if math.IsNaN(f) {
				f = 0
			}
			old, ok := all[v]
			switch {
			case ok && o.Aggregate == op.Min:
				f = math.Min(old, f)
			case ok && o.Aggregate == op.Max:
				f = math.Max(old, f)
			case ok:
				if f += old; math.IsNaN(f) {
					f = 0
				}
			}
			all[v] = f
		}
	}
	m.items[string(o.K)] = &thing{kind: value.SortedSet, sorted: all, expiry: m.when(o.Expiry)}
	m.r.Int = int64(len(all))
	return nil
}

const week = 7 * 24 * 3600 * 1000

func (m *model) board(o op.Op) error {
	it, err := m.get(o.Key(), value.SortedSet)
	if _, drop := o.(*op.BoardDelete); drop {
		delete(m.items, string(o.Key()))
		return nil
	}
	if err != nil {
		return err
	}
	if up, ok := o.(*op.BoardUpsert); ok {
		it, _ = m.grow(up.K, value.SortedSet, op.Expiry{TTL: week}, true)
		for _, e := range up.Elements {
			it.sorted[strconv.Itoa(int(e.ID))] = e.Score
		}
		return nil
	}
	if it == nil {
		return nil
	}
	switch o := o.(type) {
	case *op.BoardRemove:
		for _, id := range o.IDs {
			if _, ok := it.sorted[strconv.Itoa(int(id))]; ok {
				delete(it.sorted, strconv.Itoa(int(id)))
				it.expiry = m.now + week
			}
		}
	case *op.BoardLength:
		m.r.Int = int64(len(it.sorted))
	case *op.BoardByRank:
		vs := it.ordered(o.Descending)
		for i := int(o.From); i < min(int(o.To), len(vs)); i++ {
			m.r.AddRanked([]byte(vs[i]), it.sorted[vs[i]], int64(i))
		}
	case *op.BoardByScore:
		skip, left := int(o.Offset), int(o.Limit)
		for i, v := range it.ordered(o.Descending) {
			if !within(o.Scores, it.sorted[v]) {
				continue
			}
			if skip--; skip < 0 && left > 0 {
				left--
				m.r.AddRanked([]byte(v), it.sorted[v], int64(i))
			}
		}
	case *op.BoardRank:
		for _, id := range o.IDs {
			if i := slices.Index(it.ordered(o.Descending), strconv.Itoa(int(id))); i >= 0 {
				m.r.AddRanked([]byte(strconv.Itoa(int(id))), it.sorted[strconv.Itoa(int(id))], int64(i))
			}
		}
	case *op.BoardCompetitionRank:
		m.competition(o, it)
	default:
		return fmt.Errorf("the model does not know %T", o)
	}
	return nil
}

func (m *model) competition(o *op.BoardCompetitionRank, it *thing) {
	for _, id := range o.IDs {
		score, ok := it.sorted[strconv.Itoa(int(id))]
		if !ok {
			continue
		}
		rank := int64(0)
		for _, s := range it.sorted {
			if !o.Descending && s < score || o.Descending && s > score {
				rank++
			}
		}
		m.r.AddRanked([]byte(strconv.Itoa(int(id))), score, rank)
	}
}
