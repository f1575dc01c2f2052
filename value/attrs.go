package value

// Attrs are the optional attributes of an item: they cost nothing where they are absent.
type Attrs struct {
	Flags uint32 // memcached's client flags
	Stale bool   // memcached's meta protocol: marked stale, to be recached
	Won   bool   // memcached's meta protocol: somebody was told to recache
	Tags  Tags   // of the item, with the stamp of its write
}

// Any reports whether there is anything to keep.
func (a Attrs) Any() bool { return a.Flags != 0 || a.Stale || a.Won || len(a.Tags) > 0 }
