package op

import (
	"github.com/hearthcache/hearth/respwire"
	"github.com/hearthcache/hearth/value"
)

// ListIndex reads the element of a list at an index, from the end where it is negative: a Hit, or a Miss. Redis LINDEX.
type ListIndex struct {
	K     []byte
	Index int64
}

var listIndexSpec = Spec{ID: idListIndex, Name: "LINDEX", Access: Reads, Kind: value.List, Repeatable: true}

// Spec implements Op.
func (o *ListIndex) Spec() *Spec { return &listIndexSpec }

// Key implements Op.
func (o *ListIndex) Key() []byte { return o.K }

// Apply implements Op.
func (o *ListIndex) Apply(e *value.Entry, now int64, r *Reply) error {
	r.Status = Miss
	l, err := e.List()
	if err != nil || l == nil {
		return err
	}
	if i, ok := within(o.Index, l.Len()); ok {
		r.SetValue(l.At(i))
		r.Status = Hit
	}
	return nil
}

// within returns the index that i means in a sequence of n, and whether there is one.
func within(i int64, n int) (int, bool) {
	if i < 0 {
		i += int64(n)
	}
	return int(i), i >= 0 && i < int64(n)
}

// Send implements Op.
func (o *ListIndex) Send(b *respwire.Batch, key []byte) { b.Command("LINDEX", key, num(o.Index)) }

// Recv implements Op.
func (o *ListIndex) Recv(v []respwire.Value, r *Reply) error { return recvScalar(v[0], r) }
