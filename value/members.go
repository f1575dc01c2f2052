package value

// Members is a set: different elements in no order. What it returns is borrowed until it is changed; what it is given
// must not be borrowed from it.
type Members struct{ keyed }

func newMembers() *Members { return &Members{keyed{kind: Set}} }

// Add puts an element in and reports whether it is new.
func (m *Members) Add(e []byte) (added bool) {
	if m.Contains(e) {
		return false
	}
	return m.put(&element{key: e})
}

// Contains reports whether an element is in the set.
func (m *Members) Contains(e []byte) bool {
	_, _, ok := m.lookup(e)
	return ok
}

// Delete removes an element and reports whether it was there.
func (m *Members) Delete(e []byte) bool { return m.remove(e) }

// All yields every element.
func (m *Members) All(yield func(e []byte) bool) {
	for rec, s := range m.all {
		if !yield(rec[s.key:s.keyEnd:s.keyEnd]) {
			return
		}
	}
}

// Scan calls yield for about limit elements from a cursor on and returns the next cursor; 0 begins and ends. An element
// that is there throughout is seen at least once.
func (m *Members) Scan(cursor uint64, limit int, yield func(e []byte)) (next uint64) {
	return m.scan(cursor, limit, func(rec []byte, s span) { yield(rec[s.key:s.keyEnd:s.keyEnd]) })
}

// Random returns some element. There must be one.
func (m *Members) Random(r Rand) []byte {
	rec, s := m.random(r)
	return rec[s.key:s.keyEnd:s.keyEnd]
}

// Sample calls yield for n elements, all different, or for all where there are fewer.
func (m *Members) Sample(n int, r Rand, yield func(e []byte)) {
	m.sample(n, r, func(rec []byte, s span) { yield(rec[s.key:s.keyEnd:s.keyEnd]) })
}
