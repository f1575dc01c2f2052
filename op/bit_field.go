package op

import (
	"strconv"

	"github.com/hearthcache/hearth/respwire"
	"github.com/hearthcache/hearth/value"
)

// BitField reads and writes whole numbers of any width inside a scalar: a part for each step with its result in decimal,
// a miss where an overflow refused it. Redis BITFIELD; a BitFieldRead is BITFIELD_RO.
type BitField struct {
	K     []byte
	Steps []BitStep
}

// BitFieldRead is a BitField that only reads.
type BitFieldRead struct{ BitField }

// BitStep is one step of a BitField.
type BitStep struct {
	Do       BitVerb
	Signed   bool
	Bits     int64 // the width: 1 to 64 where it is signed, else 1 to 63
	Offset   int64 // in bits
	Value    int64 // what to set or to add
	Overflow BitOverflow
}

// BitVerb is what a step does.
type BitVerb uint8

// The verbs.
const (
	BitRead BitVerb = iota
	BitWrite
	BitAdd
)

// BitOverflow is what happens to a result that does not fit.
type BitOverflow uint8

// What may happen.
const (
	BitWrap BitOverflow = iota
	BitSaturate
	BitFail
)

var (
	bitFieldSpec     = Spec{ID: idBitField, Name: "BITFIELD", Access: Writes | Reveals, Kind: value.Scalar}
	bitFieldReadSpec = Spec{ID: idBitFieldRead, Name: "BITFIELD_RO", Access: Reads, Kind: value.Scalar, Repeatable: true}
)

// Spec implements Op.
func (o *BitField) Spec() *Spec { return &bitFieldSpec }

// Spec implements Op.
func (o *BitFieldRead) Spec() *Spec { return &bitFieldReadSpec }

// Key implements Op.
func (o *BitField) Key() []byte { return o.K }

// Size implements Sizer.
func (o *BitField) Size() (total, largest int) { return o.reach(), 0 }

// reach returns how many bytes the scalar has when all steps are done.
func (o *BitField) reach() (n int) {
	for _, s := range o.Steps {
		if s.Do != BitRead {
			n = max(n, int((s.Offset+s.Bits-1)/8)+1)
		}
	}
	return n
}

// Apply implements Op.
func (o *BitField) Apply(e *value.Entry, now int64, r *Reply) error {
	v, err := e.Bytes()
	if err != nil {
		return err
	}
	for _, s := range o.Steps {
		if s.Offset < 0 || s.Offset+s.Bits-1 > BitOffsetMax {
			return errBitOffset
		}
	}
	r.Status = Hit
	n := o.reach()
	if n > 0 {
		v = padded(e, v, n)
	}
	var digits [20]byte
	for _, s := range o.Steps {
		result, ok := s.run(v)
		if !ok {
			r.AddMiss()
			continue
		}
		r.AddPart(strconv.AppendInt(digits[:0], result, 10), 0)
	}
	if n > 0 {
		e.ReplaceBytes(v)
		e.KeepScratch(v)
	}
	return nil
}

func (s *BitStep) run(v []byte) (result int64, ok bool) {
	old := s.read(v)
	switch s.Do {
	case BitRead:
		return old, true
	case BitWrite:
		n, ok := s.fit(s.Value, 0)
		if ok {
			s.write(v, n)
		}
		return old, ok
	}
	n, ok := s.fit(old, s.Value)
	if ok {
		s.write(v, n)
	}
	return n, ok
}

func (s *BitStep) read(v []byte) int64 {
	var n uint64
	for i := range s.Bits {
		n = n<<1 | uint64(bitAt(v, s.Offset+i))
	}
	return s.extend(n)
}

// extend gives the lowest bits of n the step's sign.
func (s *BitStep) extend(n uint64) int64 {
	shift := 64 - s.Bits
	if s.Signed {
		return int64(n<<shift) >> shift
	}
	return int64(n << shift >> shift)
}

func (s *BitStep) write(v []byte, n int64) {
	for i := range s.Bits {
		at := s.Offset + i
		mask := byte(0x80) >> (at % 8)
		v[at/8] &^= mask
		if n>>(s.Bits-1-i)&1 != 0 {
			v[at/8] |= mask
		}
	}
}

// fit adds and makes the result fit as the step says.
func (s *BitStep) fit(n, add int64) (int64, bool) {
	least, most := int64(0), int64(uint64(1)<<s.Bits-1)
	var over, under bool
	if s.Signed {
		most = int64(uint64(1)<<(s.Bits-1) - 1)
		least = -most - 1
		// The differences wrap around where the servers' do.
		over = n > most || s.Bits != 64 && add > most-n || n >= 0 && add > 0 && add > most-n
		under = n < least || s.Bits != 64 && add < least-n || n < 0 && add < 0 && add < least-n
	} else {
		over = uint64(n) > uint64(most) || add > 0 && n > most-add
		under = add < 0 && add < -n
	}
	switch {
	case !over && !under:
		return n + add, true
	case s.Overflow == BitFail:
		return 0, false
	case s.Overflow == BitWrap:
		return s.extend(uint64(n) + uint64(add)), true
	case over:
		return most, true
	}
	return least, true
}

// Send implements Op.
func (o *BitField) Send(b *respwire.Batch, key []byte) { o.send(b, "BITFIELD", key) }

// Send implements Op.
func (o *BitFieldRead) Send(b *respwire.Batch, key []byte) { o.send(b, "BITFIELD_RO", key) }

func (o *BitField) send(b *respwire.Batch, name string, key []byte) {
	var args [][]byte
	overflow := BitWrap
	for _, s := range o.Steps {
		if s.Do != BitRead && s.Overflow != overflow {
			overflow = s.Overflow
			args = append(args, lit("OVERFLOW"), lit([...]string{"WRAP", "SAT", "FAIL"}[overflow]))
		}
		sign := "u"
		if s.Signed {
			sign = "i"
		}
		args = append(args, lit([...]string{"GET", "SET", "INCRBY"}[s.Do]), lit(sign+strconv.FormatInt(s.Bits, 10)), num(s.Offset))
		if s.Do != BitRead {
			args = append(args, num(s.Value))
		}
	}
	b.Command(name, key, args...)
}

// Recv implements Op.
func (o *BitField) Recv(v []respwire.Value, r *Reply) error {
	if err := failed(v); err != nil {
		return err
	}
	r.Status = Hit
	for _, e := range v[0].Array {
		if e.Null {
			r.AddMiss()
			continue
		}
		r.AddPart(num(e.Int), 0)
	}
	return nil
}
