package op

import (
	"github.com/hearthcache/hearth/respwire"
	"github.com/hearthcache/hearth/value"
)

// SortedCombineStore puts the union, intersection or difference of sorted sets, and of sets, in the place of whatever To
// holds; an empty one deletes it. Int is its length. Redis ZUNIONSTORE, ZINTERSTORE and ZDIFFSTORE.
type SortedCombineStore struct {
	alone
	To        []byte
	Sources   []Source // the weights do not count in a difference
	How       Combine
	Aggregate Aggregate
}

var sortedCombineStoreSpec = Spec{ID: idSortedCombineStore, Name: "ZUNIONSTORE", Access: Writes | Reveals, Repeatable: true}

// Spec implements Op.
func (o *SortedCombineStore) Spec() *Spec { return &sortedCombineStoreSpec }

// Key implements Op.
func (o *SortedCombineStore) Key() []byte { return o.To }

// Keys implements Multi.
func (o *SortedCombineStore) Keys() [][]byte { return append([][]byte{o.To}, keysOf(o.Sources)...) }

// Check implements Checker.
func (o *SortedCombineStore) Check() error { return checkWeights(o.Sources) }

// ApplyAll implements Multi.
func (o *SortedCombineStore) ApplyAll(es []*value.Entry, now int64, r *Reply) error {
	els, err := combineSorted(es[1:], o.Sources, o.How, o.Aggregate)
	if err != nil {
		return err
	}
	r.Int = int64(storeSorted(es[0], els))
	return nil
}

// SendAll implements Multi.
func (o *SortedCombineStore) SendAll(b *respwire.Batch, keys [][]byte) {
	name := [...]string{"ZUNIONSTORE", "ZINTERSTORE", "ZDIFFSTORE"}[o.How]
	args := append([][]byte{lit(name), keys[0], num(int64(len(o.Sources)))}, keys[1:]...)
	b.Raw(weightArgs(args, o.Sources, o.How, o.Aggregate)...)
}

// RecvAll implements Multi.
func (o *SortedCombineStore) RecvAll(v []respwire.Value, r *Reply) error { return recvInt(v[0], r) }
