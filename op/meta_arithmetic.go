package op

import (
	"bytes"
	"strconv"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/value"
)

// MetaArithmetic adds to a scalar that is a decimal number of 64 bits, or subtracts: Done with the result as the value, a
// Miss, or Refused where the guard does not hold. Num is 1 where the item was made. Adding goes round, subtracting stops at 0, and a shorter result is
// filled up with spaces, as memcached does. memcached's ma, incr and decr.
type MetaArithmetic struct {
	detached
	K       []byte
	Delta   uint64
	Down    bool
	Vivify  bool // whether a missing item begins with Initial
	Initial uint64
	Made    Expiry // of an item that is made
	Guard   Guard
	Touch   bool // whether an item that is there takes Expiry
	Expiry  Expiry
	WantCAS bool // whether the new fingerprint, in decimal, is an element of the reply
}

var metaArithmeticSpec = Spec{ID: idMetaArithmetic, Name: "ma", Access: Writes | Reveals, Kind: value.Scalar}

// Spec implements Op.
func (o *MetaArithmetic) Spec() *Spec { return &metaArithmeticSpec }

// Key implements Op.
func (o *MetaArithmetic) Key() []byte { return o.K }

// ExpiresIn implements Expirer.
func (o *MetaArithmetic) ExpiresIn() *Expiry { return &o.Expiry }

var errNotNumeric = &hearth.Error{Kind: hearth.Precondition, Msg: "cannot increment or decrement non-numeric value"}

// Apply implements Op.
func (o *MetaArithmetic) Apply(e *value.Entry, now int64, r *Reply) error {
	old, err := e.Bytes()
	if err != nil {
		return err
	}
	if !e.Exists() {
		if r.Status = Miss; o.Vivify {
			r.Status, r.Num = Done, 1
			v := strconv.AppendUint(nil, o.Initial, 10)
			e.SetBytes(v)
			e.ExpireAt(o.Made.When(now))
			o.tell(e, v, now, r)
		}
		return nil
	}
	if len(old) == 0 {
		return errNotNumeric
	}
	if !o.Guard.holds(e, old) {
		r.Status = Refused
		return nil
	}
	// The number ends at a space, whatever follows.
	text, _, _ := bytes.Cut(bytes.TrimLeft(old, " "), []byte{' '})
	n, err := strconv.ParseUint(string(text), 10, 64)
	if err != nil {
		return errNotNumeric
	}
	switch {
	case !o.Down:
		n += o.Delta
	case o.Delta > n:
		n = 0
	default:
		n -= o.Delta
	}
	v := strconv.AppendUint(e.Scratch(), n, 10)
	digits := len(v)
	for len(v) < len(old) {
		v = append(v, ' ')
	}
	grown := len(v) > len(old)
	e.ReplaceBytes(v)
	e.KeepScratch(v)
	if a := e.Attrs(); grown && (a.Stale || a.Won) {
		// memcached makes a new item where the old one is too short.
		a.Stale, a.Won = false, false
		e.SetAttrs(a)
	}
	if o.Touch {
		e.ExpireAt(o.Expiry.When(now))
	}
	o.tell(e, v[:digits], now, r)
	return nil
}

func (o *MetaArithmetic) tell(e *value.Entry, digits []byte, now int64, r *Reply) {
	told(e, now, r)
	r.SetValue(digits)
	if o.WantCAS {
		stored, _ := e.Bytes()
		r.AddPart(strconv.AppendUint(nil, Fingerprint(e.Attrs().Flags, stored), 10), 0)
	}
}
