package enginetest

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/hearthcache/hearth/op"
	"github.com/hearthcache/hearth/value"
)

func (m *model) dictionary(o op.Op) error {
	it, err := m.get(o.Key(), value.Dictionary)
	if err != nil {
		return err
	}
	switch o := o.(type) {
	case *op.DictSet:
		it, _ = m.grow(o.K, value.Dictionary, o.Expiry, o.Refresh)
		for _, p := range o.Pairs {
			if _, ok := it.dict[string(p.Field)]; !ok {
				m.r.Int++
			}
			it.dict[string(p.Field)] = string(p.Value)
		}
	case *op.DictIncrement:
		old := "0"
		if it != nil {
			if v, ok := it.dict[string(o.Field)]; ok {
				old = v
			}
		}
		n, err := sum(old, o.Amount, "hash value is not an integer")
		if err != nil {
			return err
		}
		it, _ = m.grow(o.K, value.Dictionary, o.Expiry, o.Refresh)
		it.dict[string(o.Field)] = strconv.FormatInt(n, 10)
		m.r.Int = n
	case *op.DictDelete:
		for _, f := range o.Fields {
			if it != nil {
				if _, ok := it.dict[string(f)]; ok {
					m.r.Int++
				}
				delete(it.dict, string(f))
			}
		}
	case *op.DictGet:
		if m.found(it != nil) {
			for _, f := range o.Fields {
				m.part(it.dict[string(f)], func() bool { _, ok := it.dict[string(f)]; return ok }())
			}
		}
	case *op.DictFetch:
		if m.found(it != nil) {
			for f, v := range it.dict {
				m.part(f, true)
				m.part(v, true)
			}
		}
	case *op.DictLength:
		if m.found(it != nil) {
			m.r.Int = int64(len(it.dict))
		}
	default:
		return fmt.Errorf("the model does not know %T", o)
	}
	return nil
}

func (m *model) part(s string, ok bool) {
	if ok {
		m.r.AddPart([]byte(s), 0)
	} else {
		m.r.AddMiss()
	}
}

func (m *model) set(o op.Op) error {
	it, err := m.get(o.Key(), value.Set)
	if err != nil {
		return err
	}
	if u, ok := o.(*op.SetUnion); ok {
		it, _ = m.grow(u.K, value.Set, u.Expiry, u.Refresh)
		for _, e := range u.Elements {
			if !it.set[string(e)] {
				m.r.Int++
			}
			it.set[string(e)] = true
		}
		return nil
	}
	if !m.found(it != nil) {
		return nil
	}
	switch o := o.(type) {
	case *op.SetSubtract:
		for _, e := range o.Elements {
			if it.set[string(e)] {
				m.r.Int++
			}
			delete(it.set, string(e))
		}
	case *op.SetSubtractFrom:
		left := map[string]bool{}
		for _, e := range o.Elements {
			if !it.set[string(e)] {
				left[string(e)] = true
			}
		}
		it.set = left
	case *op.SetFetch:
		for e := range it.set {
			m.part(e, true)
		}
	case *op.SetContains:
		for _, e := range o.Elements {
			m.r.AddFlag(it.set[string(e)])
		}
	case *op.SetLength:
		m.r.Int = int64(len(it.set))
	case *op.SetSample:
		return m.picked(it, o.Limit, false)
	case *op.SetPop:
		return m.picked(it, o.Count, true)
	}
	return nil
}

// picked takes the elements that the engine picked, where they are as many as wanted, different, and in the set.
func (m *model) picked(it *thing, want int64, remove bool) error {
	want = min(max(want, 0), int64(len(it.set)))
	seen := map[string]bool{}
	for _, e := range m.pick {
		if !it.set[string(e)] || seen[string(e)] {
			return fmt.Errorf("the engine picked %q, which is not in the set or was picked already", e)
		}
		seen[string(e)] = true
		m.part(string(e), true)
	}
	if int64(len(seen)) != want {
		return fmt.Errorf("the engine picked %d elements, not %d", len(seen), want)
	}
	if remove {
		for e := range seen {
			delete(it.set, e)
		}
	}
	return nil
}

// slice returns the part of n elements that a Slice means.
func slice(s op.Slice, n int) (from, to int) {
	end := s.End
	if !s.Bounded {
		end = int64(n)
	}
	place := func(i int64) int {
		if i < 0 {
			i += int64(n)
		}
		return int(min(max(i, 0), int64(n)))
	}
	from, to = place(s.Start), place(end)
	if from > to {
		return 0, 0
	}
	return from, to
}

func (m *model) list(o op.Op) error {
	it, err := m.get(o.Key(), value.List)
	if err != nil {
		return err
	}
	if p, ok := o.(*op.ListPush); ok {
		m.push(p, it)
		return nil
	}
	if !m.found(it != nil) {
		return nil
	}
	switch o := o.(type) {
	case *op.ListPop:
		for range min(int(o.Count), len(it.list)) {
			i := len(it.list) - 1
			if o.Front {
				i = 0
			}
			m.part(it.list[i], true)
			it.list = slices.Delete(it.list, i, i+1)
		}
	case *op.ListFetch:
		from, to := slice(o.Slice, len(it.list))
		for _, v := range it.list[from:to] {
			m.part(v, true)
		}
		m.found(from < to)
		return nil
	case *op.ListRetain:
		from, to := slice(o.Slice, len(it.list))
		it.list = slices.Clone(it.list[from:to])
		if o.Refresh {
			it.expiry = m.when(o.Expiry)
		}
	case *op.ListRemove:
		m.r.Num = float64(it.removeEqual(string(o.Value), int(o.Count)))
	case *op.ListErase:
		var kept []string
		for i, v := range it.list {
			erased := false
			for _, x := range o.Ranges {
				erased = erased || i >= int(x.Begin) && i-int(x.Begin) < int(x.Count)
			}
			if !erased {
				kept = append(kept, v)
			}
		}
		it.list = kept
	case *op.ListLength:
	default:
		return fmt.Errorf("the model does not know %T", o)
	}
	m.r.Int = int64(len(it.list))
	return nil
}

func (m *model) push(o *op.ListPush, it *thing) {
	if o.IfExists && it == nil {
		m.r.Status = op.Miss
		return
	}
	it, _ = m.grow(o.K, value.List, o.Expiry, o.Refresh)
	var vs []string
	for _, v := range o.Values {
		vs = append(vs, string(v))
	}
	if n := int(o.Truncate); o.Front {
		it.list = append(vs, it.list...)
		if n > 0 && len(it.list) > n {
			it.list = it.list[:n]
		}
	} else {
		it.list = append(it.list, vs...)
		if n > 0 && len(it.list) > n {
			it.list = it.list[len(it.list)-n:]
		}
	}
	m.r.Int = int64(len(it.list))
}

func (it *thing) removeEqual(v string, count int) int {
	all := count == 0
	if count < 0 {
		slices.Reverse(it.list)
		defer func() { slices.Reverse(it.list) }()
		count = -count
	}
	removed := 0
	var kept []string
	for _, e := range it.list {
		if e == v && (all || removed < count) {
			removed++
		} else {
			kept = append(kept, e)
		}
	}
	it.list = kept
	return removed
}
