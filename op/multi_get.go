package op

import (
	"github.com/hearthcache/hearth/respwire"
	"github.com/hearthcache/hearth/value"
)

// MultiGet reads several scalars: a part for each key, a miss where there is no item or it is a collection. Redis MGET.
type MultiGet struct {
	alone
	List [][]byte // the keys
}

var multiGetSpec = Spec{ID: idMultiGet, Name: "MGET", Access: Reads, Repeatable: true}

// Spec implements Op.
func (o *MultiGet) Spec() *Spec { return &multiGetSpec }

// Key implements Op.
func (o *MultiGet) Key() []byte { return o.List[0] }

// Keys implements Multi.
func (o *MultiGet) Keys() [][]byte { return o.List }

// ApplyAll implements Multi.
func (o *MultiGet) ApplyAll(es []*value.Entry, now int64, r *Reply) error {
	r.Status = Hit
	for _, e := range es {
		v, err := e.Bytes()
		if err != nil || !e.Exists() {
			r.AddMiss()
			continue
		}
		if err := r.AddNamed(v, 0); err != nil {
			return err
		}
	}
	return nil
}

// SendAll implements Multi.
func (o *MultiGet) SendAll(b *respwire.Batch, keys [][]byte) { b.Command("MGET", keys[0], keys[1:]...) }

// RecvAll implements Multi.
func (o *MultiGet) RecvAll(v []respwire.Value, r *Reply) error {
	if err := failed(v); err != nil {
		return err
	}
	r.Status = Hit
	for _, a := range v[0].Array {
		if a.Null {
			r.AddMiss()
			continue
		}
		stored, _ := CutTrailer(a.Str)
		if err := r.AddNamed(stored, 0); err != nil {
			return err
		}
	}
	return nil
}

// Parts implements Splitter.
func (o *MultiGet) Parts() ([]Op, func([]Reply, *Reply) (Op, error)) {
	parts := make([]Op, len(o.List))
	for i, k := range o.List {
		parts[i] = &MultiGet{List: [][]byte{k}}
	}
	return parts, func(got []Reply, r *Reply) (Op, error) {
		r.Status = Hit
		for i := range got {
			if p := got[i].Part(0); p.Hit {
				if err := r.AddNamed(p.Bytes, 0); err != nil {
					return nil, err
				}
				continue
			}
			r.AddMiss()
		}
		return nil, nil
	}
}
