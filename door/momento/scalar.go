package momento

import (
	"encoding/binary"
	"math"

	"github.com/hearthcache/hearth/op"
)

// The values of ECacheResult.
const (
	resultOk   = 1
	resultHit  = 2
	resultMiss = 3
)

// scalarRows are the methods on plain values.
func (h *Handler) scalarRows() []row {
	return []row{
		data(h, "/cache_client.Scs/Get", decodeGet, appendGet),
		data(h, "/cache_client.Scs/Set", decodeSet, appendSet),
		data(h, "/cache_client.Scs/Delete", decodeDelete, appendNothing),
		batchRow(h, "/cache_client.Scs/GetBatch", op.Reads, decodeGet, appendGet),
		batchRow(h, "/cache_client.Scs/SetBatch", op.Writes, decodeSet, appendSet),
	}
}

func decodeGet(m []byte, o *op.Get) (op.Op, error) {
	*o = op.Get{}
	return o, key1(m, &o.K)
}

func decodeDelete(m []byte, o *op.Delete) (op.Op, error) {
	*o = op.Delete{}
	return o, key1(m, &o.K)
}

// key1 decodes a request that has only a key, in field 1.
func key1(m []byte, key *[]byte) error {
	f := scan(m)
	for f.next() {
		if f.tag == 1<<3|bytesType {
			*key = f.data
		}
	}
	return f.err()
}

func decodeSet(m []byte, o *op.Set) (op.Op, error) {
	*o = op.Set{}
	f := scan(m)
	for f.next() {
		switch f.tag {
		case 1<<3 | bytesType:
			o.K = f.data
		case 2<<3 | bytesType:
			o.Value = f.data
		case 3<<3 | varintType:
			o.Expiry.TTL = f.millis()
		}
	}
	return o, f.err()
}

// millis returns the present field as milliseconds: what does not fit is more than any limit allows.
func (f *fields) millis() int64 { return int64(min(f.num, math.MaxInt64)) }

func appendGet(b []byte, _ *op.Get, r *op.Reply) []byte {
	if r.Status != op.Hit {
		return appendUint(b, 1, resultMiss)
	}
	b = appendUint(b, 1, resultHit)
	return appendBytes(b, 2, r.Value())
}

// appendHit appends a hit up to its value, of which the length is given.
func appendHit(b []byte, bodyBytes int) []byte {
	b = appendTag(appendUint(b, 1, resultHit), 2, bytesType)
	return binary.AppendUvarint(b, uint64(bodyBytes))
}

func appendSet(b []byte, _ *op.Set, _ *op.Reply) []byte { return appendUint(b, 1, resultOk) }

// appendNothing is the response that has no fields.
func appendNothing[P any](b []byte, _ P, _ *op.Reply) []byte { return b }
