package local

import (
	"encoding/binary"
	"unsafe"

	"github.com/hearthcache/hearth/value"
)

// record is the head of one item in a log: eight bytes, then its expiry and its attributes where it has them, then key
// and value. It starts at a multiple of recordAlign.
//
// The bits of meta: 0-2 kind, 3-4 uses (how often it was asked for since it last moved, at most 3), 5 dead, 6 has an
// expiry, 7 has attributes, 8 its value is the number of an entry in the shard's side table, 9 it entered the main log on
// trust and has not reached its end since, 10-14 padding in units of recordAlign, 15-31 the length of the key.
type record struct {
	meta     uint32
	valueLen uint32
}

const (
	recordAlign  = 4
	headBytes    = 8
	expiryBytes  = 8
	attrsBytes   = 8 // and the tags
	kindMask     = 7
	usesShift    = 3
	usesMax      = 3
	usesMask     = usesMax << usesShift
	deadBit      = 1 << 5
	expiryBit    = 1 << 6
	attrsBit     = 1 << 7
	sideBit      = 1 << 8
	trustBit     = 1 << 9
	padShift     = 10
	padMax       = 31
	padMask      = padMax << padShift
	keyLenShift  = 15
	staleBit     = 1 << 0 // of the attributes' fifth byte
	wonBit       = 1 << 1
	tagsBytesMax = 1<<16 - 1
)

func (r *record) kind() value.Kind { return value.Kind(r.meta & kindMask) }
func (r *record) dead() bool       { return r.meta&deadBit != 0 }
func (r *record) side() bool       { return r.meta&sideBit != 0 }
func (r *record) keyLen() int      { return int(r.meta >> keyLenShift) }
func (r *record) uses() uint32     { return r.meta & usesMask >> usesShift }

// used counts one more use.
func (r *record) used() {
	if r.meta&usesMask != usesMask {
		r.meta += 1 << usesShift
	}
}

func (r *record) setUses(n uint32) { r.meta = r.meta&^usesMask | min(n, usesMax)<<usesShift }

func (r *record) slice(from, n int) []byte {
	return unsafe.Slice((*byte)(unsafe.Add(unsafe.Pointer(r), from)), n)
}

// attrsAt returns where the attributes or, without any, the key begins.
func (r *record) attrsAt() int {
	if r.meta&expiryBit != 0 {
		return headBytes + expiryBytes
	}
	return headBytes
}

// keyAt returns where the key begins.
func (r *record) keyAt() int {
	at := r.attrsAt()
	if r.meta&attrsBit != 0 {
		at += attrsBytes + r.tagsLen(at)
	}
	return at
}

func (r *record) tagsLen(at int) int { return int(binary.LittleEndian.Uint16(r.slice(at+6, 2))) }

func (r *record) key() []byte { return r.slice(r.keyAt(), r.keyLen()) }

func (r *record) value() []byte { return r.slice(r.keyAt()+r.keyLen(), int(r.valueLen)) }

// bytes is the record's length in its log.
func (r *record) bytes() int {
	return roundUp(r.keyAt()+r.keyLen()+int(r.valueLen)) + int(r.meta&padMask>>padShift)*recordAlign
}

// expiry is absolute, in milliseconds; 0 is never.
func (r *record) expiry() int64 {
	if r.meta&expiryBit == 0 {
		return 0
	}
	return int64(binary.LittleEndian.Uint64(r.slice(headBytes, expiryBytes)))
}

func (r *record) setExpiry(millis int64) {
	binary.LittleEndian.PutUint64(r.slice(headBytes, expiryBytes), uint64(millis))
}

// expired reports whether the item may not be seen at time now.
func (r *record) expired(now int64) bool {
	x := r.expiry()
	return x != 0 && x <= now
}

// sideNumber is the number of the entry in the side table.
func (r *record) sideNumber() uint32 { return binary.LittleEndian.Uint32(r.value()) }

func (r *record) setSideNumber(n uint32) { binary.LittleEndian.PutUint32(r.value(), n) }

// tags are a view.
func (r *record) tags() value.Tags {
	if r.meta&attrsBit == 0 {
		return nil
	}
	at := r.attrsAt()
	return r.slice(at+attrsBytes, r.tagsLen(at))
}

func (r *record) attrs() value.Attrs {
	if r.meta&attrsBit == 0 {
		return value.Attrs{}
	}
	at := r.attrsAt()
	b := r.slice(at, attrsBytes)
	return value.Attrs{
		Flags: binary.LittleEndian.Uint32(b),
		Stale: b[4]&staleBit != 0,
		Won:   b[4]&wonBit != 0,
		Tags:  r.tags(),
	}
}

// draft is an item about to become a record.
type draft struct {
	kind    value.Kind
	side    bool
	trusted bool
	uses    uint32
	expiry  int64
	attrs   value.Attrs
	key     []byte
	value   []byte
}

// bytes is the length of the record that d becomes.
func (d *draft) bytes() int {
	n := headBytes + len(d.key) + len(d.value)
	if d.expiry != 0 {
		n += expiryBytes
	}
	if d.attrs.Any() {
		n += attrsBytes + len(d.attrs.Tags)
	}
	return roundUp(n)
}

func roundUp(n int) int { return (n + recordAlign - 1) &^ (recordAlign - 1) }

// write makes r the record of d. There are d.bytes() bytes of room.
func (r *record) write(d *draft) {
	meta := uint32(d.kind) | d.uses<<usesShift | uint32(len(d.key))<<keyLenShift
	if d.side {
		meta |= sideBit
	}
	if d.trusted {
		meta |= trustBit
	}
	if d.expiry != 0 {
		meta |= expiryBit
	}
	hasAttrs := d.attrs.Any()
	if hasAttrs {
		meta |= attrsBit
	}
	r.meta, r.valueLen = meta, uint32(len(d.value))
	if d.expiry != 0 {
		r.setExpiry(d.expiry)
	}
	at := r.attrsAt()
	if hasAttrs {
		at += r.writeAttrs(at, d.attrs)
	}
	copy(r.slice(at, len(d.key)), d.key)
	copy(r.slice(at+len(d.key), len(d.value)), d.value)
}

func (r *record) writeAttrs(at int, a value.Attrs) int {
	b := r.slice(at, attrsBytes+len(a.Tags))
	binary.LittleEndian.PutUint32(b, a.Flags)
	b[4], b[5] = 0, 0
	if a.Stale {
		b[4] |= staleBit
	}
	if a.Won {
		b[4] |= wonBit
	}
	binary.LittleEndian.PutUint16(b[6:], uint16(len(a.Tags)))
	copy(b[attrsBytes:], a.Tags)
	return len(b)
}

// rewrite turns r into the record of a new scalar in its place, where that is possible: the lengths nearly agree and
// neither has attributes. The value may overlap the old one.
func (r *record) rewrite(expiry int64, v []byte) bool {
	if r.meta&(attrsBit|sideBit) != 0 || expiry != 0 && r.meta&expiryBit == 0 {
		return false
	}
	at := r.keyAt() + r.keyLen()
	slack := r.bytes() - roundUp(at+len(v))
	if slack < 0 || slack > padMax*recordAlign {
		return false
	}
	if r.meta&expiryBit != 0 {
		r.setExpiry(expiry)
	}
	r.meta = r.meta&^(padMask|kindMask) | uint32(slack/recordAlign)<<padShift | uint32(value.Scalar)
	r.valueLen = uint32(len(v))
	copy(r.slice(at, len(v)), v)
	return true
}
