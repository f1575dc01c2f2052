package op

import (
	"bytes"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/respwire"
	"github.com/hearthcache/hearth/value"
)

// DictGetEx reads fields of a dictionary and changes when they expire: a Hit with an element for each, which misses where
// there is no such field. With Persist they never expire from now on, with Delete they are gone, with none of those nor an
// Expiry they are only read. Redis HGETEX and HGETDEL.
type DictGetEx struct {
	K       []byte
	Fields  [][]byte
	Persist bool
	Delete  bool
	Expiry  Expiry
}

var dictGetExSpec = Spec{ID: idDictGetEx, Name: "HGETEX", Access: Writes | Reveals, Kind: value.Dictionary}

// Spec implements Op.
func (o *DictGetEx) Spec() *Spec { return &dictGetExSpec }

// Key implements Op.
func (o *DictGetEx) Key() []byte { return o.K }

// Apply implements Op.
func (o *DictGetEx) Apply(e *value.Entry, now int64, r *Reply) error {
	d, err := e.Dictionary(now)
	if err != nil {
		return err
	}
	size := 0
	for _, f := range o.Fields { // before anything is changed
		if d == nil {
			break
		}
		v, _ := d.Get(f)
		if size += len(v); size > hearth.AnswerBytesMax {
			return errAnswer
		}
	}
	r.Status = Hit
	at := o.Expiry.When(now)
	for _, f := range o.Fields {
		var v []byte
		ok := d != nil
		if ok {
			v, ok = d.Get(f)
		}
		if !ok {
			r.AddMiss()
			continue
		}
		r.AddPart(v, 0)
		switch {
		case o.Delete || at != 0 && at <= now:
			d.Delete(bytes.Clone(f))
		case o.Persist:
			d.ExpireField(f, 0)
		case at != 0:
			d.ExpireField(f, at)
		}
	}
	return nil
}

// Send implements Op.
func (o *DictGetEx) Send(b *respwire.Batch, key []byte) {
	var args [][]byte
	switch {
	case o.Delete:
		b.Command("HGETDEL", key, fieldArgs(nil, o.Fields)...)
		return
	case o.Persist:
		args = [][]byte{lit("PERSIST")}
	case o.Expiry.At != 0:
		args = [][]byte{lit("PXAT"), num(o.Expiry.At)}
	case o.Expiry.TTL != 0:
		args = [][]byte{lit("PX"), num(o.Expiry.TTL)}
	}
	b.Command("HGETEX", key, fieldArgs(args, o.Fields)...)
}

// Recv implements Op.
func (o *DictGetEx) Recv(v []respwire.Value, r *Reply) error {
	if !v[0].Null {
		return recvReply(v[0], r)
	}
	r.Status = Hit
	for range o.Fields {
		r.AddMiss()
	}
	return nil
}
