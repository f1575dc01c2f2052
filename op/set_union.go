package op

import (
	"github.com/hearthcache/hearth/respwire"
	"github.com/hearthcache/hearth/value"
)

// SetUnion adds elements to a set; Int is how many of them are new. RPC SetUnion, Redis SADD.
type SetUnion struct {
	K        []byte
	Elements [][]byte
	Expiry   Expiry
	Refresh  bool // whether a set that is there takes Expiry too
}

var setUnionSpec = Spec{ID: idSetUnion, Name: "SetUnion", Access: Writes, Kind: value.Set, Repeatable: true}

// Spec implements Op.
func (o *SetUnion) Spec() *Spec { return &setUnionSpec }

// Key implements Op.
func (o *SetUnion) Key() []byte { return o.K }

// ExpiresIn implements Expirer.
func (o *SetUnion) ExpiresIn() *Expiry { return &o.Expiry }

// Size implements Sizer.
func (o *SetUnion) Size() (total, largest int) { return sizes(o.Elements) }

// Apply implements Op.
func (o *SetUnion) Apply(e *value.Entry, now int64, r *Reply) error {
	created := !e.Exists()
	s, err := e.MakeSet()
	if err != nil {
		return err
	}
	for _, el := range o.Elements {
		if s.Add(el) {
			r.Int++
		}
	}
	if created || o.Refresh {
		e.ExpireAt(o.Expiry.When(now))
	}
	return nil
}

// Send implements Op.
func (o *SetUnion) Send(b *respwire.Batch, key []byte) {
	sendWrite(b, "SADD", key, o.Expiry, o.Refresh, o.Elements)
}

// Recv implements Op.
func (o *SetUnion) Recv(v []respwire.Value, r *Reply) error { return recvInt(v[0], r) }
