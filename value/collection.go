package value

// Collection is what engines know of a dictionary, set, list or sorted set: enough to keep and to count it. This package
// alone implements it.
//
// A collection has two forms. While it is small it is packed: one flat record without pointers, which an engine may keep
// wherever it likes, since the record is all there is to it, and which may be a view of the engine's memory that is read
// in place. Past PackedElementsMax, PackedBytesMax or PackedElementMax it is large, until it is empty: a Go object with
// few pointers, whose Bytes are what it costs.
//
// A collection is for one goroutine at a time, also where it is only read: opening it notes the time and that nothing has
// changed yet.
type Collection interface {
	// Kind returns which collection it is.
	Kind() Kind
	// Len returns the number of elements.
	Len() int
	// Bytes returns what it holds on the heap, headers, size classes and slack included; 0 while it is packed.
	Bytes() int64
	// Packed returns the collection as one flat record while it is small, and false when it has grown large. The
	// record is valid until the collection is changed or opened on another one.
	Packed() ([]byte, bool)
	// Clear removes every element.
	Clear()

	size() int // bytes of all elements and of what tells them apart; of a large list, of the strips that hold them
	open(view []byte)
	start()
	changed() *bool
}

// Scratch holds a packed collection of each kind for reuse, so that opening one allocates nothing. The zero Scratch is
// ready to use.
type Scratch struct {
	dict   *Dict
	set    *Members
	list   *Sequence
	sorted *Sorted
}

// Unpack opens a packed record as a collection. It is borrowed until the next Unpack or New of the same kind, unless it
// has grown large by then.
func (s *Scratch) Unpack(k Kind, record []byte) Collection {
	c := s.collection(k)
	c.open(record)
	return c
}

// New returns an empty collection, borrowed as that of Unpack is.
func (s *Scratch) New(k Kind) Collection {
	c := s.collection(k)
	c.start()
	return c
}

// collection returns the collection to reuse, a new one where that is large and so belongs to somebody else.
func (s *Scratch) collection(k Kind) Collection {
	switch k {
	case Dictionary:
		if s.dict == nil || s.dict.large != nil {
			s.dict = newDict()
		}
		return s.dict
	case Set:
		if s.set == nil || s.set.large != nil {
			s.set = newMembers()
		}
		return s.set
	case List:
		if s.list == nil || s.list.large != nil {
			s.list = newSequence()
		}
		return s.list
	case SortedSet:
		if s.sorted == nil || s.sorted.large != nil {
			s.sorted = newSorted()
		}
		return s.sorted
	}
	panic("value: not a kind of collection")
}

// New returns an empty collection that belongs to the caller.
func New(k Kind) Collection {
	var s Scratch
	return s.New(k)
}

// Unpack returns a collection that belongs to the caller, with a copy of a packed record.
func Unpack(k Kind, record []byte) Collection {
	var s Scratch
	return s.Unpack(k, append([]byte(nil), record...))
}

// Clone returns a copy that shares nothing with c and belongs to the caller.
func Clone(c Collection) Collection {
	if record, ok := c.Packed(); ok {
		return Unpack(c.Kind(), record)
	}
	n := New(c.Kind())
	switch c := c.(type) {
	case *Dict:
		d := n.(*Dict)
		for rec, s := range c.all {
			e := decode(Dictionary, rec, s)
			d.put(&e)
		}
		d.soonest = c.soonest
	case *Members:
		for e := range c.All {
			n.(*Members).Add(e)
		}
	case *Sequence:
		for v := range c.All {
			n.(*Sequence).PushBack(v)
		}
	case *Sorted:
		for i := 0; i < c.Len(); i++ {
			n.(*Sorted).Put(c.At(i))
		}
	}
	return n
}

// Gone reports whether c is a dictionary all of whose fields have expired: engines treat such an item as one that has
// expired itself. It costs nothing where no field expires.
func Gone(c Collection, now int64) bool {
	d, ok := c.(*Dict)
	if !ok || d.soonest == 0 {
		return false
	}
	d.now = now
	return d.Len() == 0
}
