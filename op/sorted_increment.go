package op

import (
	"math"

	"github.com/hearthcache/hearth/respwire"
	"github.com/hearthcache/hearth/value"
)

// SortedIncrement adds to the score of a value, 0 where there is none; Num is the result. Refused where the condition does
// not hold. RPC SortedSetIncrement, Redis ZINCRBY and ZADD INCR.
type SortedIncrement struct {
	K       []byte
	Value   []byte
	Amount  float64
	Only    PutCondition
	Expiry  Expiry
	Refresh bool // whether a sorted set that is there takes Expiry too
}

var sortedIncrementSpec = Spec{ID: idSortedIncrement, Name: "SortedSetIncrement", Access: Writes | Reveals, Kind: value.SortedSet}

// Spec implements Op.
func (o *SortedIncrement) Spec() *Spec { return &sortedIncrementSpec }

// Key implements Op.
func (o *SortedIncrement) Key() []byte { return o.K }

// ExpiresIn implements Expirer.
func (o *SortedIncrement) ExpiresIn() *Expiry { return &o.Expiry }

// Size implements Sizer.
func (o *SortedIncrement) Size() (total, largest int) { return len(o.Value), len(o.Value) }

// Check implements Checker.
func (o *SortedIncrement) Check() error {
	if math.IsNaN(o.Amount) {
		return errScore
	}
	return nil
}

// Apply implements Op.
func (o *SortedIncrement) Apply(e *value.Entry, now int64, r *Reply) error {
	created := !e.Exists()
	z, err := e.MakeSortedSet()
	if err != nil {
		return err
	}
	old, ok := z.Score(o.Value)
	sum := o.Amount // which may be -0
	if ok {
		sum += old
	}
	switch {
	case o.Only&IfNew != 0 && ok || o.Only&IfOld != 0 && !ok:
		r.Status = Refused
		return nil
	case math.IsNaN(sum):
		return errNotANumber
	case !o.Only.holds(ok, old, sum):
		r.Status = Refused
		return nil
	}
	r.Num = sum
	z.Put(o.Value, r.Num)
	if created || o.Refresh {
		e.ExpireAt(o.Expiry.When(now))
	}
	return nil
}

// Send implements Op.
func (o *SortedIncrement) Send(b *respwire.Batch, key []byte) {
	args := append(o.Only.args(nil), lit("INCR"), score(o.Amount), o.Value)
	sendWrite(b, "ZADD", key, o.Expiry, o.Refresh, args)
}

// Recv implements Op.
func (o *SortedIncrement) Recv(v []respwire.Value, r *Reply) error {
	if err := failed(v); err != nil {
		return err
	}
	if v[0].Null {
		r.Status = Refused
		return nil
	}
	var err error
	r.Num, err = scoreOf(v[0])
	return err
}
