package op

import (
	"github.com/hearthcache/hearth/respwire"
	"github.com/hearthcache/hearth/value"
)

// MultiDelete removes several items of any type; Int is the number of items removed. Redis DEL and UNLINK.
type MultiDelete struct {
	alone
	List [][]byte // the keys
}

var multiDeleteSpec = Spec{ID: idMultiDelete, Name: "DEL", Access: Writes, Repeatable: true}

// Spec implements Op.
func (o *MultiDelete) Spec() *Spec { return &multiDeleteSpec }

// Key implements Op.
func (o *MultiDelete) Key() []byte { return o.List[0] }

// Keys implements Multi.
func (o *MultiDelete) Keys() [][]byte { return o.List }

// ApplyAll implements Multi.
func (o *MultiDelete) ApplyAll(es []*value.Entry, now int64, r *Reply) error {
	for _, e := range es {
		if e.Exists() {
			r.Int++
			e.Delete()
		}
	}
	return nil
}

// SendAll implements Multi.
func (o *MultiDelete) SendAll(b *respwire.Batch, keys [][]byte) {
	b.Command("UNLINK", keys[0], keys[1:]...)
}

// RecvAll implements Multi.
func (o *MultiDelete) RecvAll(v []respwire.Value, r *Reply) error { return recvInt(v[0], r) }

// Parts implements Splitter.
func (o *MultiDelete) Parts() ([]Op, func([]Reply, *Reply) (Op, error)) {
	parts := make([]Op, len(o.List))
	for i, k := range o.List {
		parts[i] = &Delete{K: k}
	}
	return parts, joinSum
}

// joinSum adds up the numbers of the parts.
func joinSum(got []Reply, r *Reply) (Op, error) {
	for i := range got {
		r.Int += got[i].Int
	}
	return nil, nil
}
