package op

import (
	"github.com/hearthcache/hearth/respwire"
	"github.com/hearthcache/hearth/value"
)

// SetInterCard counts in Int the elements that several sets share, up to Limit. Redis SINTERCARD.
type SetInterCard struct {
	alone
	List  [][]byte // the keys
	Limit int64    // 0 is none
}

var setInterCardSpec = Spec{ID: idSetInterCard, Name: "SINTERCARD", Access: Reads, Kind: value.Set, Repeatable: true}

// Spec implements Op.
func (o *SetInterCard) Spec() *Spec { return &setInterCardSpec }

// Key implements Op.
func (o *SetInterCard) Key() []byte { return o.List[0] }

// Keys implements Multi.
func (o *SetInterCard) Keys() [][]byte { return o.List }

// ApplyAll implements Multi.
func (o *SetInterCard) ApplyAll(es []*value.Entry, now int64, r *Reply) error {
	sets, err := setsOf(es)
	if err != nil {
		return err
	}
	Intersection.each(sets, func([]byte) bool {
		r.Int++
		return r.Int != o.Limit
	})
	return nil
}

// SendAll implements Multi.
func (o *SetInterCard) SendAll(b *respwire.Batch, keys [][]byte) {
	sendCard(b, "SINTERCARD", keys, o.Limit)
}

func sendCard(b *respwire.Batch, name string, keys [][]byte, limit int64) {
	args := append([][]byte{lit(name), num(int64(len(keys)))}, keys...)
	b.Raw(append(args, lit("LIMIT"), num(limit))...)
}

// RecvAll implements Multi.
func (o *SetInterCard) RecvAll(v []respwire.Value, r *Reply) error { return recvInt(v[0], r) }
