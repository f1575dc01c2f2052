package op

import (
	"math"

	"github.com/hearthcache/hearth/respwire"
	"github.com/hearthcache/hearth/value"
)

// ListRemove removes elements equal to Value: a Hit with the length that is left in Int, or a Miss where there is no list.
// RPC ListRemove, Redis LREM, which wants the number removed: it is the reply's Num.
type ListRemove struct {
	K     []byte
	Value []byte
	Count int64 // how many at most: the first ones, or the last ones where it is negative; 0 is all
}

var listRemoveSpec = Spec{ID: idListRemove, Name: "ListRemove", Access: Writes, Kind: value.List}

// Spec implements Op.
func (o *ListRemove) Spec() *Spec { return &listRemoveSpec }

// Key implements Op.
func (o *ListRemove) Key() []byte { return o.K }

// Apply implements Op.
func (o *ListRemove) Apply(e *value.Entry, now int64, r *Reply) error {
	l, err := e.List()
	if err != nil || l == nil {
		r.Status = Miss
		return err
	}
	limit := int(min(max(o.Count, -math.MaxInt32), math.MaxInt32))
	removed := l.DeleteEqual(o.Value, max(limit, -limit), limit < 0)
	r.Status, r.Int, r.Num = Hit, int64(l.Len()), float64(removed)
	return nil
}

// Send implements Op.
func (o *ListRemove) Send(b *respwire.Batch, key []byte) {
	b.Command("LLEN", key)
	b.Command("LREM", key, num(o.Count), o.Value)
	b.Command("LLEN", key)
}

// Recv implements Op.
func (o *ListRemove) Recv(v []respwire.Value, r *Reply) error {
	if err := recvKept(v, r); err != nil || r.Status == Miss {
		return err
	}
	r.Num = float64(v[1].Int)
	return nil
}
