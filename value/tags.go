package value

import (
	"encoding/binary"
	"iter"
)

// Tags are the tags of an item, and the stamp that says which invalidations came before its write: eight bytes of the
// stamp, then each tag after its length in a byte.
type Tags []byte

const stampBytes = 8

// MakeTags returns the Tags of an item that is written at a stamp; nil where it has none. A tag is at most 255 bytes.
func MakeTags(stamp uint64, names [][]byte) Tags {
	if len(names) == 0 {
		return nil
	}
	n := stampBytes
	for _, name := range names {
		n += 1 + len(name)
	}
	t := binary.BigEndian.AppendUint64(make(Tags, 0, n), stamp)
	for _, name := range names {
		t = append(append(t, byte(len(name))), name...)
	}
	return t
}

// Stamp returns which invalidations came before the item's write; 0 where there are no tags.
func (t Tags) Stamp() uint64 {
	if len(t) < stampBytes {
		return 0
	}
	return binary.BigEndian.Uint64(t)
}

// Names returns the tags one after another. What is not as MakeTags made it ends them.
func (t Tags) Names() iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		rest := t[min(stampBytes, len(t)):]
		for len(rest) > 0 && len(rest) > int(rest[0]) {
			n := 1 + int(rest[0])
			if !yield(rest[1:n:n]) {
				return
			}
			rest = rest[n:]
		}
	}
}
