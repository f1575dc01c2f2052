package op

import (
	"github.com/hearthcache/hearth/respwire"
	"github.com/hearthcache/hearth/value"
)

// ListFetch reads a slice of a list: a Hit with its elements, or a Miss where there is no list or the slice is empty. RPC
// ListFetch, Redis LRANGE.
type ListFetch struct {
	K     []byte
	Slice Slice
}

var listFetchSpec = Spec{ID: idListFetch, Name: "ListFetch", Access: Reads, Kind: value.List, Repeatable: true}

// Spec implements Op.
func (o *ListFetch) Spec() *Spec { return &listFetchSpec }

// Key implements Op.
func (o *ListFetch) Key() []byte { return o.K }

// Apply implements Op.
func (o *ListFetch) Apply(e *value.Entry, now int64, r *Reply) error {
	l, err := e.List()
	if err != nil || l == nil {
		r.Status = Miss
		return err
	}
	from, to := o.Slice.bounds(l.Len())
	l.Range(from, to, func(v []byte) bool {
		r.AddPart(v, 0)
		return true
	})
	if r.Status = Hit; r.Len() == 0 {
		r.Status = Miss
	}
	return nil
}

// Send implements Op.
func (o *ListFetch) Send(b *respwire.Batch, key []byte) {
	first, last := o.Slice.inclusive()
	b.Command("LRANGE", key, num(first), num(last))
}

// Recv implements Op.
func (o *ListFetch) Recv(v []respwire.Value, r *Reply) error { return recvList(v[0], r) }
