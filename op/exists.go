package op

import (
	"github.com/hearthcache/hearth/respwire"
	"github.com/hearthcache/hearth/value"
)

// Exists tells whether there is an item: Int is 1 or 0. RPC KeysExist is a list of them, Redis EXISTS of one key.
type Exists struct {
	K []byte
}

var existsSpec = Spec{ID: idExists, Name: "Exists", Access: Reads, Repeatable: true}

// Spec implements Op.
func (o *Exists) Spec() *Spec { return &existsSpec }

// Key implements Op.
func (o *Exists) Key() []byte { return o.K }

// Apply implements Op.
func (o *Exists) Apply(e *value.Entry, now int64, r *Reply) error {
	if e.Exists() {
		r.Int = 1
	}
	return nil
}

// Send implements Op.
func (o *Exists) Send(b *respwire.Batch, key []byte) { b.Command("EXISTS", key) }

// Recv implements Op.
func (o *Exists) Recv(v []respwire.Value, r *Reply) error { return recvInt(v[0], r) }
