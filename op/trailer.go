package op

import (
	"bytes"
	"encoding/binary"

	"github.com/hearthcache/hearth/respwire"
	"github.com/hearthcache/hearth/value"
)

// Detached is a command that a server has no words for: an engine over servers fetches the item, applies the command to
// it, and writes it back where nobody else has changed it meanwhile.
type Detached interface {
	Op
	// Detached marks the command; it does nothing.
	Detached()
}

// On a server an item with attributes is a string that ends with a trailer: bits, flags, tags, the length of those in
// two bytes, and a mark. A string without is what it is; one that happens to end with the mark gets an empty trailer.
var trailerMark = []byte("\x00\xf5hearth\xf6")

const (
	staleBit = 1 << iota
	wonBit
)

const trailerFixed = 5 // bits and flags

// AppendTrailer returns v as a server keeps it.
func AppendTrailer(v []byte, a value.Attrs) []byte {
	if !a.Any() && !bytes.HasSuffix(v, trailerMark) {
		return v
	}
	out := append(make([]byte, 0, len(v)+trailerFixed+len(a.Tags)+2+len(trailerMark)), v...)
	var bits byte
	if a.Stale {
		bits |= staleBit
	}
	if a.Won {
		bits |= wonBit
	}
	out = binary.BigEndian.AppendUint32(append(out, bits), a.Flags)
	out = append(out, a.Tags...)
	out = binary.BigEndian.AppendUint16(out, uint16(trailerFixed+len(a.Tags)))
	return append(out, trailerMark...)
}

// CutTrailer divides what a server keeps into the value and its attributes. What is no trailer belongs to the value.
func CutTrailer(stored []byte) (v []byte, a value.Attrs) {
	rest, ok := bytes.CutSuffix(stored, trailerMark)
	if !ok || len(rest) < trailerFixed+2 {
		return stored, a
	}
	size := int(binary.BigEndian.Uint16(rest[len(rest)-2:]))
	rest = rest[:len(rest)-2]
	if size < trailerFixed || size > len(rest) {
		return stored, a
	}
	t := rest[len(rest)-size:]
	a.Stale, a.Won = t[0]&staleBit != 0, t[0]&wonBit != 0
	a.Flags = binary.BigEndian.Uint32(t[1:])
	if len(t) > trailerFixed {
		a.Tags = bytes.Clone(t[trailerFixed:])
	}
	return rest[:len(rest)-size], a
}

// SendFetch asks for what a Detached command needs: the item and its time to live.
func SendFetch(b *respwire.Batch, key []byte) {
	b.Command("GET", key)
	b.Command("PTTL", key)
}

// SendSwap writes an item back where it is still what was fetched. Change is what the command did to the entry, ttl how
// long the item has to live then, in milliseconds, 0 for ever, -1 for as long as before.
func SendSwap(b *respwire.Batch, key []byte, fetched respwire.Value, e *value.Entry, ttl int64) {
	was, digest := "none", []byte(nil)
	switch {
	case fetched.IsError():
		was = "other"
	case !fetched.Null:
		was, digest = "string", fetched.Str
	}
	var v []byte
	do := "delete"
	if e.Change() != value.Deleted {
		do = "set"
		v, _ = e.Bytes()
		v = AppendTrailer(v, e.Attrs())
	}
	b.Function("hearth_swap", key, lit(was), digest, lit(do), v, num(ttl))
}
