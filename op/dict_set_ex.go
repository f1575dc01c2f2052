package op

import (
	"github.com/hearthcache/hearth/respwire"
	"github.com/hearthcache/hearth/value"
)

// DictSetEx gives fields of a dictionary values and an expiry of their own, all or none: Int is 1, or 0 where the
// condition did not hold. Redis HSETEX.
type DictSetEx struct {
	K         []byte
	Pairs     []Pair
	Condition Condition // Always; Absent or Present of every field
	KeepTTL   bool      // instead of Expiry
	Expiry    Expiry
}

var dictSetExSpec = Spec{ID: idDictSetEx, Name: "HSETEX", Access: Writes | Conditional, Kind: value.Dictionary}

// Spec implements Op.
func (o *DictSetEx) Spec() *Spec { return &dictSetExSpec }

// Asks implements Asker.
func (o *DictSetEx) Asks() bool { return o.Condition != Always }

// Key implements Op.
func (o *DictSetEx) Key() []byte { return o.K }

// Size implements Sizer.
func (o *DictSetEx) Size() (total, largest int) { return (&DictSet{Pairs: o.Pairs}).Size() }

// Apply implements Op.
func (o *DictSetEx) Apply(e *value.Entry, now int64, r *Reply) error {
	d, err := e.MakeDictionary(now)
	if err != nil {
		return err
	}
	for _, p := range o.Pairs {
		if _, present := d.Get(p.Field); !o.Condition.holds(present, false) {
			return nil
		}
	}
	r.Int = 1
	at := o.Expiry.When(now)
	for _, p := range o.Pairs {
		switch {
		case at != 0 && at <= now:
			d.Delete(p.Field)
		case o.KeepTTL:
			d.Replace(p.Field, p.Value)
		default:
			d.Set(p.Field, p.Value)
			if at != 0 {
				d.ExpireField(p.Field, at)
			}
		}
	}
	return nil
}

// Send implements Op.
func (o *DictSetEx) Send(b *respwire.Batch, key []byte) {
	var args [][]byte
	switch o.Condition {
	case Absent:
		args = append(args, lit("FNX"))
	case Present:
		args = append(args, lit("FXX"))
	}
	switch {
	case o.KeepTTL:
		args = append(args, lit("KEEPTTL"))
	case o.Expiry.At != 0:
		args = append(args, lit("PXAT"), num(o.Expiry.At))
	case o.Expiry.TTL != 0:
		args = append(args, lit("PX"), num(o.Expiry.TTL))
	}
	args = append(args, lit("FIELDS"), num(int64(len(o.Pairs))))
	for _, p := range o.Pairs {
		args = append(args, p.Field, p.Value)
	}
	b.Command("HSETEX", key, args...)
}

// Recv implements Op.
func (o *DictSetEx) Recv(v []respwire.Value, r *Reply) error { return recvInt(v[0], r) }
