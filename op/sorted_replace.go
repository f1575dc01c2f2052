package op

import (
	"github.com/hearthcache/hearth/respwire"
	"github.com/hearthcache/hearth/value"
)

// SortedReplace puts a sorted set in the place of whatever there was, or nothing where it has no elements; Int is its
// length. It is the writing part of SortedUnionStore.
type SortedReplace struct {
	K        []byte
	Elements []Scored
	Expiry   Expiry
}

var sortedReplaceSpec = Spec{ID: idSortedReplace, Name: "SortedReplace", Access: Writes, Repeatable: true}

// Spec implements Op.
func (o *SortedReplace) Spec() *Spec { return &sortedReplaceSpec }

// Key implements Op.
func (o *SortedReplace) Key() []byte { return o.K }

// ExpiresIn implements Expirer.
func (o *SortedReplace) ExpiresIn() *Expiry { return &o.Expiry }

// Apply implements Op.
func (o *SortedReplace) Apply(e *value.Entry, now int64, r *Reply) error {
	z := value.New(value.SortedSet).(*value.Sorted)
	for _, el := range o.Elements {
		z.Put(el.Value, el.Score)
	}
	r.Int = int64(z.Len())
	if z.Len() == 0 {
		e.Delete()
		return nil
	}
	e.SetCollection(z)
	e.ExpireAt(o.Expiry.When(now))
	return nil
}

// Send implements Op.
func (o *SortedReplace) Send(b *respwire.Batch, key []byte) {
	b.Command("DEL", key)
	if len(o.Elements) == 0 {
		return
	}
	args := make([][]byte, 0, 2*len(o.Elements))
	for _, el := range o.Elements {
		args = append(args, score(el.Score), el.Value)
	}
	b.Command("ZADD", key, args...)
	if o.Expiry != (Expiry{}) {
		o.Expiry.send(b, key)
	}
}

// Recv implements Op.
func (o *SortedReplace) Recv(v []respwire.Value, r *Reply) error {
	if err := failed(v); err != nil {
		return err
	}
	if len(v) > 1 {
		r.Int = v[1].Int
	}
	return nil
}
