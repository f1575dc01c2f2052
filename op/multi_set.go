package op

import (
	"github.com/hearthcache/hearth/respwire"
	"github.com/hearthcache/hearth/value"
)

// MultiSet stores several scalars that never expire, whatever was there before. Redis MSET.
type MultiSet struct {
	alone
	List   [][]byte // the keys
	Values [][]byte // one for each
	Expiry Expiry   // of all
}

var multiSetSpec = Spec{ID: idMultiSet, Name: "MSET", Access: Writes, Repeatable: true}

// Spec implements Op.
func (o *MultiSet) Spec() *Spec { return &multiSetSpec }

// Key implements Op.
func (o *MultiSet) Key() []byte { return o.List[0] }

// Keys implements Multi.
func (o *MultiSet) Keys() [][]byte { return o.List }

// ExpiresIn implements Expirer.
func (o *MultiSet) ExpiresIn() *Expiry { return &o.Expiry }

// Size implements Sizer.
func (o *MultiSet) Size() (total, largest int) { return sizes(o.Values) }

// ApplyAll implements Multi.
func (o *MultiSet) ApplyAll(es []*value.Entry, now int64, r *Reply) error {
	setAll(es, o.Values, o.Expiry.When(now))
	return nil
}

func setAll(es []*value.Entry, vs [][]byte, at int64) {
	for i, e := range es {
		e.SetBytes(vs[i])
		e.ExpireAt(at)
	}
}

// SendAll implements Multi.
func (o *MultiSet) SendAll(b *respwire.Batch, keys [][]byte) {
	if o.Expiry == (Expiry{}) {
		b.Raw(pairsOf("MSET", keys, o.Values)...)
		return
	}
	for i, k := range keys {
		(&Set{Value: o.Values[i], Expiry: o.Expiry}).Send(b, k)
	}
}

func pairsOf(name string, keys, vs [][]byte) [][]byte {
	args := make([][]byte, 0, 1+2*len(keys))
	args = append(args, lit(name))
	for i, k := range keys {
		args = append(args, k, vs[i])
	}
	return args
}

// RecvAll implements Multi.
func (o *MultiSet) RecvAll(v []respwire.Value, r *Reply) error { return failed(v) }

// Parts implements Splitter.
func (o *MultiSet) Parts() ([]Op, func([]Reply, *Reply) (Op, error)) {
	parts := make([]Op, len(o.List))
	for i, k := range o.List {
		parts[i] = &Set{K: k, Value: o.Values[i], Expiry: o.Expiry}
	}
	return parts, func([]Reply, *Reply) (Op, error) { return nil, nil }
}
