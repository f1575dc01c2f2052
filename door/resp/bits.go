package resp

import (
	"strings"

	"github.com/hearthcache/hearth/op"
	"github.com/hearthcache/hearth/respwire"
	"github.com/hearthcache/hearth/value"
)

func bitRows() []row {
	return []row{
		one("SETBIT", 4, write|denyoom, parseSetBit, encodeInt),
		one("GETBIT", 3, readonly|fast, parseGetBit, encodeInt),
		one("BITCOUNT", -2, readonly, parseBitCount, encodeInt).orMissing(value.Scalar, (*conn).zero),
		bitPosRow(),
		many("BITOP", -4, write|denyoom, 2, -1, 1, parseBitOp, encodeInt),
		one("BITFIELD", -2, write|denyoom, parseBitField, encodeBitField),
		one("BITFIELD_RO", -2, readonly|fast, parseBitField, encodeBitField),
	}
}

const (
	errBitOffset = say("ERR bit offset is not an integer or out of range")
	errBit       = say("ERR bit is not an integer or out of range")
)

func bitOffset(arg []byte) (int64, error) {
	n, ok := respwire.Int(arg)
	if !ok || n < 0 || n > op.BitOffsetMax {
		return 0, errBitOffset
	}
	return n, nil
}

func parseSetBit(c *conn, args [][]byte) (op.Op, error) {
	n, err := bitOffset(args[2])
	if err != nil {
		return nil, err
	}
	bit, ok := respwire.Int(args[3])
	if !ok || bit&^1 != 0 {
		return nil, errBit
	}
	return &op.BitSet{K: args[1], Offset: n, Bit: byte(bit)}, nil
}

func parseGetBit(c *conn, args [][]byte) (op.Op, error) {
	n, err := bitOffset(args[2])
	return &op.BitGet{K: args[1], Offset: n}, err
}

// bitUnit reads BYTE or BIT.
func bitUnit(arg []byte) (bits bool, err error) {
	switch {
	case is(arg, "BIT"):
		return true, nil
	case is(arg, "BYTE"):
		return false, nil
	}
	return false, errSyntax
}

func parseBitCount(c *conn, args [][]byte) (op.Op, error) {
	o := &op.BitCount{K: args[1]}
	var err error
	switch len(args) {
	case 2:
		return o, nil
	case 4, 5:
		o.Ranged = true
		if o.Start, o.End, err = twoInts(args[2], args[3]); err != nil {
			return nil, err
		}
		// Redis finds some ranges empty before it looks at their unit.
		if len(args) == 5 && (o.Start >= 0 || o.End >= 0 || o.Start <= o.End) {
			o.Bits, err = bitUnit(args[4])
		}
		return o, err
	}
	return nil, errSyntax
}

// bitPosRow answers where the key holds nothing, which is as zeros without an end, before it looks at the range.
func bitPosRow() row {
	r := one("BITPOS", -3, readonly, parseBitPos, encodeInt).looking(value.Scalar)
	r.missing = func(c *conn, args [][]byte) {
		bit, _ := respwire.Int(args[2])
		c.out = respwire.AppendInteger(c.out, -bit)
	}
	return r
}

func parseBitPos(c *conn, args [][]byte) (op.Op, error) {
	bit, ok := respwire.Int(args[2])
	switch {
	case !ok:
		return nil, errNotInt.early()
	case bit&^1 != 0:
		return nil, say("ERR The bit argument must be 1 or 0.").early()
	}
	var err error
	o := &op.BitPos{K: args[1], Bit: byte(bit), HasStart: len(args) > 3, HasEnd: len(args) > 4}
	if len(args) > 6 {
		return nil, errSyntax
	}
	if len(args) > 3 {
		if o.Start, err = integer(args[3]); err != nil {
			return nil, err
		}
	}
	if len(args) > 5 {
		if o.Bits, err = bitUnit(args[5]); err != nil {
			return nil, err
		}
	}
	if len(args) > 4 {
		o.End, err = integer(args[4])
	}
	return o, err
}

func parseBitOp(c *conn, args [][]byte) (op.Op, error) {
	o := &op.BitOp{To: args[2], From: args[3:]}
	switch {
	case is(args[1], "AND"):
		o.How = op.BitAnd
	case is(args[1], "OR"):
		o.How = op.BitOr
	case is(args[1], "XOR"):
		o.How = op.BitXor
	case is(args[1], "NOT"):
		if o.How = op.BitNot; len(args) != 4 {
			return nil, say("ERR BITOP NOT must be called with a single source key.")
		}
	default:
		return nil, errSyntax
	}
	return o, nil
}

func parseBitField(c *conn, args [][]byte) (op.Op, error) {
	o := op.BitField{K: args[1]}
	overflow, writes := op.BitWrap, false
	for i := 2; i < len(args); i++ {
		left := len(args) - i - 1
		s := op.BitStep{Overflow: overflow}
		switch {
		case is(args[i], "GET") && left >= 2:
			s.Do = op.BitRead
		case is(args[i], "SET") && left >= 3:
			s.Do, writes = op.BitWrite, true
		case is(args[i], "INCRBY") && left >= 3:
			s.Do, writes = op.BitAdd, true
		case is(args[i], "OVERFLOW") && left >= 1:
			switch {
			case is(args[i+1], "WRAP"):
				overflow = op.BitWrap
			case is(args[i+1], "SAT"):
				overflow = op.BitSaturate
			case is(args[i+1], "FAIL"):
				overflow = op.BitFail
			default:
				return nil, say("ERR Invalid OVERFLOW type specified")
			}
			i++
			continue
		default:
			return nil, errSyntax
		}
		n, err := bitStep(&s, args[i+1:])
		if err != nil {
			return nil, err
		}
		o.Steps = append(o.Steps, s)
		i += n
	}
	if !is(args[0], "BITFIELD_RO") && writes {
		return &o, nil
	}
	if writes {
		return nil, say("ERR BITFIELD_RO only supports the GET subcommand")
	}
	return &op.BitFieldRead{BitField: o}, nil
}

// bitStep reads the type, the offset and, of a write, the value of a step, and returns how many arguments those are.
func bitStep(s *op.BitStep, args [][]byte) (n int, err error) {
	const errType = say("ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.")
	if len(args[0]) < 2 || (args[0][0] != 'i' && args[0][0] != 'u') {
		return 0, errType
	}
	s.Signed = args[0][0] == 'i'
	bits, ok := respwire.Int(args[0][1:])
	if !ok || bits < 1 || bits > 64 || (!s.Signed && bits == 64) {
		return 0, errType
	}
	s.Bits = bits
	at := string(args[1])
	times := int64(1)
	if rest, found := strings.CutPrefix(at, "#"); found {
		at, times = rest, bits
	}
	off, ok := respwire.Int([]byte(at))
	if !ok || off < 0 || off > op.BitOffsetMax/times {
		return 0, errBitOffset
	}
	s.Offset = off * times
	if s.Do == op.BitRead {
		return 2, nil
	}
	s.Value, err = integer(args[2])
	return 3, err
}

func encodeBitField(c *conn, args [][]byte, r *op.Reply) {
	c.out = respwire.AppendArray(c.out, r.Len())
	for i := range r.Len() {
		p := r.Part(i)
		if !p.Hit {
			c.null()
			continue
		}
		n, _ := respwire.Int(p.Bytes)
		c.out = respwire.AppendInteger(c.out, n)
	}
}
