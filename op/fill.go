package op

import (
	"github.com/hearthcache/hearth/respwire"
	"github.com/hearthcache/hearth/value"
)

// Fill is a Set by somebody who was told to load the item (see Fetch): Refused where the item is not as the loader has
// found it. What Same says is not asked on a Valkey server, whose lease of the key ends by the writes of others.
type Fill struct {
	Set
	Absent bool                    // there was no item
	Same   func(value []byte) bool // whether an item is the one that was found; nil is any
}

// Apply implements Op.
func (o *Fill) Apply(e *value.Entry, now int64, r *Reply) error {
	if e.Exists() && !o.replaces(e) || !e.Exists() && o.Same != nil {
		r.Status = Refused
		return nil
	}
	return o.Set.Apply(e, now, r)
}

// replaces reports whether what is there may be replaced.
func (o *Fill) replaces(e *value.Entry) bool {
	v, err := e.Bytes()
	return !o.Absent && err == nil && (o.Same == nil || o.Same(v))
}

// Send implements Op.
func (o *Fill) Send(b *respwire.Batch, key []byte) {
	var plain respwire.Batch
	o.Set.Send(&plain, key)
	args := plain.At(0)
	if o.Absent {
		args = append(args, lit("NX"))
	}
	b.Raw(args...)
}

// Recv implements Op.
func (o *Fill) Recv(v []respwire.Value, r *Reply) error {
	if err := failed(v); err != nil {
		return err
	}
	if v[0].Null {
		r.Status = Refused
	}
	return nil
}
