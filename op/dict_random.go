package op

import (
	"github.com/hearthcache/hearth/respwire"
	"github.com/hearthcache/hearth/value"
)

// DictRandom picks random fields of a dictionary: parts of a field and, with Values, its value behind it. A positive
// Count asks for that many different ones, a negative one for that many that may repeat. A Miss where there is no
// dictionary. Redis HRANDFIELD.
type DictRandom struct {
	K      []byte
	Count  int64
	Values bool
	Rand   value.Rand // nil is the machine's
}

var dictRandomSpec = Spec{ID: idDictRandom, Name: "HRANDFIELD", Access: Reads, Kind: value.Dictionary, Repeatable: true}

// Spec implements Op.
func (o *DictRandom) Spec() *Spec { return &dictRandomSpec }

// Key implements Op.
func (o *DictRandom) Key() []byte { return o.K }

// Apply implements Op.
func (o *DictRandom) Apply(e *value.Entry, now int64, r *Reply) error {
	d, err := e.Dictionary(now)
	if err != nil || d == nil {
		r.Status = Miss
		return err
	}
	r.Status = Hit
	add := func(field, v []byte) {
		if err == nil {
			err = r.AddNamed(field, 0)
		}
		if err == nil && o.Values {
			err = r.AddNamed(v, 0)
		}
	}
	rand := value.Random(o.Rand)
	for range -o.Count {
		if add(d.Random(rand)); err != nil {
			return err
		}
	}
	if o.Count > 0 {
		d.Sample(int(min(o.Count, int64(d.Len()))), rand, add)
	}
	return err
}

// Send implements Op.
func (o *DictRandom) Send(b *respwire.Batch, key []byte) {
	b.Command("EXISTS", key)
	if o.Values {
		b.Command("HRANDFIELD", key, num(o.Count), lit("WITHVALUES"))
		return
	}
	b.Command("HRANDFIELD", key, num(o.Count))
}

// Recv implements Op.
func (o *DictRandom) Recv(v []respwire.Value, r *Reply) error { return recvFound(v, r, recvReply) }
