package door

import (
	"cmp"
	"sync/atomic"
)

// Budget bounds the memory of what clients have begun and not finished: requests that arrive, transactions that wait for
// their end, commands with very many arguments. All doors of a process may share one. The zero Budget allows
// RequestBytesMax.
type Budget struct {
	// Max is how many bytes there may be at once; 0 is RequestBytesMax.
	Max int64

	used atomic.Int64
}

// Take adds n bytes to the held ones of a connection, and reports whether there was room. A connection holds no more than
// it leaves free, so those that take all they can leave as much as each of them has for one that comes later.
func (b *Budget) Take(n, held int) bool {
	for {
		used := b.used.Load()
		if n > 0 && int64(held+n) > b.max()-used-int64(n) {
			return false
		}
		if b.used.CompareAndSwap(used, used+int64(n)) {
			return true
		}
	}
}

// Add adds n bytes that are there already, whether or not there was room; Free says whether there is.
func (b *Budget) Add(n int) { b.used.Add(int64(n)) }

// Free returns how many bytes are not taken; it may be negative after Add.
func (b *Budget) Free() int64 { return b.max() - b.used.Load() }

// Scarce reports whether more than half is taken.
func (b *Budget) Scarce() bool { return b.Free() < b.max()/2 }

// Give returns n bytes.
func (b *Budget) Give(n int) { b.used.Add(int64(-n)) }

// Used returns how many bytes are taken.
func (b *Budget) Used() int64 { return b.used.Load() }

func (b *Budget) max() int64 { return cmp.Or(b.Max, RequestBytesMax) }
