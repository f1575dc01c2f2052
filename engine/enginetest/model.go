package enginetest

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/op"
	"github.com/hearthcache/hearth/value"
)

// model is what every engine must behave like, as plainly as it can be said: maps and slices, nothing shared with the
// packages under test but the commands.
type model struct {
	now   int64
	items map[string]*thing
	r     *op.Reply
	// pick is what a random command on the engine returned; the model takes the same elements, if it may.
	pick [][]byte
}

type thing struct {
	kind   value.Kind
	expiry int64
	text   string
	dict   map[string]string
	set    map[string]bool
	list   []string
	sorted map[string]float64
	tags   [][]byte
}

// refusal is an error of the model.
func refusal(k hearth.Kind, msg string) error { return &hearth.Error{Kind: k, Msg: msg} }

var errWrong = refusal(hearth.WrongType, "WRONGTYPE Operation against a key holding the wrong kind of value")

// get returns the item of a key, nil if there is none, and an error if it is of another kind.
func (m *model) get(key []byte, k value.Kind) (*thing, error) {
	it := m.items[string(key)]
	if it != nil && it.expiry != 0 && it.expiry <= m.now {
		delete(m.items, string(key))
		it = nil
	}
	if it != nil && k != value.None && it.kind != k {
		return nil, errWrong
	}
	return it, nil
}

// grow returns the collection of a key, a new one where there is none, with its expiry as the command wants it.
func (m *model) grow(key []byte, k value.Kind, x op.Expiry, refresh bool) (*thing, error) {
	it, err := m.get(key, k)
	if err != nil {
		return nil, err
	}
	if it == nil {
		it = &thing{kind: k, dict: map[string]string{}, set: map[string]bool{}, sorted: map[string]float64{}}
		m.items[string(key)] = it
		refresh = true
	}
	if refresh {
		it.expiry = m.when(x)
	}
	return it, nil
}

func (m *model) when(x op.Expiry) int64 {
	switch {
	case x.At != 0:
		return x.At
	case x.TTL != 0:
		return m.now + x.TTL
	}
	return 0
}

func (it *thing) size() int {
	return len(it.dict) + len(it.set) + len(it.list) + len(it.sorted)
}

// tidy removes collections that are empty or expired.
func (m *model) tidy() {
	for k, it := range m.items {
		if it.kind != value.Scalar && it.size() == 0 || it.expiry != 0 && it.expiry <= m.now {
			delete(m.items, k)
		}
	}
}

// do runs a command. Its reply is in m.r.
func (m *model) do(o op.Op) error {
	m.r = &op.Reply{}
	err := m.dispatch(o)
	m.tidy()
	return err
}

func (m *model) dispatch(o op.Op) error {
	name := o.Spec().Name
	switch {
	case o.Spec().Board:
		return m.board(o)
	case strings.HasPrefix(name, "Dictionary"):
		return m.dictionary(o)
	case strings.HasPrefix(name, "SortedSet") || strings.HasPrefix(name, "Sorted"):
		return m.sortedSet(o)
	case strings.HasPrefix(name, "List"):
		return m.list(o)
	}
	switch o := o.(type) {
	case *op.SetUnion, *op.SetSubtract, *op.SetSubtractFrom, *op.SetFetch, *op.SetContains, *op.SetSample, *op.SetPop, *op.SetLength:
		return m.set(o)
	case *op.Get, *op.Set, *op.GetWithHash, *op.SetIf, *op.SetIfHash, *op.Increment:
		return m.scalar(o)
	}
	return m.any(o)
}

// any is commands on items of any kind.
func (m *model) any(o op.Op) error {
	it, _ := m.get(o.Key(), value.None)
	switch o := o.(type) {
	case *op.Delete:
		if it != nil {
			m.r.Int = 1
		}
		delete(m.items, string(o.K))
	case *op.Exists:
		if it != nil {
			m.r.Int = 1
		}
	case *op.DeleteKind:
		switch {
		case it == nil:
			m.r.Status = op.Miss
		case it.kind != o.Kind:
			return errWrong
		default:
			m.r.Status = op.Hit
			delete(m.items, string(o.K))
		}
	case *op.ItemType:
		if m.found(it != nil) {
			m.r.Kind = it.kind
		}
	case *op.ItemTTL:
		if m.found(it != nil) {
			m.r.Int = -1
			if it.expiry != 0 {
				m.r.Int = it.expiry - m.now
			}
		}
	case *op.UpdateTTL:
		m.updateTTL(o, it)
	default:
		return fmt.Errorf("the model does not know %T", o)
	}
	return nil
}

func (m *model) found(ok bool) bool {
	m.r.Status = op.Miss
	if ok {
		m.r.Status = op.Hit
	}
	return ok
}

func (m *model) updateTTL(o *op.UpdateTTL, it *thing) {
	if it == nil {
		m.r.Status = op.Miss
		return
	}
	at := m.when(o.Expiry)
	old := float64(it.expiry)
	if it.expiry == 0 {
		old = math.Inf(1)
	}
	for _, c := range []struct {
		flag op.TTLCondition
		ok   bool
	}{
		{op.IfNone, it.expiry == 0}, {op.IfSome, it.expiry != 0},
		{op.IfLonger, float64(at) > old}, {op.IfShorter, float64(at) < old},
	} {
		if o.When&c.flag != 0 && !c.ok {
			m.r.Status = op.Refused
			return
		}
	}
	it.expiry = at
}

func (m *model) scalar(o op.Op) error {
	it, err := m.get(o.Key(), value.Scalar)
	_, unconditional := o.(*op.Set)
	c, conditional := o.(*op.SetIf)
	_, hashed := o.(*op.SetIfHash)
	if err != nil && !unconditional && !hashed && (!conditional || c.Old) {
		return err
	}
	present := it != nil || err != nil
	switch o := o.(type) {
	case *op.Get:
		if m.found(it != nil) {
			m.r.SetValue([]byte(it.text))
		}
	case *op.GetWithHash:
		if m.found(it != nil) {
			m.r.SetValue([]byte(it.text))
			m.r.AddPart(sha(it.text), 0)
		}
	case *op.Set:
		m.put(o.K, o.Value, m.when(o.Expiry)).tags = o.Tags
	case *op.SetIf:
		if o.Old && it != nil {
			m.r.SetValue([]byte(it.text))
		}
		at := m.when(o.Expiry)
		if o.KeepTTL {
			at = 0
			if old := m.items[string(o.K)]; old != nil {
				at = old.expiry
			}
		}
		if !condition(o.Condition, present, it != nil && it.text == string(o.Against)) {
			m.r.Status = op.Refused
			return nil
		}
		m.put(o.K, o.Value, at)
	case *op.SetIfHash:
		if !condition(o.Condition, present, it != nil && string(sha(it.text)) == string(o.Against)) {
			m.r.Status = op.Refused
			return nil
		}
		m.put(o.K, o.Value, m.when(o.Expiry))
		m.r.SetValue(sha(string(o.Value)))
	case *op.Increment:
		return m.increment(o, it)
	}
	return nil
}

func (m *model) put(key, v []byte, expiry int64) *thing {
	it := &thing{kind: value.Scalar, text: string(v), expiry: expiry}
	m.items[string(key)] = it
	return it
}

// invalidate deletes what has the tag.
func (m *model) invalidate(tag []byte) {
	for k, it := range m.items {
		if slices.ContainsFunc(it.tags, func(t []byte) bool { return string(t) == string(tag) }) {
			delete(m.items, k)
		}
	}
}

func condition(c op.Condition, present, equal bool) bool {
	return map[op.Condition]bool{
		op.Always: true, op.Absent: !present, op.Present: present, op.Equal: present && equal,
		op.NotEqual: !present || !equal, op.PresentAndNotEqual: present && !equal, op.AbsentOrEqual: !present || equal,
	}[c]
}

func (m *model) increment(o *op.Increment, it *thing) error {
	old, at := "0", int64(0)
	var tags [][]byte
	if it != nil {
		old, at, tags = it.text, it.expiry, it.tags
	}
	n, err := sum(old, o.Amount, "value is not an integer or out of range")
	if err != nil {
		return err
	}
	if !o.KeepTTL {
		at = m.when(o.Expiry)
	}
	m.put(o.K, []byte(strconv.FormatInt(n, 10)), at).tags = tags
	m.r.Int = n
	return nil
}

// sum adds to a number in decimal.
func sum(old string, amount int64, msg string) (int64, error) {
	n, err := strconv.ParseInt(old, 10, 64)
	if err != nil || strconv.FormatInt(n, 10) != old {
		return 0, refusal(hearth.Precondition, msg)
	}
	if amount > 0 && n > math.MaxInt64-amount || amount < 0 && n < math.MinInt64-amount {
		return 0, refusal(hearth.Precondition, "increment or decrement would overflow")
	}
	return n + amount, nil
}
