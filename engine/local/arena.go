package local

import (
	"math/bits"
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/hearthcache/hearth"
)

// The sizes of the arena's parts.
const (
	pageBytes    = 4 << 10
	chunkBytes   = 128 << 10 // the largest piece: a full segment of a log
	groupBytes   = 2 << 20   // what should become free together
	idleMax      = 4 << 20   // resident chunks that nobody uses; beyond, each that is emptied is given back
	easeChunks   = 8
	groupChunks  = groupBytes / chunkBytes
	groupFull    = 1<<groupChunks - 1
	pieceBytes   = 64      // pieces of less than a chunk are multiples of this, above pieceFineMax powers of two
	pieceFineMax = 4 << 10 // the largest piece that is not a power of two
	pieceClasses = pieceFineMax/pieceBytes + 6
)

// arena is the memory of all records and of the index: chunks of address space, whole or cut into pieces of one size.
// It hands out the lowest free chunk, so that a shrinking store leaves whole groups empty.
type arena struct {
	region
	chunks []chunk // off-heap; an entry is stable while somebody owns a piece of its chunk

	mu        sync.Mutex // guards the rest, and the entries of chunks that are not full
	held      region     // of chunks
	groups    []group
	emptied   []uint32            // groups in which a chunk was emptied while too many were idle
	lowest    int                 // no group before it has a free chunk
	partial   [pieceClasses]int32 // the first chunk of each class with a free piece, plus one
	committed atomic.Int64        // bytes of resident chunks
	inUse     atomic.Int64        // bytes of chunks that are handed out
}

// group is a stretch of chunks.
type group struct {
	used     uint16 // a bit for each chunk in use, or on its way back to the system
	resident uint16 // a bit for each chunk whose pages are held, counted as if all of them were touched
}

// chunk says how a chunk is cut.
type chunk struct {
	piece      uint32 // bytes of each piece; chunkBytes for a whole chunk
	used       uint32 // pieces in use
	cut        uint32 // pieces handed out at least once
	free       uint32 // offset of the first free piece, plus one; each free piece holds the next
	next, prev int32  // chunks of the class with a free piece, plus one
}

var errFull = &hearth.Error{Kind: hearth.Limited, Limit: hearth.MemoryLimit, Msg: "the cache has no room for this item"}

func newArena(bytesMax int64) (*arena, error) {
	r, err := reserve((bytesMax + bytesMax/2 + 64<<20 + groupBytes) &^ (groupBytes - 1))
	if err != nil {
		return nil, err
	}
	// Aligned groups are what the system could keep in huge pages, where it does so by itself.
	shift := (groupBytes - uint64(uintptr(r.base))%groupBytes) % groupBytes
	r.base, r.size = unsafe.Add(r.base, shift), (r.size-int64(shift))&^(groupBytes-1)
	n := r.size / chunkBytes
	held, err := reserve(pagesUp(n*int64(unsafe.Sizeof(chunk{})) + groupBytes))
	if err != nil {
		r.unmap()
		return nil, err
	}
	a := &arena{region: r, held: held, chunks: unsafe.Slice((*chunk)(held.base), n)}
	a.groups = []group{{used: groupFull}} // so that no piece is at 0
	return a, nil
}

// class returns the number and the size of the pieces that hold size bytes.
func class(size int) (int, uint32) {
	if size <= pieceFineMax {
		n := (size + pieceBytes - 1) / pieceBytes
		return n, uint32(n * pieceBytes)
	}
	log := bits.Len(uint(size-1)) - bits.Len(uint(pieceFineMax-1))
	return pieceFineMax/pieceBytes + log, pieceFineMax << log
}

// alloc returns the offset of a piece of at least size bytes, at most chunkBytes. What is in it is undefined.
func (a *arena) alloc(size int) (uint64, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if size > chunkBytes/2 {
		return a.chunk(chunkBytes)
	}
	c, piece := class(size)
	if a.partial[c] == 0 {
		off, err := a.chunk(piece)
		if err != nil {
			return 0, err
		}
		a.link(c, int32(off/chunkBytes))
	}
	n := a.partial[c] - 1
	k := &a.chunks[n]
	base := uint64(n) * chunkBytes
	var off uint64
	if k.free != 0 {
		off = base + uint64(k.free-1)
		k.free = *(*uint32)(a.at(off))
	} else {
		off = base + uint64(k.cut)*uint64(piece)
		k.cut++
	}
	k.used++
	if k.full() {
		a.unlink(c, n)
	}
	return off, nil
}

// chunk takes the lowest free chunk.
func (a *arena) chunk(piece uint32) (uint64, error) {
	i := a.lowest
	for i < len(a.groups) && a.groups[i].used == groupFull {
		i++
	}
	a.lowest = i
	if i == len(a.groups) {
		if int64(i+1)*groupBytes > a.size {
			return 0, errFull
		}
		a.groups = append(a.groups, group{})
	}
	g := &a.groups[i]
	n := bits.TrailingZeros16(^g.used)
	g.used |= 1 << n
	if g.resident&(1<<n) == 0 {
		g.resident |= 1 << n
		a.committed.Add(chunkBytes)
	}
	a.inUse.Add(chunkBytes)
	n += i * groupChunks
	a.chunks[n] = chunk{piece: piece}
	return uint64(n) * chunkBytes, nil
}

// free gives a piece back.
func (a *arena) free(off uint64) {
	n := int32(off / chunkBytes)
	k := &a.chunks[n]
	a.mu.Lock()
	emptied := k.piece == chunkBytes || a.freePiece(n, k, off)
	if emptied {
		i := int(n) / groupChunks
		a.groups[i].used &^= 1 << (n % groupChunks)
		a.inUse.Add(-chunkBytes)
		a.lowest = min(a.lowest, i)
		if a.idle() > idleMax {
			a.emptied = append(a.emptied, uint32(i))
		} else {
			a.emptied = a.emptied[:0]
		}
	}
	a.mu.Unlock()
}

// ease gives back what has been emptied lately beyond idleMax, as much as one step empties: later would be too late where
// large values displace small ones. It is called outside the locks of shards, since the system may take its time.
func (a *arena) ease() {
	for n := 0; n < easeChunks && a.idle() > idleMax; n++ {
		a.mu.Lock()
		last := len(a.emptied) - 1
		if last < 0 {
			a.mu.Unlock()
			return
		}
		i := a.emptied[last]
		a.emptied = a.emptied[:last]
		a.mu.Unlock()
		a.drop(int(i), true)
	}
}

// freePiece reports whether its chunk is empty now.
func (a *arena) freePiece(n int32, k *chunk, off uint64) bool {
	c, _ := class(int(k.piece))
	if k.full() {
		a.link(c, n)
	}
	*(*uint32)(a.at(off)) = k.free
	k.free = uint32(off%chunkBytes) + 1
	if k.used--; k.used == 0 {
		a.unlink(c, n)
	}
	return k.used == 0
}

// idle is the bytes of resident chunks that nobody uses.
func (a *arena) idle() int64 { return a.committed.Load() - a.inUse.Load() }

// full reports whether no piece of k can be handed out.
func (k *chunk) full() bool { return k.free == 0 && (k.cut+1)*k.piece > chunkBytes }

// drop returns one idle chunk of a group to the system, one because a caller may wait for it. Unless partial, the group
// must be empty. It reports false where there is none.
func (a *arena) drop(i int, partial bool) bool {
	a.mu.Lock()
	if i >= len(a.groups) {
		a.mu.Unlock()
		return false
	}
	idle := a.groups[i].resident &^ a.groups[i].used
	if idle == 0 || !partial && idle != a.groups[i].resident {
		a.mu.Unlock()
		return false
	}
	n := bits.TrailingZeros16(idle)
	a.groups[i].used |= 1 << n // so that nobody takes it meanwhile
	a.mu.Unlock()
	a.giveBack(uint64(i)*groupBytes+uint64(n)*chunkBytes, chunkBytes)
	a.mu.Lock()
	a.groups[i].used &^= 1 << n
	a.groups[i].resident &^= 1 << n
	a.committed.Add(-chunkBytes)
	a.lowest = min(a.lowest, i)
	a.mu.Unlock()
	return true
}

// trim gives back empty groups and, if partial, every chunk that is not in use.
func (a *arena) trim(partial bool) {
	a.mu.Lock()
	n := len(a.groups)
	a.mu.Unlock()
	for i := range n {
		for a.drop(i, partial) {
		}
	}
}

// link puts a chunk with a free piece on its class's list.
func (a *arena) link(c int, n int32) {
	k := &a.chunks[n]
	k.prev, k.next = 0, a.partial[c]
	if k.next != 0 {
		a.chunks[k.next-1].prev = n + 1
	}
	a.partial[c] = n + 1
}

func (a *arena) unlink(c int, n int32) {
	k := &a.chunks[n]
	if k.next != 0 {
		a.chunks[k.next-1].prev = k.prev
	}
	if k.prev != 0 {
		a.chunks[k.prev-1].next = k.next
	} else {
		a.partial[c] = k.next
	}
	k.next, k.prev = 0, 0
}

// start returns where the piece begins that off lies in.
func (a *arena) start(off uint64) uint64 {
	k := &a.chunks[off/chunkBytes]
	base := off &^ (chunkBytes - 1)
	if k.piece == chunkBytes {
		return base
	}
	return base + (off-base)/uint64(k.piece)*uint64(k.piece)
}
