package op

import "github.com/hearthcache/hearth/value"

// MetaDelete removes a scalar, or with Stale marks it, to be loaded again: Done, a Miss where there is none, or Refused
// where the guard does not hold. memcached's md and delete.
type MetaDelete struct {
	detached
	K      []byte
	Guard  Guard
	Stale  bool
	Touch  bool // whether a stale item takes Expiry
	Expiry Expiry
}

var metaDeleteSpec = Spec{ID: idMetaDelete, Name: "md", Access: Writes | Conditional}

// Spec implements Op.
func (o *MetaDelete) Spec() *Spec { return &metaDeleteSpec }

// Asks implements Asker.
func (o *MetaDelete) Asks() bool { return o.Guard.Given }

// Key implements Op.
func (o *MetaDelete) Key() []byte { return o.K }

// ExpiresIn implements Expirer.
func (o *MetaDelete) ExpiresIn() *Expiry { return &o.Expiry }

// Apply implements Op.
func (o *MetaDelete) Apply(e *value.Entry, now int64, r *Reply) error {
	v, err := e.Bytes()
	switch {
	case err != nil && (o.Stale || o.Guard.Given):
		return err
	case !e.Exists():
		r.Status = Miss
		return nil
	case !o.Guard.holds(e, v):
		r.Status = Refused
		return nil
	case !o.Stale:
		e.Delete()
		return nil
	}
	a := e.Attrs()
	a.Stale, a.Won = true, false
	e.SetAttrs(a)
	if o.Touch {
		e.ExpireAt(o.Expiry.When(now))
	}
	return nil
}
