package op

import (
	"cmp"
	"math"
	"slices"

	"github.com/hearthcache/hearth/respwire"
	"github.com/hearthcache/hearth/value"
)

// ListErase removes ranges of indexes, all meant as the list was before: a Hit with the length that is left in Int, or a
// Miss where there is no list. RPC ListErase of some; all is DeleteKind.
type ListErase struct {
	K      []byte
	Ranges []IndexRange
}

var listEraseSpec = Spec{ID: idListErase, Name: "ListErase", Access: Writes, Kind: value.List}

// Spec implements Op.
func (o *ListErase) Spec() *Spec { return &listEraseSpec }

// Key implements Op.
func (o *ListErase) Key() []byte { return o.K }

// IndexRange is Count indexes from Begin on.
type IndexRange struct{ Begin, Count uint32 }

// Apply implements Op.
func (o *ListErase) Apply(e *value.Entry, now int64, r *Reply) error {
	l, err := e.List()
	if err != nil || l == nil {
		r.Status = Miss
		return err
	}
	// From the end on, so that what was removed moves nothing that is still to be removed.
	for _, x := range o.disjoint() {
		l.Delete(int(x.Begin), int(uint64(x.Begin)+uint64(x.Count)))
	}
	r.Status, r.Int = Hit, int64(l.Len())
	return nil
}

// disjoint returns the ranges from the last to the first, those that overlap or touch joined.
func (o *ListErase) disjoint() []IndexRange {
	xs := slices.Clone(o.Ranges)
	slices.SortFunc(xs, func(a, b IndexRange) int { return cmp.Compare(b.Begin, a.Begin) })
	out := xs[:0]
	for _, x := range xs {
		end := uint64(x.Begin) + uint64(x.Count)
		for n := len(out) - 1; n >= 0 && end >= uint64(out[n].Begin); n-- {
			end = max(end, uint64(out[n].Begin)+uint64(out[n].Count))
			out = out[:n]
		}
		out = append(out, IndexRange{Begin: x.Begin, Count: uint32(min(end-uint64(x.Begin), math.MaxUint32))})
	}
	return out
}

// Send implements Op.
func (o *ListErase) Send(b *respwire.Batch, key []byte) {
	var args [][]byte
	for _, x := range o.disjoint() {
		args = append(args, num(int64(x.Begin)), num(int64(x.Begin)+int64(x.Count)))
	}
	b.Function("hearth_erase", key, args...)
}

// Recv implements Op.
func (o *ListErase) Recv(v []respwire.Value, r *Reply) error { return recvLeft(v[0], r) }
