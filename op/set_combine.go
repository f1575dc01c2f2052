package op

import (
	"github.com/hearthcache/hearth/respwire"
	"github.com/hearthcache/hearth/value"
)

// SetCombine reads the union, intersection or difference of several sets: a Hit with its elements in no order. Redis
// SUNION, SINTER and SDIFF.
type SetCombine struct {
	alone
	List [][]byte // the keys
	How  Combine
}

// Combine is how sets and sorted sets are combined.
type Combine uint8

// The ways. Difference is what of the first is in no other.
const (
	Union Combine = iota
	Intersection
	Difference
)

var setCombineSpec = Spec{ID: idSetCombine, Name: "SUNION", Access: Reads, Kind: value.Set, Repeatable: true}

// Spec implements Op.
func (o *SetCombine) Spec() *Spec { return &setCombineSpec }

// Key implements Op.
func (o *SetCombine) Key() []byte { return o.List[0] }

// Keys implements Multi.
func (o *SetCombine) Keys() [][]byte { return o.List }

// ApplyAll implements Multi.
func (o *SetCombine) ApplyAll(es []*value.Entry, now int64, r *Reply) error {
	sets, err := setsOf(es)
	if err != nil {
		return err
	}
	r.Status = Hit
	o.How.each(sets, func(el []byte) bool {
		r.AddPart(el, 0)
		return true
	})
	return nil
}

// setsOf returns the sets that entries are, nil for none.
func setsOf(es []*value.Entry) (sets []*value.Members, err error) {
	for _, e := range es {
		s, err := e.Set()
		if err != nil {
			return nil, err
		}
		sets = append(sets, s)
	}
	return sets, nil
}

// each yields the elements of the combination.
func (c Combine) each(sets []*value.Members, yield func(el []byte) bool) {
	if c == Union {
		seen := map[string]bool{}
		for _, s := range sets {
			if s == nil {
				continue
			}
			for el := range s.All {
				if seen[string(el)] {
					continue
				}
				seen[string(el)] = true
				if !yield(el) {
					return
				}
			}
		}
		return
	}
	if sets[0] == nil {
		return
	}
	for el := range sets[0].All {
		if c.keeps(sets[1:], el) && !yield(el) {
			return
		}
	}
}

// keeps reports whether an element of the first set belongs to the combination with the others.
func (c Combine) keeps(others []*value.Members, el []byte) bool {
	for _, s := range others {
		if in := s != nil && s.Contains(el); in != (c == Intersection) {
			return false
		}
	}
	return true
}

// SendAll implements Multi.
func (o *SetCombine) SendAll(b *respwire.Batch, keys [][]byte) {
	b.Command([...]string{"SUNION", "SINTER", "SDIFF"}[o.How], keys[0], keys[1:]...)
}

// RecvAll implements Multi.
func (o *SetCombine) RecvAll(v []respwire.Value, r *Reply) error { return recvReply(v[0], r) }
