package op

import (
	"github.com/hearthcache/hearth/respwire"
	"github.com/hearthcache/hearth/value"
)

// ListRetain keeps a slice of a list and drops the rest: a Hit with the length in Int, or a Miss where there is no list. RPC
// ListRetain, Redis LTRIM.
type ListRetain struct {
	K       []byte
	Slice   Slice
	Expiry  Expiry
	Refresh bool // whether the list takes Expiry; else it counts for nothing
}

var listRetainSpec = Spec{ID: idListRetain, Name: "ListRetain", Access: Writes, Kind: value.List}

// Spec implements Op.
func (o *ListRetain) Spec() *Spec { return &listRetainSpec }

// Key implements Op.
func (o *ListRetain) Key() []byte { return o.K }

// ExpiresIn implements Expirer.
func (o *ListRetain) ExpiresIn() *Expiry {
	if !o.Refresh {
		return nil
	}
	return &o.Expiry
}

// Apply implements Op.
func (o *ListRetain) Apply(e *value.Entry, now int64, r *Reply) error {
	l, err := e.List()
	if err != nil || l == nil {
		r.Status = Miss
		return err
	}
	from, to := o.Slice.bounds(l.Len())
	if from < to {
		l.Delete(to, l.Len())
		l.Delete(0, from)
	} else {
		l.Clear()
	}
	if o.Refresh {
		e.ExpireAt(o.Expiry.When(now))
	}
	r.Status, r.Int = Hit, int64(l.Len())
	return nil
}

// Send implements Op.
func (o *ListRetain) Send(b *respwire.Batch, key []byte) {
	first, last := o.Slice.inclusive()
	if o.Refresh {
		b.Function("hearth_retain", key, num(first), num(last), o.Expiry.arg(false))
		return
	}
	b.Command("LLEN", key)
	b.Command("LTRIM", key, num(first), num(last))
	b.Command("LLEN", key)
}

// Recv implements Op.
func (o *ListRetain) Recv(v []respwire.Value, r *Reply) error {
	if o.Refresh {
		return recvLeft(v[0], r)
	}
	return recvKept(v, r)
}
