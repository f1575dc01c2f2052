package client

import (
	"context"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/hearthcache/hearth"
)

// If says when a conditional set stores. The fields are joined as they read: Absent and Equal together store where there
// is no item, or where its value equals.
type If struct {
	Absent, Present bool
	Equal, NotEqual []byte // what is stored; for SetIfHash, its hash
}

// member returns the number of the member of the oneof that stands for the condition, and what it compares with: for
// SetIf those of Present and what follows it, for SetIfHash the same without Present, Absent and NotEqual alone.
func (i If) members() (conditions [6]bool, compare []byte, ok bool) {
	equal, notEqual := i.Equal != nil, i.NotEqual != nil
	compare = i.Equal
	if notEqual {
		compare = i.NotEqual
	}
	conditions = [6]bool{
		i.Present && !equal && !notEqual && !i.Absent, i.Present && notEqual && !equal && !i.Absent, i.Absent && !equal && !notEqual && !i.Present,
		equal && !i.Absent && !notEqual, i.Absent && equal && !i.Present && !notEqual, notEqual && !i.Present && !i.Absent && !equal,
	}
	for _, c := range conditions {
		ok = ok || c
	}
	return conditions, compare, ok
}

var errCondition = &hearth.Error{Kind: hearth.Invalid, Msg: "this combination of conditions is none that the server knows"}

// SetIf stores a scalar for ttl where a condition holds, and reports whether it did.
func (c *Cache) SetIf(ctx context.Context, key, value []byte, cond If, ttl time.Duration) (stored bool, err error) {
	conditions, compare, ok := cond.members()
	if !ok {
		return false, errCondition
	}
	m := item(key, value, ttl)
	for i, holds := range conditions {
		if holds {
			inner := message(nil)
			if compare != nil {
				inner = inner.bytes(1, compare)
			}
			m = m.bytes(protowire.Number(4+i), inner)
		}
	}
	out, err := c.write(ctx, "SetIf", key, m)
	if err != nil {
		return false, err
	}
	_, stored, err = member(out, 1)
	return stored, err
}

// GetWithHash is Get with the value's hash, for SetIfHash.
func (c *Cache) GetWithHash(ctx context.Context, key []byte) (value, hash []byte, ok bool, err error) {
	out, err := c.do(ctx, "GetWithHash", message(nil).bytes(1, key))
	if err != nil {
		return nil, nil, false, err
	}
	found, ok, err := member(out, 1)
	if err != nil || !ok {
		return nil, nil, false, err
	}
	err = read(found, func(f field) {
		switch f.number {
		case 1:
			value = f.bytes
		case 2:
			hash = f.bytes
		}
	})
	return value, hash, true, err
}

// SetIfHash is SetIf with conditions on the hash of what is stored, and returns the hash of what it stores. The zero If
// stores always; Absent alone and Present alone are no conditions here.
func (c *Cache) SetIfHash(ctx context.Context, key, value []byte, cond If, ttl time.Duration) (hash []byte, stored bool, err error) {
	conditions, compare, ok := cond.members()
	at := protowire.Number(8)
	switch {
	case conditions[1]:
		at = 4
	case conditions[3]:
		at = 5
	case conditions[4]:
		at = 6
	case conditions[5]:
		at = 7
	case ok:
		return nil, false, errCondition
	}
	inner := message(nil)
	if at != 8 {
		inner = inner.bytes(1, compare)
	}
	out, err := c.write(ctx, "SetIfHash", key, item(key, value, ttl).bytes(at, inner))
	if err != nil {
		return nil, false, err
	}
	in, stored, err := member(out, 1)
	if err == nil && stored {
		hash, _, err = member(in, 1)
	}
	return hash, stored, err
}

// Item is one item of SetAll.
type Item struct {
	Key, Value []byte
	TTL        time.Duration
}

// GetAll reads scalars in one call. A value is nil where there is none; an empty one is not nil.
func (c *Cache) GetAll(ctx context.Context, keys ...[]byte) (values [][]byte, err error) {
	var m message
	for _, k := range keys {
		m = m.bytes(1, message(nil).bytes(1, k))
	}
	values = make([][]byte, 0, len(keys))
	err = c.client.stream(ctx, c.client.data, "/cache_client.Scs/GetBatch", c.name, m, func(in []byte) error {
		value, ok, err := readGet(in)
		if err == nil && ok && value == nil {
			value = []byte{}
		}
		values = append(values, value)
		return err
	})
	if err == nil && len(values) != len(keys) {
		err = errMessage
	}
	return values, err
}

// SetAll stores scalars in one call.
func (c *Cache) SetAll(ctx context.Context, items ...Item) error {
	var m message
	for _, i := range items {
		m = m.bytes(1, item(i.Key, i.Value, i.TTL))
		c.near.invalidate(i.Key)
	}
	err := c.client.stream(ctx, c.client.data, "/cache_client.Scs/SetBatch", c.name, m, func([]byte) error { return nil })
	for _, i := range items {
		c.near.invalidate(i.Key)
	}
	return err
}

// Exists reports of each key whether there is an item of any type.
func (c *Cache) Exists(ctx context.Context, keys ...[]byte) ([]bool, error) {
	out, err := c.do(ctx, "KeysExist", message(nil).list(1, keys))
	if err != nil {
		return nil, err
	}
	return bools(out, 1)
}

// typeNames is how Type says each ItemType.
var typeNames = [...]string{"scalar", "dictionary", "set", "list", "sorted set"}

// Type returns what an item is: "scalar", "dictionary", "set", "list", "sorted set", or "" where there is none.
func (c *Cache) Type(ctx context.Context, key []byte) (string, error) {
	out, err := c.do(ctx, "ItemGetType", message(nil).bytes(1, key))
	if err != nil {
		return "", err
	}
	found, ok, err := member(out, 1)
	if err != nil || !ok {
		return "", err
	}
	kind, err := number(found, 1)
	if err != nil || kind >= uint64(len(typeNames)) {
		return "", errMessage
	}
	return typeNames[kind], nil
}

// RaiseTTL gives an item a time to live unless it has a longer one, and reports whether it did.
func (c *Cache) RaiseTTL(ctx context.Context, key []byte, ttl time.Duration) (set bool, err error) {
	return c.updateTTL(ctx, key, 2, ttl)
}

// LowerTTL gives an item a time to live unless it has a shorter one, and reports whether it did.
func (c *Cache) LowerTTL(ctx context.Context, key []byte, ttl time.Duration) (set bool, err error) {
	return c.updateTTL(ctx, key, 3, ttl)
}

func (c *Cache) updateTTL(ctx context.Context, key []byte, how protowire.Number, ttl time.Duration) (set bool, err error) {
	out, err := c.write(ctx, "UpdateTtl", key, message(nil).bytes(1, key).varint(how, millis(ttl)))
	if err != nil {
		return false, err
	}
	_, set, err = member(out, 1)
	return set, err
}

// write is do for a call that changes one item: a near cache lets go of it before, and after, when a reader may have
// brought back what was there.
func (c *Cache) write(ctx context.Context, method string, key []byte, m message) ([]byte, error) {
	c.near.invalidate(key)
	defer c.near.invalidate(key)
	return c.do(ctx, method, m)
}
