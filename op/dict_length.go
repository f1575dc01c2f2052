package op

import (
	"github.com/hearthcache/hearth/respwire"
	"github.com/hearthcache/hearth/value"
)

// DictLength counts the fields of a dictionary: a Hit with Int, or a Miss. RPC DictionaryLength, Redis HLEN.
type DictLength struct {
	K []byte
}

var dictLengthSpec = Spec{ID: idDictLength, Name: "DictionaryLength", Access: Reads, Kind: value.Dictionary, Repeatable: true}

// Spec implements Op.
func (o *DictLength) Spec() *Spec { return &dictLengthSpec }

// Key implements Op.
func (o *DictLength) Key() []byte { return o.K }

// Apply implements Op.
func (o *DictLength) Apply(e *value.Entry, now int64, r *Reply) error {
	c, err := e.Dictionary(now)
	if err != nil || c == nil {
		r.Status = Miss
		return err
	}
	r.Status, r.Int = Hit, int64(c.Len())
	return nil
}

// Send implements Op.
func (o *DictLength) Send(b *respwire.Batch, key []byte) { b.Command("HLEN", key) }

// Recv implements Op.
func (o *DictLength) Recv(v []respwire.Value, r *Reply) error { return recvLen(v[0], r) }
