package op

import (
	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/respwire"
	"github.com/hearthcache/hearth/value"
)

// SetRange overwrites a part of a scalar, filling up with zero bytes where it is too short; Int is the new length. An
// empty value changes nothing. Redis SETRANGE.
type SetRange struct {
	K      []byte
	Offset int64
	Value  []byte
}

var setRangeSpec = Spec{ID: idSetRange, Name: "SETRANGE", Access: Writes, Kind: value.Scalar, Repeatable: true}

// Spec implements Op.
func (o *SetRange) Spec() *Spec { return &setRangeSpec }

// Key implements Op.
func (o *SetRange) Key() []byte { return o.K }

// Size implements Sizer.
func (o *SetRange) Size() (total, largest int) {
	if len(o.Value) == 0 {
		return 0, 0 // it changes nothing
	}
	return int(max(o.Offset, 0)) + len(o.Value), 0
}

// Apply implements Op.
func (o *SetRange) Apply(e *value.Entry, now int64, r *Reply) error {
	if o.Offset < 0 {
		return errOffset
	}
	old, err := e.Bytes()
	if err != nil {
		return err
	}
	r.Int = int64(len(old))
	if len(o.Value) == 0 {
		return nil
	}
	if o.Offset > hearth.ValueBytesMax-int64(len(o.Value)) {
		return errTooLong
	}
	v := padded(e, old, int(o.Offset)+len(o.Value))
	copy(v[o.Offset:], o.Value)
	e.ReplaceBytes(v)
	e.KeepScratch(v)
	r.Int = int64(len(v))
	return nil
}

var errOffset = &hearth.Error{Kind: hearth.Precondition, Msg: "offset is out of range"}

// padded returns a copy of old, filled up with zero bytes to at least n, in e's scratch memory.
func padded(e *value.Entry, old []byte, n int) []byte {
	v := append(e.Scratch(), old...)
	if n > len(v) {
		v = append(v, make([]byte, n-len(v))...)
	}
	return v
}

// Send implements Op.
func (o *SetRange) Send(b *respwire.Batch, key []byte) {
	b.Command("SETRANGE", key, num(o.Offset), o.Value)
}

// Recv implements Op.
func (o *SetRange) Recv(v []respwire.Value, r *Reply) error { return recvInt(v[0], r) }
