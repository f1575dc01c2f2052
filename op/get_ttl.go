package op

import (
	"github.com/hearthcache/hearth/respwire"
	"github.com/hearthcache/hearth/value"
)

// GetTTL is a Get that also tells how long the item has to live: a Hit with its value and, as Int, the milliseconds, -1
// for ever; or a Miss. It counts as a Get. HTTP's GET, which says how long an answer is fresh.
type GetTTL struct{ K []byte }

// Spec implements Op.
func (o *GetTTL) Spec() *Spec { return &getSpec }

// Key implements Op.
func (o *GetTTL) Key() []byte { return o.K }

// Apply implements Op.
func (o *GetTTL) Apply(e *value.Entry, now int64, r *Reply) error {
	err := readScalar(e, r)
	if err == nil && r.Status == Hit {
		told(e, now, r)
	}
	return err
}

// Send implements Op.
func (o *GetTTL) Send(b *respwire.Batch, key []byte) {
	b.Command("GET", key)
	b.Command("PTTL", key)
}

// Recv implements Op.
func (o *GetTTL) Recv(v []respwire.Value, r *Reply) error {
	if err := recvScalar(v[0], r); err != nil || r.Status == Miss {
		return err
	}
	if v[1].IsError() {
		return serverError(v[1])
	}
	r.Int = v[1].Int
	return nil
}
