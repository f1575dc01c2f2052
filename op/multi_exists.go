package op

import (
	"github.com/hearthcache/hearth/respwire"
	"github.com/hearthcache/hearth/value"
)

// MultiExists counts in Int how many of the keys hold an item; a key that stands twice counts twice. Redis EXISTS, TOUCH.
type MultiExists struct {
	alone
	List [][]byte // the keys
}

var multiExistsSpec = Spec{ID: idMultiExists, Name: "EXISTS", Access: Reads, Repeatable: true}

// Spec implements Op.
func (o *MultiExists) Spec() *Spec { return &multiExistsSpec }

// Key implements Op.
func (o *MultiExists) Key() []byte { return o.List[0] }

// Keys implements Multi.
func (o *MultiExists) Keys() [][]byte { return o.List }

// ApplyAll implements Multi.
func (o *MultiExists) ApplyAll(es []*value.Entry, now int64, r *Reply) error {
	for _, e := range es {
		if e.Exists() {
			r.Int++
		}
	}
	return nil
}

// SendAll implements Multi.
func (o *MultiExists) SendAll(b *respwire.Batch, keys [][]byte) {
	b.Command("EXISTS", keys[0], keys[1:]...)
}

// RecvAll implements Multi.
func (o *MultiExists) RecvAll(v []respwire.Value, r *Reply) error { return recvInt(v[0], r) }

// Parts implements Splitter.
func (o *MultiExists) Parts() ([]Op, func([]Reply, *Reply) (Op, error)) {
	parts := make([]Op, len(o.List))
	for i, k := range o.List {
		parts[i] = &MultiExists{List: [][]byte{k}}
	}
	return parts, joinSum
}
