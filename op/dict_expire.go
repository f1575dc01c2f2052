package op

import (
	"github.com/hearthcache/hearth/respwire"
	"github.com/hearthcache/hearth/value"
)

// DictExpire sets when fields of a dictionary expire: a Hit with an element for each field, whose Num is 1 where it was
// set, 2 where that moment has passed and the field is gone, 0 where the condition did not hold, -2 where there is no such
// field. Redis HEXPIRE, HPEXPIRE, HEXPIREAT and HPEXPIREAT.
type DictExpire struct {
	K      []byte
	Fields [][]byte
	When   TTLCondition
	Expiry Expiry // At counts where it is not zero, else TTL, which may be zero or less
}

var dictExpireSpec = Spec{ID: idDictExpire, Name: "HPEXPIRE", Access: Writes | Conditional, Kind: value.Dictionary}

// Spec implements Op.
func (o *DictExpire) Spec() *Spec { return &dictExpireSpec }

// Asks implements Asker.
func (o *DictExpire) Asks() bool { return o.When != 0 }

// Key implements Op.
func (o *DictExpire) Key() []byte { return o.K }

// What is answered about the expiry of a field.
const (
	fieldNone    = -2
	fieldForever = -1
	fieldRefused = 0
	fieldSet     = 1
	fieldGone    = 2
)

// Apply implements Op.
func (o *DictExpire) Apply(e *value.Entry, now int64, r *Reply) error {
	at := o.Expiry.At
	if at == 0 {
		at = now + o.Expiry.TTL
	}
	return eachField(e, o.Fields, now, r, func(d *value.Dict, field []byte, old int64) float64 {
		switch {
		case !o.When.holds(old, at):
			return fieldRefused
		case at <= now:
			d.Delete(field)
			return fieldGone
		}
		d.ExpireField(field, at)
		return fieldSet
	})
}

// eachField answers with a number for each field: what answer says, or -2 where there is no such field.
func eachField(e *value.Entry, fields [][]byte, now int64, r *Reply, answer func(d *value.Dict, field []byte, expiry int64) float64) error {
	d, err := e.Dictionary(now)
	if err != nil {
		return err
	}
	r.Status = Hit
	for _, f := range fields {
		at, ok := int64(0), false
		if d != nil {
			at, ok = d.FieldExpiry(f)
		}
		if !ok {
			r.AddNum(fieldNone)
			continue
		}
		r.AddNum(answer(d, f, at))
	}
	return nil
}

// Send implements Op.
func (o *DictExpire) Send(b *respwire.Batch, key []byte) {
	name, n := "HPEXPIRE", o.Expiry.TTL
	if o.Expiry.At != 0 {
		name, n = "HPEXPIREAT", o.Expiry.At
	}
	args := [][]byte{num(n)}
	for i, word := range [...]string{"NX", "XX", "GT", "LT"} {
		if o.When&(1<<i) != 0 {
			args = append(args, lit(word))
		}
	}
	b.Command(name, key, fieldArgs(args, o.Fields)...)
}

func fieldArgs(args, fields [][]byte) [][]byte {
	return append(append(args, lit("FIELDS"), num(int64(len(fields)))), fields...)
}

// Recv implements Op.
func (o *DictExpire) Recv(v []respwire.Value, r *Reply) error {
	return recvFields(v[0], len(o.Fields), r)
}

// recvFields reads a number for each of n fields; null is a dictionary that is not there.
func recvFields(v respwire.Value, n int, r *Reply) error {
	if !v.Null {
		return recvReply(v, r)
	}
	r.Status = Hit
	for range n {
		r.AddNum(fieldNone)
	}
	return nil
}
