package value

// Collection is what engines know of a dictionary, set, list or sorted set: enough to keep and to count it.
type Collection interface {
	// Kind returns which collection it is.
	Kind() Kind
	// Len returns the number of elements.
	Len() int
	// Bytes returns what it holds on the heap, headers, size classes and slack included; 0 while it is packed.
	Bytes() int64
	// Packed returns the collection as one flat record while it is small, and false when it has grown large.
	Packed() ([]byte, bool)
}
