// Package op holds the commands, one file each: a command is a value that knows how to happen to an entry in memory
// and how to be said to a Valkey server. It knows nothing of engines, caches, tenants or protocols of clients.
package op

import (
	"github.com/hearthcache/hearth/respwire"
	"github.com/hearthcache/hearth/value"
)

// Op is one command on one key. The bytes in it are borrowed until the engine's Do returns; the engine copies what it
// keeps. A door may reuse an Op once Do has returned.
type Op interface {
	// Spec returns what the command is, for policy and accounting; the same pointer each time.
	Spec() *Spec
	// Key returns the key that the command works on.
	Key() []byte
	// Apply makes the command happen to the entry at time now, in milliseconds. It touches only what it is given.
	Apply(e *value.Entry, now int64, r *Reply) error
	// Send says the command to a Valkey server, on a key that already carries its prefix. Where it says several, they are
	// sent as one MULTI.
	Send(b *respwire.Batch, key []byte)
	// Recv reads the server's answers to what Send said, one Value for each command in the batch.
	Recv(v []respwire.Value, r *Reply) error
}

// Multi is a command on several keys. Engines call the methods here instead of Apply, Send and Recv: on the local
// engine it is atomic, on Valkey within one slot. Key returns the first of Keys.
type Multi interface {
	Op
	// Keys returns every key, in the order that ApplyAll and SendAll get theirs. All are authorised.
	Keys() [][]byte
	// ApplyAll makes the command happen to the entries of Keys at time now. A key that stands twice in Keys
	// has the same Entry at both places.
	ApplyAll(es []*value.Entry, now int64, r *Reply) error
	// SendAll says the command to a Valkey server, on keys that carry their prefix and share a slot.
	SendAll(b *respwire.Batch, keys [][]byte)
	// RecvAll reads the server's answers to what SendAll said.
	RecvAll(v []respwire.Value, r *Reply) error
}

// Splitter is a Multi that can be done in parts where its keys live in different slots: reads first, then at most
// one write. It is not atomic then.
type Splitter interface {
	Multi
	// Parts returns one-key commands that together do the same, and a function that joins their replies.
	Parts() (parts []Op, join func(parts []Reply, r *Reply) (write Op, err error))
}

// Whole is a command that reads an item whole and whose answer depends on nothing but its key, so that an engine may
// remember the server's answer until the key changes.
type Whole interface {
	Op
	// Whole returns the server's command that Send says, of which the key is the only argument.
	Whole() string
}

// Expirer is a command that sets a time to live, which the gateway may bound or fill with the cache's default.
type Expirer interface {
	// ExpiresIn returns the time to live; nil where this one leaves the item's alone.
	ExpiresIn() *Expiry
}

// Asker is a Conditional command that can be made without a condition, too: then it needs no more than a write does.
type Asker interface {
	// Asks reports whether this one depends on what is stored, or tells it.
	Asks() bool
}

// Checker is a command some of whose arguments can be out of their range. Whoever runs commands asks before the engine.
type Checker interface {
	// Check returns an error of kind Invalid where the command cannot be run.
	Check() error
}

// Sizer is a command that carries values: the gateway holds them against the cache's limits.
type Sizer interface {
	// Size returns the bytes of all values and element names that the command carries, and of the largest element.
	Size() (total, largest int)
}

// Grower is a command that adds to an item that is there: engines hold what it comes to against the cache's largest item.
type Grower interface {
	// Growth returns by how many bytes, at most, the command makes the item of e longer. It changes nothing.
	Growth(e *value.Entry) int
}

// Expiry is when a write lets its item expire: after TTL milliseconds, or at the absolute time At in milliseconds
// when At is not zero. The zero Expiry is never.
type Expiry struct {
	TTL int64
	At  int64
}

// When returns the absolute time of expiry in milliseconds; 0 is never.
func (x Expiry) When(now int64) int64 {
	switch {
	case x.At != 0:
		return x.At
	case x.TTL != 0:
		return now + x.TTL
	}
	return 0
}

// alone is embedded in a Multi: what an Op does on one entry does not apply to it.
type alone struct{}

func (alone) Apply(*value.Entry, int64, *Reply) error { return errMulti }
func (alone) Send(*respwire.Batch, []byte)            {}
func (alone) Recv([]respwire.Value, *Reply) error     { return errMulti }
