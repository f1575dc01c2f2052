package op

import (
	"github.com/hearthcache/hearth/respwire"
	"github.com/hearthcache/hearth/value"
)

// SortedInterCard counts in Int the values that several sorted sets share, up to Limit. Redis ZINTERCARD.
type SortedInterCard struct {
	alone
	List  [][]byte // the keys
	Limit int64    // 0 is none
}

var sortedInterCardSpec = Spec{ID: idSortedInterCard, Name: "ZINTERCARD", Access: Reads, Repeatable: true}

// Spec implements Op.
func (o *SortedInterCard) Spec() *Spec { return &sortedInterCardSpec }

// Key implements Op.
func (o *SortedInterCard) Key() []byte { return o.List[0] }

// Keys implements Multi.
func (o *SortedInterCard) Keys() [][]byte { return o.List }

// ApplyAll implements Multi.
func (o *SortedInterCard) ApplyAll(es []*value.Entry, now int64, r *Reply) error {
	els, err := combineSorted(es, make([]Source, len(es)), Intersection, Sum)
	r.Int = int64(len(els))
	if o.Limit > 0 {
		r.Int = min(r.Int, o.Limit)
	}
	return err
}

// SendAll implements Multi.
func (o *SortedInterCard) SendAll(b *respwire.Batch, keys [][]byte) {
	sendCard(b, "ZINTERCARD", keys, o.Limit)
}

// RecvAll implements Multi.
func (o *SortedInterCard) RecvAll(v []respwire.Value, r *Reply) error { return recvInt(v[0], r) }
