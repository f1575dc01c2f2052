package op

import (
	"github.com/hearthcache/hearth/respwire"
	"github.com/hearthcache/hearth/value"
)

// DictSet gives fields of a dictionary values; Int is how many of them are new. RPC DictionarySet, Redis HSET.
type DictSet struct {
	K       []byte
	Pairs   []Pair
	Expiry  Expiry
	Refresh bool // whether a dictionary that is there takes Expiry too
}

var dictSetSpec = Spec{ID: idDictSet, Name: "DictionarySet", Access: Writes, Kind: value.Dictionary, Repeatable: true}

// Spec implements Op.
func (o *DictSet) Spec() *Spec { return &dictSetSpec }

// Key implements Op.
func (o *DictSet) Key() []byte { return o.K }

// ExpiresIn implements Expirer.
func (o *DictSet) ExpiresIn() *Expiry { return &o.Expiry }

// Pair is a field of a dictionary and its value.
type Pair struct{ Field, Value []byte }

// Size implements Sizer.
func (o *DictSet) Size() (total, largest int) {
	for _, p := range o.Pairs {
		n := len(p.Field) + len(p.Value)
		total, largest = total+n, max(largest, n)
	}
	return total, largest
}

// Apply implements Op.
func (o *DictSet) Apply(e *value.Entry, now int64, r *Reply) error {
	created := !e.Exists()
	d, err := e.MakeDictionary(now)
	if err != nil {
		return err
	}
	for _, p := range o.Pairs {
		if d.Set(p.Field, p.Value) {
			r.Int++
		}
	}
	if created || o.Refresh {
		e.ExpireAt(o.Expiry.When(now))
	}
	return nil
}

// Send implements Op.
func (o *DictSet) Send(b *respwire.Batch, key []byte) {
	args := make([][]byte, 0, 4+2*len(o.Pairs))
	for _, p := range o.Pairs {
		args = append(args, p.Field, p.Value)
	}
	sendWrite(b, "HSET", key, o.Expiry, o.Refresh, args)
}

// Recv implements Op.
func (o *DictSet) Recv(v []respwire.Value, r *Reply) error { return recvInt(v[0], r) }
