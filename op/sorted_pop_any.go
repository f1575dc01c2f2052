package op

import (
	"github.com/hearthcache/hearth/respwire"
	"github.com/hearthcache/hearth/value"
)

// SortedPopAny removes up to Count values with the lowest or highest scores of the first of several sorted sets that
// there is: a Hit with its place among the keys in Int, and values and scores, or a Miss. Redis ZMPOP.
type SortedPopAny struct {
	alone
	List  [][]byte // the keys
	Max   bool
	Count int64 // at least 1

	prefix int // how long the server's keys are beyond ours
}

var sortedPopAnySpec = Spec{ID: idSortedPopAny, Name: "ZMPOP", Access: Writes | Reveals, Kind: value.SortedSet}

// Spec implements Op.
func (o *SortedPopAny) Spec() *Spec { return &sortedPopAnySpec }

// Key implements Op.
func (o *SortedPopAny) Key() []byte { return o.List[0] }

// Keys implements Multi.
func (o *SortedPopAny) Keys() [][]byte { return o.List }

// ApplyAll implements Multi.
func (o *SortedPopAny) ApplyAll(es []*value.Entry, now int64, r *Reply) error {
	for i, e := range es {
		if err := (&SortedPop{Max: o.Max, Count: o.Count}).Apply(e, now, r); err != nil || r.Status == Hit {
			r.Int = int64(i)
			return err
		}
	}
	r.Status = Miss
	return nil
}

// SendAll implements Multi.
func (o *SortedPopAny) SendAll(b *respwire.Batch, keys [][]byte) {
	o.prefix = len(keys[0]) - len(o.List[0])
	args := append([][]byte{lit("ZMPOP"), num(int64(len(keys)))}, keys...)
	which := "MIN"
	if o.Max {
		which = "MAX"
	}
	b.Raw(append(args, lit(which), lit("COUNT"), num(o.Count))...)
}

// RecvAll implements Multi.
func (o *SortedPopAny) RecvAll(v []respwire.Value, r *Reply) error {
	return recvPopped(v[0], o.List, o.prefix, r)
}
