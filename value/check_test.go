package value

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
)

var errRecord = errors.New("value: not a packed collection")

// Check reports whether bytes from outside, such as a file's, are a packed collection of the kind. Unpack takes only such
// records: what it does with others is not said.
func Check(k Kind, record []byte) error {
	if len(record) < headerBytes || len(record) > PackedBytesMax || record[0]&^mayExpire != 0 {
		return errRecord
	}
	count := int(binary.LittleEndian.Uint16(record[1:]))
	if count > PackedElementsMax {
		return errRecord
	}
	seen := map[string]bool{}
	last := element{score: math.Inf(-1)}
	for at := headerBytes; at < len(record); count-- {
		e, end, ok := next(k, record[at:], record[0]&mayExpire != 0)
		if !ok || count == 0 {
			return errRecord
		}
		at += end
		if k == List {
			continue
		}
		if seen[string(e.key)] || k == SortedSet && (e.score < last.score || e.score == last.score && len(seen) > 0 && bytes.Compare(e.key, last.key) < 0) {
			return errRecord
		}
		seen[string(e.key)], last = true, e
	}
	if count != 0 {
		return errRecord
	}
	return nil
}

// next reads one element that may be anything.
func next(k Kind, b []byte, expires bool) (e element, end int, ok bool) {
	take := func(n uint64) []byte {
		if !ok || n > uint64(len(b)-end) {
			ok = false
			return nil
		}
		end += int(n)
		return b[end-int(n) : end]
	}
	length := func() uint64 {
		n, m := binary.Uvarint(b[end:])
		if ok = ok && m > 0 && m == uvarintBytes(n); ok {
			end += m
		}
		return n
	}
	ok = true
	if k == List {
		take(length())
		return e, end, ok
	}
	h := length()
	if h&1 != 0 {
		ok = ok && expires && k == Dictionary
		take(expiryBytes)
	}
	e.key = take(h >> 1)
	switch k {
	case Dictionary:
		e.val = take(length())
	case SortedSet:
		if s := take(scoreBytes); ok {
			e.score = math.Float64frombits(binary.LittleEndian.Uint64(s))
			ok = !math.IsNaN(e.score)
		}
	}
	return e, end, ok
}
