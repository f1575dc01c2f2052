package op

import (
	"github.com/hearthcache/hearth/respwire"
	"github.com/hearthcache/hearth/value"
)

// GetRange reads a part of a scalar, both ends included, negative ones counted from the end: always a Hit, with nothing
// where there is no item. Redis GETRANGE and SUBSTR.
type GetRange struct {
	K          []byte
	Start, End int64
}

var getRangeSpec = Spec{ID: idGetRange, Name: "GETRANGE", Access: Reads, Kind: value.Scalar, Repeatable: true}

// Spec implements Op.
func (o *GetRange) Spec() *Spec { return &getRangeSpec }

// Key implements Op.
func (o *GetRange) Key() []byte { return o.K }

// Apply implements Op.
func (o *GetRange) Apply(e *value.Entry, now int64, r *Reply) error {
	v, err := e.Bytes()
	if err != nil {
		return err
	}
	from, to := between(o.Start, o.End, len(v))
	r.SetValue(v[from:to])
	r.Status = Hit
	return nil
}

// between turns Redis's range over bytes into a slice of n: both ends included, negative ones counted from the end, and
// what lies before the beginning moved there.
func between(start, end int64, n int) (from, to int) {
	if start < 0 && end < 0 && start > end {
		return 0, 0
	}
	return clamped(start, end, n)
}

// clamped is between for ends that are the wrong way round too, which the beginning makes one.
func clamped(start, end int64, n int) (from, to int) {
	size := int64(n)
	if start < 0 {
		start = max(start+size, 0)
	}
	if end < 0 {
		end = max(end+size, 0)
	}
	end = min(end, size-1)
	if start > end {
		return 0, 0
	}
	return int(start), int(end) + 1
}

// Send implements Op.
func (o *GetRange) Send(b *respwire.Batch, key []byte) {
	b.Command("GETRANGE", key, num(o.Start), num(o.End))
}

// Recv implements Op.
func (o *GetRange) Recv(v []respwire.Value, r *Reply) error { return recvReply(v[0], r) }
