package op

import (
	"bytes"

	"github.com/hearthcache/hearth/respwire"
	"github.com/hearthcache/hearth/value"
)

// SortedStore puts a part of a sorted set in the place of whatever To holds; an empty one deletes it. Int is its length.
// Redis ZRANGESTORE.
type SortedStore struct {
	alone
	To, From   []byte
	Slice      Slice   // of the order asked for, by index
	Scores     *Scores // by score, instead of Slice
	Lex        *Lex    // by bytes, instead of Slice
	Descending bool
	Offset     int64 // but by Slice: how many to leave out; negative leaves nothing
	Count      int64 // but by Slice: how many at most; negative is all
}

var sortedStoreSpec = Spec{ID: idSortedStore, Name: "ZRANGESTORE", Access: Writes | Reveals, Kind: value.SortedSet, Repeatable: true}

// Spec implements Op.
func (o *SortedStore) Spec() *Spec { return &sortedStoreSpec }

// Key implements Op.
func (o *SortedStore) Key() []byte { return o.To }

// Keys implements Multi.
func (o *SortedStore) Keys() [][]byte { return [][]byte{o.To, o.From} }

func (o *SortedStore) part() sortedPart { return sortedPart{o.Slice, o.Scores, o.Lex} }

// ApplyAll implements Multi.
func (o *SortedStore) ApplyAll(es []*value.Entry, now int64, r *Reply) error {
	z, err := es[1].SortedSet()
	if err != nil {
		return err
	}
	var els []Scored
	if z != nil {
		from, to := o.part().indexes(z, o.Descending)
		if o.Scores != nil || o.Lex != nil {
			from, to = window(from, to, o.Offset, o.Count, o.Descending)
		}
		z.Range(from, to, func(v []byte, s float64) bool {
			els = append(els, Scored{Value: bytes.Clone(v), Score: s})
			return true
		})
	}
	r.Int = int64(storeSorted(es[0], els))
	return nil
}

// storeSorted makes an entry a sorted set, or deletes it where there are no elements, and returns their number.
func storeSorted(e *value.Entry, els []Scored) int {
	if len(els) == 0 {
		e.Delete()
		return 0
	}
	z := e.Replace(value.SortedSet).(*value.Sorted)
	for _, el := range els {
		z.Put(el.Value, el.Score)
	}
	return z.Len()
}

// SendAll implements Multi.
func (o *SortedStore) SendAll(b *respwire.Batch, keys [][]byte) {
	by, low, high := o.part().args()
	if by != "" && o.Descending {
		low, high = high, low
	}
	args := [][]byte{keys[1], low, high}
	if by != "" {
		args = append(args, lit("BY"+by))
	}
	if o.Descending {
		args = append(args, lit("REV"))
	}
	if by != "" {
		args = append(args, lit("LIMIT"), num(o.Offset), num(o.Count))
	}
	b.Command("ZRANGESTORE", keys[0], args...)
}

// RecvAll implements Multi.
func (o *SortedStore) RecvAll(v []respwire.Value, r *Reply) error { return recvInt(v[0], r) }
