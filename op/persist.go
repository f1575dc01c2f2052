package op

import (
	"github.com/hearthcache/hearth/respwire"
	"github.com/hearthcache/hearth/value"
)

// Persist takes an item's expiry away: Int is 1 where it had one, else 0. Redis PERSIST.
type Persist struct{ K []byte }

var persistSpec = Spec{ID: idPersist, Name: "PERSIST", Access: Writes}

// Spec implements Op.
func (o *Persist) Spec() *Spec { return &persistSpec }

// Key implements Op.
func (o *Persist) Key() []byte { return o.K }

// Apply implements Op.
func (o *Persist) Apply(e *value.Entry, now int64, r *Reply) error {
	if e.Exists() && e.Expiry() != 0 {
		e.ExpireAt(0)
		r.Int = 1
	}
	return nil
}

// Send implements Op.
func (o *Persist) Send(b *respwire.Batch, key []byte) { b.Command("PERSIST", key) }

// Recv implements Op.
func (o *Persist) Recv(v []respwire.Value, r *Reply) error { return recvInt(v[0], r) }
