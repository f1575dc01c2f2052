package op

import (
	"bytes"

	"github.com/hearthcache/hearth/respwire"
	"github.com/hearthcache/hearth/value"
)

// SetCombineStore puts the union, intersection or difference of several sets in the place of whatever To holds; an empty
// one deletes it. Int is its length. Redis SUNIONSTORE, SINTERSTORE and SDIFFSTORE.
type SetCombineStore struct {
	alone
	To   []byte
	List [][]byte // the keys of the sets
	How  Combine
}

var setCombineStoreSpec = Spec{ID: idSetCombineStore, Name: "SUNIONSTORE", Access: Writes | Reveals, Kind: value.Set, Repeatable: true}

// Spec implements Op.
func (o *SetCombineStore) Spec() *Spec { return &setCombineStoreSpec }

// Key implements Op.
func (o *SetCombineStore) Key() []byte { return o.To }

// Keys implements Multi.
func (o *SetCombineStore) Keys() [][]byte { return append([][]byte{o.To}, o.List...) }

// ApplyAll implements Multi.
func (o *SetCombineStore) ApplyAll(es []*value.Entry, now int64, r *Reply) error {
	sets, err := setsOf(es[1:])
	if err != nil {
		return err
	}
	var els [][]byte
	o.How.each(sets, func(el []byte) bool {
		els = append(els, bytes.Clone(el))
		return true
	})
	if r.Int = int64(len(els)); r.Int == 0 {
		es[0].Delete()
		return nil
	}
	s := es[0].Replace(value.Set).(*value.Members)
	for _, el := range els {
		s.Add(el)
	}
	return nil
}

// SendAll implements Multi.
func (o *SetCombineStore) SendAll(b *respwire.Batch, keys [][]byte) {
	b.Command([...]string{"SUNIONSTORE", "SINTERSTORE", "SDIFFSTORE"}[o.How], keys[0], keys[1:]...)
}

// RecvAll implements Multi.
func (o *SetCombineStore) RecvAll(v []respwire.Value, r *Reply) error { return recvInt(v[0], r) }
