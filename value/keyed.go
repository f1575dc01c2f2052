package value

// keyed is what a dictionary, a set and a sorted set share: elements found by their keys, packed or large.
type keyed struct {
	kind  Kind
	dirty bool
	flat  flat
	large *table // nil while packed
}

// Kind implements Collection.
func (c *keyed) Kind() Kind { return c.kind }

// Len implements Collection.
func (c *keyed) Len() int {
	if c.large != nil {
		return c.large.count
	}
	return c.flat.count()
}

// Bytes implements Collection.
func (c *keyed) Bytes() int64 {
	if c.large == nil {
		return 0
	}
	return int64(keyedBytes + c.large.bytes())
}

const keyedBytes = 192

func (c *keyed) size() int {
	if c.large == nil {
		return len(c.flat.buf)
	}
	return c.large.arena.live
}

// Packed implements Collection.
func (c *keyed) Packed() ([]byte, bool) {
	if c.large != nil {
		return nil, false
	}
	return c.flat.buf, true
}

// Clear removes every element.
func (c *keyed) Clear() {
	c.dirty = true
	c.large = nil
	c.flat.clear()
}

func (c *keyed) open(view []byte) {
	c.flat.open(view)
	c.dirty = false
}

func (c *keyed) start() {
	c.flat.clear()
	c.dirty = false
}

func (c *keyed) changed() *bool { return &c.dirty }

func (c *keyed) lookup(key []byte) (rec []byte, s span, ok bool) {
	if c.large != nil {
		_, rec, s, ok = c.large.lookup(key)
		return rec, s, ok
	}
	at, s, ok := c.flat.find(c.kind, key)
	if !ok {
		return nil, s, false
	}
	return c.flat.buf[at : at+s.end], s, true
}

// put adds an element at the end of a packed collection, or anywhere in a large one, or replaces the one with its key.
func (c *keyed) put(e *element) (added bool) {
	c.dirty = true
	if c.large == nil {
		at, s, ok := c.flat.find(c.kind, e.key)
		old := 0
		if ok {
			old = s.end
		}
		if c.flat.fits(c.kind, e, old) {
			c.flat.put(c.kind, at, old, e)
			return !ok
		}
		c.grow()
	}
	_, added = c.large.put(e)
	return added
}

// grow makes a packed collection large.
func (c *keyed) grow() {
	t := newTable(c.kind)
	for rec, s := range c.all {
		e := decode(c.kind, rec, s)
		t.put(&e)
	}
	c.large, c.flat = t, flat{}
}

func (c *keyed) remove(key []byte) bool {
	if c.large != nil {
		ok := c.large.remove(key)
		c.dirty = c.dirty || ok
		return ok
	}
	at, s, ok := c.flat.find(c.kind, key)
	if ok {
		c.dirty = true
		c.flat.remove(at, s.end)
	}
	return ok
}

func (c *keyed) all(yield func(rec []byte, s span) bool) {
	if c.large != nil {
		c.large.all(yield)
		return
	}
	buf := c.flat.buf
	for at := headerBytes; at < len(buf); {
		s := measure(c.kind, buf[at:])
		if !yield(buf[at:at+s.end:at+s.end], s) {
			return
		}
		at += s.end
	}
}

// scan calls yield for about limit records from a cursor on, and returns the next one; 0 begins and ends.
func (c *keyed) scan(cursor uint64, limit int, yield func(rec []byte, s span)) uint64 {
	if c.large != nil {
		return c.large.scan(cursor, limit, yield)
	}
	c.all(func(rec []byte, s span) bool {
		yield(rec, s)
		return true
	})
	return 0
}

// random returns some record; there is one.
func (c *keyed) random(r Rand) ([]byte, span) {
	if c.large != nil {
		return c.large.record(c.large.index.random(r))
	}
	var rec []byte
	var sp span
	i := below(r, c.Len())
	c.all(func(b []byte, s span) bool {
		rec, sp = b, s
		i--
		return i >= 0
	})
	return rec, sp
}

// sample calls yield for n records, all different, or for all where there are fewer.
func (c *keyed) sample(n int, r Rand, yield func(rec []byte, s span)) {
	left := c.Len()
	if c.large != nil && n < left/8 {
		seen := make(map[ref]bool, n)
		for len(seen) < n {
			if at := c.large.index.random(r); !seen[at] {
				seen[at] = true
				yield(c.large.record(at))
			}
		}
		return
	}
	c.all(func(rec []byte, s span) bool {
		if n >= left || below(r, left) < n {
			yield(rec, s)
			n--
		}
		left--
		return n > 0
	})
}
