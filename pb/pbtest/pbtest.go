// Package pbtest fills messages with random content, for tests of whatever encodes or decodes them.
package pbtest

import (
	"math/rand/v2"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
)

// Prefix stands before the names of our packages; the vendor's are without.
const Prefix = "hearth."

// Types returns every message type of package pb, by name. The caller links pb.
func Types() []protoreflect.MessageType {
	var all []protoreflect.MessageType
	protoregistry.GlobalTypes.RangeMessages(func(t protoreflect.MessageType) bool {
		if strings.HasPrefix(string(t.Descriptor().FullName()), Prefix) {
			all = append(all, t)
		}
		return true
	})
	slices.SortFunc(all, func(x, y protoreflect.MessageType) int {
		return strings.Compare(string(x.Descriptor().FullName()), string(y.Descriptor().FullName()))
	})
	return all
}

// Random returns a message of the type with random content: of each oneof one member or none, numbers of either sign
// that a float64 holds exactly, and now and then the zero value.
func Random(r *rand.Rand, t protoreflect.MessageType) proto.Message {
	m := t.New()
	fill(r, m, 0)
	return m.Interface()
}

// depthMax ends what would nest for ever.
const depthMax = 8

func fill(r *rand.Rand, m protoreflect.Message, depth int) {
	d := m.Descriptor()
	for i := range d.Fields().Len() {
		f := d.Fields().Get(i)
		if f.ContainingOneof() == nil || f.ContainingOneof().IsSynthetic() {
			fillField(r, m, f, depth)
		}
	}
	for i := range d.Oneofs().Len() {
		o := d.Oneofs().Get(i)
		if o.IsSynthetic() || r.IntN(8) == 0 {
			continue
		}
		fillField(r, m, o.Fields().Get(r.IntN(o.Fields().Len())), depth)
	}
}

func fillField(r *rand.Rand, m protoreflect.Message, f protoreflect.FieldDescriptor, depth int) {
	switch {
	case f.IsList():
		list := m.Mutable(f).List()
		for range r.IntN(4) {
			if f.Message() != nil {
				fill(r, list.AppendMutable().Message(), depth+1)
			} else {
				list.Append(scalar(r, f))
			}
		}
	case f.Message() != nil:
		if depth < depthMax && (f.ContainingOneof() != nil || r.IntN(4) > 0) {
			fill(r, m.Mutable(f).Message(), depth+1)
		}
	case r.IntN(6) > 0 || f.HasPresence():
		m.Set(f, scalar(r, f))
	}
}

func scalar(r *rand.Rand, f protoreflect.FieldDescriptor) protoreflect.Value {
	sign := int64(1 - 2*r.IntN(2))
	size := uint(r.IntN(53))
	n := r.Int64N(1<<size) * int64(min(1, r.IntN(8)))
	switch f.Kind() {
	case protoreflect.BoolKind:
		return protoreflect.ValueOfBool(n&1 == 1)
	case protoreflect.EnumKind:
		values := f.Enum().Values()
		return protoreflect.ValueOfEnum(values.Get(int(n) % values.Len()).Number())
	case protoreflect.Int32Kind, protoreflect.Sint32Kind:
		return protoreflect.ValueOfInt32(int32(sign * n))
	case protoreflect.Uint32Kind:
		return protoreflect.ValueOfUint32(uint32(n))
	case protoreflect.Int64Kind, protoreflect.Sint64Kind:
		return protoreflect.ValueOfInt64(sign * n)
	case protoreflect.Uint64Kind:
		return protoreflect.ValueOfUint64(uint64(n))
	case protoreflect.FloatKind:
		return protoreflect.ValueOfFloat32(float32(sign*(n&0xffff)) / 4)
	case protoreflect.DoubleKind:
		return protoreflect.ValueOfFloat64(float64(sign*n) / 8)
	case protoreflect.StringKind:
		return protoreflect.ValueOfString(strings.Repeat("a€", int(n%40)))
	case protoreflect.BytesKind:
		b := make([]byte, int(n%300))
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		return protoreflect.ValueOfBytes(b)
	}
	panic("pbtest: no random " + f.Kind().String())
}
