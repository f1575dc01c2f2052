package op

import (
	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/respwire"
	"github.com/hearthcache/hearth/value"
)

// Rename moves an item of any type to another key, over what is there; with IfNew only where nothing is. Int is 1 where
// it was moved, else 0. Redis RENAME and RENAMENX.
type Rename struct {
	alone
	From, To []byte
	IfNew    bool
}

var renameSpec = Spec{ID: idRename, Name: "RENAME", Access: Writes | Reveals}

// Spec implements Op.
func (o *Rename) Spec() *Spec { return &renameSpec }

// Key implements Op.
func (o *Rename) Key() []byte { return o.From }

// Keys implements Multi.
func (o *Rename) Keys() [][]byte { return [][]byte{o.From, o.To} }

var errNoKey = &hearth.Error{Kind: hearth.Precondition, Msg: "no such key"}

// ApplyAll implements Multi.
func (o *Rename) ApplyAll(es []*value.Entry, now int64, r *Reply) error {
	from, to := es[0], es[1]
	switch {
	case !from.Exists():
		return errNoKey
	case o.IfNew && to.Exists():
		return nil
	}
	r.Int = 1
	if from == to {
		return nil
	}
	become(to, from, from.Collection())
	from.Delete()
	return nil
}

// become makes an entry what another is. The collection is given away.
func become(to, from *value.Entry, c value.Collection) {
	switch {
	case c != nil:
		to.SetCollection(c)
	case from.Block() != nil:
		to.SetBlock(from.Block())
	default:
		v, _ := from.Bytes()
		to.SetBytes(v)
	}
	to.ExpireAt(from.Expiry())
	if a := from.Attrs(); a.Any() {
		to.SetAttrs(a)
	}
}

// SendAll implements Multi.
func (o *Rename) SendAll(b *respwire.Batch, keys [][]byte) {
	if o.IfNew {
		b.Command("RENAMENX", keys[0], keys[1])
		return
	}
	b.Command("RENAME", keys[0], keys[1])
}

// RecvAll implements Multi.
func (o *Rename) RecvAll(v []respwire.Value, r *Reply) error {
	if err := failed(v); err != nil {
		return err
	}
	r.Int = v[0].Int
	if !o.IfNew {
		r.Int = 1
	}
	return nil
}
