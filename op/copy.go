package op

import (
	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/respwire"
	"github.com/hearthcache/hearth/value"
)

// Copy copies an item of any type to another key, with Replace over what is there. Int is 1 where it was copied, else 0.
// Redis COPY.
type Copy struct {
	alone
	From, To []byte
	Replace  bool
}

var copySpec = Spec{ID: idCopy, Name: "COPY", Access: Writes | Reveals}

// Spec implements Op.
func (o *Copy) Spec() *Spec { return &copySpec }

// Key implements Op.
func (o *Copy) Key() []byte { return o.From }

// Keys implements Multi.
func (o *Copy) Keys() [][]byte { return [][]byte{o.From, o.To} }

var errSameObject = &hearth.Error{Kind: hearth.Precondition, Msg: "source and destination objects are the same"}

// ApplyAll implements Multi.
func (o *Copy) ApplyAll(es []*value.Entry, now int64, r *Reply) error {
	from, to := es[0], es[1]
	switch {
	case from == to:
		return errSameObject
	case !from.Exists() || to.Exists() && !o.Replace:
		return nil
	}
	c := from.Collection()
	if c != nil {
		c = value.Clone(c)
	}
	become(to, from, c)
	r.Int = 1
	return nil
}

// SendAll implements Multi.
func (o *Copy) SendAll(b *respwire.Batch, keys [][]byte) {
	if o.Replace {
		b.Command("COPY", keys[0], keys[1], lit("REPLACE"))
		return
	}
	b.Command("COPY", keys[0], keys[1])
}

// RecvAll implements Multi.
func (o *Copy) RecvAll(v []respwire.Value, r *Reply) error { return recvInt(v[0], r) }
