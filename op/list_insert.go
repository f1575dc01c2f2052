package op

import (
	"bytes"

	"github.com/hearthcache/hearth/respwire"
	"github.com/hearthcache/hearth/value"
)

// ListInsert puts an element before or behind the first one that equals Pivot: Int is the new length, -1 where there is
// no such element, 0 where there is no list. Redis LINSERT.
type ListInsert struct {
	K      []byte
	Behind bool
	Pivot  []byte
	Value  []byte
}

var listInsertSpec = Spec{ID: idListInsert, Name: "LINSERT", Access: Writes | Reveals, Kind: value.List}

// Spec implements Op.
func (o *ListInsert) Spec() *Spec { return &listInsertSpec }

// Key implements Op.
func (o *ListInsert) Key() []byte { return o.K }

// Size implements Sizer.
func (o *ListInsert) Size() (total, largest int) { return len(o.Value), len(o.Value) }

// Apply implements Op.
func (o *ListInsert) Apply(e *value.Entry, now int64, r *Reply) error {
	l, err := e.List()
	if err != nil || l == nil {
		return err
	}
	at, found := 0, false
	for v := range l.All {
		if found = bytes.Equal(v, o.Pivot); found {
			break
		}
		at++
	}
	if !found {
		r.Int = -1
		return nil
	}
	if o.Behind {
		at++
	}
	l.Insert(at, o.Value)
	r.Int = int64(l.Len())
	return nil
}

// Send implements Op.
func (o *ListInsert) Send(b *respwire.Batch, key []byte) {
	where := "BEFORE"
	if o.Behind {
		where = "AFTER"
	}
	b.Command("LINSERT", key, lit(where), o.Pivot, o.Value)
}

// Recv implements Op.
func (o *ListInsert) Recv(v []respwire.Value, r *Reply) error { return recvInt(v[0], r) }
