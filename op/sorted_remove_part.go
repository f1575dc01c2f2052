package op

import (
	"github.com/hearthcache/hearth/respwire"
	"github.com/hearthcache/hearth/value"
)

// SortedRemovePart removes a part of a sorted set; Int is how many values it had. Redis ZREMRANGEBYRANK, ZREMRANGEBYSCORE
// and ZREMRANGEBYLEX.
type SortedRemovePart struct {
	K      []byte
	Slice  Slice   // by index
	Scores *Scores // by score, instead of Slice
	Lex    *Lex    // by bytes, instead of Slice
}

var sortedRemovePartSpec = Spec{ID: idSortedRemovePart, Name: "ZREMRANGE", Access: Writes, Kind: value.SortedSet}

// Spec implements Op.
func (o *SortedRemovePart) Spec() *Spec { return &sortedRemovePartSpec }

// Key implements Op.
func (o *SortedRemovePart) Key() []byte { return o.K }

func (o *SortedRemovePart) part() sortedPart { return sortedPart{o.Slice, o.Scores, o.Lex} }

// Apply implements Op.
func (o *SortedRemovePart) Apply(e *value.Entry, now int64, r *Reply) error {
	z, err := e.SortedSet()
	if err != nil || z == nil {
		return err
	}
	from, to := o.part().indexes(z, false)
	r.Int = int64(z.DeleteRange(from, to))
	return nil
}

// Send implements Op.
func (o *SortedRemovePart) Send(b *respwire.Batch, key []byte) {
	by, low, high := o.part().args()
	if by == "" {
		by = "RANK"
	}
	b.Command("ZREMRANGEBY"+by, key, low, high)
}

// Recv implements Op.
func (o *SortedRemovePart) Recv(v []respwire.Value, r *Reply) error { return recvInt(v[0], r) }
