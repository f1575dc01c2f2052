package momento

import (
	"math"

	"github.com/hearthcache/hearth/op"
	"github.com/hearthcache/hearth/value"
)

// setRows are the methods on sets.
func (h *Handler) setRows() []row {
	return []row{
		data(h, "/cache_client.Scs/SetFetch", decodeSetFetch, appendSetFetch),
		data(h, "/cache_client.Scs/SetSample", decodeSetSample, appendSetSample),
		data(h, "/cache_client.Scs/SetUnion", decodeSetUnion, appendNothing),
		data(h, "/cache_client.Scs/SetDifference", decodeSetDifference, appendSetDifference),
		data(h, "/cache_client.Scs/SetContains", decodeSetContains, appendSetContains),
		data(h, "/cache_client.Scs/SetLength", decodeSetLength, appendSetLength),
		data(h, "/cache_client.Scs/SetPop", decodeSetPop, appendSetPop),
	}
}

func decodeSetFetch(m []byte, o *op.SetFetch) (op.Op, error) {
	*o = op.SetFetch{}
	return o, key1(m, &o.K)
}

func appendSetFetch(b []byte, _ *op.SetFetch, r *op.Reply) []byte { return appendParts(b, r) }

func decodeSetSample(m []byte, o *op.SetSample) (op.Op, error) {
	*o = op.SetSample{}
	f := scan(m)
	for f.next() {
		switch f.tag {
		case 1<<3 | bytesType:
			o.K = f.data
		case 2<<3 | varintType:
			o.Limit = int64(min(f.num, math.MaxInt64))
		}
	}
	return o, f.err()
}

func appendSetSample(b []byte, _ *op.SetSample, r *op.Reply) []byte { return appendParts(b, r) }

func decodeSetUnion(m []byte, o *op.SetUnion) (op.Op, error) {
	*o = op.SetUnion{Elements: o.Elements[:0]}
	f := scan(m)
	for f.next() {
		switch f.tag {
		case 1<<3 | bytesType:
			o.K = f.data
		case 2<<3 | bytesType:
			o.Elements = append(o.Elements, f.data)
		case 3<<3 | varintType:
			o.Expiry.TTL = f.millis()
		case 4<<3 | varintType:
			o.Refresh = f.num != 0
		}
	}
	return o, f.err()
}

// setDifference has room for the three requests to take away.
type setDifference struct {
	which    int // the field that was set: minuend, or one of the subtrahends
	elements [][]byte
	from     op.SetSubtractFrom
	some     op.SetSubtract
	all      op.DeleteKind
}

const (
	differenceUnset = iota
	differenceMinuend
	differenceSome
	differenceAll
)

func decodeSetDifference(m []byte, o *setDifference) (op.Op, error) {
	*o = setDifference{elements: o.elements[:0]}
	var key []byte
	f := scan(m)
	for f.next() {
		switch f.tag {
		case 1<<3 | bytesType:
			key = f.data
		case 2<<3 | bytesType:
			o.restart(differenceMinuend)
			o.elements = f.blobs(o.elements)
		case 3<<3 | bytesType:
			o.subtrahend(&f)
		}
	}
	o.from = op.SetSubtractFrom{K: key, Elements: o.elements}
	o.some = op.SetSubtract{K: key, Elements: o.elements}
	o.all = op.DeleteKind{K: key, Kind: value.Set}
	switch {
	case o.which == differenceMinuend:
		return &o.from, f.err()
	case o.which == differenceAll:
		return &o.all, f.err()
	case o.which == differenceUnset && !f.bad:
		return &o.some, invalid("difference is not set: it is a minuend, or a subtrahend that is a set or the identity")
	}
	return &o.some, f.err()
}

// restart forgets another member of the oneof that stood before.
func (o *setDifference) restart(which int) {
	if o.which != which {
		o.elements = o.elements[:0]
	}
	o.which = which
}

// subtrahend reads the _Subtrahend in the present field.
func (o *setDifference) subtrahend(f *fields) {
	if o.which == differenceMinuend {
		o.restart(differenceUnset)
	}
	sub := scan(f.data)
	for sub.next() {
		switch sub.tag {
		case 1<<3 | bytesType:
			o.restart(differenceSome)
			o.elements = sub.blobs(o.elements)
		case 2<<3 | bytesType:
			o.restart(differenceAll)
			sub.empty()
		}
	}
	f.bad = f.bad || sub.bad
}

func appendSetDifference(b []byte, _ *setDifference, r *op.Reply) []byte {
	if r.Status == op.Miss {
		return appendEmpty(b, 2)
	}
	return appendEmpty(b, 1)
}

func decodeSetContains(m []byte, o *op.SetContains) (op.Op, error) {
	*o = op.SetContains{Elements: o.Elements[:0]}
	return o, keyAndList(m, &o.K, &o.Elements)
}

func appendSetContains(b []byte, _ *op.SetContains, r *op.Reply) []byte { return appendFlags(b, r) }

func decodeSetLength(m []byte, o *op.SetLength) (op.Op, error) {
	*o = op.SetLength{}
	return o, key1(m, &o.K)
}

func appendSetLength(b []byte, _ *op.SetLength, r *op.Reply) []byte { return appendFound(b, r) }

func decodeSetPop(m []byte, o *op.SetPop) (op.Op, error) {
	*o = op.SetPop{}
	f := scan(m)
	for f.next() {
		switch f.tag {
		case 1<<3 | bytesType:
			o.K = f.data
		case 2<<3 | varintType:
			o.Count = int64(uint32(f.num))
		}
	}
	return o, f.err()
}

func appendSetPop(b []byte, _ *op.SetPop, r *op.Reply) []byte { return appendParts(b, r) }
