package op

import (
	"github.com/hearthcache/hearth/respwire"
	"github.com/hearthcache/hearth/value"
)

// GetEx reads a scalar and changes when it expires: a Hit with its value, or a Miss. With Persist it never expires from
// now on; with neither that nor an Expiry it only reads. Redis GETEX.
type GetEx struct {
	K       []byte
	Persist bool
	Expiry  Expiry
}

var getExSpec = Spec{ID: idGetEx, Name: "GETEX", Access: Writes | Reveals, Kind: value.Scalar, Repeatable: true}

// Spec implements Op.
func (o *GetEx) Spec() *Spec { return &getExSpec }

// Key implements Op.
func (o *GetEx) Key() []byte { return o.K }

// Apply implements Op.
func (o *GetEx) Apply(e *value.Entry, now int64, r *Reply) error {
	if err := readScalar(e, r); err != nil || r.Status == Miss {
		return err
	}
	at := o.Expiry.When(now)
	switch {
	case o.Persist:
		if e.Expiry() != 0 {
			e.ExpireAt(0)
		}
	case at == 0:
	case at <= now:
		e.Delete()
	default:
		e.ExpireAt(at)
	}
	return nil
}

// Send implements Op.
func (o *GetEx) Send(b *respwire.Batch, key []byte) {
	switch {
	case o.Persist:
		b.Command("GETEX", key, lit("PERSIST"))
	case o.Expiry.At != 0:
		b.Command("GETEX", key, lit("PXAT"), num(o.Expiry.At))
	case o.Expiry.TTL != 0:
		b.Command("GETEX", key, lit("PX"), num(o.Expiry.TTL))
	default:
		b.Command("GET", key)
	}
}

// Recv implements Op.
func (o *GetEx) Recv(v []respwire.Value, r *Reply) error { return recvScalar(v[0], r) }
