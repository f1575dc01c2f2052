package op

import (
	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/respwire"
	"github.com/hearthcache/hearth/value"
)

// LCS finds the longest common subsequence of two scalars: its length in Int, and as the value, a Hit, itself, unless
// OnlyLen or Matches is asked for. With Matches the parts are, from the end, five numbers for each common range: first
// and last index in either, both included, and its length. Redis LCS.
type LCS struct {
	alone
	A, B        []byte // the keys
	OnlyLen     bool
	Matches     bool
	MatchLenMin int64 // shorter ranges are left out
}

var lcsSpec = Spec{ID: idLCS, Name: "LCS", Access: Reads, Kind: value.Scalar, Repeatable: true}

// Spec implements Op.
func (o *LCS) Spec() *Spec { return &lcsSpec }

// Key implements Op.
func (o *LCS) Key() []byte { return o.A }

// Keys implements Multi.
func (o *LCS) Keys() [][]byte { return [][]byte{o.A, o.B} }

var (
	errLCSType = &hearth.Error{Kind: hearth.Precondition, Msg: "The specified keys must contain string values"}
	errLCSSize = &hearth.Error{Kind: hearth.Precondition, Msg: "Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len"}
)

// ApplyAll implements Multi.
func (o *LCS) ApplyAll(es []*value.Entry, now int64, r *Reply) error {
	a, errA := es[0].Bytes()
	b, errB := es[1].Bytes()
	if errA != nil || errB != nil {
		return errLCSType
	}
	if (len(a)+1)*(len(b)+1) > hearth.ValueBytesMax/4 {
		return errLCSSize
	}
	table := lcsTable(a, b)
	r.Status = Hit
	r.Int = int64(table[len(a)*(len(b)+1)+len(b)])
	if !o.OnlyLen {
		o.walk(a, b, table, r)
	}
	return nil
}

// lcsTable returns the lengths of the longest common subsequences of all prefixes.
func lcsTable(a, b []byte) []uint32 {
	width := len(b) + 1
	t := make([]uint32, (len(a)+1)*width)
	for i := range a {
		for j := range b {
			at := (i+1)*width + j + 1
			if a[i] == b[j] {
				t[at] = t[at-width-1] + 1
			} else {
				t[at] = max(t[at-1], t[at-width])
			}
		}
	}
	return t
}

// walk goes back through the table, from the ends of both, and collects ranges or bytes.
func (o *LCS) walk(a, b []byte, t []uint32, r *Reply) {
	width := len(b) + 1
	out := make([]byte, r.Int)
	left := len(out)
	i, j, run := len(a), len(b), 0
	end := func() {
		if o.Matches && run > 0 && int64(run) >= o.MatchLenMin {
			for _, n := range [...]int{i, i + run - 1, j, j + run - 1, run} {
				r.AddNum(float64(n))
			}
		}
		run = 0
	}
	for i > 0 && j > 0 {
		if a[i-1] == b[j-1] {
			left--
			out[left] = a[i-1]
			i, j, run = i-1, j-1, run+1
			continue
		}
		end()
		if t[(i-1)*width+j] > t[i*width+j-1] {
			i--
		} else {
			j--
		}
	}
	end()
	if !o.Matches {
		r.SetValue(out)
	}
}

// SendAll implements Multi.
func (o *LCS) SendAll(b *respwire.Batch, keys [][]byte) {
	switch {
	case o.OnlyLen:
		b.Command("LCS", keys[0], keys[1], lit("LEN"))
	case o.Matches:
		b.Command("LCS", keys[0], keys[1], lit("IDX"), lit("MINMATCHLEN"), num(o.MatchLenMin), lit("WITHMATCHLEN"))
	default:
		b.Command("LCS", keys[0], keys[1])
	}
}

// RecvAll implements Multi.
func (o *LCS) RecvAll(v []respwire.Value, r *Reply) error {
	if err := failed(v); err != nil {
		return err
	}
	r.Status = Hit
	switch {
	case o.OnlyLen:
		r.Int = v[0].Int
	case o.Matches:
		// "matches", the ranges, "len", the length.
		for _, m := range v[0].Array[1].Array {
			a, b := m.Array[0].Array, m.Array[1].Array
			for _, n := range [...]int64{a[0].Int, a[1].Int, b[0].Int, b[1].Int, m.Array[2].Int} {
				r.AddNum(float64(n))
			}
		}
		r.Int = v[0].Array[3].Int
	default:
		r.SetValue(v[0].Str)
		r.Int = int64(len(v[0].Str))
	}
	return nil
}
