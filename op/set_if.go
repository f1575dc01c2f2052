package op

import (
	"bytes"

	"github.com/hearthcache/hearth/respwire"
	"github.com/hearthcache/hearth/value"
)

// SetIf stores a scalar where a condition on what is there holds: Done, or Refused. RPCs SetIf and SetIfNotExists, Redis
// SET with options. With Old, the reply's value is what was there before, nil where that was nothing.
type SetIf struct {
	K         []byte
	Value     []byte
	Block     *value.Block // holds Value already, where the door has read it into its final place
	Condition Condition
	Against   []byte // what the present value is compared with
	Old       bool
	KeepTTL   bool // instead of Expiry
	Expiry    Expiry
}

var setIfSpec = Spec{ID: idSetIf, Name: "SetIf", Access: Writes | Conditional}

// Spec implements Op.
func (o *SetIf) Spec() *Spec { return &setIfSpec }

// Asks implements Asker.
func (o *SetIf) Asks() bool { return o.Condition != Always || o.Old }

// Key implements Op.
func (o *SetIf) Key() []byte { return o.K }

// ExpiresIn implements Expirer.
func (o *SetIf) ExpiresIn() *Expiry { return &o.Expiry }

// Size implements Sizer.
func (o *SetIf) Size() (total, largest int) { return len(o.Value), 0 }

// Condition is what must hold of an item for a write to happen.
type Condition uint8

// The conditions. A collection and a value are never equal.
const (
	Always Condition = iota
	Absent
	Present
	Equal
	NotEqual
	PresentAndNotEqual
	AbsentOrEqual
)

// holds reports whether the condition holds of an item that is present, or not, and equal to what it is compared with.
func (c Condition) holds(present, equal bool) bool {
	switch c {
	case Absent:
		return !present
	case Present:
		return present
	case Equal:
		return equal
	case NotEqual:
		return !equal
	case PresentAndNotEqual:
		return present && !equal
	case AbsentOrEqual:
		return !present || equal
	}
	return true
}

// word is what the functions of the server call the condition.
func (c Condition) word() string {
	return [...]string{"always", "absent", "present", "equal", "not_equal", "present_and_not_equal", "absent_or_equal"}[c]
}

// Apply implements Op.
func (o *SetIf) Apply(e *value.Entry, now int64, r *Reply) error {
	v, err := e.Bytes()
	if err != nil && o.Old {
		return err
	}
	if o.Old && e.Exists() {
		r.SetValue(v)
	}
	if !o.Condition.holds(e.Exists(), e.Kind() == value.Scalar && bytes.Equal(v, o.Against)) {
		r.Status = Refused
		return nil
	}
	at := o.Expiry.When(now)
	if o.KeepTTL {
		at = e.Expiry()
	}
	if o.Block != nil {
		e.SetBlock(o.Block)
	} else {
		e.SetBytes(o.Value)
	}
	e.ExpireAt(at)
	return nil
}

// Send implements Op.
func (o *SetIf) Send(b *respwire.Batch, key []byte) {
	if o.Condition > Present {
		b.Function("hearth_set_if", key, lit(o.Condition.word()), o.Against, o.Value, o.Expiry.arg(o.KeepTTL), flag(o.Old))
		return
	}
	args := [][]byte{lit("SET"), key, o.Value}
	switch o.Condition {
	case Absent:
		args = append(args, lit("NX"))
	case Present:
		args = append(args, lit("XX"))
	}
	if o.Old {
		args = append(args, lit("GET"))
	}
	switch {
	case o.KeepTTL:
		args = append(args, lit("KEEPTTL"))
	case o.Expiry.At != 0:
		args = append(args, lit("PXAT"), num(o.Expiry.At))
	case o.Expiry.TTL != 0:
		args = append(args, lit("PX"), num(o.Expiry.TTL))
	}
	b.Raw(args...)
}

// Recv implements Op.
func (o *SetIf) Recv(v []respwire.Value, r *Reply) error {
	if err := failed(v); err != nil {
		return err
	}
	a, stored := v[0], !v[0].Null
	if o.Condition > Present {
		a, stored = v[0].Array[1], v[0].Array[0].Int == 1
	} else if o.Old {
		stored = o.Condition.holds(!a.Null, false)
	}
	if o.Old && !a.Null {
		r.SetValue(a.Str)
	}
	if !stored {
		r.Status = Refused
	}
	return nil
}
