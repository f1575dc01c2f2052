package op

import "github.com/hearthcache/hearth/value"

// MetaSet stores a scalar with flags: Done, Refused where the mode does not fit, with Int 1 where the guard does not hold,
// or a Miss where the guard asks for an item and there is none. Num is 1 where the item was stored stale. memcached's ms,
// set, add, replace, append, prepend and cas.
type MetaSet struct {
	detached
	K          []byte
	Value      []byte
	Block      *value.Block // holds Value already, where the door has read it into its final place
	Flags      uint32
	Expiry     Expiry
	Mode       StoreMode
	Guard      Guard
	Invalidate bool // a guard that does not hold makes the item stale instead
	WantCAS    bool // whether the reply's Int is the new fingerprint
}

// StoreMode says when and how a MetaSet stores.
type StoreMode uint8

// The modes.
const (
	StoreAlways StoreMode = iota
	StoreNew
	StoreOld
	StoreAfter  // the value is added behind the present one
	StoreBefore // the value is added before the present one
)

var metaSetSpec = Spec{ID: idMetaSet, Name: "ms", Access: Writes | Conditional, Kind: value.Scalar}

// Spec implements Op.
func (o *MetaSet) Spec() *Spec { return &metaSetSpec }

// Asks implements Asker.
func (o *MetaSet) Asks() bool { return o.Mode != StoreAlways || o.Guard.Given }

// Key implements Op.
func (o *MetaSet) Key() []byte { return o.K }

// ExpiresIn implements Expirer.
func (o *MetaSet) ExpiresIn() *Expiry { return &o.Expiry }

// Size implements Sizer.
func (o *MetaSet) Size() (total, largest int) { return len(o.Value), 0 }

// Apply implements Op.
func (o *MetaSet) Apply(e *value.Entry, now int64, r *Reply) error {
	old, err := e.Bytes()
	if err != nil && o.Mode != StoreAlways {
		return err
	}
	joins := o.Mode == StoreAfter || o.Mode == StoreBefore
	stale := false
	switch {
	case !e.Exists() && o.Guard.Given && (o.Mode == StoreAlways || o.Mode == StoreOld):
		r.Status = Miss
		return nil
	case !e.Exists() && (o.Mode == StoreOld || joins), e.Exists() && o.Mode == StoreNew:
		r.Status = Refused
		return nil
	case !e.Exists() || o.Guard.holds(e, old):
	case !o.Invalidate || joins:
		r.Status, r.Int = Refused, 1
		return nil
	default:
		stale, r.Num = true, 1
	}
	if joins && e.Exists() {
		o.join(e, old, r)
		return nil
	}
	if o.Block != nil {
		e.SetBlock(o.Block)
	} else {
		e.SetBytes(o.Value)
	}
	e.ExpireAt(o.Expiry.When(now))
	if o.Flags != 0 || stale {
		e.SetAttrs(value.Attrs{Flags: o.Flags, Stale: stale})
	}
	if o.WantCAS {
		r.Int = int64(Fingerprint(o.Flags, o.Value))
	}
	return nil
}

// join adds to the present value and leaves flags and expiry alone.
func (o *MetaSet) join(e *value.Entry, old []byte, r *Reply) {
	first, second := old, o.Value
	if o.Mode == StoreBefore {
		first, second = o.Value, old
	}
	v := append(append(e.Scratch(), first...), second...)
	e.ReplaceBytes(v)
	e.KeepScratch(v)
	if a := e.Attrs(); a.Stale || a.Won {
		a.Stale, a.Won = false, false
		e.SetAttrs(a)
	}
	if o.WantCAS {
		r.Int = int64(Fingerprint(e.Attrs().Flags, v))
	}
}
