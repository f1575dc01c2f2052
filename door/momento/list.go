package momento

import (
	"github.com/hearthcache/hearth/op"
	"github.com/hearthcache/hearth/value"
)

// listRows are the methods on lists.
func (h *Handler) listRows() []row {
	return []row{
		data(h, "/cache_client.Scs/ListPushFront", decodeListPushFront, appendListPush),
		data(h, "/cache_client.Scs/ListPushBack", decodeListPushBack, appendListPush),
		data(h, "/cache_client.Scs/ListConcatenateFront", decodeListConcatenateFront, appendListPush),
		data(h, "/cache_client.Scs/ListConcatenateBack", decodeListConcatenateBack, appendListPush),
		data(h, "/cache_client.Scs/ListPopFront", decodeListPopFront, appendListPop),
		data(h, "/cache_client.Scs/ListPopBack", decodeListPopBack, appendListPop),
		data(h, "/cache_client.Scs/ListErase", decodeListErase, appendListErase),
		data(h, "/cache_client.Scs/ListRemove", decodeListRemove, appendListRemove),
		data(h, "/cache_client.Scs/ListFetch", decodeListFetch, appendListFetch),
		data(h, "/cache_client.Scs/ListRetain", decodeListRetain, appendListRetain),
		data(h, "/cache_client.Scs/ListLength", decodeListLength, appendListLength),
	}
}

func decodeListPushFront(m []byte, o *op.ListPush) (op.Op, error) { return listPush(m, o, true, true) }
func decodeListPushBack(m []byte, o *op.ListPush) (op.Op, error)  { return listPush(m, o, false, true) }
func decodeListConcatenateFront(m []byte, o *op.ListPush) (op.Op, error) {
	return listPush(m, o, true, false)
}
func decodeListConcatenateBack(m []byte, o *op.ListPush) (op.Op, error) {
	return listPush(m, o, false, false)
}

// listPush decodes the four requests that add to a list: they have the same fields, but one, or repeated, value.
func listPush(m []byte, o *op.ListPush, front, one bool) (op.Op, error) {
	*o = op.ListPush{Front: front, Values: o.Values[:0]}
	f := scan(m)
	for f.next() {
		switch f.tag {
		case 1<<3 | bytesType:
			o.K = f.data
		case 2<<3 | bytesType:
			if one {
				o.Values = o.Values[:0]
			}
			o.Values = append(o.Values, f.data)
		case 3<<3 | varintType:
			o.Expiry.TTL = f.millis()
		case 4<<3 | varintType:
			o.Refresh = f.num != 0
		case 5<<3 | varintType:
			o.Truncate = int64(uint32(f.num))
		}
	}
	if one && len(o.Values) == 0 {
		o.Values = append(o.Values, nil) // an empty value is not on the wire
	}
	return o, f.err()
}

func appendListPush(b []byte, _ *op.ListPush, r *op.Reply) []byte {
	return appendUint(b, 1, uint64(r.Int))
}

func decodeListPopFront(m []byte, o *op.ListPop) (op.Op, error) {
	*o = op.ListPop{Front: true, Count: 1}
	return o, key1(m, &o.K)
}

func decodeListPopBack(m []byte, o *op.ListPop) (op.Op, error) {
	*o = op.ListPop{Count: 1}
	return o, key1(m, &o.K)
}

func appendListPop(b []byte, _ *op.ListPop, r *op.Reply) []byte {
	if r.Status == op.Miss {
		return appendEmpty(b, 2)
	}
	b, found := begin(b, 1)
	if r.Len() > 0 {
		b = appendBytes(b, 1, r.Part(0).Bytes)
	}
	return end(appendUint(b, 2, uint64(r.Int)), found)
}

// listErase has room for both requests to erase.
type listErase struct {
	some op.ListErase
	all  op.DeleteKind
}

func decodeListErase(m []byte, o *listErase) (op.Op, error) {
	*o = listErase{some: op.ListErase{Ranges: o.some.Ranges[:0]}, all: op.DeleteKind{Kind: value.List}}
	which := 0
	f := scan(m)
	for f.next() {
		switch f.tag {
		case 1<<3 | bytesType:
			o.some.K, o.all.K = f.data, f.data
		case 2<<3 | bytesType:
			if which != 2 {
				o.some.Ranges = o.some.Ranges[:0]
			}
			o.some.Ranges, which = ranges(&f, o.some.Ranges), 2
		case 3<<3 | bytesType:
			which = 3
			f.empty()
		}
	}
	switch {
	case which == 3:
		return &o.all, f.err()
	case which == 0 && !f.bad:
		return &o.some, invalid("erase is not set: it is one of some and all")
	}
	return &o.some, f.err()
}

// ranges reads the _ListRanges in the present field.
func ranges(f *fields, dst []op.IndexRange) []op.IndexRange {
	sub := scan(f.data)
	for sub.next() {
		if sub.tag != 1<<3|bytesType {
			continue
		}
		var r op.IndexRange
		one := scan(sub.data)
		for one.next() {
			switch one.tag {
			case 1<<3 | varintType:
				r.Begin = uint32(one.num)
			case 2<<3 | varintType:
				r.Count = uint32(one.num)
			}
		}
		sub.bad = sub.bad || one.bad
		dst = append(dst, r)
	}
	f.bad = f.bad || sub.bad
	return dst
}

func appendListErase(b []byte, _ *listErase, r *op.Reply) []byte { return appendFound(b, r) }

func decodeListRemove(m []byte, o *op.ListRemove) (op.Op, error) {
	*o = op.ListRemove{}
	given := false
	f := scan(m)
	for f.next() {
		switch f.tag {
		case 1<<3 | bytesType:
			o.K = f.data
		case 2<<3 | bytesType:
			o.Value, given = f.data, true
		}
	}
	if !given && !f.bad {
		return o, invalid("remove is not set: it is all_elements_with_value")
	}
	return o, f.err()
}

func appendListRemove(b []byte, _ *op.ListRemove, r *op.Reply) []byte { return appendFound(b, r) }

// slice takes the present field if it is one of the four that bound a slice of a list.
func (f *fields) slice(s *op.Slice) {
	switch f.tag {
	case 2<<3 | bytesType:
		s.Start = 0
		f.empty()
	case 3<<3 | varintType:
		s.Start = f.sint32()
	case 4<<3 | bytesType:
		s.End, s.Bounded = 0, false
		f.empty()
	case 5<<3 | varintType:
		s.End, s.Bounded = f.sint32(), true
	}
}

func decodeListFetch(m []byte, o *op.ListFetch) (op.Op, error) {
	*o = op.ListFetch{}
	f := scan(m)
	for f.next() {
		if f.tag == 1<<3|bytesType {
			o.K = f.data
			continue
		}
		f.slice(&o.Slice)
	}
	return o, f.err()
}

func appendListFetch(b []byte, _ *op.ListFetch, r *op.Reply) []byte { return appendParts(b, r) }

func decodeListRetain(m []byte, o *op.ListRetain) (op.Op, error) {
	*o = op.ListRetain{}
	f := scan(m)
	for f.next() {
		switch f.tag {
		case 1<<3 | bytesType:
			o.K = f.data
		case 6<<3 | varintType:
			o.Expiry.TTL = f.millis()
		case 7<<3 | varintType:
			o.Refresh = f.num != 0
		default:
			f.slice(&o.Slice)
		}
	}
	return o, f.err()
}

func appendListRetain(b []byte, _ *op.ListRetain, r *op.Reply) []byte { return appendFound(b, r) }

func decodeListLength(m []byte, o *op.ListLength) (op.Op, error) {
	*o = op.ListLength{}
	return o, key1(m, &o.K)
}

func appendListLength(b []byte, _ *op.ListLength, r *op.Reply) []byte { return appendFound(b, r) }
