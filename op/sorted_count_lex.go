package op

import (
	"github.com/hearthcache/hearth/respwire"
	"github.com/hearthcache/hearth/value"
)

// SortedCountLex counts in Int a range of values by their bytes. Redis ZLEXCOUNT.
type SortedCountLex struct {
	K   []byte
	Lex Lex
}

var sortedCountLexSpec = Spec{ID: idSortedCountLex, Name: "ZLEXCOUNT", Access: Reads, Kind: value.SortedSet, Repeatable: true}

// Spec implements Op.
func (o *SortedCountLex) Spec() *Spec { return &sortedCountLexSpec }

// Key implements Op.
func (o *SortedCountLex) Key() []byte { return o.K }

// Apply implements Op.
func (o *SortedCountLex) Apply(e *value.Entry, now int64, r *Reply) error {
	z, err := e.SortedSet()
	if err != nil || z == nil {
		return err
	}
	from, to := o.Lex.indexes(z)
	r.Int = int64(to - from)
	return nil
}

// Send implements Op.
func (o *SortedCountLex) Send(b *respwire.Batch, key []byte) {
	low, high := o.Lex.args()
	b.Command("ZLEXCOUNT", key, low, high)
}

// Recv implements Op.
func (o *SortedCountLex) Recv(v []respwire.Value, r *Reply) error { return recvInt(v[0], r) }
