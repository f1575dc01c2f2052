// Package respwire encodes and decodes RESP 2 and 3, for the door that serves it and the engine that speaks it.
// It knows nothing of commands, caches or tenants.
package respwire

import (
	"errors"
	"unsafe"
)

// Value is one decoded reply of a server. Type is RESP's first byte ('+', '-', ':', '$', '*', '_', ',', '#', '%', '~',
// '=', '(', '!'). Bytes are borrowed from the decoder's buffer.
type Value struct {
	Type  byte
	Null  bool
	Int   int64   // of ':' and '#'
	Num   float64 // of ','
	Str   []byte  // of '+', '-', '$', '=', '!', '('
	Array []Value // of '*', '~', '%' (flattened: key, value, key, value)
}

// IsError reports whether the server answered with an error; Str is its text, code first.
func (v Value) IsError() bool { return v.Type == '-' || v.Type == '!' }

// Err returns the server's error, nil if the value is none.
func (v Value) Err() error {
	if !v.IsError() {
		return nil
	}
	return errors.New(string(v.Str))
}

// Batch collects commands that are said to a server together. The arguments are borrowed until it is sent.
type Batch struct {
	args [][]byte
	ends []int
}

// Command adds a command: its name, its key and the other arguments.
func (b *Batch) Command(name string, key []byte, args ...[]byte) {
	b.args = append(b.args, literal(name), key)
	b.args = append(b.args, args...)
	b.ends = append(b.ends, len(b.args))
}

// literal shows a string as bytes, which nobody writes to.
func literal(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }

// Raw adds a command whose arguments are all given, the name first.
func (b *Batch) Raw(args ...[]byte) {
	b.args = append(b.args, args...)
	b.ends = append(b.ends, len(b.args))
}

// Function adds a call of a server-side function on one key.
func (b *Batch) Function(name string, key []byte, args ...[]byte) {
	b.args = append(b.args, literal("FCALL"), literal(name), literal("1"), key)
	b.args = append(b.args, args...)
	b.ends = append(b.ends, len(b.args))
}

// Len returns the number of commands.
func (b *Batch) Len() int { return len(b.ends) }

// At returns the arguments of command i, its name first.
func (b *Batch) At(i int) [][]byte {
	start := 0
	if i > 0 {
		start = b.ends[i-1]
	}
	return b.args[start:b.ends[i]:b.ends[i]]
}

// Reset empties the batch for reuse.
func (b *Batch) Reset() {
	clear(b.args)
	b.args, b.ends = b.args[:0], b.ends[:0]
}
