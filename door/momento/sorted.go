package momento

import (
	"math"

	"github.com/hearthcache/hearth/op"
	"github.com/hearthcache/hearth/value"
)

// sortedRows are the methods on sorted sets.
func (h *Handler) sortedRows() []row {
	return []row{
		data(h, "/cache_client.Scs/SortedSetPut", decodeSortedPut, appendNothing),
		data(h, "/cache_client.Scs/SortedSetFetch", decodeSortedFetch, appendSortedFetch),
		data(h, "/cache_client.Scs/SortedSetGetScore", decodeSortedScore, appendSortedScore),
		data(h, "/cache_client.Scs/SortedSetRemove", decodeSortedRemove, appendNothing),
		data(h, "/cache_client.Scs/SortedSetIncrement", decodeSortedIncrement, appendSortedIncrement),
		data(h, "/cache_client.Scs/SortedSetGetRank", decodeSortedRank, appendSortedRank),
		data(h, "/cache_client.Scs/SortedSetLength", decodeSortedLength, appendSortedLength),
		data(h, "/cache_client.Scs/SortedSetLengthByScore", decodeSortedCount, appendSortedCount),
		data(h, "/cache_client.Scs/SortedSetUnionStore", decodeSortedUnionStore, appendSortedUnionStore),
	}
}

// The values of the three enums Order.
const descending = 1

func decodeSortedPut(m []byte, o *op.SortedPut) (op.Op, error) {
	*o = op.SortedPut{Elements: o.Elements[:0]}
	f := scan(m)
	for f.next() {
		switch f.tag {
		case 1<<3 | bytesType:
			o.K = f.data
		case 2<<3 | bytesType:
			o.Elements = append(o.Elements, scored(&f))
		case 3<<3 | varintType:
			o.Expiry.TTL = f.millis()
		case 4<<3 | varintType:
			o.Refresh = f.num != 0
		}
	}
	return o, f.err()
}

// scored reads the _SortedSetElement in the present field.
func scored(f *fields) (s op.Scored) {
	sub := scan(f.data)
	for sub.next() {
		switch sub.tag {
		case 1<<3 | bytesType:
			s.Value = sub.data
		case 2<<3 | fixed64Type:
			s.Score = sub.double()
		}
	}
	f.bad = f.bad || sub.bad
	return s
}

// sortedFetch is a request to fetch, with room for its range of scores.
type sortedFetch struct {
	op.SortedFetch
	scores     op.Scores
	withScores bool
}

func decodeSortedFetch(m []byte, o *sortedFetch) (op.Op, error) {
	*o = sortedFetch{}
	f := scan(m)
	for f.next() {
		switch f.tag {
		case 1<<3 | bytesType:
			o.K = f.data
		case 2<<3 | varintType:
			o.Descending = int32(f.num) == descending
		case 3<<3 | varintType:
			o.withScores = f.num != 0
		case 4<<3 | bytesType:
			if o.Scores != nil {
				o.Scores, o.Offset, o.Count = nil, 0, 0
			}
			o.byIndex(&f)
		case 5<<3 | bytesType:
			if o.Scores == nil {
				o.scores = op.AllScores()
				o.Scores, o.Slice = &o.scores, op.Slice{}
			}
			o.byScore(&f)
		}
	}
	return &o.SortedFetch, f.err()
}

// byIndex reads the _ByIndex in the present field.
func (o *sortedFetch) byIndex(f *fields) {
	s := &o.Slice
	sub := scan(f.data)
	for sub.next() {
		switch sub.tag {
		case 1<<3 | bytesType:
			s.Start = 0
			sub.empty()
		case 2<<3 | varintType:
			s.Start = sub.sint32()
		case 3<<3 | bytesType:
			s.End, s.Bounded = 0, false
			sub.empty()
		case 4<<3 | varintType:
			s.End, s.Bounded = sub.sint32(), true
		}
	}
	f.bad = f.bad || sub.bad
}

// byScore reads the _ByScore in the present field.
func (o *sortedFetch) byScore(f *fields) {
	s := &o.scores
	sub := scan(f.data)
	for sub.next() {
		switch sub.tag {
		case 1<<3 | bytesType:
			s.Min, s.MinExclusive = math.Inf(-1), false
			sub.empty()
		case 2<<3 | bytesType:
			s.Min, s.MinExclusive = scoreBound(&sub)
		case 3<<3 | bytesType:
			s.Max, s.MaxExclusive = math.Inf(1), false
			sub.empty()
		case 4<<3 | bytesType:
			s.Max, s.MaxExclusive = scoreBound(&sub)
		case 5<<3 | varintType:
			o.Offset = int64(uint32(sub.num))
		case 6<<3 | varintType:
			o.Count = sub.sint32()
		}
	}
	f.bad = f.bad || sub.bad
}

// scoreBound reads the _Score in the present field.
func scoreBound(f *fields) (score float64, exclusive bool) {
	sub := scan(f.data)
	for sub.next() {
		switch sub.tag {
		case 1<<3 | fixed64Type:
			score = sub.double()
		case 2<<3 | varintType:
			exclusive = sub.num != 0
		}
	}
	f.bad = f.bad || sub.bad
	return score, exclusive
}

// appendSortedFetch says which of the two lists it is also where it is empty: a client looks inside without asking.
func appendSortedFetch(b []byte, o *sortedFetch, r *op.Reply) []byte {
	if r.Status == op.Miss {
		return appendEmpty(b, 2)
	}
	number := uint32(2)
	if o.withScores {
		number = 1
	}
	b, found := begin(b, 1)
	b, list := begin(b, number)
	for i := range r.Len() {
		p := r.Part(i)
		if !o.withScores {
			b = appendPresent(b, 1, p.Bytes)
			continue
		}
		opened, element := begin(b, 1)
		opened = appendBytes(opened, 1, p.Bytes)
		b = end(appendDouble(opened, 2, p.Num), element)
	}
	return end(end(b, list), found)
}

func decodeSortedScore(m []byte, o *op.SortedScore) (op.Op, error) {
	*o = op.SortedScore{Values: o.Values[:0]}
	return o, keyAndList(m, &o.K, &o.Values)
}

func appendSortedScore(b []byte, _ *op.SortedScore, r *op.Reply) []byte {
	if r.Status == op.Miss {
		return appendEmpty(b, 2)
	}
	b, found := begin(b, 1)
	for i := range r.Len() {
		p := r.Part(i)
		opened, part := begin(b, 1)
		if p.Hit {
			opened = appendDouble(appendUint(opened, 1, resultHit), 2, p.Num)
		} else {
			opened = appendUint(opened, 1, resultMiss)
		}
		b = end(opened, part)
	}
	return end(b, found)
}

// sortedRemove has room for both requests to remove.
type sortedRemove struct {
	some op.SortedRemove
	all  op.DeleteKind
}

func decodeSortedRemove(m []byte, o *sortedRemove) (op.Op, error) {
	*o = sortedRemove{some: op.SortedRemove{Values: o.some.Values[:0]}, all: op.DeleteKind{Kind: value.SortedSet}}
	which := 0
	f := scan(m)
	for f.next() {
		switch f.tag {
		case 1<<3 | bytesType:
			o.some.K, o.all.K = f.data, f.data
		case 2<<3 | bytesType:
			which = 2
			f.empty()
		case 3<<3 | bytesType:
			if which != 3 {
				o.some.Values = o.some.Values[:0]
			}
			o.some.Values, which = f.blobs(o.some.Values), 3
		}
	}
	switch {
	case which == 2:
		return &o.all, f.err()
	case which == 0 && !f.bad:
		return &o.some, invalid("remove_elements is not set: it is one of all and some")
	}
	return &o.some, f.err()
}

func decodeSortedIncrement(m []byte, o *op.SortedIncrement) (op.Op, error) {
	*o = op.SortedIncrement{}
	f := scan(m)
	for f.next() {
		switch f.tag {
		case 1<<3 | bytesType:
			o.K = f.data
		case 2<<3 | bytesType:
			o.Value = f.data
		case 3<<3 | fixed64Type:
			o.Amount = f.double()
		case 4<<3 | varintType:
			o.Expiry.TTL = f.millis()
		case 5<<3 | varintType:
			o.Refresh = f.num != 0
		}
	}
	return o, f.err()
}

func appendSortedIncrement(b []byte, _ *op.SortedIncrement, r *op.Reply) []byte {
	return appendDouble(b, 1, r.Num)
}

func decodeSortedRank(m []byte, o *op.SortedRank) (op.Op, error) {
	*o = op.SortedRank{}
	f := scan(m)
	for f.next() {
		switch f.tag {
		case 1<<3 | bytesType:
			o.K = f.data
		case 2<<3 | bytesType:
			o.Value = f.data
		case 3<<3 | varintType:
			o.Descending = int32(f.num) == descending
		}
	}
	return o, f.err()
}

// appendSortedRank tells a missing value, which is an element that misses, from a missing set.
func appendSortedRank(b []byte, _ *op.SortedRank, r *op.Reply) []byte {
	if r.Status == op.Miss && r.Len() == 0 {
		return appendEmpty(b, 2)
	}
	b, part := begin(b, 1)
	if r.Status == op.Miss {
		return end(appendUint(b, 1, resultMiss), part)
	}
	return end(appendUint(appendUint(b, 1, resultHit), 2, uint64(r.Int)), part)
}

func decodeSortedLength(m []byte, o *op.SortedLength) (op.Op, error) {
	*o = op.SortedLength{}
	return o, key1(m, &o.K)
}

func appendSortedLength(b []byte, _ *op.SortedLength, r *op.Reply) []byte { return appendFound(b, r) }

func decodeSortedCount(m []byte, o *op.SortedCount) (op.Op, error) {
	*o = op.SortedCount{Scores: op.AllScores()}
	s := &o.Scores
	f := scan(m)
	for f.next() {
		switch f.tag {
		case 1<<3 | bytesType:
			o.K = f.data
		case 2<<3 | fixed64Type:
			s.Min, s.MinExclusive = f.double(), false
		case 3<<3 | fixed64Type:
			s.Min, s.MinExclusive = f.double(), true
		case 4<<3 | bytesType:
			s.Min, s.MinExclusive = math.Inf(-1), false
			f.empty()
		case 5<<3 | fixed64Type:
			s.Max, s.MaxExclusive = f.double(), false
		case 6<<3 | fixed64Type:
			s.Max, s.MaxExclusive = f.double(), true
		case 7<<3 | bytesType:
			s.Max, s.MaxExclusive = math.Inf(1), false
			f.empty()
		}
	}
	return o, f.err()
}

func appendSortedCount(b []byte, _ *op.SortedCount, r *op.Reply) []byte { return appendFound(b, r) }

func decodeSortedUnionStore(m []byte, o *op.SortedUnionStore) (op.Op, error) {
	*o = op.SortedUnionStore{Sources: o.Sources[:0]}
	f := scan(m)
	for f.next() {
		switch f.tag {
		case 1<<3 | bytesType:
			o.K = f.data
		case 2<<3 | bytesType:
			o.Sources = append(o.Sources, source(&f))
		case 3<<3 | varintType:
			if f.num > uint64(op.Max) {
				return o, invalid("aggregate is not one of SUM, MIN and MAX")
			}
			o.Aggregate = op.Aggregate(f.num)
		case 4<<3 | varintType:
			o.Expiry.TTL = f.millis()
		}
	}
	return o, f.err()
}

// source reads the _Source in the present field.
func source(f *fields) (s op.Source) {
	sub := scan(f.data)
	for sub.next() {
		switch sub.tag {
		case 1<<3 | bytesType:
			s.K = sub.data
		case 2<<3 | fixed32Type:
			s.Weight = float64(math.Float32frombits(uint32(sub.num)))
		}
	}
	f.bad = f.bad || sub.bad
	return s
}

func appendSortedUnionStore(b []byte, _ *op.SortedUnionStore, r *op.Reply) []byte {
	return appendUint(b, 1, uint64(r.Int))
}
