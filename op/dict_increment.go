package op

import (
	"strconv"

	"github.com/hearthcache/hearth/respwire"
	"github.com/hearthcache/hearth/value"
)

// DictIncrement adds to a field that is a decimal number, 0 where there is none; Int is the result. RPC
// DictionaryIncrement, Redis HINCRBY.
type DictIncrement struct {
	K       []byte
	Field   []byte
	Amount  int64
	Expiry  Expiry
	Refresh bool // whether a dictionary that is there takes Expiry too
}

var dictIncrementSpec = Spec{ID: idDictIncrement, Name: "DictionaryIncrement", Access: Writes | Reveals, Kind: value.Dictionary}

// Spec implements Op.
func (o *DictIncrement) Spec() *Spec { return &dictIncrementSpec }

// Key implements Op.
func (o *DictIncrement) Key() []byte { return o.K }

// ExpiresIn implements Expirer.
func (o *DictIncrement) ExpiresIn() *Expiry { return &o.Expiry }

// Size implements Sizer.
func (o *DictIncrement) Size() (total, largest int) { return len(o.Field), len(o.Field) }

// Apply implements Op.
func (o *DictIncrement) Apply(e *value.Entry, now int64, r *Reply) error {
	created := !e.Exists()
	d, err := e.MakeDictionary(now)
	if err != nil {
		return err
	}
	var n int64
	if v, ok := d.Get(o.Field); ok {
		if n, ok = ParseInt(v); !ok {
			return errFieldNotInteger
		}
	}
	if sum := n + o.Amount; (sum > n) != (o.Amount > 0) && o.Amount != 0 {
		return errOverflow
	}
	r.Int = n + o.Amount
	var digits [20]byte
	d.Replace(o.Field, strconv.AppendInt(digits[:0], r.Int, 10))
	if created || o.Refresh {
		e.ExpireAt(o.Expiry.When(now))
	}
	return nil
}

// Send implements Op.
func (o *DictIncrement) Send(b *respwire.Batch, key []byte) {
	sendWrite(b, "HINCRBY", key, o.Expiry, o.Refresh, [][]byte{o.Field, num(o.Amount)})
}

// Recv implements Op.
func (o *DictIncrement) Recv(v []respwire.Value, r *Reply) error { return recvInt(v[0], r) }
