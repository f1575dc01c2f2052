package op

import (
	"github.com/hearthcache/hearth/respwire"
	"github.com/hearthcache/hearth/value"
)

// ListPopAny removes up to Count elements from one end of the first of several lists that there is: a Hit with its place
// among the keys in Int and the elements, or a Miss. Redis LMPOP.
type ListPopAny struct {
	alone
	List  [][]byte // the keys
	Front bool
	Count int64 // at least 1

	prefix int // how long the server's keys are beyond ours
}

var listPopAnySpec = Spec{ID: idListPopAny, Name: "LMPOP", Access: Writes | Reveals, Kind: value.List}

// Spec implements Op.
func (o *ListPopAny) Spec() *Spec { return &listPopAnySpec }

// Key implements Op.
func (o *ListPopAny) Key() []byte { return o.List[0] }

// Keys implements Multi.
func (o *ListPopAny) Keys() [][]byte { return o.List }

// ApplyAll implements Multi.
func (o *ListPopAny) ApplyAll(es []*value.Entry, now int64, r *Reply) error {
	for i, e := range es {
		if err := (&ListPop{Front: o.Front, Count: o.Count}).Apply(e, now, r); err != nil || r.Status == Hit {
			r.Int = int64(i)
			return err
		}
	}
	r.Status = Miss
	return nil
}

// SendAll implements Multi.
func (o *ListPopAny) SendAll(b *respwire.Batch, keys [][]byte) {
	o.prefix = len(keys[0]) - len(o.List[0])
	args := append([][]byte{lit("LMPOP"), num(int64(len(keys)))}, keys...)
	b.Raw(append(args, end(o.Front), lit("COUNT"), num(o.Count))...)
}

// RecvAll implements Multi.
func (o *ListPopAny) RecvAll(v []respwire.Value, r *Reply) error {
	return recvPopped(v[0], o.List, o.prefix, r)
}

// recvPopped reads a key and what was popped from it.
func recvPopped(v respwire.Value, keys [][]byte, prefix int, r *Reply) error {
	switch {
	case v.IsError():
		return serverError(v)
	case v.Null:
		r.Status = Miss
		return nil
	}
	if err := recvReply(v.Array[1], r); err != nil {
		return err
	}
	r.Status = Hit
	for i, k := range keys {
		if string(v.Array[0].Str[prefix:]) == string(k) {
			r.Int = int64(i)
			break
		}
	}
	return nil
}
