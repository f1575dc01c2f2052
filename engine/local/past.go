package local

import (
	"math/bits"

	"github.com/hearthcache/hearth/op"
)

// past remembers, for about as many keys as there are items, what became of items that are gone: why, and how often
// they had been used. It is what S3-FIFO calls the ghost queue, and the source of the causes of misses. Keys are
// fingerprints in buckets of four, of which the oldest goes; a wrong answer is possible and harmless.
//
// The bits of an entry: 0-2 the cause, 3-4 the uses, 5 the item was evicted from the small log, 8-31 the fingerprint.
type past struct {
	buckets [][pastSlots]uint32
}

const (
	pastSlots     = 4
	pastMin       = 4 // buckets
	pastCauseMask = 7
	pastUsesShift = 3
	pastMarkShift = 8
	pastEntry     = 4 // bytes
)

func (p *past) bucket(h uint64) *[pastSlots]uint32 {
	i, _ := bits.Mul64(h*pastSpread, uint64(len(p.buckets)))
	return &p.buckets[i]
}

// pastSpread makes buckets independent of the hash's leading bits, which are nearly the same within a shard.
const pastSpread = 0x9e3779b97f4a7c15

func fingerprint(h uint64) uint32 { return uint32(h&0xffffff)<<pastMarkShift | 0 }

// add remembers how the item of h went. It is sized for the number of items.
func (p *past) add(h uint64, cause op.Cause, uses uint32, items int) {
	if want := items / pastSlots; want > len(p.buckets)+len(p.buckets)/2 || p.buckets == nil {
		p.resize(max(pastMin, want))
	}
	b, f := p.bucket(h), fingerprint(h)
	i := 0
	for i < pastSlots-1 && b[i]>>pastMarkShift != f>>pastMarkShift {
		i++
	}
	copy(b[1:i+1], b[:i])
	b[0] = f | uses<<pastUsesShift | uint32(cause)
}

func (p *past) resize(n int) {
	old := p.buckets
	p.buckets = make([][pastSlots]uint32, n)
	for i := range p.buckets {
		if len(old) > 0 {
			p.buckets[i] = old[i*len(old)/n]
		}
	}
}

// cause says why the key of h is not there.
func (p *past) cause(h uint64) op.Cause {
	if e := p.find(h); e != nil {
		return op.Cause(*e & pastCauseMask)
	}
	return op.NeverSeen
}

// evicted takes out the memory of an eviction: how often the item had been used, and whether there was one.
func (p *past) evicted(h uint64) (uses uint32, ok bool) {
	e := p.find(h)
	if e == nil {
		return 0, false
	}
	uses, ok = *e>>pastUsesShift&usesMax, op.Cause(*e&pastCauseMask) == op.Evicted
	*e = 0
	return uses, ok
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
