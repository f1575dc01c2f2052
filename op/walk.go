package op

import (
	"strconv"

	"github.com/hearthcache/hearth/respwire"
	"github.com/hearthcache/hearth/value"
)

// Walk reads some elements of a dictionary, set or sorted set, from a cursor on: the next cursor as the value, in
// decimal, and parts: an element, with its field's value behind it in a dictionary, with its score in a sorted set. 0
// begins and ends a walk; an element that is there throughout is seen at least once. Match leaves out elements that do
// not match a pattern. Redis HSCAN, SSCAN and ZSCAN.
type Walk struct {
	K        []byte
	Of       value.Kind
	Cursor   uint64
	Limit    int64  // about how many; 0 is 10
	Match    []byte // nil is all
	NoValues bool   // of a dictionary
}

var walkSpec = Spec{ID: idWalk, Name: "SCAN", Access: Reads, Repeatable: true}

// Spec implements Op.
func (o *Walk) Spec() *Spec { return &walkSpec }

// Key implements Op.
func (o *Walk) Key() []byte { return o.K }

const walkDefault = 10

// Apply implements Op.
func (o *Walk) Apply(e *value.Entry, now int64, r *Reply) error {
	if e.Exists() && e.Kind() != o.Of {
		return value.ErrWrongType
	}
	r.Status = Hit
	limit := int(min(max(o.Limit, 1), 1<<20))
	if o.Limit == 0 {
		limit = walkDefault
	}
	var next uint64
	switch o.Of {
	case value.Dictionary:
		d, _ := e.Dictionary(now)
		if d == nil {
			break
		}
		next = d.Scan(o.Cursor, limit, func(field, v []byte) {
			if o.matches(field) {
				r.AddPart(field, 0)
				if !o.NoValues {
					r.AddPart(v, 0)
				}
			}
		})
	case value.Set:
		if s, _ := e.Set(); s != nil {
			next = s.Scan(o.Cursor, limit, func(el []byte) { o.add(r, el, 0) })
		}
	case value.SortedSet:
		if z, _ := e.SortedSet(); z != nil {
			next = z.Scan(o.Cursor, limit, func(el []byte, score float64) { o.add(r, el, score) })
		}
	}
	r.SetValue(strconv.AppendUint(nil, next, 10))
	return nil
}

func (o *Walk) add(r *Reply, el []byte, score float64) {
	if o.matches(el) {
		r.AddPart(el, score)
	}
}

func (o *Walk) matches(el []byte) bool { return o.Match == nil || MatchGlob(o.Match, el) }

// Send implements Op.
func (o *Walk) Send(b *respwire.Batch, key []byte) {
	args := [][]byte{strconv.AppendUint(nil, o.Cursor, 10)}
	if o.Match != nil {
		args = append(args, lit("MATCH"), o.Match)
	}
	if o.Limit > 0 {
		args = append(args, lit("COUNT"), num(o.Limit))
	}
	b.Command(map[value.Kind]string{value.Dictionary: "HSCAN", value.Set: "SSCAN", value.SortedSet: "ZSCAN"}[o.Of], key, args...)
}

// Recv implements Op.
func (o *Walk) Recv(v []respwire.Value, r *Reply) error {
	if err := failed(v); err != nil {
		return err
	}
	r.Status = Hit
	els := v[0].Array[1].Array
	for i := 0; i < len(els); i++ {
		switch {
		case o.Of == value.SortedSet && i+1 < len(els):
			score, _ := strconv.ParseFloat(string(els[i+1].Str), 64)
			r.AddPart(els[i].Str, score)
			i++
		case o.Of == value.Dictionary && o.NoValues:
			r.AddPart(els[i].Str, 0)
			i++
		default:
			r.AddPart(els[i].Str, 0)
		}
	}
	r.SetValue(v[0].Array[0].Str)
	return nil
}
