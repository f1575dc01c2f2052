// Package value holds what can live under a key: a scalar, a dictionary, a set, a list or a sorted set, and the Entry
// through which a command sees it. It knows nothing of engines, locks or clocks: time is an argument.
package value

import "github.com/hearthcache/hearth"

// Kind is the type of an item.
type Kind uint8

// The kinds of items. None is the kind of a key that holds nothing.
const (
	None Kind = iota
	Scalar
	Dictionary
	Set
	List
	SortedSet
)

// Change says what a command did to an entry, so that its engine knows what to keep.
type Change uint8

// The changes, each including the ones before it.
const (
	Unchanged Change = iota
	Touched          // only the expiry or the attributes changed
	Written          // the value changed
	Deleted          // the item is gone
)

// Entry is one key's item as a command sees it, between the engine's look-up and its write-back. A key that holds
// nothing, or something expired, is an Entry of kind None. What an Entry returns is borrowed from the engine: it is
// valid until Apply returns.
type Entry struct {
	kind   Kind
	change Change
	expiry int64  // absolute, in milliseconds; 0 is never
	bytes  []byte // of a scalar
	block  *Block // of a large scalar, instead of bytes
	coll   Collection
	attrs  Attrs
	buf    []byte // scratch for commands that build a new value

	existed bool // when it was loaded
	spare   Scratch
}

// ErrWrongType is the error of a command on an item of another type. The text is Valkey's.
var ErrWrongType = &hearth.Error{
	Kind: hearth.WrongType,
	Msg:  "WRONGTYPE Operation against a key holding the wrong kind of value",
}

// Kind returns the kind of the item, None if there is none.
func (e *Entry) Kind() Kind { return e.kind }

// Exists reports whether the key holds an item.
func (e *Entry) Exists() bool { return e.kind != None }

// Bytes returns the value of a scalar. It is empty when there is no item, ErrWrongType when the item is a collection.
func (e *Entry) Bytes() ([]byte, error) {
	switch {
	case e.kind > Scalar:
		return nil, ErrWrongType
	case e.block != nil:
		return e.block.Bytes(), nil
	}
	return e.bytes, nil
}

// Block returns the block that holds the scalar's value, nil if the value is not kept in one.
func (e *Entry) Block() *Block { return e.block }

// SetBytes makes the item a scalar with the value v, without expiry and attributes. The engine copies v after Apply.
func (e *Entry) SetBytes(v []byte) {
	e.replace(Scalar)
	e.bytes = v
}

// SetBlock makes the item a scalar whose value is b, without expiry and attributes. The engine retains b.
func (e *Entry) SetBlock(b *Block) {
	e.replace(Scalar)
	e.block = b
}

// ReplaceBytes gives the scalar a new value and leaves its expiry and attributes alone.
func (e *Entry) ReplaceBytes(v []byte) {
	e.kind, e.bytes, e.block, e.coll = Scalar, v, nil, nil
	e.change = Written
}

func (e *Entry) replace(k Kind) {
	e.kind, e.bytes, e.block, e.coll = k, nil, nil, nil
	e.expiry, e.attrs = 0, Attrs{}
	e.change = Written
}

// Delete removes the item.
func (e *Entry) Delete() {
	if e.kind == None {
		return
	}
	e.replace(None)
	e.change = Deleted
}

// Size returns the bytes of the item's value: of a collection those of its elements, with the few that keep them apart.
func (e *Entry) Size() int {
	switch {
	case e.coll != nil:
		return e.coll.size()
	case e.block != nil:
		return len(e.block.Bytes())
	}
	return len(e.bytes)
}

// Expiry returns when the item expires, in milliseconds; 0 is never.
func (e *Entry) Expiry() int64 { return e.expiry }

// ExpireAt sets when the item expires, in milliseconds; 0 is never. It does nothing where there is no item.
func (e *Entry) ExpireAt(millis int64) {
	if e.kind == None {
		return
	}
	e.expiry = millis
	e.change = max(e.change, Touched)
}

// Attrs returns the item's attributes; the zero Attrs when it has none.
func (e *Entry) Attrs() Attrs { return e.attrs }

// SetAttrs replaces the item's attributes.
func (e *Entry) SetAttrs(a Attrs) {
	e.attrs = a
	e.change = max(e.change, Touched)
}

// Scratch returns an empty buffer for building a value that SetBytes or ReplaceBytes then takes; it is reused by the
// next command on the same Entry. Give it back, grown, with KeepScratch.
func (e *Entry) Scratch() []byte { return e.buf[:0] }

// KeepScratch hands a grown scratch buffer back for reuse.
func (e *Entry) KeepScratch(b []byte) {
	if cap(b) <= scratchBytesMax {
		e.buf = b
	}
}

// scratchBytesMax bounds what an Entry keeps for the next command.
const scratchBytesMax = 64 << 10

// Change returns what the command did. A collection that lost its last element counts as Deleted, one that was made and
// got none as Unchanged.
func (e *Entry) Change() Change {
	if e.coll == nil {
		return e.change
	}
	change := e.change
	if *e.coll.changed() {
		change = max(change, Written)
	}
	switch {
	case change == Unchanged || e.coll.Len() > 0:
		return change
	case e.existed:
		return Deleted
	}
	return Unchanged
}

// Collection returns the collection that the item is, nil for a scalar or no item.
func (e *Entry) Collection() Collection { return e.coll }

// Load prepares e for a command: the engine's half of the contract. For a scalar either bytes or block is given, for
// a collection coll, which is one that grew large or belongs to the engine otherwise. Kind None takes neither.
func (e *Entry) Load(k Kind, expiry int64, bytes []byte, block *Block, coll Collection, a Attrs) {
	e.kind, e.change, e.expiry, e.existed = k, Unchanged, expiry, k != None
	e.bytes, e.block, e.coll, e.attrs = bytes, block, coll, a
	if coll != nil {
		*coll.changed() = false
	}
}

// LoadPacked prepares e for a command on a collection that the engine keeps as a packed record. The record is a view of
// the engine's memory: it is not written, and not looked at once Apply has returned, unless the command left the
// collection as it was. Nothing is allocated as long as the collection stays packed.
//
// After Apply, where Change says Written, Collection().Packed() is the new record, which the engine copies before it
// uses e again; or Packed reports false: then the collection has grown large and is the engine's to keep as an object
// and to give to Load from then on, while e makes itself a new one.
func (e *Entry) LoadPacked(k Kind, expiry int64, record []byte, a Attrs) {
	e.Load(k, expiry, nil, nil, e.spare.Unpack(k, record), a)
}
