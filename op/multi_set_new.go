package op

import (
	"github.com/hearthcache/hearth/respwire"
	"github.com/hearthcache/hearth/value"
)

// MultiSetNew stores several scalars that never expire, or none where any of the keys holds something: Int is 1 or 0.
// Redis MSETNX.
type MultiSetNew struct {
	alone
	List   [][]byte // the keys
	Values [][]byte // one for each
}

var multiSetNewSpec = Spec{ID: idMultiSetNew, Name: "MSETNX", Access: Writes | Conditional}

// Spec implements Op.
func (o *MultiSetNew) Spec() *Spec { return &multiSetNewSpec }

// Key implements Op.
func (o *MultiSetNew) Key() []byte { return o.List[0] }

// Keys implements Multi.
func (o *MultiSetNew) Keys() [][]byte { return o.List }

// Size implements Sizer.
func (o *MultiSetNew) Size() (total, largest int) { return sizes(o.Values) }

// ApplyAll implements Multi.
func (o *MultiSetNew) ApplyAll(es []*value.Entry, now int64, r *Reply) error {
	for _, e := range es {
		if e.Exists() {
			return nil
		}
	}
	setAll(es, o.Values, 0)
	r.Int = 1
	return nil
}

// SendAll implements Multi.
func (o *MultiSetNew) SendAll(b *respwire.Batch, keys [][]byte) {
	b.Raw(pairsOf("MSETNX", keys, o.Values)...)
}

// RecvAll implements Multi.
func (o *MultiSetNew) RecvAll(v []respwire.Value, r *Reply) error { return recvInt(v[0], r) }
