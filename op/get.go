package op

import (
	"github.com/hearthcache/hearth/respwire"
	"github.com/hearthcache/hearth/value"
)

// Get reads a scalar: a Hit with its value, or a Miss. RPC Get, Redis GET.
type Get struct{ K []byte }

var getSpec = Spec{ID: idGet, Name: "Get", Access: Reads, Kind: value.Scalar, Repeatable: true}

// Spec implements Op.
func (o *Get) Spec() *Spec { return &getSpec }

// Key implements Op.
func (o *Get) Key() []byte { return o.K }

// Apply implements Op.
func (o *Get) Apply(e *value.Entry, now int64, r *Reply) error {
	return readScalar(e, r)
}

// readScalar puts the scalar into the reply: by reference where it is large.
func readScalar(e *value.Entry, r *Reply) error {
	if !e.Exists() {
		r.Status = Miss
		return nil
	}
	if b := e.Block(); b != nil {
		r.Status, r.Block = Hit, b.Retain()
		return nil
	}
	v, err := e.Bytes()
	if err != nil {
		return err
	}
	r.SetValue(v)
	r.Status = Hit
	return nil
}

// Whole implements Whole.
func (o *Get) Whole() string { return "GET" }

// Send implements Op.
func (o *Get) Send(b *respwire.Batch, key []byte) { b.Command(o.Whole(), key) }

// Recv implements Op.
func (o *Get) Recv(v []respwire.Value, r *Reply) error { return recvScalar(v[0], r) }
