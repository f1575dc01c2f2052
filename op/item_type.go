package op

import (
	"github.com/hearthcache/hearth/respwire"
	"github.com/hearthcache/hearth/value"
)

// ItemType tells of which kind an item is: a Hit with Kind, or a Miss. RPC ItemGetType, Redis TYPE.
type ItemType struct {
	K []byte
}

var itemTypeSpec = Spec{ID: idItemType, Name: "ItemGetType", Access: Reads, Repeatable: true}

// Spec implements Op.
func (o *ItemType) Spec() *Spec { return &itemTypeSpec }

// Key implements Op.
func (o *ItemType) Key() []byte { return o.K }

// Apply implements Op.
func (o *ItemType) Apply(e *value.Entry, now int64, r *Reply) error {
	if !e.Exists() {
		r.Status = Miss
		return nil
	}
	r.Status, r.Kind = Hit, e.Kind()
	return nil
}

// Send implements Op.
func (o *ItemType) Send(b *respwire.Batch, key []byte) { b.Command("TYPE", key) }

// Recv implements Op.
func (o *ItemType) Recv(v []respwire.Value, r *Reply) error {
	if err := failed(v); err != nil {
		return err
	}
	r.Status, r.Kind = Hit, kindNamed(v[0].Str)
	if r.Kind == value.None {
		r.Status = Miss
	}
	return nil
}

// kindNamed returns the kind that a Redis server calls so.
func kindNamed(name []byte) value.Kind {
	switch string(name) {
	case "string":
		return value.Scalar
	case "hash":
		return value.Dictionary
	case "list":
		return value.List
	case "set":
		return value.Set
	case "zset":
		return value.SortedSet
	}
	return value.None
}
