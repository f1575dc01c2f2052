package op

import (
	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/respwire"
	"github.com/hearthcache/hearth/value"
)

// ListSet replaces the element of a list at an index, from the end where it is negative. Redis LSET.
type ListSet struct {
	K     []byte
	Index int64
	Value []byte
}

var listSetSpec = Spec{ID: idListSet, Name: "LSET", Access: Writes, Kind: value.List, Repeatable: true}

// Spec implements Op.
func (o *ListSet) Spec() *Spec { return &listSetSpec }

// Key implements Op.
func (o *ListSet) Key() []byte { return o.K }

// Size implements Sizer.
func (o *ListSet) Size() (total, largest int) { return len(o.Value), len(o.Value) }

var errIndex = &hearth.Error{Kind: hearth.Precondition, Msg: "index out of range"}

// Apply implements Op.
func (o *ListSet) Apply(e *value.Entry, now int64, r *Reply) error {
	l, err := e.List()
	switch {
	case err != nil:
		return err
	case l == nil:
		return errNoKey
	}
	i, ok := within(o.Index, l.Len())
	if !ok {
		return errIndex
	}
	l.Set(i, o.Value)
	return nil
}

// Send implements Op.
func (o *ListSet) Send(b *respwire.Batch, key []byte) { b.Command("LSET", key, num(o.Index), o.Value) }

// Recv implements Op.
func (o *ListSet) Recv(v []respwire.Value, r *Reply) error { return failed(v) }
