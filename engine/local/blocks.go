package local

import (
	"math/bits"
	"sync"
	"sync/atomic"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/value"
)

// blocks is the memory of large values: each has a stretch of address space of its own, of which only the pages in use
// are held. Stretches that were given back keep their pages for a while, because a fresh page costs a fault.
type blocks struct {
	region
	held   atomic.Int64 // bytes of pages: in use, or kept for the next value
	pooled atomic.Int64 // bytes of those kept

	mu   sync.Mutex // guards the rest
	next uint64     // address space never used begins here
	kept [blockClasses][]stretch
	bare [blockClasses][]uint64 // offsets of stretches without pages
}

// stretch is address space; the first so many bytes of it are resident.
type stretch struct {
	off      uint64
	resident int64
}

const (
	blockMin     = 16 << 10 // values from here on are blocks of their own
	blockClasses = 4 * 20   // four to a doubling
	blockPoolMax = 16 << 20 // beyond the bound: part of the fixed allowance
)

// blockClass returns the number of the class that holds size bytes, and its bytes of address space.
func blockClass(size int) (int, int64) {
	n := max(size, pageBytes)
	shift := bits.Len(uint(n-1)) - 3
	quarters := (n - 1) >> shift // 4 to 7
	return (shift-9)*4 + quarters - 4, int64(quarters+1) << shift
}

// alloc returns a block of size bytes, with one reference.
func (b *blocks) alloc(size int) (*value.Block, error) {
	c, space := blockClass(size)
	if c >= blockClasses {
		return nil, errFull
	}
	b.mu.Lock()
	var s stretch
	switch {
	case len(b.kept[c]) > 0:
		s = b.take(c)
	case len(b.bare[c]) > 0:
		last := len(b.bare[c]) - 1
		s.off = b.bare[c][last]
		b.bare[c] = b.bare[c][:last]
	case int64(b.next)+space <= b.size:
		s.off = b.next
		b.next += uint64(space)
	default:
		b.mu.Unlock()
		return nil, errFull
	}
	b.mu.Unlock()
	b.held.Add(max(0, pagesUp(int64(size))-s.resident))
	s.resident = max(s.resident, pagesUp(int64(size)))
	return value.NewBlock(b.bytes(s.off, size), func(k *value.Block) { b.put(c, s) }), nil
}

// take returns a stretch that is kept.
func (b *blocks) take(c int) stretch {
	last := len(b.kept[c]) - 1
	s := b.kept[c][last]
	b.kept[c] = b.kept[c][:last]
	b.pooled.Add(-s.resident)
	return s
}

// put takes back the stretch of a block without references.
func (b *blocks) put(c int, s stretch) {
	b.mu.Lock()
	keep := b.pooled.Load()+s.resident <= min(blockPoolMax, b.size/64)
	if keep {
		b.pooled.Add(s.resident)
		b.kept[c] = append(b.kept[c], s)
	}
	b.mu.Unlock()
	if !keep {
		b.strip(c, s)
	}
}

// strip gives back the pages of a free stretch.
func (b *blocks) strip(c int, s stretch) {
	b.giveBack(s.off, s.resident)
	b.held.Add(-s.resident)
	b.mu.Lock()
	b.bare[c] = append(b.bare[c], s.off)
	b.mu.Unlock()
}

// trim gives back the pages that were kept.
func (b *blocks) trim() {
	for c := range b.kept {
		for {
			b.mu.Lock()
			if len(b.kept[c]) == 0 {
				b.mu.Unlock()
				break
			}
			s := b.take(c)
			b.mu.Unlock()
			b.strip(c, s)
		}
	}
}

// inUse is the bytes of pages of blocks that somebody holds.
func (b *blocks) inUse() int64 { return b.held.Load() - b.pooled.Load() }

// Reserve implements engine.Blocks. The memory counts from now on, and against the space once it is stored. It is
// refused where what cannot be evicted, such as values that are still arriving, leaves no room for it.
func (e *Engine) Reserve(s hearth.Space, size int) (*value.Block, error) {
	if int64(size) > e.bytesMax/2 {
		return nil, errFull
	}
	if e.over(int64(size)) && !e.free(int64(size)) {
		return nil, errFull
	}
	return e.blocks.alloc(size)
}

// reliefs bounds how long one caller makes room.
const reliefs = 16

// free makes room for so many bytes. It reports false where there is not enough to evict.
func (e *Engine) free(bytes int64) bool {
	for range reliefs {
		if e.relieve(nil, bytes, stepsFor(int(bytes))) {
			break
		}
	}
	return !e.over(bytes)
}
