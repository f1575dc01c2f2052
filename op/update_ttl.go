package op

import (
	"github.com/hearthcache/hearth/respwire"
	"github.com/hearthcache/hearth/value"
)

// UpdateTTL changes when an item of any type expires: Done, Refused where the condition does not hold, or Miss. RPC
// UpdateTtl, Redis EXPIRE and its kin, memcached's touch. A time that has passed deletes the item; the zero Expiry, which
// takes no condition, is never.
type UpdateTTL struct {
	K      []byte
	When   TTLCondition
	Expiry Expiry
}

var updateTTLSpec = Spec{ID: idUpdateTTL, Name: "UpdateTTL", Access: Writes | Conditional}

// Spec implements Op.
func (o *UpdateTTL) Spec() *Spec { return &updateTTLSpec }

// Key implements Op.
func (o *UpdateTTL) Key() []byte { return o.K }

// Asks implements Asker.
func (o *UpdateTTL) Asks() bool { return o.When != 0 }

// ExpiresIn implements Expirer.
func (o *UpdateTTL) ExpiresIn() *Expiry { return &o.Expiry }

// TTLCondition says on which present times to live a new one is set; the flags may be combined.
type TTLCondition uint8

// The conditions. An item without expiry lives longer than any other.
const (
	IfNone    TTLCondition = 1 << iota // it has no expiry
	IfSome                             // it has one
	IfLonger                           // the new one is later
	IfShorter                          // the new one is earlier
)

func (c TTLCondition) holds(old, new int64) bool {
	return !(c&IfNone != 0 && old != 0 ||
		c&IfSome != 0 && old == 0 ||
		c&IfLonger != 0 && (old == 0 || new <= old) ||
		c&IfShorter != 0 && old != 0 && new >= old)
}

// Apply implements Op.
func (o *UpdateTTL) Apply(e *value.Entry, now int64, r *Reply) error {
	at := o.Expiry.When(now)
	switch {
	case !e.Exists():
		r.Status = Miss
	case at == 0:
		e.ExpireAt(0)
	case !o.When.holds(e.Expiry(), at):
		r.Status = Refused
	case at <= now:
		e.Delete()
	default:
		e.ExpireAt(at)
	}
	return nil
}

// Send implements Op.
func (o *UpdateTTL) Send(b *respwire.Batch, key []byte) {
	b.Command("EXISTS", key)
	if o.Expiry == (Expiry{}) {
		b.Command("PERSIST", key)
		return
	}
	name, n := "PEXPIRE", o.Expiry.TTL
	if o.Expiry.At != 0 {
		name, n = "PEXPIREAT", o.Expiry.At
	}
	args := [][]byte{num(n)}
	for i, word := range [...]string{"NX", "XX", "GT", "LT"} {
		if o.When&(1<<i) != 0 {
			args = append(args, lit(word))
		}
	}
	b.Command(name, key, args...)
}

// Recv implements Op.
func (o *UpdateTTL) Recv(v []respwire.Value, r *Reply) error {
	if err := failed(v); err != nil {
		return err
	}
	switch {
	case v[0].Int == 0:
		r.Status = Miss
	case v[1].Int == 0 && o.Expiry != Expiry{}: // PERSIST tells whether there was an end
		r.Status = Refused
	}
	return nil
}
