package op

import (
	"github.com/hearthcache/hearth/respwire"
	"github.com/hearthcache/hearth/value"
)

// GetDel reads a scalar and deletes it: a Hit with its value, or a Miss. Redis GETDEL.
type GetDel struct{ K []byte }

var getDelSpec = Spec{ID: idGetDel, Name: "GETDEL", Access: Writes | Reveals, Kind: value.Scalar}

// Spec implements Op.
func (o *GetDel) Spec() *Spec { return &getDelSpec }

// Key implements Op.
func (o *GetDel) Key() []byte { return o.K }

// Apply implements Op.
func (o *GetDel) Apply(e *value.Entry, now int64, r *Reply) error {
	if err := readScalar(e, r); err != nil {
		return err
	}
	e.Delete()
	return nil
}

// Send implements Op.
func (o *GetDel) Send(b *respwire.Batch, key []byte) { b.Command("GETDEL", key) }

// Recv implements Op.
func (o *GetDel) Recv(v []respwire.Value, r *Reply) error { return recvScalar(v[0], r) }
