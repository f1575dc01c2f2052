package op

import (
	"bytes"
	"math/big"
	"strings"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/respwire"
	"github.com/hearthcache/hearth/value"
)

// IncrementFloat adds to a scalar that is a decimal number, 0 where there is none, and leaves its expiry alone; the
// reply's value is the result in decimal. Redis INCRBYFLOAT.
type IncrementFloat struct {
	K      []byte
	Amount []byte // decimal, as ParseLong takes it
}

var incrementFloatSpec = Spec{ID: idIncrementFloat, Name: "INCRBYFLOAT", Access: Writes | Reveals, Kind: value.Scalar}

// Spec implements Op.
func (o *IncrementFloat) Spec() *Spec { return &incrementFloatSpec }

// Key implements Op.
func (o *IncrementFloat) Key() []byte { return o.K }

// Apply implements Op.
func (o *IncrementFloat) Apply(e *value.Entry, now int64, r *Reply) error {
	old, err := e.Bytes()
	if err != nil {
		return err
	}
	if !e.Exists() {
		old = []byte("0")
	}
	sum, err := addLong(old, o.Amount, errNotFloat)
	if err != nil {
		return err
	}
	r.SetValue(sum)
	r.Status = Hit
	e.ReplaceBytes(sum)
	return nil
}

var (
	errNotFloat    = &hearth.Error{Kind: hearth.Precondition, Msg: "value is not a valid float"}
	errNaNInfinity = &hearth.Error{Kind: hearth.Precondition, Msg: "increment would produce NaN or Infinity"}
)

// The precision of the servers' long double, which these commands count in, and the longest text of one.
const (
	longBits     = 64
	longBytesMax = 5 << 10
	longExpMax   = 16384  // a number is less than 2 to this
	longExpMin   = -16445 // and at least 2 to this, or 0
)

// fits reports whether a number is neither too large for a long double nor, without being 0, too small.
func fits(f *big.Float) bool {
	return f.IsInf() || f.Sign() == 0 || f.MantExp(nil) <= longExpMax && f.MantExp(nil) > longExpMin
}

// ParseLong reads a number as INCRBYFLOAT and HINCRBYFLOAT take it, in the servers' precision. It may be infinite.
func ParseLong(b []byte) (*big.Float, bool) {
	s := string(b)
	if s == "" || len(s) >= longBytesMax || strings.ContainsAny(s, " _\t\n\v\f\r\x00") {
		return nil, false
	}
	if strings.HasPrefix(strings.ToLower(strings.TrimLeft(s, "+-")), "inf") {
		switch strings.ToLower(strings.TrimLeft(s, "+-")) {
		case "inf", "infinity":
			return new(big.Float).SetInf(s[0] == '-'), true
		}
		return nil, false
	}
	// strtold knows hexadecimal but neither binary nor octal numbers.
	base := 10
	if t := strings.TrimLeft(s, "+-"); len(t) > 1 && t[0] == '0' && (t[1] == 'x' || t[1] == 'X') {
		base = 0
	}
	f, _, err := big.ParseFloat(s, base, longBits, big.ToNearestEven)
	return f, err == nil && fits(f) && !f.IsInf()
}

// addLong adds two decimal numbers and writes the sum as the servers do: 17 digits after the point, without the zeros
// at the end.
func addLong(a, b []byte, bad *hearth.Error) ([]byte, error) {
	x, ok := ParseLong(a)
	if !ok {
		return nil, bad
	}
	y, ok := ParseLong(b)
	if !ok {
		return nil, errNotFloat
	}
	if x.IsInf() || y.IsInf() {
		return nil, errNaNInfinity
	}
	sum := new(big.Float).SetPrec(longBits).Add(x, y)
	if sum.IsInf() || !fits(sum) {
		return nil, errNaNInfinity
	}
	out := sum.Append(nil, 'f', 17)
	out = bytes.TrimRight(out, "0")
	out = bytes.TrimSuffix(out, []byte("."))
	if string(out) == "-0" {
		return out[1:], nil
	}
	return out, nil
}

// Send implements Op.
func (o *IncrementFloat) Send(b *respwire.Batch, key []byte) { b.Command("INCRBYFLOAT", key, o.Amount) }

// Recv implements Op.
func (o *IncrementFloat) Recv(v []respwire.Value, r *Reply) error { return recvReply(v[0], r) }
