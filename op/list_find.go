package op

import (
	"bytes"

	"github.com/hearthcache/hearth/respwire"
	"github.com/hearthcache/hearth/value"
)

// ListFind finds elements that equal Value: a Hit with an element for each whose Num is its index; a Hit without any
// where none does or there is no list. Redis LPOS.
type ListFind struct {
	K     []byte
	Value []byte
	Rank  int64 // begin with this match, from the end where it is negative; 0 is 1
	Count int64 // how many at most; 0 is all
	Look  int64 // how many elements to look at (MAXLEN); 0 is all
}

var listFindSpec = Spec{ID: idListFind, Name: "LPOS", Access: Reads, Kind: value.List, Repeatable: true}

// Spec implements Op.
func (o *ListFind) Spec() *Spec { return &listFindSpec }

// Key implements Op.
func (o *ListFind) Key() []byte { return o.K }

// Apply implements Op.
func (o *ListFind) Apply(e *value.Entry, now int64, r *Reply) error {
	r.Status = Hit
	l, err := e.List()
	if err != nil || l == nil {
		return err
	}
	n := l.Len()
	skip, looked := max(o.Rank, 1)-1, int64(0)
	if o.Rank < 0 {
		skip = -(o.Rank + 1)
	}
	see := func(v []byte) bool {
		if o.Look > 0 && looked >= o.Look {
			return false
		}
		i := looked
		looked++
		if !bytes.Equal(v, o.Value) {
			return true
		}
		if skip > 0 {
			skip--
			return true
		}
		if o.Rank < 0 {
			i = int64(n) - 1 - i
		}
		r.AddNum(float64(i))
		return o.Count == 0 || int64(r.Len()) < o.Count
	}
	if o.Rank < 0 {
		l.Backward(see)
	} else {
		l.All(see)
	}
	return nil
}

// Send implements Op.
func (o *ListFind) Send(b *respwire.Batch, key []byte) {
	args := [][]byte{o.Value, lit("COUNT"), num(o.Count)}
	if o.Rank != 0 {
		args = append(args, lit("RANK"), num(o.Rank))
	}
	if o.Look != 0 {
		args = append(args, lit("MAXLEN"), num(o.Look))
	}
	b.Command("LPOS", key, args...)
}

// Recv implements Op.
func (o *ListFind) Recv(v []respwire.Value, r *Reply) error { return recvReply(v[0], r) }
