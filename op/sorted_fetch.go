package op

import (
	"github.com/hearthcache/hearth/respwire"
	"github.com/hearthcache/hearth/value"
)

// SortedFetch reads a part of a sorted set in its order: a Hit with values and their scores, none where the part is empty,
// or a Miss where there is no set. RPC SortedSetFetch, Redis ZRANGE by index and by score.
type SortedFetch struct {
	K          []byte
	Descending bool
	Slice      Slice   // of the order asked for, by index
	Scores     *Scores // by score, instead of Slice
	Offset     int64   // by score: how many to leave out
	Count      int64   // by score: how many at most; negative is all
}

var sortedFetchSpec = Spec{ID: idSortedFetch, Name: "SortedSetFetch", Access: Reads, Kind: value.SortedSet, Repeatable: true}

// Spec implements Op.
func (o *SortedFetch) Spec() *Spec { return &sortedFetchSpec }

// Key implements Op.
func (o *SortedFetch) Key() []byte { return o.K }

// Apply implements Op.
func (o *SortedFetch) Apply(e *value.Entry, now int64, r *Reply) error {
	z, err := e.SortedSet()
	if err != nil || z == nil {
		r.Status = Miss
		return err
	}
	r.Status = Hit
	n := z.Len()
	from, to := 0, n
	if o.Scores == nil {
		from, to = o.Slice.bounds(n)
		if o.Descending {
			from, to = n-to, n-from
		}
	} else {
		from, to = o.Scores.indexes(z)
		from, to = limit(from, to, o.Descending, o.Offset, o.Count)
	}
	add := func(v []byte, score float64) bool {
		r.AddPart(v, score)
		return true
	}
	if o.Descending {
		z.Backward(from, to, add)
	} else {
		z.Range(from, to, add)
	}
	return nil
}

// limit narrows a range to count places after offset, counted from its end where it is read backward.
func limit(from, to int, backward bool, offset, count int64) (int, int) {
	n := int64(to - from)
	offset = min(max(offset, 0), max(n, 0))
	if count < 0 || count > n-offset {
		count = n - offset
	}
	if backward {
		return to - int(offset+count), to - int(offset)
	}
	return from + int(offset), from + int(offset+count)
}

// Send implements Op.
func (o *SortedFetch) Send(b *respwire.Batch, key []byte) {
	b.Command("ZCARD", key)
	if o.Scores == nil {
		first, last := o.Slice.inclusive()
		name := "ZRANGE"
		if o.Descending {
			name = "ZREVRANGE"
		}
		b.Command(name, key, num(first), num(last), lit("WITHSCORES"))
		return
	}
	low, high := o.Scores.args()
	name := "ZRANGEBYSCORE"
	if o.Descending {
		name, low, high = "ZREVRANGEBYSCORE", high, low
	}
	b.Command(name, key, low, high, lit("WITHSCORES"), lit("LIMIT"), num(max(o.Offset, 0)), num(max(o.Count, -1)))
}

// Recv implements Op.
func (o *SortedFetch) Recv(v []respwire.Value, r *Reply) error { return recvFound(v, r, recvScored) }
