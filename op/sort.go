package op

import (
	"bytes"
	"math"
	"slices"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/respwire"
	"github.com/hearthcache/hearth/value"
)

// Sort orders the elements of a list, set or sorted set: as parts, or, with Store, as a list under that key, its length
// in Int. Redis SORT and SORT_RO, without patterns that name other keys.
type Sort struct {
	alone
	K       []byte
	Store   []byte // nil is none
	Alpha   bool   // by bytes instead of as numbers
	Desc    bool
	AsIs    bool // in the order that they have
	Offset  int64
	Count   int64 // negative is all
	Repeats int64 // how often each element stands in the result (GET #); 0 is once
}

var (
	sortSpec      = Spec{ID: idSort, Name: "SORT_RO", Access: Reads, Repeatable: true}
	sortStoreSpec = Spec{ID: idSortStore, Name: "SORT", Access: Writes | Reveals, Repeatable: true}
)

// Spec implements Op.
func (o *Sort) Spec() *Spec {
	if o.Store != nil {
		return &sortStoreSpec
	}
	return &sortSpec
}

// Key implements Op.
func (o *Sort) Key() []byte { return o.K }

// Keys implements Multi.
func (o *Sort) Keys() [][]byte {
	if o.Store == nil {
		return [][]byte{o.K}
	}
	return [][]byte{o.K, o.Store}
}

var errNotScores = &hearth.Error{Kind: hearth.Precondition, Msg: "One or more scores can't be converted into double"}

// ApplyAll implements Multi.
func (o *Sort) ApplyAll(es []*value.Entry, now int64, r *Reply) error {
	els, err := o.elements(es[0])
	if err != nil {
		return err
	}
	if !o.AsIs || es[0].Kind() == value.Set && o.Store != nil {
		if els, err = o.sorted(els, o.Alpha || o.AsIs); err != nil {
			return err
		}
	}
	size := int64(len(els))
	from := min(max(o.Offset, 0), size)
	to := size
	if o.Count >= 0 {
		to = from + min(size-from, o.Count)
	}
	els = els[from:to]
	repeats := max(o.Repeats, 1)
	if err := repeatable(els, repeats); err != nil {
		return err
	}
	if o.Store == nil {
		r.Status = Hit
		for _, el := range els {
			for range repeats {
				r.AddPart(el, 0)
			}
		}
		return nil
	}
	r.Int = int64(len(els)) * repeats
	if len(els) == 0 {
		es[1].Delete()
		return nil
	}
	l := es[1].Replace(value.List).(*value.Sequence)
	for _, el := range els {
		for range repeats {
			l.PushBack(el)
		}
	}
	return nil
}

// repeatable reports that the elements would come to too much, each so many times over.
func repeatable(els [][]byte, times int64) error {
	size := int64(0)
	for _, el := range els {
		size += int64(len(el) + partBytes)
	}
	if times > 1 && size > hearth.AnswerBytesMax/times {
		return errAnswer
	}
	return nil
}

// elements returns copies of the elements; those of a list or sorted set that is taken as it is in the order asked for.
func (o *Sort) elements(e *value.Entry) (els [][]byte, err error) {
	keep := func(el []byte) bool {
		els = append(els, bytes.Clone(el))
		return true
	}
	switch c := e.Collection().(type) {
	case *value.Sequence:
		if o.AsIs && o.Desc {
			c.Backward(keep)
			break
		}
		c.All(keep)
	case *value.Members:
		c.All(keep)
	case *value.Sorted:
		keep := func(el []byte, _ float64) bool { return keep(el) }
		if o.AsIs && o.Desc {
			c.Backward(0, c.Len(), keep)
			break
		}
		c.Range(0, c.Len(), keep)
	default:
		if e.Exists() {
			return nil, value.ErrWrongType
		}
	}
	for i := range els {
		if els[i] == nil {
			els[i] = []byte{}
		}
	}
	return els, nil
}

func (o *Sort) sorted(els [][]byte, alpha bool) ([][]byte, error) {
	type element struct {
		weight float64
		el     []byte
	}
	all := make([]element, len(els))
	for i, el := range els {
		all[i].el = el
		if alpha {
			continue
		}
		// To a server written in C, a zero byte is where the number ends.
		text, _, _ := bytes.Cut(el, []byte{0})
		text = bytes.TrimLeft(text, " \t\n\v\f\r")
		f, err := respwire.ParseFloat(string(text))
		if len(text) == 0 {
			f, err = 0, nil
		}
		if tiny := f != 0 && math.Abs(f) < 0x1p-1022; err != nil || math.IsNaN(f) || tiny {
			return nil, errNotScores
		}
		all[i].weight = f
	}
	slices.SortStableFunc(all, func(a, b element) int {
		c := 0
		switch {
		case a.weight < b.weight:
			c = -1
		case a.weight > b.weight:
			c = 1
		default:
			c = bytes.Compare(a.el, b.el)
		}
		if o.Desc {
			c = -c
		}
		return c
	})
	for i := range all {
		els[i] = all[i].el
	}
	return els, nil
}

// SendAll implements Multi.
func (o *Sort) SendAll(b *respwire.Batch, keys [][]byte) {
	name := "SORT_RO"
	if o.Store != nil {
		name = "SORT"
	}
	var args [][]byte
	if o.AsIs {
		args = append(args, lit("BY"), lit("nosort"))
	}
	if o.Offset != 0 || o.Count >= 0 {
		args = append(args, lit("LIMIT"), num(o.Offset), num(o.Count))
	}
	// A cluster refuses GET, so that elements are repeated here where they are not stored.
	for i := int64(0); o.Store != nil && o.Repeats > 1 && i < o.Repeats; i++ {
		args = append(args, lit("GET"), lit("#"))
	}
	if o.Alpha {
		args = append(args, lit("ALPHA"))
	}
	if o.Desc {
		args = append(args, lit("DESC"))
	}
	if o.Store != nil {
		args = append(args, lit("STORE"), keys[1])
	}
	b.Command(name, keys[0], args...)
}

// RecvAll implements Multi.
func (o *Sort) RecvAll(v []respwire.Value, r *Reply) error {
	if o.Store != nil || v[0].IsError() {
		return recvInt(v[0], r)
	}
	r.Status = Hit
	for _, el := range v[0].Array {
		for range max(o.Repeats, 1) {
			if err := r.AddNamed(el.Str, 0); err != nil {
				return err
			}
		}
	}
	return nil
}
