package op

import (
	"github.com/hearthcache/hearth/respwire"
	"github.com/hearthcache/hearth/value"
)

// DictPersist takes the expiry of fields of a dictionary away: a Hit with an element for each field, whose Num is 1, or -1
// where it had none, -2 where there is no such field. Redis HPERSIST.
type DictPersist struct {
	K      []byte
	Fields [][]byte
}

var dictPersistSpec = Spec{ID: idDictPersist, Name: "HPERSIST", Access: Writes, Kind: value.Dictionary}

// Spec implements Op.
func (o *DictPersist) Spec() *Spec { return &dictPersistSpec }

// Key implements Op.
func (o *DictPersist) Key() []byte { return o.K }

// Apply implements Op.
func (o *DictPersist) Apply(e *value.Entry, now int64, r *Reply) error {
	return eachField(e, o.Fields, now, r, func(d *value.Dict, field []byte, at int64) float64 {
		if at == 0 {
			return fieldForever
		}
		d.ExpireField(field, 0)
		return fieldSet
	})
}

// Send implements Op.
func (o *DictPersist) Send(b *respwire.Batch, key []byte) {
	b.Command("HPERSIST", key, fieldArgs(nil, o.Fields)...)
}

// Recv implements Op.
func (o *DictPersist) Recv(v []respwire.Value, r *Reply) error {
	return recvFields(v[0], len(o.Fields), r)
}
