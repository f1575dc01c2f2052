package op

import (
	"github.com/hearthcache/hearth/respwire"
	"github.com/hearthcache/hearth/value"
)

// SetMove moves an element from one set to another: Int is 1, or 0 where it was not there. Redis SMOVE.
type SetMove struct {
	alone
	From, To []byte
	Element  []byte
}

var setMoveSpec = Spec{ID: idSetMove, Name: "SMOVE", Access: Writes | Reveals, Kind: value.Set}

// Spec implements Op.
func (o *SetMove) Spec() *Spec { return &setMoveSpec }

// Key implements Op.
func (o *SetMove) Key() []byte { return o.From }

// Keys implements Multi.
func (o *SetMove) Keys() [][]byte { return [][]byte{o.From, o.To} }

// Size implements Sizer.
func (o *SetMove) Size() (total, largest int) { return len(o.Element), len(o.Element) }

// ApplyAll implements Multi.
func (o *SetMove) ApplyAll(es []*value.Entry, now int64, r *Reply) error {
	if !es[0].Exists() {
		return nil
	}
	from, err := es[0].Set()
	if err != nil {
		return err
	}
	if _, err := es[1].Set(); err != nil {
		return err
	}
	if es[0] == es[1] {
		if from.Contains(o.Element) {
			r.Int = 1
		}
		return nil
	}
	if !from.Delete(o.Element) {
		return nil
	}
	r.Int = 1
	to, err := es[1].MakeSet()
	if err != nil {
		return err
	}
	to.Add(o.Element)
	return nil
}

// SendAll implements Multi.
func (o *SetMove) SendAll(b *respwire.Batch, keys [][]byte) {
	b.Command("SMOVE", keys[0], keys[1], o.Element)
}

// RecvAll implements Multi.
func (o *SetMove) RecvAll(v []respwire.Value, r *Reply) error { return recvInt(v[0], r) }
