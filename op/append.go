package op

import (
	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/respwire"
	"github.com/hearthcache/hearth/value"
)

// Append adds bytes to the end of a scalar, or begins one that never expires; Int is the new length. Redis APPEND.
type Append struct {
	K     []byte
	Value []byte
}

var appendSpec = Spec{ID: idAppend, Name: "APPEND", Access: Writes, Kind: value.Scalar}

// Spec implements Op.
func (o *Append) Spec() *Spec { return &appendSpec }

// Key implements Op.
func (o *Append) Key() []byte { return o.K }

// Size implements Sizer.
func (o *Append) Size() (total, largest int) { return len(o.Value), 0 }

// Apply implements Op.
func (o *Append) Apply(e *value.Entry, now int64, r *Reply) error {
	old, err := e.Bytes()
	if err != nil {
		return err
	}
	if len(old)+len(o.Value) > hearth.ValueBytesMax {
		return errTooLong
	}
	v := append(append(e.Scratch(), old...), o.Value...)
	e.ReplaceBytes(v)
	e.KeepScratch(v)
	r.Int = int64(len(v))
	return nil
}

var errTooLong = &hearth.Error{Kind: hearth.Precondition, Msg: "string exceeds maximum allowed size (proto-max-bulk-len)"}

// Send implements Op.
func (o *Append) Send(b *respwire.Batch, key []byte) { b.Command("APPEND", key, o.Value) }

// Recv implements Op.
func (o *Append) Recv(v []respwire.Value, r *Reply) error { return recvInt(v[0], r) }
