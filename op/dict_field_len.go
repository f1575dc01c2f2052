package op

import (
	"github.com/hearthcache/hearth/respwire"
	"github.com/hearthcache/hearth/value"
)

// DictFieldLen tells the length of a field's value in Int, 0 where there is none. Redis HSTRLEN.
type DictFieldLen struct{ K, Field []byte }

var dictFieldLenSpec = Spec{ID: idDictFieldLen, Name: "HSTRLEN", Access: Reads, Kind: value.Dictionary, Repeatable: true}

// Spec implements Op.
func (o *DictFieldLen) Spec() *Spec { return &dictFieldLenSpec }

// Key implements Op.
func (o *DictFieldLen) Key() []byte { return o.K }

// Apply implements Op.
func (o *DictFieldLen) Apply(e *value.Entry, now int64, r *Reply) error {
	d, err := e.Dictionary(now)
	if err != nil || d == nil {
		return err
	}
	v, _ := d.Get(o.Field)
	r.Int = int64(len(v))
	return nil
}

// Send implements Op.
func (o *DictFieldLen) Send(b *respwire.Batch, key []byte) { b.Command("HSTRLEN", key, o.Field) }

// Recv implements Op.
func (o *DictFieldLen) Recv(v []respwire.Value, r *Reply) error { return recvInt(v[0], r) }
