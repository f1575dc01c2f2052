package valkey

import (
	"encoding/binary"
	"unsafe"

	"github.com/valkey-io/valkey-go"

	"github.com/hearthcache/hearth/respwire"
)

// valueOf shows the client's message as a neutral Value, without copying bytes where the client gives them out.
func valueOf(m *valkey.ValkeyMessage) respwire.Value {
	switch {
	case m.IsNil():
		return respwire.Value{Type: '_', Null: true}
	case m.IsInt64():
		n, _ := m.ToInt64()
		return respwire.Value{Type: ':', Int: n}
	case m.IsFloat64():
		f, _ := m.ToFloat64()
		return respwire.Value{Type: ',', Num: f}
	case m.IsBool():
		v := respwire.Value{Type: '#'}
		if b, _ := m.ToBool(); b {
			v.Int = 1
		}
		return v
	case m.IsArray():
		ms, _ := m.ToArray()
		vs := make([]respwire.Value, len(ms))
		for i := range ms {
			vs[i] = valueOf(&ms[i])
		}
		return respwire.Value{Type: '*', Array: vs}
	case m.IsMap() || m.Error() != nil:
		// The client gives out maps without their order and errors without their "ERR": its record has both.
		v, _ := decodeRecord(m.CacheMarshal(nil)[recordHeader:])
		return v
	}
	s, _ := m.ToString()
	return respwire.Value{Type: '$', Str: unsafe.Slice(unsafe.StringData(s), len(s))}
}

// recordHeader is what stands before the first record that CacheMarshal writes: a time to live.
const recordHeader = 7

// decodeRecord reads one message of valkey-go's CacheMarshal: type, big-endian length or number, bytes or elements.
// The version of the client is pinned, and TestRecords holds the format.
func decodeRecord(b []byte) (v respwire.Value, rest []byte) {
	v.Type = b[0]
	n := int64(binary.BigEndian.Uint64(b[1:9]))
	b = b[9:]
	switch v.Type {
	case ':', '#':
		v.Int = n
	case '_':
		v.Null = true
	case '*', '%', '~':
		// A map's length is that of its flattened keys and values.
		v.Array = make([]respwire.Value, n)
		for i := range v.Array {
			v.Array[i], b = decodeRecord(b)
		}
	case ',':
		v.Num = parseFloat(b[:n])
		b = b[n:]
	default:
		v.Str, b = b[:n:n], b[n:]
	}
	return v, b
}
