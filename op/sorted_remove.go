package op

import (
	"github.com/hearthcache/hearth/respwire"
	"github.com/hearthcache/hearth/value"
)

// SortedRemove removes values of a sorted set; Int is how many there were. RPC SortedSetRemove of some, Redis ZREM. All of
// a set is DeleteKind.
type SortedRemove struct {
	K      []byte
	Values [][]byte
}

var sortedRemoveSpec = Spec{ID: idSortedRemove, Name: "SortedSetRemove", Access: Writes, Kind: value.SortedSet, Repeatable: true}

// Spec implements Op.
func (o *SortedRemove) Spec() *Spec { return &sortedRemoveSpec }

// Key implements Op.
func (o *SortedRemove) Key() []byte { return o.K }

// Apply implements Op.
func (o *SortedRemove) Apply(e *value.Entry, now int64, r *Reply) error {
	z, err := e.SortedSet()
	if err != nil || z == nil {
		return err
	}
	for _, v := range o.Values {
		if z.Delete(v) {
			r.Int++
		}
	}
	return nil
}

// Send implements Op.
func (o *SortedRemove) Send(b *respwire.Batch, key []byte) {
	sendSome(b, "ZREM", "ZCARD", key, o.Values)
}

// Recv implements Op.
func (o *SortedRemove) Recv(v []respwire.Value, r *Reply) error { return recvSome(v, r, len(o.Values)) }
