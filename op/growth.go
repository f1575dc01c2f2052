package op

import (
	"strconv"

	"github.com/hearthcache/hearth/value"
)

// What an element takes beside its bytes: a score, or a number in decimal.
const (
	scoreBytes  = 8
	numberBytes = 20
)

// Growth implements Grower.
func (o *Append) Growth(*value.Entry) int { return len(o.Value) }

// Growth implements Grower.
func (o *MetaSet) Growth(e *value.Entry) int {
	if o.Mode == StoreAfter || o.Mode == StoreBefore {
		return len(o.Value)
	}
	return len(o.Value) - e.Size()
}

// Growth implements Grower. Elements that the list loses are taken to be as long as those that come.
func (o *ListPush) Growth(e *value.Entry) int {
	total, _ := sizes(o.Values)
	l, err := e.List()
	if err != nil || l == nil || o.Truncate <= 0 {
		return total
	}
	n := int64(len(o.Values))
	if lost := int64(l.Len()) + n - o.Truncate; lost > 0 {
		return int(int64(total) * max(0, n-lost) / max(1, n))
	}
	return total
}

// Growth implements Grower.
func (o *ListInsert) Growth(*value.Entry) int { return len(o.Value) }

// Growth implements Grower.
func (o *ListSet) Growth(*value.Entry) int { return len(o.Value) }

// Growth implements Grower.
func (o *DictSet) Growth(e *value.Entry) int { return pairsGrowth(e, o.Pairs...) }

// Growth implements Grower.
func (o *DictSetEx) Growth(e *value.Entry) int { return pairsGrowth(e, o.Pairs...) }

// Growth implements Grower.
func (o *DictSetNew) Growth(e *value.Entry) int { return pairsGrowth(e, Pair{o.Field, o.Value}) }

// Growth implements Grower.
func (o *DictIncrement) Growth(e *value.Entry) int { return numberGrowth(e, o.Field) }

// Growth implements Grower.
func (o *DictIncrementFloat) Growth(e *value.Entry) int { return numberGrowth(e, o.Field) }

func numberGrowth(e *value.Entry, field []byte) int {
	return pairsGrowth(e, Pair{Field: field}) + numberBytes
}

// pairsGrowth counts fields that are new, and what values are longer than those that they replace. No field has expired
// before time began, so all that are held are counted.
func pairsGrowth(e *value.Entry, pairs ...Pair) (n int) {
	d, err := e.Dictionary(0)
	for _, p := range pairs {
		n += len(p.Value)
		if err != nil || d == nil {
			n += len(p.Field)
		} else if old, ok := d.Get(p.Field); ok {
			n -= len(old)
		} else {
			n += len(p.Field)
		}
	}
	return n
}

// Growth implements Grower.
func (o *SetUnion) Growth(e *value.Entry) (n int) {
	s, err := e.Set()
	for _, el := range o.Elements {
		if err != nil || s == nil || !s.Contains(el) {
			n += len(el)
		}
	}
	return n
}

// Growth implements Grower.
func (o *SortedPut) Growth(e *value.Entry) (n int) {
	for _, el := range o.Elements {
		n += scoredGrowth(e, el.Value)
	}
	return n
}

// Growth implements Grower.
func (o *SortedIncrement) Growth(e *value.Entry) int { return scoredGrowth(e, o.Value) }

// Growth implements Grower.
func (o *BoardUpsert) Growth(e *value.Entry) (n int) {
	var buf [10]byte
	for _, el := range o.Elements {
		n += scoredGrowth(e, strconv.AppendUint(buf[:0], uint64(el.ID), 10))
	}
	return n
}

func scoredGrowth(e *value.Entry, v []byte) int {
	if z, err := e.SortedSet(); err == nil && z != nil {
		if _, ok := z.Score(v); ok {
			return 0
		}
	}
	return len(v) + scoreBytes
}
