package op

import (
	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/respwire"
	"github.com/hearthcache/hearth/value"
)

// DictIncrementFloat adds to a field that is a decimal number, 0 where there is none; the reply's value is the result in
// decimal. Redis HINCRBYFLOAT.
type DictIncrementFloat struct {
	K      []byte
	Field  []byte
	Amount []byte // decimal, as ParseLong takes it
}

var dictIncrementFloatSpec = Spec{ID: idDictIncrementFloat, Name: "HINCRBYFLOAT", Access: Writes | Reveals, Kind: value.Dictionary}

// Spec implements Op.
func (o *DictIncrementFloat) Spec() *Spec { return &dictIncrementFloatSpec }

// Key implements Op.
func (o *DictIncrementFloat) Key() []byte { return o.K }

// Size implements Sizer.
func (o *DictIncrementFloat) Size() (total, largest int) { return len(o.Field), len(o.Field) }

var (
	errFieldNotFloat = &hearth.Error{Kind: hearth.Precondition, Msg: "hash value is not a float"}
	errInfinity      = &hearth.Error{Kind: hearth.Precondition, Msg: "value is NaN or Infinity"}
)

// Apply implements Op.
func (o *DictIncrementFloat) Apply(e *value.Entry, now int64, r *Reply) error {
	switch amount, ok := ParseLong(o.Amount); {
	case !ok:
		return errNotFloat
	case amount.IsInf():
		return errInfinity
	}
	d, err := e.MakeDictionary(now)
	if err != nil {
		return err
	}
	old, ok := d.Get(o.Field)
	if !ok {
		old = []byte("0")
	}
	sum, err := addLong(old, o.Amount, errFieldNotFloat)
	if err != nil {
		return err
	}
	d.Replace(o.Field, sum)
	r.SetValue(sum)
	r.Status = Hit
	return nil
}

// Send implements Op.
func (o *DictIncrementFloat) Send(b *respwire.Batch, key []byte) {
	b.Command("HINCRBYFLOAT", key, o.Field, o.Amount)
}

// Recv implements Op.
func (o *DictIncrementFloat) Recv(v []respwire.Value, r *Reply) error { return recvReply(v[0], r) }
