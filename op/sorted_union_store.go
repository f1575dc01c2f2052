package op

import (
	"math"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/respwire"
	"github.com/hearthcache/hearth/value"
)

// SortedUnionStore puts the union of sorted sets in the place of whatever K holds; Int is its length. Sources that do not
// exist are empty; those that are sets have scores of 1. RPC SortedSetUnionStore, Redis ZUNIONSTORE.
type SortedUnionStore struct {
	K         []byte
	Sources   []Source
	Aggregate Aggregate
	Expiry    Expiry

	alone
	keys [][]byte
}

// Source is a sorted set whose scores count Weight times.
type Source struct {
	K      []byte
	Weight float64
}

// Aggregate says which score a value has that is in several sources.
type Aggregate uint8

// The aggregates.
const (
	Sum Aggregate = iota
	Min
	Max
)

var sortedUnionStoreSpec = Spec{ID: idSortedUnionStore, Name: "SortedSetUnionStore", Access: Writes | Reveals, Kind: value.SortedSet, Repeatable: true}

// Spec implements Op.
func (o *SortedUnionStore) Spec() *Spec { return &sortedUnionStoreSpec }

// Key implements Op.
func (o *SortedUnionStore) Key() []byte { return o.K }

// ExpiresIn implements Expirer.
func (o *SortedUnionStore) ExpiresIn() *Expiry { return &o.Expiry }

// Check implements Checker.
func (o *SortedUnionStore) Check() error {
	if len(o.Sources) == 0 {
		return &hearth.Error{Kind: hearth.Invalid, Msg: "a union needs at least one source"}
	}
	for _, s := range o.Sources {
		if math.IsNaN(s.Weight) {
			return &hearth.Error{Kind: hearth.Invalid, Msg: "weight value is not a float"}
		}
	}
	return nil
}

// Keys implements Multi.
func (o *SortedUnionStore) Keys() [][]byte {
	o.keys = append(o.keys[:0], o.K)
	for _, s := range o.Sources {
		o.keys = append(o.keys, s.K)
	}
	return o.keys
}

// ApplyAll implements Multi.
func (o *SortedUnionStore) ApplyAll(es []*value.Entry, now int64, r *Reply) error {
	u := union{scores: map[string]float64{}, aggregate: o.Aggregate}
	for i, e := range es[1:] {
		weight := o.Sources[i].Weight
		if s, err := e.Set(); err == nil {
			if s != nil {
				for v := range s.All {
					u.add(v, 1, weight)
				}
			}
			continue
		}
		z, err := e.SortedSet()
		if err != nil {
			return err
		}
		z.Range(0, z.Len(), func(v []byte, score float64) bool {
			u.add(v, score, weight)
			return true
		})
	}
	z := value.New(value.SortedSet).(*value.Sorted)
	for v, s := range u.scores {
		z.Put([]byte(v), s)
	}
	r.Int = int64(z.Len())
	if z.Len() == 0 {
		es[0].Delete()
		return nil
	}
	es[0].SetCollection(z)
	es[0].ExpireAt(o.Expiry.When(now))
	return nil
}

// union collects the scores of values.
type union struct {
	scores    map[string]float64
	aggregate Aggregate
}

// add counts a score; what is not a number counts as 0, as in Redis.
func (u *union) add(v []byte, score, weight float64) {
	score = number(score * weight)
	old, ok := u.scores[string(v)]
	switch {
	case !ok:
	case u.aggregate == Min:
		score = min(old, score)
	case u.aggregate == Max:
		score = max(old, score)
	default:
		score = number(old + score)
	}
	u.scores[string(v)] = score
}

func number(f float64) float64 {
	if math.IsNaN(f) {
		return 0
	}
	return f
}

// SendAll implements Multi.
func (o *SortedUnionStore) SendAll(b *respwire.Batch, keys [][]byte) {
	aggregate := lit([...]string{"SUM", "MIN", "MAX"}[o.Aggregate])
	var weights [][]byte
	for _, s := range o.Sources {
		weights = append(weights, score(s.Weight))
	}
	if o.Expiry != (Expiry{}) {
		args := append([][]byte{lit("FCALL"), lit("hearth_union_store"), num(int64(len(keys)))}, keys...)
		b.Raw(append(append(args, o.Expiry.arg(false), aggregate), weights...)...)
		return
	}
	args := append([][]byte{num(int64(len(o.Sources)))}, keys[1:]...)
	args = append(append(args, lit("WEIGHTS")), weights...)
	b.Command("ZUNIONSTORE", keys[0], append(args, lit("AGGREGATE"), aggregate)...)
}

// RecvAll implements Multi.
func (o *SortedUnionStore) RecvAll(v []respwire.Value, r *Reply) error {
	if err := failed(v); err != nil {
		return err
	}
	return recvInt(v[0], r)
}

// Parts implements Splitter: the sources are read, then the union is written.
func (o *SortedUnionStore) Parts() ([]Op, func([]Reply, *Reply) (Op, error)) {
	parts := make([]Op, len(o.Sources))
	for i, s := range o.Sources {
		parts[i] = &SortedFetchAny{K: s.K}
	}
	return parts, func(rs []Reply, r *Reply) (Op, error) {
		u := union{scores: map[string]float64{}, aggregate: o.Aggregate}
		for i := range rs {
			for j := range rs[i].Len() {
				p := rs[i].Part(j)
				u.add(p.Bytes, p.Num, o.Sources[i].Weight)
			}
		}
		w := &SortedReplace{K: o.K, Expiry: o.Expiry}
		for v, s := range u.scores {
			w.Elements = append(w.Elements, Scored{Value: []byte(v), Score: s})
		}
		r.Int = int64(len(w.Elements))
		return w, nil
	}
}
