package value

import "github.com/hearthcache/hearth"

// CollectionBytesMax is what a collection may hold before it takes no more: the places of its records have 32 bits, and
// one command may bring a lot.
const CollectionBytesMax = 3 << 30

var errFull = &hearth.Error{Kind: hearth.Limited, Limit: hearth.ItemSize, Msg: "the collection is as large as one can be (3 GiB)"}

// Dictionary returns the dictionary that the item is, as of now; nil when there is no item, ErrWrongType when it is
// something else. A change of what it returns is a change of the item.
func (e *Entry) Dictionary(now int64) (*Dict, error) {
	d, ok := e.coll.(*Dict)
	if !ok && e.kind != None {
		return nil, ErrWrongType
	}
	if d != nil {
		d.now = now
	}
	return d, nil
}

// MakeDictionary is Dictionary, but begins a new item where there is none. It comes into being with its first field.
func (e *Entry) MakeDictionary(now int64) (*Dict, error) {
	if err := e.make(Dictionary); err != nil {
		return nil, err
	}
	return e.Dictionary(now)
}

// Set returns the set that the item is; nil when there is no item, ErrWrongType when it is something else.
func (e *Entry) Set() (*Members, error) { return open[Members](e) }

// MakeSet is Set, but begins a new item where there is none. It comes into being with its first element.
func (e *Entry) MakeSet() (*Members, error) { return create[Members](e, Set) }

// List returns the list that the item is; nil when there is no item, ErrWrongType when it is something else.
func (e *Entry) List() (*Sequence, error) { return open[Sequence](e) }

// MakeList is List, but begins a new item where there is none. It comes into being with its first element.
func (e *Entry) MakeList() (*Sequence, error) { return create[Sequence](e, List) }

// SortedSet returns the sorted set that the item is; nil when there is no item, ErrWrongType when it is something else.
func (e *Entry) SortedSet() (*Sorted, error) { return open[Sorted](e) }

// MakeSortedSet is SortedSet, but begins a new item where there is none. It comes into being with its first value.
func (e *Entry) MakeSortedSet() (*Sorted, error) { return create[Sorted](e, SortedSet) }

// SetCollection makes the item the collection c, without expiry and attributes. The caller gives c away; it may be that
// of another Entry, which is then deleted, or a Clone.
func (e *Entry) SetCollection(c Collection) {
	e.replace(c.Kind())
	e.coll = c
}

// Replace begins a new, empty collection in the place of whatever the item was, without expiry and attributes.
func (e *Entry) Replace(k Kind) Collection {
	e.begin(k)
	return e.coll
}

func (e *Entry) begin(k Kind) {
	e.replace(k)
	e.coll = e.spare.New(k)
	if e.existed {
		*e.coll.changed() = true
	}
}

func open[C any](e *Entry) (*C, error) {
	c, ok := any(e.coll).(*C)
	if !ok && e.kind != None {
		return nil, ErrWrongType
	}
	return c, nil
}

func create[C any](e *Entry, k Kind) (*C, error) {
	if err := e.make(k); err != nil {
		return nil, err
	}
	return open[C](e)
}

// make begins a new item where there is none, and fails where the one that there is can take no more.
func (e *Entry) make(k Kind) error {
	switch {
	case e.kind == None:
		e.begin(k)
	case e.coll != nil && e.coll.Bytes() > CollectionBytesMax:
		return errFull
	}
	return nil
}
