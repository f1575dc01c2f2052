package valkey

import (
	"time"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/engine"
	"github.com/hearthcache/hearth/op"
	"github.com/hearthcache/hearth/respwire"
)

// taking is a read of one key that looks for the item under the key's lease: in one step with taking it.
type taking struct {
	op.Op
	lease *lease
	first time.Duration // for which it is taken before it is prolonged
	got   engine.Leased
}

var _ engine.Taking = (*taking)(nil)

// Take implements engine.Leaser.
func (e *Engine) Take(s hearth.Space, o op.Op, name uint64, most time.Duration) engine.Taking {
	t := &taking{Op: o, lease: e.lease(s, o.Key(), name), first: min(leaseFor, most), got: engine.Leased{Err: errNotAsked}}
	t.lease.until = time.Now().Add(most)
	return t
}

var errNotAsked = &hearth.Error{Kind: hearth.Unavailable, Msg: "the lease was not asked for"}

// Leased implements engine.Taking.
func (t *taking) Leased() engine.Leased { return t.got }

func (t *taking) Send(b *respwire.Batch, key []byte) {
	t.lease.sayTake(b, t.first)
	t.Op.Send(b, key)
}

// Recv may come again, where it was asked again.
func (t *taking) Recv(v []respwire.Value, r *op.Reply) error {
	if t.got.Lease == nil {
		t.got = t.lease.heard(v[0], t.first)
	}
	return t.Op.Recv(v[1:], r)
}
