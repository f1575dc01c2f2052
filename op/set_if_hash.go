package op

import (
	"encoding/hex"
	"slices"

	"github.com/hearthcache/hearth/respwire"
	"github.com/hearthcache/hearth/value"
)

// SetIfHash stores a scalar where a condition on the hash of the present value holds: Done with the hash of the new value
// as the reply's value, or Refused. RPC SetIfHash.
type SetIfHash struct {
	K         []byte
	Value     []byte
	Block     *value.Block // holds Value already, where the door has read it into its final place
	Condition Condition
	Against   []byte // the hash that the present one is compared with, or several in a row: equal to any is equal
	Expiry    Expiry
}

var setIfHashSpec = Spec{ID: idSetIfHash, Name: "SetIfHash", Access: Writes | Conditional}

// Spec implements Op.
func (o *SetIfHash) Spec() *Spec { return &setIfHashSpec }

// Asks implements Asker.
func (o *SetIfHash) Asks() bool { return o.Condition != Always }

// Key implements Op.
func (o *SetIfHash) Key() []byte { return o.K }

// ExpiresIn implements Expirer.
func (o *SetIfHash) ExpiresIn() *Expiry { return &o.Expiry }

// Size implements Sizer.
func (o *SetIfHash) Size() (total, largest int) { return len(o.Value), 0 }

// Apply implements Op.
func (o *SetIfHash) Apply(e *value.Entry, now int64, r *Reply) error {
	equal := false
	if v, err := e.Bytes(); err == nil && e.Exists() {
		h := hashOf(v)
		for some := range slices.Chunk(o.Against, len(h)) {
			equal = equal || string(h[:]) == string(some)
		}
	}
	if !o.Condition.holds(e.Exists(), equal) {
		r.Status = Refused
		return nil
	}
	if o.Block != nil {
		e.SetBlock(o.Block)
	} else {
		e.SetBytes(o.Value)
	}
	e.ExpireAt(o.Expiry.When(now))
	o.done(r)
	return nil
}

func (o *SetIfHash) done(r *Reply) {
	h := hashOf(o.Value)
	r.SetValue(h[:])
}

// Send implements Op.
func (o *SetIfHash) Send(b *respwire.Batch, key []byte) {
	b.Function("hearth_set_if_hash", key, lit(o.Condition.word()), lit(hex.EncodeToString(o.Against)), o.Value, o.Expiry.arg(false))
}

// Recv implements Op.
func (o *SetIfHash) Recv(v []respwire.Value, r *Reply) error {
	if err := recvInt(v[0], r); err != nil {
		return err
	}
	if r.Int == 0 {
		r.Status = Refused
		return nil
	}
	r.Int = 0
	o.done(r)
	return nil
}
