package op

import (
	"github.com/hearthcache/hearth/respwire"
	"github.com/hearthcache/hearth/value"
)

// ListMove takes an element from one end of a list and adds it to one end of another: a Hit with it, or a Miss where the
// first is none. Both may be the same list. Redis LMOVE and RPOPLPUSH.
type ListMove struct {
	alone
	From, To  []byte
	FromFront bool
	ToFront   bool
}

var listMoveSpec = Spec{ID: idListMove, Name: "LMOVE", Access: Writes | Reveals, Kind: value.List}

// Spec implements Op.
func (o *ListMove) Spec() *Spec { return &listMoveSpec }

// Key implements Op.
func (o *ListMove) Key() []byte { return o.From }

// Keys implements Multi.
func (o *ListMove) Keys() [][]byte { return [][]byte{o.From, o.To} }

// ApplyAll implements Multi.
func (o *ListMove) ApplyAll(es []*value.Entry, now int64, r *Reply) error {
	from, err := es[0].List()
	if err != nil || from == nil {
		r.Status = Miss
		return err
	}
	if _, err := es[1].List(); err != nil {
		return err
	}
	i := from.Len() - 1
	if o.FromFront {
		i = 0
	}
	r.SetValue(from.At(i))
	r.Status = Hit
	from.Delete(i, i+1)
	to, err := es[1].MakeList()
	if err != nil {
		return err
	}
	if o.ToFront {
		to.PushFront(r.Value())
	} else {
		to.PushBack(r.Value())
	}
	return nil
}

// SendAll implements Multi.
func (o *ListMove) SendAll(b *respwire.Batch, keys [][]byte) {
	b.Command("LMOVE", keys[0], keys[1], end(o.FromFront), end(o.ToFront))
}

// end is Redis's word for an end of a list.
func end(front bool) []byte {
	if front {
		return lit("LEFT")
	}
	return lit("RIGHT")
}

// RecvAll implements Multi.
func (o *ListMove) RecvAll(v []respwire.Value, r *Reply) error { return recvScalar(v[0], r) }
