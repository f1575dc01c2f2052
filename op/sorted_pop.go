package op

import (
	"github.com/hearthcache/hearth/respwire"
	"github.com/hearthcache/hearth/value"
)

// SortedPop removes up to Count values with the lowest or highest scores: a Hit with them and their scores, or a Miss
// where there is no set. Redis ZPOPMIN and ZPOPMAX.
type SortedPop struct {
	K     []byte
	Max   bool
	Count int64
}

var sortedPopSpec = Spec{ID: idSortedPop, Name: "ZPOPMIN", Access: Writes | Reveals, Kind: value.SortedSet}

// Spec implements Op.
func (o *SortedPop) Spec() *Spec { return &sortedPopSpec }

// Key implements Op.
func (o *SortedPop) Key() []byte { return o.K }

// Apply implements Op.
func (o *SortedPop) Apply(e *value.Entry, now int64, r *Reply) error {
	z, err := e.SortedSet()
	if err != nil || z == nil {
		r.Status = Miss
		return err
	}
	r.Status = Hit
	n := z.Len()
	count := int(min(max(o.Count, 0), int64(n)))
	add := func(v []byte, s float64) bool {
		r.AddPart(v, s)
		return true
	}
	if o.Max {
		z.Backward(n-count, n, add)
		z.DeleteRange(n-count, n)
	} else {
		z.Range(0, count, add)
		z.DeleteRange(0, count)
	}
	return nil
}

// Send implements Op.
func (o *SortedPop) Send(b *respwire.Batch, key []byte) {
	name := "ZPOPMIN"
	if o.Max {
		name = "ZPOPMAX"
	}
	b.Command("ZCARD", key)
	b.Command(name, key, num(max(o.Count, 0)))
}

// Recv implements Op.
func (o *SortedPop) Recv(v []respwire.Value, r *Reply) error { return recvFound(v, r, recvScored) }
