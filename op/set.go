package op

import (
	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/respwire"
	"github.com/hearthcache/hearth/value"
)

// Set stores a scalar whatever was there before. RPC Set, Redis SET without conditions. The value is Value, or, where
// the door has read it into its final place, Block.
type Set struct {
	K      []byte
	Value  []byte
	Block  *value.Block
	Expiry Expiry
	Flags  uint32 // memcached's
	Tags   [][]byte
	Stamp  uint64 // which invalidations of tags the value takes into account; 0 is all that have been when it is stored
}

var setSpec = Spec{ID: idSet, Name: "Set", Access: Writes, Repeatable: true}

// Spec implements Op.
func (o *Set) Spec() *Spec { return &setSpec }

// Key implements Op.
func (o *Set) Key() []byte { return o.K }

// ExpiresIn implements Expirer.
func (o *Set) ExpiresIn() *Expiry { return &o.Expiry }

// Size implements Sizer.
func (o *Set) Size() (total, largest int) {
	for _, t := range o.Tags {
		total += len(t)
	}
	if o.Block != nil {
		return total + len(o.Block.Bytes()), 0
	}
	return total + len(o.Value), 0
}

// Check implements Checker.
func (o *Set) Check() error {
	if len(o.Tags) == 0 {
		return nil
	}
	return hearth.CheckTags(o.Tags)
}

func (o *Set) attrs() value.Attrs {
	return value.Attrs{Flags: o.Flags, Tags: value.MakeTags(o.Stamp, o.Tags)}
}

// Apply implements Op.
func (o *Set) Apply(e *value.Entry, now int64, r *Reply) error {
	if o.Block != nil {
		e.SetBlock(o.Block)
	} else {
		e.SetBytes(o.Value)
	}
	e.ExpireAt(o.Expiry.When(now))
	if o.Flags != 0 || len(o.Tags) > 0 {
		e.SetAttrs(o.attrs())
	}
	return nil
}

// Send implements Op.
func (o *Set) Send(b *respwire.Batch, key []byte) {
	v := o.Value
	if o.Block != nil {
		v = o.Block.Bytes()
	}
	v = AppendTrailer(v, o.attrs())
	switch {
	case o.Expiry.At != 0:
		b.Command("SET", key, v, lit("PXAT"), num(o.Expiry.At))
	case o.Expiry.TTL != 0:
		b.Command("SET", key, v, lit("PX"), num(o.Expiry.TTL))
	default:
		b.Command("SET", key, v)
	}
}

// Recv implements Op.
func (o *Set) Recv(v []respwire.Value, r *Reply) error {
	if v[0].IsError() {
		return serverError(v[0])
	}
	return nil
}
