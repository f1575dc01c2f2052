package momento

import (
	"context"
	"encoding/binary"

	"github.com/hearthcache/hearth/door/h2"
	"github.com/hearthcache/hearth/gateway"
	"github.com/hearthcache/hearth/op"
	"github.com/hearthcache/hearth/value"
)

// keyRows are the methods that work on items of any type.
func (h *Handler) keyRows() []row {
	return []row{
		{"/cache_client.Scs/KeysExist", h.keysExist},
		data(h, "/cache_client.Scs/UpdateTtl", decodeUpdateTTL, appendUpdateTTL),
		data(h, "/cache_client.Scs/ItemGetTtl", decodeItemTTL, appendItemTTL),
		data(h, "/cache_client.Scs/ItemGetType", decodeItemType, appendItemType),
	}
}

// keysExist answers one command for each key with one message.
func (h *Handler) keysExist(c h2.Call) {
	caller, err := h.cacheCaller(c)
	if err != nil {
		fail(c, err)
		return
	}
	keys, err := h.permittedKeys(c, caller)
	if err != nil {
		fail(c, err)
		return
	}
	o, r := &op.Exists{}, &op.Reply{}
	flags := make([]byte, 0, len(keys))
	for _, key := range keys {
		o.K = key
		r.Reset()
		done, err := h.gateway.Try(caller, o, r)
		if err != nil {
			fail(c, err)
			return
		}
		if !done {
			h.detach(c, func(ctx context.Context) { h.waitKeysExist(ctx, c, caller) })
			return
		}
		flags = append(flags, byte(r.Int))
	}
	finishKeysExist(c, flags)
}

// permittedKeys returns the keys of a request for which the caller may do all that it asks.
func (h *Handler) permittedKeys(c h2.Call, caller *gateway.Caller) ([][]byte, error) {
	if err := caller.Check(op.Reads); err != nil {
		return nil, err
	}
	keys, err := list1(c.Message(), nil)
	if err != nil {
		return nil, err
	}
	for _, key := range keys {
		if err := h.gateway.Examine(caller, &op.Exists{K: key}); err != nil {
			return nil, err
		}
	}
	return keys, nil
}

func (h *Handler) waitKeysExist(ctx context.Context, c h2.Call, caller *gateway.Caller) {
	keys, _ := list1(c.Message(), nil) // permittedKeys has read them before
	os, rs := make([]op.Op, len(keys)), make([]op.Reply, len(keys))
	for i, key := range keys {
		os[i] = &op.Exists{K: key}
	}
	h.gateway.DoAll(ctx, caller, os, rs)
	flags := make([]byte, 0, len(keys))
	for i := range rs {
		if rs[i].Err != nil {
			fail(c, rs[i].Err)
			return
		}
		flags = append(flags, byte(rs[i].Int))
	}
	finishKeysExist(c, flags)
}

// finishKeysExist answers with a packed list of yes and no: each is one byte, 1 or 0.
func finishKeysExist(c h2.Call, flags []byte) {
	c.End(appendBytes(c.Begin(), 1, flags))
	c.Finish(h2.Status{})
}

// list1 appends the repeated bytes in field 1 of a request that has no other field.
func list1(m []byte, dst [][]byte) ([][]byte, error) {
	f := fields{data: m}
	dst = f.blobs(dst)
	return dst, f.err()
}

func decodeUpdateTTL(m []byte, o *op.UpdateTTL) (op.Op, error) {
	*o = op.UpdateTTL{}
	given := false
	f := scan(m)
	for f.next() {
		switch f.tag {
		case 1<<3 | bytesType:
			o.K = f.data
		case 2<<3 | varintType:
			o.When, o.Expiry.TTL, given = op.IfLonger, f.millis(), true
		case 3<<3 | varintType:
			o.When, o.Expiry.TTL, given = op.IfShorter, f.millis(), true
		case 4<<3 | varintType:
			o.When, o.Expiry.TTL, given = 0, f.millis(), true
		}
	}
	if !given && !f.bad {
		return o, invalid("update_ttl is not set: it is one of increase_to, decrease_to and overwrite_to_milliseconds")
	}
	return o, f.err()
}

func appendUpdateTTL(b []byte, _ *op.UpdateTTL, r *op.Reply) []byte {
	switch r.Status {
	case op.Miss:
		return appendEmpty(b, 3)
	case op.Refused:
		return appendEmpty(b, 2)
	}
	return appendEmpty(b, 1)
}

// appendEmpty appends a sub-message without fields, as a member of a oneof.
func appendEmpty(b []byte, number uint32) []byte { return append(appendTag(b, number, bytesType), 0) }

func decodeItemTTL(m []byte, o *op.ItemTTL) (op.Op, error) {
	*o = op.ItemTTL{}
	return o, key1(m, &o.K)
}

// ttlForEver is what an item without expiry is said to live yet, in milliseconds: what clients read as a signed number
// and add to a date.
const ttlForEver = 100 * 365 * 24 * 3600 * 1000

// appendItemTTL tells the whole milliseconds that are left: of the one that the clock shows a part is over. So the answer is
// less than the time to live that has just been set, however fast it is, which the vendor's suites rely on.
func appendItemTTL(b []byte, _ *op.ItemTTL, r *op.Reply) []byte {
	if r.Status == op.Miss {
		return appendEmpty(b, 2)
	}
	millis := uint64(max(r.Int-1, 1))
	if r.Int < 0 {
		millis = ttlForEver
	}
	b, found := begin(b, 1)
	return end(appendUint(b, 1, millis), found)
}

func decodeItemType(m []byte, o *op.ItemType) (op.Op, error) {
	*o = op.ItemType{}
	return o, key1(m, &o.K)
}

// itemTypes are the numbers of ItemType.
var itemTypes = [...]uint64{value.Scalar: 0, value.Dictionary: 1, value.Set: 2, value.List: 3, value.SortedSet: 4}

func appendItemType(b []byte, _ *op.ItemType, r *op.Reply) []byte {
	if r.Status == op.Miss {
		return appendEmpty(b, 2)
	}
	b, found := begin(b, 1)
	return end(appendUint(b, 1, itemTypes[r.Kind]), found)
}

// appendFound appends what half of the responses are: found with a number in its field 1, or missing.
func appendFound(b []byte, r *op.Reply) []byte {
	if r.Status == op.Miss {
		return appendEmpty(b, 2)
	}
	b, found := begin(b, 1)
	return end(appendUint(b, 1, uint64(r.Int)), found)
}

// appendParts appends found with the reply's elements in its repeated field 1, or missing.
func appendParts(b []byte, r *op.Reply) []byte {
	if r.Status == op.Miss {
		return appendEmpty(b, 2)
	}
	b, found := begin(b, 1)
	for i := range r.Len() {
		b = appendPresent(b, 1, r.Part(i).Bytes)
	}
	return end(b, found)
}

// appendFlags appends found with a packed list of yes and no, or missing.
func appendFlags(b []byte, r *op.Reply) []byte {
	if r.Status == op.Miss {
		return appendEmpty(b, 2)
	}
	b, found := begin(b, 1)
	if r.Len() > 0 {
		b = binary.AppendUvarint(appendTag(b, 1, bytesType), uint64(r.Len()))
	}
	for i := range r.Len() {
		flag := byte(0)
		if r.Part(i).Hit {
			flag = 1
		}
		b = append(b, flag)
	}
	return end(b, found)
}
