package local

import (
	"cmp"
	"errors"
	"math/bits"
	"runtime"
	"slices"
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
	free []span                 // address space that was used and has no class now, in order
}

// span is address space without pages.
type span struct{ off, end uint64 }

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

// blockClass returns the number of the class that holds size bytes, and its bytes of address space: whole pages.
func blockClass(size int) (int, int64) {
	n := max(size, blockMin)
	shift := bits.Len(uint(n-1)) - 3
	quarters := (n - 1) >> shift // 4 to 7
	c := (shift-9)*4 + quarters - 4
	return c, classSpace(c)
}

// classSpace returns the address space of a stretch of a class.
func classSpace(c int) int64 { return int64(c%4+5) << (c/4 + 9) }

// alloc returns a block of size bytes, with one reference, unless over says that the memory would be too much: over is
// asked and the memory counted in one, so nobody else takes what was found free.
func (b *blocks) alloc(size int, over func(more int64) bool) (*value.Block, error) {
	c, space := blockClass(size)
	if c >= blockClasses {
		return nil, errFull
	}
	need := pagesUp(int64(size))
	b.mu.Lock()
	defer b.mu.Unlock()
	var s stretch
	kept := len(b.kept[c]) > 0
	if kept {
		s = b.kept[c][len(b.kept[c])-1]
		kept = !over(max(need, s.resident))
	}
	switch {
	case kept:
		b.take(c)
	case over(need):
		return nil, errCrowded
	case len(b.bare[c]) > 0:
		last := len(b.bare[c]) - 1
		s = stretch{off: b.bare[c][last]}
		b.bare[c] = b.bare[c][:last]
	default:
		var ok bool
		s = stretch{}
		if s.off, ok = b.carve(space); !ok {
			return nil, errFull
		}
	}
	b.held.Add(max(0, need-s.resident))
	s.resident = max(s.resident, need)
	return value.NewBlock(b.bytes(s.off, size), func(k *value.Block) { b.put(c, s) }), nil
}

// carve takes address space that has no class: such as was never used or, where there is none, what other classes have.
func (b *blocks) carve(space int64) (off uint64, ok bool) {
	if int64(b.next)+space <= b.size {
		off = b.next
		b.next += uint64(space)
		return off, true
	}
	for joined := false; ; joined = true {
		for i := range b.free {
			if s := &b.free[i]; int64(s.end-s.off) >= space {
				off = s.off
				s.off += uint64(space)
				return off, true
			}
		}
		if joined {
			return 0, false
		}
		b.join()
	}
}

// join takes the stretches without pages from their classes, and makes one of neighbours.
func (b *blocks) join() {
	all := b.free
	for c := range b.bare {
		for _, off := range b.bare[c] {
			all = append(all, span{off, off + uint64(classSpace(c))})
		}
		b.bare[c] = nil
	}
	slices.SortFunc(all, func(x, y span) int { return cmp.Compare(x.off, y.off) })
	b.free = all[:0]
	for _, s := range all {
		if n := len(b.free); n > 0 && b.free[n-1].end == s.off {
			b.free[n-1].end = s.end
		} else if s.end > s.off {
			b.free = append(b.free, s)
		}
	}
}

// errCrowded says that room must be made first. No caller of the engine sees it.
var errCrowded = errors.New("local: too much memory is in use")

// anyway is what alloc is told where the memory may be too much.
func anyway(int64) bool { return false }

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

// strip gives back the pages of a free stretch. They count as given back from the beginning: nobody should lose an item
// to what is on its way.
func (b *blocks) strip(c int, s stretch) {
	b.held.Add(-s.resident)
	b.giveBack(s.off, s.resident)
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
// refused where what cannot be evicted, such as values that are still arriving, leaves no room for it, and for no other
// reason: where making room would take a caller too long, Run does the rest.
func (e *Engine) Reserve(s hearth.Space, size int) (*value.Block, error) {
	if int64(size) > e.bytesMax/2 {
		return nil, errFull
	}
	vain := 0
	for steps := stepsFor(size); steps > 0; {
		b, err := e.blocks.alloc(size, e.over)
		if err != errCrowded {
			return b, err
		}
		did := e.gain(nil, pagesUp(int64(size)))
		if did == 0 {
			did = e.gainAnywhere(pagesUp(int64(size)))
		}
		if did > 0 {
			steps -= did
			continue
		}
		// Values that arrive become items meanwhile, which can be evicted.
		if vain++; vain > reserveTries {
			return nil, errFull
		}
		runtime.Gosched()
	}
	e.kick()
	return e.blocks.alloc(size, anyway)
}

// reserveTries is how often nothing that can be evicted is to be found before a value is refused.
const reserveTries = 16
