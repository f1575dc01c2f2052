package op

import (
	"github.com/hearthcache/hearth/respwire"
	"github.com/hearthcache/hearth/value"
)

// ItemTTL tells how long an item of any type will live: a Hit with the milliseconds in Int, -1 for ever, or a Miss. RPC
// ItemGetTtl, Redis PTTL and PEXPIRETIME.
type ItemTTL struct {
	K     []byte
	Until bool // not how long, but until when: in milliseconds of the Unix clock
}

var itemTTLSpec = Spec{ID: idItemTTL, Name: "ItemGetTtl", Access: Reads, Repeatable: true}

// Spec implements Op.
func (o *ItemTTL) Spec() *Spec { return &itemTTLSpec }

// Key implements Op.
func (o *ItemTTL) Key() []byte { return o.K }

// Apply implements Op.
func (o *ItemTTL) Apply(e *value.Entry, now int64, r *Reply) error {
	switch {
	case !e.Exists():
		r.Status = Miss
		return nil
	case e.Expiry() == 0:
		r.Int = -1
	case o.Until:
		r.Int = e.Expiry()
	default:
		r.Int = e.Expiry() - now
	}
	r.Status = Hit
	return nil
}

// Send implements Op.
func (o *ItemTTL) Send(b *respwire.Batch, key []byte) {
	if o.Until {
		b.Command("PEXPIRETIME", key)
		return
	}
	b.Command("PTTL", key)
}

// Recv implements Op.
func (o *ItemTTL) Recv(v []respwire.Value, r *Reply) error {
	if err := recvInt(v[0], r); err != nil {
		return err
	}
	r.Status = Hit
	if r.Int == -2 {
		r.Status, r.Int = Miss, 0
	}
	return nil
}
