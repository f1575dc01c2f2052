package op

import (
	"github.com/hearthcache/hearth/respwire"
	"github.com/hearthcache/hearth/value"
)

// ListPop removes up to Count elements from one end of a list: a Hit with them, the outermost first, and the length that is
// left in Int; or a Miss. RPCs ListPopBack and ListPopFront, Redis RPOP and LPOP.
type ListPop struct {
	K     []byte
	Front bool
	Count int64
}

var listPopSpec = Spec{ID: idListPop, Name: "ListPop", Access: Writes | Reveals, Kind: value.List}

// Spec implements Op.
func (o *ListPop) Spec() *Spec { return &listPopSpec }

// Key implements Op.
func (o *ListPop) Key() []byte { return o.K }

// Apply implements Op.
func (o *ListPop) Apply(e *value.Entry, now int64, r *Reply) error {
	l, err := e.List()
	if err != nil || l == nil {
		r.Status = Miss
		return err
	}
	r.Status = Hit
	n := l.Len()
	count := int(min(max(o.Count, 0), int64(n)))
	if o.Front {
		for v := range l.Head(count) {
			r.AddPart(v, 0)
		}
		l.Delete(0, count)
	} else {
		for v := range l.Tail(count) {
			r.AddPart(v, 0)
		}
		l.Delete(n-count, n)
	}
	r.Int = int64(n - count)
	return nil
}

// Send implements Op.
func (o *ListPop) Send(b *respwire.Batch, key []byte) {
	b.Command("LLEN", key)
	name := "RPOP"
	if o.Front {
		name = "LPOP"
	}
	b.Command(name, key, num(max(o.Count, 0)))
}

// Recv implements Op.
func (o *ListPop) Recv(v []respwire.Value, r *Reply) error {
	if err := recvFound(v, r, recvBulks); err != nil || r.Status == Miss {
		return err
	}
	r.Int = v[0].Int - int64(r.Len())
	return nil
}
