package op

import "github.com/hearthcache/hearth/value"

// MetaGet reads a scalar with its attributes and its time to live, in milliseconds: a Hit, or a Miss. An element of the
// reply is what it had to live before this command. One caller is told
// to load the item again (Num is 1) when it is stale, is made by this command, or has less than Recache milliseconds
// left; Attrs.Won tells the others that somebody was told before. memcached's mg, get, gets, gat and gats.
type MetaGet struct {
	detached
	K       []byte
	Touch   bool // whether an item that is there takes Expiry
	Early   bool // before it is looked at how long it has to live
	Expiry  Expiry
	Vivify  bool   // whether an item is made where there is none, empty, with Made
	Made    Expiry // of an item that is made
	Recache int64  // 0 is never
	Tell    bool   // whether a stale item makes this caller load it again
}

var (
	metaGetSpec   = Spec{ID: idMetaGet, Name: "mg", Access: Reads, Kind: value.Scalar, Repeatable: true}
	metaTouchSpec = Spec{ID: idMetaTouch, Name: "gat", Access: Writes | Reveals, Kind: value.Scalar}
)

// Spec implements Op.
func (o *MetaGet) Spec() *Spec {
	if o.Touch || o.Vivify {
		return &metaTouchSpec
	}
	return &metaGetSpec
}

// Key implements Op.
func (o *MetaGet) Key() []byte { return o.K }

// ExpiresIn implements Expirer.
func (o *MetaGet) ExpiresIn() *Expiry { return &o.Expiry }

// Apply implements Op.
func (o *MetaGet) Apply(e *value.Entry, now int64, r *Reply) error {
	if !e.Exists() {
		o.make(e, now, r)
		return nil
	}
	if err := readScalar(e, r); err != nil {
		return err
	}
	told(e, now, r)
	r.Expiry = e.Expiry()
	r.AddNum(float64(r.Int))
	if o.Touch && o.Early {
		e.ExpireAt(o.Expiry.When(now))
		told(e, now, r)
	}
	soon := o.Recache > 0 && r.Int >= 0 && r.Int < o.Recache
	if o.Touch {
		e.ExpireAt(o.Expiry.When(now))
		told(e, now, r)
	}
	if !r.Attrs.Won && (soon || o.Tell && r.Attrs.Stale) {
		r.Num = 1
		a := r.Attrs
		a.Won = true
		e.SetAttrs(a)
	}
	return nil
}

func (o *MetaGet) make(e *value.Entry, now int64, r *Reply) {
	if !o.Vivify {
		r.Status = Miss
		return
	}
	e.SetBytes(nil)
	e.ExpireAt(o.Made.When(now))
	told(e, now, r)
	r.AddNum(-1)
	e.SetAttrs(value.Attrs{Won: true})
	r.SetValue(nil)
	r.Status, r.Num = Hit, 1
}
