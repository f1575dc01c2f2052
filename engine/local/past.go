package local

import (
	"math/bits"
	"unsafe"

	"github.com/hearthcache/hearth/op"
)

// past remembers, for a quarter more keys than there are items, what became of items that are gone. It is what S3-FIFO
// calls the ghost queue, and the source of the causes of misses. Keys are fingerprints in buckets of four, of which the
// oldest goes; a wrong answer is possible and harmless.
//
// It grows by an eighth, a few buckets with each key that is added: the buckets before moved are in the table already,
// the others still in the old one.
//
// The bits of an entry: 0-2 the cause and, where that is eviction, 3 from the main log, 4-11 when, by that log's clock;
// 12-31 the fingerprint.
type past struct {
	a     *arena
	table table
	old   table // that the table grows out of
	moved int   // buckets of the table that are no longer in the old one
}

type bucket [pastSlots]uint32

// table is buckets in pieces of memory, which are there once something is in them.
type table struct {
	pieces []uint32 // offsets in units of pieceBytes; 0 is none
	n      int      // buckets
	passed int      // pieces before have been given back
	bytes  int64
}

const (
	pastSlots     = 4
	pastMin       = 4  // buckets
	pastPart      = 5  // entries for four items
	pastPiece     = 64 // buckets in a piece, and how many grow with one key; not the size of the index's pieces
	pastCauseMask = 7  // causes up to op.Invalidated
	pastMainBit   = 1 << 3
	pastAtShift   = 4
	pastMarkShift = 12
	bucketBytes   = pastSlots * 4
)

// pastIndex returns which of n buckets is that of h. The factor makes it independent of the hash's leading bits, which
// are nearly the same within a shard.
func pastIndex(h uint64, n int) int {
	i, _ := bits.Mul64(h*0x9e3779b97f4a7c15, uint64(n))
	return int(i)
}

func fingerprint(h uint64) uint32 { return uint32(h) << pastMarkShift }

func newTable(n int) table {
	pieces := (n + pastPiece - 1) / pastPiece
	return table{pieces: make([]uint32, pieces), n: n, bytes: int64(pieces) * 4}
}

// size is that of a piece; a table of less than one is a piece of its own size.
func (t *table) size() int { return min(t.n, pastPiece) * bucketBytes }

// at returns a bucket, nil where nothing is.
func (t *table) at(a *arena, i int) *bucket {
	piece := t.pieces[i/pastPiece]
	if piece == 0 {
		return nil
	}
	return (*bucket)(a.at(uint64(piece)*pieceBytes + uint64(i%pastPiece)*bucketBytes))
}

// need makes the piece of a bucket. It reports false where there is no memory.
func (t *table) need(a *arena, i int) bool {
	piece := &t.pieces[i/pastPiece]
	if *piece != 0 {
		return true
	}
	off, err := a.alloc(t.size())
	if err != nil {
		return false
	}
	clear(a.bytes(off, t.size()))
	*piece = uint32(off / pieceBytes)
	t.bytes += int64(t.size())
	return true
}

// giveBack frees the pieces before n.
func (t *table) giveBack(a *arena, n int) {
	for ; t.passed < n; t.passed++ {
		if t.pieces[t.passed] != 0 {
			a.free(uint64(t.pieces[t.passed]) * pieceBytes)
			t.bytes -= int64(t.size())
		}
	}
}

// home returns the table and the bucket of h.
func (p *past) home(h uint64) (*table, int) {
	if i := pastIndex(h, p.table.n); i < p.moved || p.table.n == 0 {
		return &p.table, i
	}
	return &p.old, pastIndex(h, p.old.n)
}

// memory is what is known of an item that is gone.
type memory struct {
	cause op.Cause
	main  bool  // it was evicted from the main log
	at    uint8 // when it was evicted, by the clock of its log
}

func (m memory) bits() uint32 {
	b := uint32(m.cause) | uint32(m.at)<<pastAtShift
	if m.main {
		b |= pastMainBit
	}
	return b
}

// add remembers how the item of h went: if it was evicted, so that no others displace it, for its coming back counts. The
// table is sized for the number of items.
func (p *past) add(h uint64, m memory, items int) {
	if p.moved < p.table.n {
		p.move()
	} else if items = items * pastPart / 4; items > p.table.n*pastSlots {
		p.resize(max(pastMin, p.table.n*9/8+1, items/pastSlots))
	}
	t, at := p.home(h)
	if !t.need(p.a, at) {
		return
	}
	b, f := t.at(p.a, at), fingerprint(h)
	i := 0
	for i < pastSlots-1 && b[i]>>pastMarkShift != f>>pastMarkShift {
		i++
	}
	if m.cause == op.Evicted {
		copy(b[1:i+1], b[:i])
		i = 0
	}
	b[i] = f | m.bits()
}

// resize begins to make it n buckets, more than it has.
func (p *past) resize(n int) {
	if p.table.n == 0 {
		p.table = newTable(n)
		p.moved = p.table.n
		return
	}
	p.old, p.table, p.moved = p.table, newTable(n), 0
	p.move()
}

// move fills a piece's worth of buckets of the table. The keys of one were in one old bucket or in two, which cannot be
// told apart: then it begins with the youngest of both. Where there is no memory, it stays as it is.
func (p *past) move() {
	t, old := &p.table, &p.old
	if !t.need(p.a, p.moved) {
		return
	}
	end := min(p.moved+pastPiece, t.n)
	for i := p.moved; i < end; i++ {
		first, last := i*old.n/t.n, ((i+1)*old.n-1)/t.n
		b := t.at(p.a, i)
		b.take(old.at(p.a, first))
		if last != first {
			b.take(old.at(p.a, last))
		}
	}
	p.moved = end
	old.giveBack(p.a, end*old.n/t.n/pastPiece)
	if end == t.n {
		old.giveBack(p.a, len(old.pieces))
		*old = table{}
	}
}

// take adds what is in another bucket: the youngest of both stay.
func (b *bucket) take(other *bucket) {
	if other == nil {
		return
	}
	mine := *b
	*b = bucket{}
	n := 0
	for i := range mine {
		for _, entry := range [...]uint32{mine[i], other[i]} {
			if entry != 0 && n < pastSlots {
				b[n] = entry
				n++
			}
		}
	}
}

// release gives some pieces back, and reports whether there may be more.
func (p *past) release(pieces int) bool {
	for _, t := range []*table{&p.old, &p.table} {
		if t.passed < len(t.pieces) {
			t.giveBack(p.a, min(t.passed+pieces, len(t.pieces)))
			return true
		}
	}
	*p = past{a: p.a}
	return false
}

// cause says why the key of h is not there.
func (p *past) cause(h uint64) op.Cause {
	if e := p.find(h); e != nil {
		return op.Cause(*e & pastCauseMask)
	}
	return op.NeverSeen
}

// take takes out what is known of an item that is coming back.
func (p *past) take(h uint64) (m memory, ok bool) {
	e := p.find(h)
	if e == nil {
		return m, false
	}
	m = memory{cause: op.Cause(*e & pastCauseMask), main: *e&pastMainBit != 0, at: uint8(*e >> pastAtShift)}
	*e = 0
	return m, true
}

func (p *past) find(h uint64) *uint32 {
	if p.table.n == 0 {
		return nil
	}
	t, at := p.home(h)
	b, f := t.at(p.a, at), fingerprint(h)
	if b == nil {
		return nil
	}
	for i := range b {
		if b[i] != 0 && b[i]>>pastMarkShift == f>>pastMarkShift {
			return &b[i]
		}
	}
	return nil
}

// warm asks for the bucket of h.
func (p *past) warm(h uint64) {
	if p.table.n == 0 {
		return
	}
	t, at := p.home(h)
	if b := t.at(p.a, at); b != nil {
		prefetch(unsafe.Pointer(b))
	}
}

// bytes is what it holds.
func (p *past) bytes() int64 { return p.table.bytes + p.old.bytes }
