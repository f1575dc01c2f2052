package op

import (
	"math"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/respwire"
	"github.com/hearthcache/hearth/value"
)

// SortedPut gives values of a sorted set scores; Int is how many of them are new. RPC SortedSetPut, Redis ZADD.
type SortedPut struct {
	K        []byte
	Elements []Scored
	Only     PutCondition
	Changed  bool // Int counts values whose score changed too
	Expiry   Expiry
	Refresh  bool // whether a sorted set that is there takes Expiry too
}

var sortedPutSpec = Spec{ID: idSortedPut, Name: "SortedSetPut", Access: Writes | Conditional, Kind: value.SortedSet, Repeatable: true}

// Spec implements Op.
func (o *SortedPut) Spec() *Spec { return &sortedPutSpec }

// Asks implements Asker.
func (o *SortedPut) Asks() bool { return o.Only != 0 }

// Key implements Op.
func (o *SortedPut) Key() []byte { return o.K }

// ExpiresIn implements Expirer.
func (o *SortedPut) ExpiresIn() *Expiry { return &o.Expiry }

// Scored is a value of a sorted set and its score.
type Scored struct {
	Value []byte
	Score float64
}

// PutCondition says which values a SortedPut or SortedIncrement touches; the flags may be combined.
type PutCondition uint8

// The conditions.
const (
	IfNew     PutCondition = 1 << iota // values that are not there
	IfOld                              // values that are there
	IfGreater                          // those that are new or whose score grows
	IfLess                             // those that are new or whose score shrinks
)

func (c PutCondition) holds(present bool, old, new float64) bool {
	return !(c&IfNew != 0 && present ||
		c&IfOld != 0 && !present ||
		c&IfGreater != 0 && present && new <= old ||
		c&IfLess != 0 && present && new >= old)
}

func (c PutCondition) args(args [][]byte) [][]byte {
	for i, word := range [...]string{"NX", "XX", "GT", "LT"} {
		if c&(1<<i) != 0 {
			args = append(args, lit(word))
		}
	}
	return args
}

// Check implements Checker.
func (o *SortedPut) Check() error {
	for _, el := range o.Elements {
		if math.IsNaN(el.Score) {
			return errScore
		}
	}
	return nil
}

var errScore = &hearth.Error{Kind: hearth.Invalid, Msg: "value is not a valid float"}

// Size implements Sizer.
func (o *SortedPut) Size() (total, largest int) {
	for _, el := range o.Elements {
		total, largest = total+len(el.Value), max(largest, len(el.Value))
	}
	return total, largest
}

// Apply implements Op.
func (o *SortedPut) Apply(e *value.Entry, now int64, r *Reply) error {
	created := !e.Exists()
	z, err := e.MakeSortedSet()
	if err != nil {
		return err
	}
	for _, el := range o.Elements {
		old, ok := z.Score(el.Value)
		if !o.Only.holds(ok, old, el.Score) {
			continue
		}
		z.Put(el.Value, el.Score)
		if !ok || o.Changed && old != el.Score {
			r.Int++
		}
	}
	if created || o.Refresh {
		e.ExpireAt(o.Expiry.When(now))
	}
	return nil
}

// Send implements Op.
func (o *SortedPut) Send(b *respwire.Batch, key []byte) {
	if len(o.Elements) == 0 {
		sendWrite(b, "ZADD", key, o.Expiry, o.Refresh, nil)
		return
	}
	args := o.Only.args(nil)
	if o.Changed {
		args = append(args, lit("CH"))
	}
	for _, el := range o.Elements {
		args = append(args, score(el.Score), el.Value)
	}
	sendWrite(b, "ZADD", key, o.Expiry, o.Refresh, args)
}

// Recv implements Op.
func (o *SortedPut) Recv(v []respwire.Value, r *Reply) error { return recvInt(v[0], r) }
