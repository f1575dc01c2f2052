package op

import (
	"github.com/hearthcache/hearth/respwire"
	"github.com/hearthcache/hearth/value"
)

// Lex is a range of values by their bytes, for sorted sets whose scores are all equal.
type Lex struct {
	Min, Max                   []byte
	MinExclusive, MaxExclusive bool
	MinOpen, MaxOpen           bool // no bound at this end: "-" for the lower, "+" for the upper one
	MinNone, MaxNone           bool // a bound that nothing reaches: "+" for the lower, "-" for the upper one
}

// indexes returns the places of the range in a sorted set, with from <= to.
func (x *Lex) indexes(z *value.Sorted) (from, to int) {
	n := z.Len()
	to = n
	switch {
	case x.MinNone || x.MaxNone:
		return 0, 0
	case !x.MinOpen:
		from = z.Before(x.Min, x.MinExclusive)
	}
	if !x.MaxOpen {
		to = z.Before(x.Max, !x.MaxExclusive)
	}
	return from, max(from, to)
}

func (x *Lex) args() (low, high []byte) {
	return lexBound(x.Min, x.MinExclusive, x.MinOpen, x.MinNone, "-", "+"), lexBound(x.Max, x.MaxExclusive, x.MaxOpen, x.MaxNone, "+", "-")
}

func lexBound(v []byte, exclusive, open, none bool, whenOpen, whenNone string) []byte {
	switch {
	case open:
		return lit(whenOpen)
	case none:
		return lit(whenNone)
	case exclusive:
		return append(lit("("), v...)
	}
	return append(lit("["), v...)
}

// SortedFetchLex reads a range of values by their bytes: a Hit with them, without scores, or a Miss where there is no set.
// Redis ZRANGEBYLEX, ZREVRANGEBYLEX and ZRANGE with BYLEX.
type SortedFetchLex struct {
	K          []byte
	Lex        Lex
	Descending bool
	Offset     int64 // how many to leave out; negative leaves nothing
	Count      int64 // how many at most; negative is all
}

var sortedFetchLexSpec = Spec{ID: idSortedFetchLex, Name: "ZRANGEBYLEX", Access: Reads, Kind: value.SortedSet, Repeatable: true}

// Spec implements Op.
func (o *SortedFetchLex) Spec() *Spec { return &sortedFetchLexSpec }

// Key implements Op.
func (o *SortedFetchLex) Key() []byte { return o.K }

// Apply implements Op.
func (o *SortedFetchLex) Apply(e *value.Entry, now int64, r *Reply) error {
	z, err := e.SortedSet()
	if err != nil || z == nil {
		r.Status = Miss
		return err
	}
	r.Status = Hit
	from, to := o.Lex.indexes(z)
	from, to = window(from, to, o.Offset, o.Count, o.Descending)
	add := func(v []byte, _ float64) bool {
		r.AddPart(v, 0)
		return true
	}
	if o.Descending {
		z.Backward(from, to, add)
	} else {
		z.Range(from, to, add)
	}
	return nil
}

// window leaves out some places at the beginning of a range and keeps some, in the order asked for.
func window(from, to int, offset, count int64, descending bool) (int, int) {
	n := int64(to - from)
	if offset < 0 || offset >= n {
		return from, from
	}
	if count < 0 || count > n-offset {
		count = n - offset
	}
	if descending {
		to -= int(offset)
		return to - int(count), to
	}
	from += int(offset)
	return from, from + int(count)
}

// Send implements Op.
func (o *SortedFetchLex) Send(b *respwire.Batch, key []byte) {
	low, high := o.Lex.args()
	name := "ZRANGEBYLEX"
	if o.Descending {
		name, low, high = "ZREVRANGEBYLEX", high, low
	}
	b.Command("ZCARD", key)
	b.Command(name, key, low, high, lit("LIMIT"), num(o.Offset), num(o.Count))
}

// Recv implements Op.
func (o *SortedFetchLex) Recv(v []respwire.Value, r *Reply) error { return recvFound(v, r, recvBulks) }
