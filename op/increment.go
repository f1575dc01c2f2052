package op

import (
	"strconv"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/respwire"
	"github.com/hearthcache/hearth/value"
)

// Increment adds to a scalar that is a decimal number, 0 where there is none; Int is the result. RPC Increment, which
// replaces the time to live; with KeepTTL Redis INCRBY and its kin.
type Increment struct {
	K       []byte
	Amount  int64
	KeepTTL bool // instead of Expiry
	Expiry  Expiry
}

var incrementSpec = Spec{ID: idIncrement, Name: "Increment", Access: Writes | Reveals, Kind: value.Scalar}

// Spec implements Op.
func (o *Increment) Spec() *Spec { return &incrementSpec }

// Key implements Op.
func (o *Increment) Key() []byte { return o.K }

// ExpiresIn implements Expirer.
func (o *Increment) ExpiresIn() *Expiry { return &o.Expiry }

// Apply implements Op.
func (o *Increment) Apply(e *value.Entry, now int64, r *Reply) error {
	v, err := e.Bytes()
	if err != nil {
		return err
	}
	var n int64
	if e.Exists() {
		var ok bool
		if n, ok = ParseInt(v); !ok {
			return errNotInteger
		}
	}
	if sum := n + o.Amount; (sum > n) != (o.Amount > 0) && o.Amount != 0 {
		return errOverflow
	}
	r.Int = n + o.Amount
	b := strconv.AppendInt(e.Scratch(), r.Int, 10)
	e.ReplaceBytes(b)
	e.KeepScratch(b)
	if !o.KeepTTL {
		e.ExpireAt(o.Expiry.When(now))
	}
	return nil
}

// The errors of commands on numbers. The texts are Valkey's.
var (
	errNotInteger      = &hearth.Error{Kind: hearth.Precondition, Msg: "value is not an integer or out of range"}
	errFieldNotInteger = &hearth.Error{Kind: hearth.Precondition, Msg: "hash value is not an integer"}
	errOverflow        = &hearth.Error{Kind: hearth.Precondition, Msg: "increment or decrement would overflow"}
	errNotANumber      = &hearth.Error{Kind: hearth.Precondition, Msg: "resulting score is not a number (NaN)"}
)

// ParseInt reads a number as Redis stores it: decimal, no sign but '-', no leading zeros, no spaces, 64 bits.
func ParseInt(b []byte) (int64, bool) {
	if len(b) == 0 {
		return 0, false
	}
	digits := b
	if b[0] == '-' {
		digits = b[1:]
	}
	// 19 digits are enough for any number of 64 bits with a sign, and too few to overflow one without.
	if len(digits) == 0 || len(digits) > 19 || digits[0] == '0' && len(b) > 1 {
		return 0, false
	}
	var n uint64
	for _, c := range digits {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + uint64(c-'0')
	}
	switch {
	case len(digits) < len(b) && n <= 1<<63:
		return -int64(n), true
	case len(digits) == len(b) && n < 1<<63:
		return int64(n), true
	}
	return 0, false
}

// Send implements Op.
func (o *Increment) Send(b *respwire.Batch, key []byte) {
	if o.KeepTTL {
		b.Command("INCRBY", key, num(o.Amount))
		return
	}
	b.Function("hearth_increment", key, num(o.Amount), o.Expiry.arg(false))
}

// Recv implements Op.
func (o *Increment) Recv(v []respwire.Value, r *Reply) error { return recvInt(v[0], r) }
