package value

import (
	"crypto/sha1"
	"sync/atomic"
)

// Block is the memory of one large value, counted by references: an engine that evicts it while a door is still
// writing it to a socket gives back its memory only after the last Release.
type Block struct {
	data []byte
	refs atomic.Int32
	hash atomic.Pointer[[sha1.Size]byte] // of data, once somebody has asked
	free func(*Block)                    // called once, when the last reference goes
}

// NewBlock returns a Block over data with one reference; free is called when the last one goes.
func NewBlock(data []byte, free func(*Block)) *Block {
	b := &Block{data: data, free: free}
	b.refs.Store(1)
	return b
}

// Bytes returns the memory; it may be written only before the Block is stored.
func (b *Block) Bytes() []byte { return b.data }

// Narrow leaves of the memory only part, which is a piece of it; what a door has read around a value. It is called
// before the Block is stored, by its only holder.
func (b *Block) Narrow(part []byte) { b.data = part }

// Retain adds a reference.
func (b *Block) Retain() *Block {
	b.refs.Add(1)
	return b
}

// Release drops a reference; with the last one the memory goes back to where it came from.
func (b *Block) Release() {
	if b.refs.Add(-1) == 0 && b.free != nil {
		b.free(b)
	}
}

// Hash returns the SHA-1 of the memory, which is computed once. The Block has been stored: it changes no more.
func (b *Block) Hash() [sha1.Size]byte {
	if h := b.hash.Load(); h != nil {
		return *h
	}
	h := sha1.Sum(b.data)
	b.hash.Store(&h)
	return h
}
