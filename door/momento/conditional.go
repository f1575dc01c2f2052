package momento

import "github.com/hearthcache/hearth/op"

// conditionalRows are the methods on scalars that look at the present value, and counters.
func (h *Handler) conditionalRows() []row {
	return []row{
		data(h, "/cache_client.Scs/SetIf", decodeSetIf, appendSetIf),
		data(h, "/cache_client.Scs/SetIfNotExists", decodeSetIfNotExists, appendSetIf),
		data(h, "/cache_client.Scs/SetIfHash", decodeSetIfHash, appendSetIfHash),
		data(h, "/cache_client.Scs/GetWithHash", decodeGetWithHash, appendGetWithHash),
		data(h, "/cache_client.Scs/Increment", decodeIncrement, appendIncrement),
	}
}

// setRequest is what the requests that store a scalar begin with.
type setRequest struct {
	key, value []byte
	expiry     op.Expiry
}

// take takes the present field if it is one of the three.
func (s *setRequest) take(f *fields) {
	switch f.tag {
	case 1<<3 | bytesType:
		s.key = f.data
	case 2<<3 | bytesType:
		s.value = f.data
	case 3<<3 | varintType:
		s.expiry.TTL = f.millis()
	}
}

func decodeSetIf(m []byte, o *op.SetIf) (op.Op, error) {
	var s setRequest
	condition, against := op.Always, []byte(nil)
	f := scan(m)
	for f.next() {
		switch f.tag {
		case 4<<3 | bytesType:
			condition, against = op.Present, nil
			f.empty()
		case 5<<3 | bytesType:
			condition, against = op.PresentAndNotEqual, f.blob()
		case 6<<3 | bytesType:
			condition, against = op.Absent, nil
			f.empty()
		case 7<<3 | bytesType:
			condition, against = op.Equal, f.blob()
		case 8<<3 | bytesType:
			condition, against = op.AbsentOrEqual, f.blob()
		case 9<<3 | bytesType:
			condition, against = op.NotEqual, f.blob()
		default:
			s.take(&f)
		}
	}
	*o = op.SetIf{K: s.key, Value: s.value, Condition: condition, Against: against, Expiry: s.expiry}
	if condition == op.Always && !f.bad {
		return o, invalid("condition is not set: it is one of present, present_and_not_equal, absent, equal, absent_or_equal and not_equal")
	}
	return o, f.err()
}

func decodeSetIfNotExists(m []byte, o *op.SetIf) (op.Op, error) {
	var s setRequest
	f := scan(m)
	for f.next() {
		s.take(&f)
	}
	*o = op.SetIf{K: s.key, Value: s.value, Condition: op.Absent, Expiry: s.expiry}
	return o, f.err()
}

func appendSetIf(b []byte, _ *op.SetIf, r *op.Reply) []byte {
	if r.Status == op.Refused {
		return appendEmpty(b, 2)
	}
	return appendEmpty(b, 1)
}

func decodeSetIfHash(m []byte, o *op.SetIfHash) (op.Op, error) {
	var s setRequest
	condition, against, given := op.Always, []byte(nil), false
	f := scan(m)
	for f.next() {
		switch f.tag {
		case 4<<3 | bytesType:
			condition, against, given = op.PresentAndNotEqual, f.blob(), true
		case 5<<3 | bytesType:
			condition, against, given = op.Equal, f.blob(), true
		case 6<<3 | bytesType:
			condition, against, given = op.AbsentOrEqual, f.blob(), true
		case 7<<3 | bytesType:
			condition, against, given = op.NotEqual, f.blob(), true
		case 8<<3 | bytesType:
			condition, against, given = op.Always, nil, true
			f.empty()
		default:
			s.take(&f)
		}
	}
	*o = op.SetIfHash{K: s.key, Value: s.value, Condition: condition, Against: against, Expiry: s.expiry}
	if !given && !f.bad {
		return o, invalid("condition is not set: it is one of present_and_not_hash_equal, present_and_hash_equal, " +
			"absent_or_hash_equal, absent_or_not_hash_equal and unconditional")
	}
	return o, f.err()
}

func appendSetIfHash(b []byte, _ *op.SetIfHash, r *op.Reply) []byte {
	if r.Status == op.Refused {
		return appendEmpty(b, 2)
	}
	b, stored := begin(b, 1)
	return end(appendBytes(b, 1, r.Value()), stored)
}

func decodeGetWithHash(m []byte, o *op.GetWithHash) (op.Op, error) {
	*o = op.GetWithHash{}
	return o, key1(m, &o.K)
}

func appendGetWithHash(b []byte, _ *op.GetWithHash, r *op.Reply) []byte {
	if r.Status == op.Miss {
		return appendEmpty(b, 2)
	}
	b, found := begin(b, 1)
	b = appendBytes(b, 1, r.Value())
	return end(appendBytes(b, 2, r.Part(0).Bytes), found)
}

func decodeIncrement(m []byte, o *op.Increment) (op.Op, error) {
	*o = op.Increment{}
	f := scan(m)
	for f.next() {
		switch f.tag {
		case 1<<3 | bytesType:
			o.K = f.data
		case 2<<3 | varintType:
			o.Amount = int64(f.num)
		case 3<<3 | varintType:
			o.Expiry.TTL = f.millis()
		}
	}
	return o, f.err()
}

func appendIncrement(b []byte, _ *op.Increment, r *op.Reply) []byte {
	return appendUint(b, 1, uint64(r.Int))
}
