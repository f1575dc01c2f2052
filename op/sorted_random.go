package op

import (
	"github.com/hearthcache/hearth/respwire"
	"github.com/hearthcache/hearth/value"
)

// SortedRandom picks random values of a sorted set: a Hit with them and their scores, or a Miss where there is no set. A
// positive Count asks for that many different ones, a negative one for that many that may repeat. Redis ZRANDMEMBER.
type SortedRandom struct {
	K     []byte
	Count int64
	Rand  value.Rand // nil is the machine's
}

var sortedRandomSpec = Spec{ID: idSortedRandom, Name: "ZRANDMEMBER", Access: Reads, Kind: value.SortedSet, Repeatable: true}

// Spec implements Op.
func (o *SortedRandom) Spec() *Spec { return &sortedRandomSpec }

// Key implements Op.
func (o *SortedRandom) Key() []byte { return o.K }

// Apply implements Op.
func (o *SortedRandom) Apply(e *value.Entry, now int64, r *Reply) error {
	z, err := e.SortedSet()
	if err != nil || z == nil {
		r.Status = Miss
		return err
	}
	r.Status = Hit
	rand := value.Random(o.Rand)
	for range -o.Count {
		if err := r.AddNamed(z.Random(rand)); err != nil {
			return err
		}
	}
	if o.Count > 0 {
		z.Sample(int(min(o.Count, int64(z.Len()))), rand, r.AddPart)
	}
	return nil
}

// Send implements Op.
func (o *SortedRandom) Send(b *respwire.Batch, key []byte) {
	b.Command("ZCARD", key)
	b.Command("ZRANDMEMBER", key, num(o.Count), lit("WITHSCORES"))
}

// Recv implements Op.
func (o *SortedRandom) Recv(v []respwire.Value, r *Reply) error { return recvFound(v, r, recvScored) }
