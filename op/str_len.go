package op

import (
	"github.com/hearthcache/hearth/respwire"
	"github.com/hearthcache/hearth/value"
)

// StrLen tells the length of a scalar in Int, 0 where there is none. Redis STRLEN.
type StrLen struct{ K []byte }

var strLenSpec = Spec{ID: idStrLen, Name: "STRLEN", Access: Reads, Kind: value.Scalar, Repeatable: true}

// Spec implements Op.
func (o *StrLen) Spec() *Spec { return &strLenSpec }

// Key implements Op.
func (o *StrLen) Key() []byte { return o.K }

// Apply implements Op.
func (o *StrLen) Apply(e *value.Entry, now int64, r *Reply) error {
	v, err := e.Bytes()
	r.Int = int64(len(v))
	return err
}

// Send implements Op.
func (o *StrLen) Send(b *respwire.Batch, key []byte) { b.Command("STRLEN", key) }

// Recv implements Op.
func (o *StrLen) Recv(v []respwire.Value, r *Reply) error { return recvInt(v[0], r) }
