package op

import (
	"github.com/hearthcache/hearth/respwire"
	"github.com/hearthcache/hearth/value"
)

// ObjectEncoding names how an item is kept, in the server's words: a Hit with the name, or a Miss. On the local engine
// it is the name of what comes closest. Redis OBJECT ENCODING.
type ObjectEncoding struct{ K []byte }

var objectEncodingSpec = Spec{ID: idObjectEncoding, Name: "OBJECT ENCODING", Access: Reads, Repeatable: true}

// Spec implements Op.
func (o *ObjectEncoding) Spec() *Spec { return &objectEncodingSpec }

// Key implements Op.
func (o *ObjectEncoding) Key() []byte { return o.K }

// embeddedMax is the longest string that a server keeps together with its header.
const embeddedMax = 44

// Apply implements Op.
func (o *ObjectEncoding) Apply(e *value.Entry, now int64, r *Reply) error {
	if !e.Exists() {
		r.Status = Miss
		return nil
	}
	r.Status = Hit
	r.SetValue(lit(encodingOf(e)))
	return nil
}

func encodingOf(e *value.Entry) string {
	packed := true
	if c := e.Collection(); c != nil {
		_, packed = c.Packed()
	}
	names := [...][2]string{
		value.Dictionary: {"hashtable", "listpack"}, value.Set: {"hashtable", "listpack"},
		value.List: {"quicklist", "listpack"}, value.SortedSet: {"skiplist", "listpack"},
	}
	if e.Kind() != value.Scalar {
		if packed {
			return names[e.Kind()][1]
		}
		return names[e.Kind()][0]
	}
	v, _ := e.Bytes()
	if _, ok := ParseInt(v); ok {
		return "int"
	}
	if len(v) <= embeddedMax {
		return "embstr"
	}
	return "raw"
}

// Send implements Op.
func (o *ObjectEncoding) Send(b *respwire.Batch, key []byte) {
	b.Raw(lit("OBJECT"), lit("ENCODING"), key)
}

// Recv implements Op.
func (o *ObjectEncoding) Recv(v []respwire.Value, r *Reply) error { return recvScalar(v[0], r) }
