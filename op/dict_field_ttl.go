package op

import (
	"github.com/hearthcache/hearth/respwire"
	"github.com/hearthcache/hearth/value"
)

// DictFieldTTL tells when fields of a dictionary expire: a Hit with an element for each field, whose Num is the moment in
// milliseconds, or with Left how many are left, -1 where it never expires, -2 where there is no such field. Redis
// HPEXPIRETIME, HEXPIRETIME, HPTTL and HTTL.
type DictFieldTTL struct {
	K      []byte
	Fields [][]byte
	Left   bool
}

var dictFieldTTLSpec = Spec{ID: idDictFieldTTL, Name: "HPTTL", Access: Reads, Kind: value.Dictionary, Repeatable: true}

// Spec implements Op.
func (o *DictFieldTTL) Spec() *Spec { return &dictFieldTTLSpec }

// Key implements Op.
func (o *DictFieldTTL) Key() []byte { return o.K }

// Apply implements Op.
func (o *DictFieldTTL) Apply(e *value.Entry, now int64, r *Reply) error {
	return eachField(e, o.Fields, now, r, func(_ *value.Dict, _ []byte, at int64) float64 {
		switch {
		case at == 0:
			return fieldForever
		case o.Left:
			return float64(at - now)
		}
		return float64(at)
	})
}

// Send implements Op.
func (o *DictFieldTTL) Send(b *respwire.Batch, key []byte) {
	name := "HPEXPIRETIME"
	if o.Left {
		name = "HPTTL"
	}
	b.Command(name, key, fieldArgs(nil, o.Fields)...)
}

// Recv implements Op.
func (o *DictFieldTTL) Recv(v []respwire.Value, r *Reply) error {
	return recvFields(v[0], len(o.Fields), r)
}
