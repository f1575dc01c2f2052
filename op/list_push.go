package op

import (
	"slices"

	"github.com/hearthcache/hearth/respwire"
	"github.com/hearthcache/hearth/value"
)

// ListPush adds values at one end of a list, in their order, then shortens the list to Truncate elements from that end; Int
// is its length. RPCs ListPush and ListConcatenate at the back or the front, Redis RPUSH, LPUSH (whose caller turns the
// values round) and their kin with X. It is a Miss where IfExists is set and there is no list.
type ListPush struct {
	K        []byte
	Front    bool
	Values   [][]byte
	Truncate int64 // 0 is not at all
	IfExists bool
	Expiry   Expiry
	Refresh  bool // whether a list that is there takes Expiry too
}

var listPushSpec = Spec{ID: idListPush, Name: "ListPush", Access: Writes | Conditional, Kind: value.List}

// Spec implements Op.
func (o *ListPush) Spec() *Spec { return &listPushSpec }

// Key implements Op.
func (o *ListPush) Key() []byte { return o.K }

// Asks implements Asker.
func (o *ListPush) Asks() bool { return o.IfExists }

// ExpiresIn implements Expirer.
func (o *ListPush) ExpiresIn() *Expiry { return &o.Expiry }

// Size implements Sizer.
func (o *ListPush) Size() (total, largest int) { return sizes(o.Values) }

// Apply implements Op.
func (o *ListPush) Apply(e *value.Entry, now int64, r *Reply) error {
	created := !e.Exists()
	if created && o.IfExists {
		r.Status = Miss
		return nil
	}
	l, err := e.MakeList()
	if err != nil {
		return err
	}
	for i, v := range o.Values {
		if o.Front {
			l.PushFront(o.Values[len(o.Values)-1-i])
		} else {
			l.PushBack(v)
		}
	}
	if n := l.Len(); o.Truncate > 0 && int64(n) > o.Truncate {
		if o.Front {
			l.Delete(int(o.Truncate), n)
		} else {
			l.Delete(0, n-int(o.Truncate))
		}
	}
	if created || o.Refresh {
		e.ExpireAt(o.Expiry.When(now))
	}
	r.Int = int64(l.Len())
	return nil
}

// Send implements Op.
func (o *ListPush) Send(b *respwire.Batch, key []byte) {
	name, values := "RPUSH", o.Values
	if o.Front {
		name, values = "LPUSH", slices.Clone(o.Values)
		slices.Reverse(values)
	}
	switch {
	case o.Truncate > 0:
		args := append([][]byte{lit(name), num(o.Truncate), o.Expiry.arg(false), flag(o.Refresh)}, values...)
		b.Function("hearth_push", key, args...)
	case o.IfExists:
		b.Command(name+"X", key, values...)
	case len(values) == 0:
		b.Command("LLEN", key)
	default:
		sendWrite(b, name, key, o.Expiry, o.Refresh, values)
	}
}

// Recv implements Op.
func (o *ListPush) Recv(v []respwire.Value, r *Reply) error {
	err := recvInt(v[0], r)
	if o.IfExists && r.Int == 0 {
		r.Status = Miss
	}
	return err
}
