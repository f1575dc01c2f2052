package h2

import (
	"errors"
	"unsafe"

	"golang.org/x/net/http2/hpack"
)

// decoder undoes HPACK (RFC 7541). It hands out bytes rather than strings, and keeps its table in two slices, so that
// decoding allocates nothing once they have grown. Huffman codes are left to golang.org/x/net, whose decoder is also
// what the tests hold this one against.
type decoder struct {
	data    []byte  // names and values of the dynamic table, oldest first
	base    uint32  // the position of data[0] in all that was ever added
	entries []entry // oldest first
	oldest  int     // the first entry that is still there
	size    int     // as RFC 7541 4.1 counts it
	sizeMax int     // what the peer chose, at most tableBytesMax
	block   []byte  // what is left of the block
	fields  bool    // the block has begun with a field: its table size may not change any more
	changes uint32  // of the table, so far
	huffman buffer
}

// entry is a field of the dynamic table.
type entry struct {
	at    uint32 // position of its name; the value follows
	name  uint16
	value uint16
	clean bool // name and value may stand in a header
}

// buffer is an io.Writer over a slice.
type buffer struct{ b []byte }

// Write appends p.
func (b *buffer) Write(p []byte) (int, error) {
	b.b = append(b.b, p...)
	return len(p), nil
}

var errCompression = errors.New("malformed header block")

const (
	tableBytesMax = 4096 // the protocol's default; we never announce another
	entryOverhead = 32
)

// begin starts with a complete header block, which is borrowed until the last field was read.
func (d *decoder) begin(block []byte) {
	d.block = block
	d.fields = false
	if d.sizeMax == 0 && d.entries == nil {
		d.sizeMax = tableBytesMax
		d.entries = make([]entry, 0, 16)
		d.data, d.huffman.b = []byte{}, []byte{} // so that an empty name is not the end of the block
	}
}

// more reports whether there is something left of the block.
func (d *decoder) more() bool { return len(d.block) > 0 }

// next returns the next field, borrowed until the following call, and whether name and value are known to be such as
// may stand in a header. A nil name means that the block held no further field.
func (d *decoder) next() (name, value []byte, clean bool, err error) {
	d.huffman.b = d.huffman.b[:0]
	for len(d.block) > 0 {
		switch b := d.block[0]; {
		case b&0x80 != 0:
			d.fields = true
			i, err := d.integer(7)
			if err != nil {
				return nil, nil, false, err
			}
			return d.lookup(i)
		case b&0xc0 == 0x40:
			name, value, err = d.literal(6)
			if err == nil {
				clean = validValue(value) && (validName(name) || len(name) > 0 && name[0] == ':')
				d.add(name, value, clean)
			}
			return name, value, clean, err
		case b&0xe0 == 0x20:
			if err := d.resize(); err != nil {
				return nil, nil, false, err
			}
		default:
			name, value, err = d.literal(4)
			return name, value, false, err
		}
	}
	return nil, nil, false, nil
}

// resize obeys a change of the table's size.
func (d *decoder) resize() error {
	n, err := d.integer(5)
	if err != nil {
		return err
	}
	if d.fields || n > tableBytesMax {
		return errCompression
	}
	d.sizeMax = int(n)
	d.changes++
	d.evict()
	return nil
}

// literal reads a field whose name is an index of the given prefix, or a string.
func (d *decoder) literal(prefix int) (name, value []byte, err error) {
	d.fields = true
	i, err := d.integer(prefix)
	if err != nil {
		return nil, nil, err
	}
	switch {
	case int(i) > len(staticTable):
		name, _, _, err = d.lookup(i)
		start := len(d.huffman.b)
		d.huffman.b = append(d.huffman.b, name...) // the table may move when this field enters it
		name = d.huffman.b[start:]
	case i > 0:
		name, _, _, err = d.lookup(i)
	default:
		name, err = d.text()
	}
	if err != nil {
		return nil, nil, err
	}
	value, err = d.text()
	return name, value, err
}

// integer reads an integer with a prefix of n bits (RFC 7541 5.1).
func (d *decoder) integer(n int) (uint32, error) {
	mask := byte(1)<<n - 1
	i := uint32(d.block[0] & mask)
	d.block = d.block[1:]
	if i < uint32(mask) {
		return i, nil
	}
	for shift := 0; shift <= 21 && len(d.block) > 0; shift += 7 {
		b := d.block[0]
		d.block = d.block[1:]
		i += uint32(b&0x7f) << shift
		if b&0x80 == 0 {
			return i, nil
		}
	}
	return 0, errCompression
}

// text reads a string (RFC 7541 5.2).
func (d *decoder) text() ([]byte, error) {
	if len(d.block) == 0 {
		return nil, errCompression
	}
	coded := d.block[0]&0x80 != 0
	n, err := d.integer(7)
	if err != nil || int(n) > len(d.block) {
		return nil, errCompression
	}
	s := d.block[:n]
	d.block = d.block[n:]
	if !coded || n == 0 {
		return s, nil
	}
	start := len(d.huffman.b)
	if _, err := hpack.HuffmanDecode(&d.huffman, s); err != nil {
		return nil, errCompression
	}
	return d.huffman.b[start:], nil
}

// lookup returns field i of the static and dynamic tables.
func (d *decoder) lookup(i uint32) (name, value []byte, clean bool, err error) {
	if i == 0 {
		return nil, nil, false, errCompression
	}
	if int(i) <= len(staticTable) {
		f := &staticTable[i-1]
		return view(f[0]), view(f[1]), true, nil
	}
	k := len(d.entries) - int(i) + len(staticTable)
	if k < d.oldest {
		return nil, nil, false, errCompression
	}
	e := d.entries[k]
	at := int(e.at - d.base)
	return d.data[at : at+int(e.name)], d.data[at+int(e.name) : at+int(e.name)+int(e.value)], e.clean, nil
}

// view returns the bytes of s, which must not be written.
func view(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }

// add puts a field into the dynamic table. name may lie in the table itself.
func (d *decoder) add(name, value []byte, clean bool) {
	d.changes++
	size := len(name) + len(value) + entryOverhead
	if size > d.sizeMax {
		d.size, d.oldest = 0, len(d.entries) // an entry that does not fit empties the table
		d.compact()
		return
	}
	at := d.base + uint32(len(d.data))
	d.data = append(append(d.data, name...), value...)
	d.entries = append(d.entries, entry{at, uint16(len(name)), uint16(len(value)), clean})
	d.size += size
	d.evict()
}

// evict drops the oldest fields until the table is within its size.
func (d *decoder) evict() {
	for d.size > d.sizeMax {
		e := d.entries[d.oldest]
		d.size -= int(e.name) + int(e.value) + entryOverhead
		d.oldest++
	}
	if d.oldest > 32 || d.oldest == len(d.entries) {
		d.compact()
	}
}

// compact forgets the memory of fields that were dropped.
func (d *decoder) compact() {
	end := d.base + uint32(len(d.data))
	first := end
	if d.oldest < len(d.entries) {
		first = d.entries[d.oldest].at
	}
	d.data = append(d.data[:0], d.data[first-d.base:]...)
	d.base = first
	d.entries = append(d.entries[:0], d.entries[d.oldest:]...)
	d.oldest = 0
}

// appendField appends a literal field that enters no table: what we send needs no state.
func appendField(b []byte, name, value string) []byte {
	b = appendText(append(b, 0), name)
	return appendText(b, value)
}

func appendText(b []byte, s string) []byte {
	b = appendInteger(b, 0, 7, len(s))
	return append(b, s...)
}

// appendInteger appends an integer with a prefix of n bits below those of first.
func appendInteger(b []byte, first byte, n, i int) []byte {
	mask := 1<<n - 1
	if i < mask {
		return append(b, first|byte(i))
	}
	b = append(b, first|byte(mask))
	for i -= mask; i >= 0x80; i >>= 7 {
		b = append(b, byte(i)|0x80)
	}
	return append(b, byte(i))
}
