package local

import (
	"math/bits"

	"github.com/hearthcache/hearth/op"
)

// past remembers, for about as many keys as there are items, what became of items that are gone. It is what S3-FIFO
// calls the ghost queue, and the source of the causes of misses. Keys are
// fingerprints in buckets of four, of which the oldest goes; a wrong answer is possible and harmless.
//
// The bits of an entry: 0-2 the cause, 3 it is a ghost, 8-31 the fingerprint.
type past struct {
	buckets [][pastSlots]uint32
}

const (
	pastSlots     = 4
	pastMin       = 4 // buckets
	pastCauseMask = 7 // causes up to op.Invalidated
	ghostBit      = 1 << 3
	pastMarkShift = 8
	pastEntry     = 4 // bytes
)

func (p *past) bucket(h uint64) *[pastSlots]uint32 {
	i, _ := bits.Mul64(h*pastSpread, uint64(len(p.buckets)))
	return &p.buckets[i]
}

// pastSpread makes buckets independent of the hash's leading bits, which are nearly the same within a shard.
const pastSpread = 0x9e3779b97f4a7c15

func fingerprint(h uint64) uint32 { return uint32(h&0xffffff) << pastMarkShift }

// add remembers how the item of h went: as a ghost, which others do not displace, if its coming back should count. The
// memory is sized for the number of items.
func (p *past) add(h uint64, cause op.Cause, ghost bool, items int) {
	if items > len(p.buckets)*pastSlots {
		p.resize(max(pastMin, len(p.buckets)*5/4, items/pastSlots))
	}
	b, f := p.bucket(h), fingerprint(h)
	i := 0
	for i < pastSlots-1 && b[i]>>pastMarkShift != f>>pastMarkShift {
		i++
	}
	entry := f | uint32(cause)
	if !ghost {
		b[i] = entry
		return
	}
	copy(b[1:i+1], b[:i])
	b[0] = entry | ghostBit
}

// resize makes it n buckets. The keys of a new one were in one old bucket or in two, which cannot be told apart: then it
// begins with the youngest of both.
func (p *past) resize(n int) {
	old := p.buckets
	p.buckets = make([][pastSlots]uint32, n)
	if len(old) == 0 {
		return
	}
	for i := range p.buckets {
		a, b := &old[i*len(old)/n], &old[((i+1)*len(old)-1)/n]
		if p.buckets[i] = *a; a != b {
			p.buckets[i] = youngest(a, b)
		}
	}
}

func youngest(a, b *[pastSlots]uint32) (both [pastSlots]uint32) {
	n := 0
	for i := range a {
		for _, entry := range [...]uint32{a[i], b[i]} {
			if entry != 0 && n < pastSlots {
				both[n] = entry
				n++
			}
		}
	}
	return both
}

// cause says why the key of h is not there.
func (p *past) cause(h uint64) op.Cause {
	if e := p.find(h); e != nil {
		return op.Cause(*e & pastCauseMask)
	}
	return op.NeverSeen
}

// ghost takes out the memory of an item that is coming back, and reports whether it was a ghost.
func (p *past) ghost(h uint64) bool {
	e := p.find(h)
	if e == nil {
		return false
	}
	was := *e&ghostBit != 0
	*e = 0
	return was
}

func (p *past) find(h uint64) *uint32 {
	if p.buckets == nil {
		return nil
	}
	b, f := p.bucket(h), fingerprint(h)
	for i := range b {
		if b[i] != 0 && b[i]>>pastMarkShift == f>>pastMarkShift {
			return &b[i]
		}
	}
	return nil
}

func (p *past) bytes() int64 { return int64(len(p.buckets)) * pastSlots * pastEntry }
