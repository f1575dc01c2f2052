package op

import (
	"bytes"
	"math"
	"slices"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/respwire"
	"github.com/hearthcache/hearth/value"
)

// SortedCombine reads the union, intersection or difference of sorted sets, and of sets, whose elements count 1: a Hit with
// values and their scores in order. Redis ZUNION, ZINTER and ZDIFF.
type SortedCombine struct {
	alone
	Sources   []Source // the weights do not count in a difference
	How       Combine
	Aggregate Aggregate
}

var sortedCombineSpec = Spec{ID: idSortedCombine, Name: "ZUNION", Access: Reads, Repeatable: true}

// Spec implements Op.
func (o *SortedCombine) Spec() *Spec { return &sortedCombineSpec }

// Key implements Op.
func (o *SortedCombine) Key() []byte { return o.Sources[0].K }

// Keys implements Multi.
func (o *SortedCombine) Keys() [][]byte { return keysOf(o.Sources) }

func keysOf(sources []Source) [][]byte {
	keys := make([][]byte, len(sources))
	for i, s := range sources {
		keys[i] = s.K
	}
	return keys
}

// Check implements Checker.
func (o *SortedCombine) Check() error { return checkWeights(o.Sources) }

func checkWeights(sources []Source) error {
	for _, s := range sources {
		if math.IsNaN(s.Weight) {
			return &hearth.Error{Kind: hearth.Invalid, Msg: "weight value is not a float"}
		}
	}
	return nil
}

// ApplyAll implements Multi.
func (o *SortedCombine) ApplyAll(es []*value.Entry, now int64, r *Reply) error {
	els, err := combineSorted(es, o.Sources, o.How, o.Aggregate)
	if err != nil {
		return err
	}
	r.Status = Hit
	for _, el := range els {
		r.AddPart(el.Value, el.Score)
	}
	return nil
}

// combineSorted returns copies of the values of the combination, in order.
func combineSorted(es []*value.Entry, sources []Source, how Combine, aggregate Aggregate) ([]Scored, error) {
	u := union{scores: map[string]float64{}, aggregate: aggregate}
	seen := map[string]int{} // in how many sources from the first on
	for i, e := range es {
		err := eachScored(e, func(v []byte, score float64) {
			switch {
			case how == Difference:
				if i == 0 {
					u.add(v, score, 1)
				} else {
					delete(u.scores, string(v))
				}
			case how == Intersection && seen[string(v)] != i:
			default:
				seen[string(v)]++
				u.add(v, score, sources[i].Weight)
			}
		})
		if err != nil {
			return nil, err
		}
	}
	els := make([]Scored, 0, len(u.scores))
	for v, s := range u.scores {
		if how != Intersection || seen[v] == len(es) {
			els = append(els, Scored{Value: []byte(v), Score: s})
		}
	}
	slices.SortFunc(els, func(a, b Scored) int {
		switch {
		case a.Score < b.Score:
			return -1
		case a.Score > b.Score:
			return 1
		}
		return bytes.Compare(a.Value, b.Value)
	})
	return els, nil
}

// eachScored goes through a sorted set, or a set, whose elements have a score of 1.
func eachScored(e *value.Entry, yield func(v []byte, score float64)) error {
	if s, err := e.Set(); err == nil {
		if s != nil {
			for v := range s.All {
				yield(v, 1)
			}
		}
		return nil
	}
	z, err := e.SortedSet()
	if err != nil {
		return err
	}
	z.Range(0, z.Len(), func(v []byte, score float64) bool {
		yield(v, score)
		return true
	})
	return nil
}

// SendAll implements Multi.
func (o *SortedCombine) SendAll(b *respwire.Batch, keys [][]byte) {
	args := append([][]byte{lit([...]string{"ZUNION", "ZINTER", "ZDIFF"}[o.How]), num(int64(len(keys)))}, keys...)
	args = weightArgs(args, o.Sources, o.How, o.Aggregate)
	b.Raw(append(args, lit("WITHSCORES"))...)
}

func weightArgs(args [][]byte, sources []Source, how Combine, aggregate Aggregate) [][]byte {
	if how == Difference {
		return args
	}
	args = append(args, lit("WEIGHTS"))
	for _, s := range sources {
		args = append(args, score(s.Weight))
	}
	return append(args, lit("AGGREGATE"), lit([...]string{"SUM", "MIN", "MAX"}[aggregate]))
}

// RecvAll implements Multi.
func (o *SortedCombine) RecvAll(v []respwire.Value, r *Reply) error {
	r.Status = Hit
	if err := failed(v); err != nil {
		return err
	}
	return recvScored(v[0], r)
}
