package op

import (
	"github.com/hearthcache/hearth/respwire"
	"github.com/hearthcache/hearth/value"
)

// DictGet reads fields of a dictionary: a Hit with an element for each field, in order, or a Miss where there is no
// dictionary. RPC DictionaryGet, Redis HGET and HMGET.
type DictGet struct {
	K      []byte
	Fields [][]byte
}

var dictGetSpec = Spec{ID: idDictGet, Name: "DictionaryGet", Access: Reads, Kind: value.Dictionary, Repeatable: true}

// Spec implements Op.
func (o *DictGet) Spec() *Spec { return &dictGetSpec }

// Key implements Op.
func (o *DictGet) Key() []byte { return o.K }

// Apply implements Op.
func (o *DictGet) Apply(e *value.Entry, now int64, r *Reply) error {
	d, err := e.Dictionary(now)
	if err != nil || d == nil {
		r.Status = Miss
		return err
	}
	r.Status = Hit
	for _, f := range o.Fields {
		if v, ok := d.Get(f); ok {
			if err := r.AddNamed(v, 0); err != nil {
				return err
			}
		} else {
			r.AddMiss()
		}
	}
	return nil
}

// Send implements Op.
func (o *DictGet) Send(b *respwire.Batch, key []byte) {
	b.Command("HLEN", key)
	if len(o.Fields) > 0 {
		b.Command("HMGET", key, o.Fields...)
	}
}

// Recv implements Op.
func (o *DictGet) Recv(v []respwire.Value, r *Reply) error { return recvFound(v, r, recvBulks) }
