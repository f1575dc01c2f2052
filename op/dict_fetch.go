package op

import (
	"github.com/hearthcache/hearth/respwire"
	"github.com/hearthcache/hearth/value"
)

// DictFetch reads a whole dictionary: a Hit with a field and its value as two elements, for every field in no order, or a
// Miss. RPC DictionaryFetch, Redis HGETALL.
type DictFetch struct {
	K []byte
}

var dictFetchSpec = Spec{ID: idDictFetch, Name: "DictionaryFetch", Access: Reads, Kind: value.Dictionary, Repeatable: true}

// Spec implements Op.
func (o *DictFetch) Spec() *Spec { return &dictFetchSpec }

// Key implements Op.
func (o *DictFetch) Key() []byte { return o.K }

// Apply implements Op.
func (o *DictFetch) Apply(e *value.Entry, now int64, r *Reply) error {
	d, err := e.Dictionary(now)
	if err != nil || d == nil {
		r.Status = Miss
		return err
	}
	r.Status = Hit
	for f, v := range d.All {
		r.AddPart(f, 0)
		r.AddPart(v, 0)
	}
	return nil
}

// Whole implements Whole.
func (o *DictFetch) Whole() string { return "HGETALL" }

// Send implements Op.
func (o *DictFetch) Send(b *respwire.Batch, key []byte) { b.Command(o.Whole(), key) }

// Recv implements Op.
func (o *DictFetch) Recv(v []respwire.Value, r *Reply) error { return recvList(v[0], r) }
