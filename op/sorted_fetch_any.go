package op

import (
	"github.com/hearthcache/hearth/respwire"
	"github.com/hearthcache/hearth/value"
)

// SortedFetchAny reads a whole sorted set, or a set as if all scores were 1: a Hit with values and scores, or a Miss. It is
// the reading part of SortedUnionStore.
type SortedFetchAny struct {
	K []byte
}

var sortedFetchAnySpec = Spec{ID: idSortedFetchAny, Name: "SortedFetchAny", Access: Reads, Repeatable: true}

// Spec implements Op.
func (o *SortedFetchAny) Spec() *Spec { return &sortedFetchAnySpec }

// Key implements Op.
func (o *SortedFetchAny) Key() []byte { return o.K }

// Apply implements Op.
func (o *SortedFetchAny) Apply(e *value.Entry, now int64, r *Reply) error {
	if e.Kind() == value.Set {
		s, err := e.Set()
		if err != nil {
			return err
		}
		r.Status = Hit
		for v := range s.All {
			r.AddPart(v, 1)
		}
		return nil
	}
	return (&SortedFetch{}).Apply(e, now, r)
}

// Send implements Op.
func (o *SortedFetchAny) Send(b *respwire.Batch, key []byte) {
	b.Raw(lit("ZUNION"), lit("1"), key, lit("WITHSCORES"))
}

// Recv implements Op.
func (o *SortedFetchAny) Recv(v []respwire.Value, r *Reply) error {
	if err := failed(v); err != nil {
		return err
	}
	r.Status = Hit
	if len(v[0].Array) == 0 {
		r.Status = Miss
	}
	return recvScored(v[0], r)
}
