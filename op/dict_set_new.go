package op

import (
	"github.com/hearthcache/hearth/respwire"
	"github.com/hearthcache/hearth/value"
)

// DictSetNew gives a field of a dictionary a value where there is no such field: Int is 1, else 0. Redis HSETNX.
type DictSetNew struct {
	K            []byte
	Field, Value []byte
}

var dictSetNewSpec = Spec{ID: idDictSetNew, Name: "HSETNX", Access: Writes | Conditional, Kind: value.Dictionary}

// Spec implements Op.
func (o *DictSetNew) Spec() *Spec { return &dictSetNewSpec }

// Key implements Op.
func (o *DictSetNew) Key() []byte { return o.K }

// Size implements Sizer.
func (o *DictSetNew) Size() (total, largest int) {
	n := len(o.Field) + len(o.Value)
	return n, n
}

// Apply implements Op.
func (o *DictSetNew) Apply(e *value.Entry, now int64, r *Reply) error {
	d, err := e.MakeDictionary(now)
	if err != nil {
		return err
	}
	if _, there := d.Get(o.Field); !there {
		d.Set(o.Field, o.Value)
		r.Int = 1
	}
	return nil
}

// Send implements Op.
func (o *DictSetNew) Send(b *respwire.Batch, key []byte) { b.Command("HSETNX", key, o.Field, o.Value) }

// Recv implements Op.
func (o *DictSetNew) Recv(v []respwire.Value, r *Reply) error { return recvInt(v[0], r) }
