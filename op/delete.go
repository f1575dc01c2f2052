package op

import (
	"github.com/hearthcache/hearth/respwire"
	"github.com/hearthcache/hearth/value"
)

// Delete removes an item of any type. Int is the number of items removed, 0 or 1. RPC Delete, Redis DEL of one key.
type Delete struct{ K []byte }

var deleteSpec = Spec{ID: idDelete, Name: "Delete", Access: Writes, Repeatable: true}

// Spec implements Op.
func (o *Delete) Spec() *Spec { return &deleteSpec }

// Key implements Op.
func (o *Delete) Key() []byte { return o.K }

// Apply implements Op.
func (o *Delete) Apply(e *value.Entry, now int64, r *Reply) error {
	if e.Exists() {
		r.Int = 1
		e.Delete()
	}
	return nil
}

// Send implements Op.
func (o *Delete) Send(b *respwire.Batch, key []byte) { b.Command("DEL", key) }

// Recv implements Op.
func (o *Delete) Recv(v []respwire.Value, r *Reply) error { return recvInt(v[0], r) }
