package valkey

import (
	"time"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/engine"
	"github.com/hearthcache/hearth/op"
	"github.com/hearthcache/hearth/respwire"
)

// taking is a read of one key that looks for the item under the key's lease, behind what takes that. On a pipe they need no MULTI:
// servers that are full refuse the lease, and look all the same.
type taking struct {
	op.Op
	lease *lease
	first time.Duration // for which it is taken before it is prolonged
	said  int           // commands
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
	before := b.Len()
	t.lease.sayTake(b, t.first)
	t.Op.Send(b, key)
	t.said = b.Len() - before
}

// hear takes the answer to the first command. It may come again, where it was asked again.
func (t *taking) hear(v respwire.Value) {
	if t.got.Lease == nil && !notNow(v) {
		t.got = t.lease.heard(v, t.first)
	}
}

// Recv takes the other answers, and the first where it has not been heard by itself.
func (t *taking) Recv(v []respwire.Value, r *op.Reply) error {
	if len(v) == t.said {
		t.hear(v[0])
		v = v[1:]
	}
	return t.Op.Recv(v, r)
}
