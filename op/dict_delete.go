package op

import (
	"github.com/hearthcache/hearth/respwire"
	"github.com/hearthcache/hearth/value"
)

// DictDelete removes fields of a dictionary; Int is how many there were. RPC DictionaryDelete of some, Redis HDEL. All of
// a dictionary is DeleteKind.
type DictDelete struct {
	K      []byte
	Fields [][]byte
}

var dictDeleteSpec = Spec{ID: idDictDelete, Name: "DictionaryDelete", Access: Writes, Kind: value.Dictionary, Repeatable: true}

// Spec implements Op.
func (o *DictDelete) Spec() *Spec { return &dictDeleteSpec }

// Key implements Op.
func (o *DictDelete) Key() []byte { return o.K }

// Apply implements Op.
func (o *DictDelete) Apply(e *value.Entry, now int64, r *Reply) error {
	d, err := e.Dictionary(now)
	if err != nil || d == nil {
		return err
	}
	for _, f := range o.Fields {
		if d.Delete(f) {
			r.Int++
		}
	}
	return nil
}

// Send implements Op.
func (o *DictDelete) Send(b *respwire.Batch, key []byte) { sendSome(b, "HDEL", "HLEN", key, o.Fields) }

// Recv implements Op.
func (o *DictDelete) Recv(v []respwire.Value, r *Reply) error { return recvSome(v, r, len(o.Fields)) }
