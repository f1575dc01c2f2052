package momento

import (
	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/door/h2"
	"github.com/hearthcache/hearth/op"
	"github.com/hearthcache/hearth/value"
)

// placeBytesMin is the size from which a value stays where its message was read: a smaller one is copied.
const placeBytesMin = 64 << 10

// placeHeadBytesMax is how much of a message is looked through for the key and the length of its value.
const placeHeadBytesMax = 32 << 10

var _ h2.Placer = (*Handler)(nil)

// Place implements h2.Placer. The message is read into a Block of which settle keeps the value, so that a large one is
// never on the heap, and whoever may not write it, or where there is no room, is told before it has come.
func (h *Handler) Place(c h2.Call, head []byte, room int) (m h2.Memory, later bool, s h2.Status) {
	switch c.Method() {
	case "/cache_client.Scs/Set", "/cache_client.Scs/SetIf", "/cache_client.Scs/SetIfNotExists", "/cache_client.Scs/SetIfHash":
	default:
		return nil, false, h2.Status{}
	}
	key, size, ok := ahead(head)
	if !ok {
		return nil, len(head) < placeHeadBytesMax, h2.Status{}
	}
	if size < placeBytesMin || size > room {
		return nil, false, h2.Status{}
	}
	caller, err := h.cacheCaller(c)
	if err != nil {
		return nil, false, statusOf(err)
	}
	b, err := h.gateway.Reserve(caller, key, size, room-size)
	switch {
	case err != nil:
		return nil, false, statusOf(err)
	case b == nil: // not a Memory that is nil
		return nil, false, h2.Status{}
	}
	return b, false, h2.Status{}
}

// ahead reads the beginning of a message that stores a scalar: its key in field 1, and the size of the value that follows
// in field 2.
func ahead(m []byte) (key []byte, size int, ok bool) {
	f := scan(m)
	for len(f.rest) > 0 && f.readTag() && f.tag&7 != groupType {
		if f.tag == 2<<3|bytesType {
			n, whole := f.varint()
			return key, int(n), whole && key != nil && n <= hearth.MessageBytesMax
		}
		if !f.readValue() {
			break
		}
		if f.tag == 1<<3|bytesType {
			key = f.data
		}
	}
	return nil, 0, false
}

// settle lets a command that stores a large value keep it where its message was read.
func settle(c h2.Call, o op.Op) {
	b, ok := c.Memory().(*value.Block)
	if !ok {
		return
	}
	switch o := o.(type) {
	case *op.Set:
		o.Block = keep(b, o.Value)
	case *op.SetIf:
		o.Block = keep(b, o.Value)
	case *op.SetIfHash:
		o.Block = keep(b, o.Value)
	}
}

// keep makes b a Block of the value alone, which is part of it; nil where the value is worth a copy.
func keep(b *value.Block, v []byte) *value.Block {
	if len(v) < placeBytesMin {
		return nil
	}
	b.Narrow(v)
	return b
}
