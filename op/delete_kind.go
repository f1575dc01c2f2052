package op

import (
	"github.com/hearthcache/hearth/respwire"
	"github.com/hearthcache/hearth/value"
)

// DeleteKind removes an item that is of the given kind: a Hit, or a Miss where there is none. RPCs DictionaryDelete,
// SetDifference, ListErase and SortedSetRemove of all.
type DeleteKind struct {
	K    []byte
	Kind value.Kind
}

var deleteKindSpec = Spec{ID: idDeleteKind, Name: "DeleteKind", Access: Writes, Repeatable: true}

// Spec implements Op.
func (o *DeleteKind) Spec() *Spec { return &deleteKindSpec }

// Key implements Op.
func (o *DeleteKind) Key() []byte { return o.K }

// Apply implements Op.
func (o *DeleteKind) Apply(e *value.Entry, now int64, r *Reply) error {
	switch e.Kind() {
	case value.None:
		r.Status = Miss
	case o.Kind:
		r.Status = Hit
		e.Delete()
	default:
		return value.ErrWrongType
	}
	return nil
}

// Send implements Op.
func (o *DeleteKind) Send(b *respwire.Batch, key []byte) {
	b.Function("hearth_delete_kind", key, lit([...]string{"none", "string", "hash", "set", "list", "zset"}[o.Kind]))
}

// Recv implements Op.
func (o *DeleteKind) Recv(v []respwire.Value, r *Reply) error {
	if err := recvInt(v[0], r); err != nil {
		return err
	}
	r.Status = Hit
	if r.Int == 0 {
		r.Status = Miss
	}
	r.Int = 0
	return nil
}
