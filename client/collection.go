package client

import (
	"context"
	"math"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
)

// collection is what handles of dictionaries, sets, lists and sorted sets share.
type collection struct {
	cache *Cache
	name  []byte
	ttl   time.Duration
	keep  bool // the time to live of what is there
	limit int  // of a list
}

// request begins a message with the collection's name, which is field 1 of all.
func (c *collection) request() message { return message(nil).bytes(1, c.name) }

// timed ends a message with the time to live of a write, and whether it is given to a collection that is there already.
func (c *collection) timed(m message, at protowire.Number) message {
	return m.varint(at, millis(c.ttl)).flag(at+1, !c.keep)
}

func (c *collection) do(ctx context.Context, method string, m message) ([]byte, error) {
	return c.cache.do(ctx, method, m)
}

// found calls a method and returns the member of its answer that says what was found; ok is false where there is no
// such collection.
func (c *collection) found(ctx context.Context, method string, m message) (inner []byte, ok bool, err error) {
	out, err := c.do(ctx, method, m)
	if err != nil {
		return nil, false, err
	}
	return member(out, 1)
}

// length calls a method that counts.
func (c *collection) length(ctx context.Context, method string, m message) (int, error) {
	in, _, err := c.found(ctx, method, m)
	if err != nil {
		return 0, err
	}
	n, err := number(in, 1)
	return int(n), err
}

// elements calls a method that answers with elements.
func (c *collection) elements(ctx context.Context, method string, m message) ([][]byte, error) {
	in, _, err := c.found(ctx, method, m)
	if err != nil {
		return nil, err
	}
	return all(in, 1)
}

// Dictionary is a dictionary of a Cache. It need not exist yet: writing makes it, and it ends with its last field.
type Dictionary struct{ collection }

// Dictionary returns the dictionary of that name. Each write gives it ttl to live.
func (c *Cache) Dictionary(name string, ttl time.Duration) *Dictionary {
	return &Dictionary{collection{cache: c, name: []byte(name), ttl: ttl}}
}

// KeepTTL returns the dictionary with writes that give ttl to a new one only.
func (d *Dictionary) KeepTTL() *Dictionary {
	kept := *d
	kept.keep = true
	return &kept
}

// Get returns those of the fields that the dictionary has.
func (d *Dictionary) Get(ctx context.Context, fields ...string) (map[string][]byte, error) {
	m := d.request()
	for _, f := range fields {
		m = m.string(2, f)
	}
	in, ok, err := d.found(ctx, "DictionaryGet", m)
	if err != nil || !ok {
		return nil, err
	}
	got, n := make(map[string][]byte, len(fields)), 0
	parts, err := all(in, 1)
	for _, part := range parts {
		value, hit, e := readGet(part)
		if e != nil {
			return nil, e
		}
		if hit && n < len(fields) {
			got[fields[n]] = value
		}
		n++
	}
	return got, err
}

// All returns every field with its value; nil where there is no such dictionary.
func (d *Dictionary) All(ctx context.Context) (map[string][]byte, error) {
	in, ok, err := d.found(ctx, "DictionaryFetch", d.request())
	if err != nil || !ok {
		return nil, err
	}
	got := map[string][]byte{}
	err = read(in, func(f field) {
		name, _, _ := member(f.bytes, 1)
		value, _, _ := member(f.bytes, 2)
		got[string(name)] = value
	})
	return got, err
}

// Set sets fields.
func (d *Dictionary) Set(ctx context.Context, fields map[string][]byte) error {
	m := d.request()
	for name, value := range fields {
		m = m.bytes(2, message(nil).string(1, name).bytes(2, value))
	}
	_, err := d.do(ctx, "DictionarySet", d.timed(m, 3))
	return err
}

// Increment adds amount to a field that is a decimal integer, 0 where there is none, and returns the sum.
func (d *Dictionary) Increment(ctx context.Context, name string, amount int64) (int64, error) {
	out, err := d.do(ctx, "DictionaryIncrement", d.timed(d.request().string(2, name).varint(3, uint64(amount)), 4))
	if err != nil {
		return 0, err
	}
	sum, err := number(out, 1)
	return int64(sum), err
}

// Remove removes fields.
func (d *Dictionary) Remove(ctx context.Context, fields ...string) error {
	var some message
	for _, f := range fields {
		some = some.string(1, f)
	}
	_, err := d.do(ctx, "DictionaryDelete", d.request().bytes(2, some))
	return err
}

// Len returns the number of fields, 0 where there is no such dictionary.
func (d *Dictionary) Len(ctx context.Context) (int, error) {
	return d.length(ctx, "DictionaryLength", d.request())
}

// Set is a set of a Cache. It need not exist yet.
type Set struct{ collection }

// SetOf returns the set of that name. Each write gives it ttl to live.
func (c *Cache) SetOf(name string, ttl time.Duration) *Set {
	return &Set{collection{cache: c, name: []byte(name), ttl: ttl}}
}

// KeepTTL returns the set with writes that give ttl to a new one only.
func (s *Set) KeepTTL() *Set {
	kept := *s
	kept.keep = true
	return &kept
}

// Add adds elements.
func (s *Set) Add(ctx context.Context, elements ...[]byte) error {
	_, err := s.do(ctx, "SetUnion", s.timed(s.request().list(2, elements), 3))
	return err
}

// Remove removes elements.
func (s *Set) Remove(ctx context.Context, elements ...[]byte) error {
	some := message(nil).bytes(1, message(nil).list(1, elements))
	_, err := s.do(ctx, "SetDifference", s.request().bytes(3, some))
	return err
}

// All returns every element, in no order.
func (s *Set) All(ctx context.Context) ([][]byte, error) {
	return s.elements(ctx, "SetFetch", s.request())
}

// Contains reports of each element whether the set has it.
func (s *Set) Contains(ctx context.Context, elements ...[]byte) ([]bool, error) {
	in, ok, err := s.found(ctx, "SetContains", s.request().list(2, elements))
	if err != nil || !ok {
		return make([]bool, len(elements)), err
	}
	return bools(in, 1)
}

// Sample returns up to n elements at random.
func (s *Set) Sample(ctx context.Context, n int) ([][]byte, error) {
	return s.elements(ctx, "SetSample", s.request().varint(2, uint64(n)))
}

// Pop removes up to n elements at random and returns them.
func (s *Set) Pop(ctx context.Context, n int) ([][]byte, error) {
	return s.elements(ctx, "SetPop", s.request().varint(2, uint64(n)))
}

// Len returns the number of elements, 0 where there is no such set.
func (s *Set) Len(ctx context.Context) (int, error) { return s.length(ctx, "SetLength", s.request()) }

// End is the end of a list or a sorted set, as the upper bound of a range of indexes.
const End = math.MaxInt32

// List is a list of a Cache. It need not exist yet. Indexes count from 0, negative ones from the end.
type List struct{ collection }

// List returns the list of that name. Each write gives it ttl to live.
func (c *Cache) List(name string, ttl time.Duration) *List {
	return &List{collection{cache: c, name: []byte(name), ttl: ttl}}
}

// KeepTTL returns the list with writes that give ttl to a new one only.
func (l *List) KeepTTL() *List {
	kept := *l
	kept.keep = true
	return &kept
}

// Limit returns the list with pushes that shorten it to n values at its other end.
func (l *List) Limit(n int) *List {
	limited := *l
	limited.limit = n
	return &limited
}

// PushFront puts values, in this order, before the first, and returns the list's length.
func (l *List) PushFront(ctx context.Context, values ...[]byte) (int, error) {
	return l.push(ctx, "ListConcatenateFront", values)
}

// PushBack puts values, in this order, behind the last, and returns the list's length.
func (l *List) PushBack(ctx context.Context, values ...[]byte) (int, error) {
	return l.push(ctx, "ListConcatenateBack", values)
}

func (l *List) push(ctx context.Context, method string, values [][]byte) (int, error) {
	out, err := l.do(ctx, method, l.timed(l.request().list(2, values), 3).varint(5, uint64(l.limit)))
	if err != nil {
		return 0, err
	}
	n, err := number(out, 1)
	return int(n), err
}

// PopFront removes the first value and returns it; ok is false where there is none.
func (l *List) PopFront(ctx context.Context) (value []byte, ok bool, err error) {
	return l.pop(ctx, "ListPopFront")
}

// PopBack removes the last value and returns it; ok is false where there is none.
func (l *List) PopBack(ctx context.Context) (value []byte, ok bool, err error) {
	return l.pop(ctx, "ListPopBack")
}

func (l *List) pop(ctx context.Context, method string) (value []byte, ok bool, err error) {
	in, ok, err := l.found(ctx, method, l.request())
	if err != nil || !ok {
		return nil, false, err
	}
	value, _, err = member(in, 1)
	return value, true, err
}

// Range returns the values from one index to before another.
func (l *List) Range(ctx context.Context, from, to int) ([][]byte, error) {
	return l.elements(ctx, "ListFetch", span(l.request(), 2, from, to))
}

// Retain keeps the values from one index to before another and removes the others.
func (l *List) Retain(ctx context.Context, from, to int) error {
	_, err := l.do(ctx, "ListRetain", l.timed(span(l.request(), 2, from, to), 6))
	return err
}

// span adds a range of indexes whose first field has the given number.
func span(m message, at protowire.Number, from, to int) message {
	m = m.signed(at+1, from)
	if to == End {
		return m.empty(at + 2)
	}
	return m.signed(at+3, to)
}

// Erase removes count values from an index on, which is not negative.
func (l *List) Erase(ctx context.Context, from, count int) error {
	one := message(nil).varint(1, uint64(from)).varint(2, uint64(count))
	_, err := l.do(ctx, "ListErase", l.request().bytes(2, message(nil).bytes(1, one)))
	return err
}

// Remove removes every value that equals.
func (l *List) Remove(ctx context.Context, value []byte) error {
	_, err := l.do(ctx, "ListRemove", l.request().bytes(2, value))
	return err
}

// Len returns the number of values, 0 where there is no such list.
func (l *List) Len(ctx context.Context) (int, error) { return l.length(ctx, "ListLength", l.request()) }
