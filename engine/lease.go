package engine

import (
	"context"
	"time"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/op"
)

// Leaser is an engine that several gateways share. The lease of a key is the right to load what is missing under it, which
// one gateway has at a time. It ends when it is given back, when the time that it was taken for is over, when its
// gateway has died, and when a command that came through Overtake has written the key.
type Leaser interface {
	// Lease takes the leases of keys that nobody has, for at most a time, all in one go: each under a name, by which Held
	// knows it.
	Lease(ctx context.Context, s hearth.Space, keys [][]byte, names []uint64, most time.Duration) []Leased
	// Take returns a read that looks for an item under the lease of its key, for a Starter: it takes the lease as Lease does, and
	// then does what o does, without waiting in between.
	Take(s hearth.Space, o op.Op, name uint64, most time.Duration) Taking
	// Held returns the lease of a key that some gateway has taken under a name; nil where it has ended.
	Held(ctx context.Context, s hearth.Space, key []byte, name uint64) (Lease, error)
	// Follow calls wake once, from anywhere, when the lease of a key has ended (the caller's own where mine is not nil, else
	// whosever), or, where the item was absent, when it is there: at once where that has happened already, at the latest
	// after a second. Once stop has returned, wake may be running, but does not begin.
	Follow(s hearth.Space, key []byte, absent bool, mine Lease, wake func()) (stop func())
	// Overtake returns a command that does what o does and, in one step with that, ends the leases of what it writes.
	Overtake(o op.Op) op.Op
}

// Leased is what came of one key.
type Leased struct {
	Lease Lease  // nil where somebody else has it
	Note  []byte // what a holder has left instead of a lease; nil where there is none
	Err   error  // nobody could be asked
}

// Taking is a command of Take.
type Taking interface {
	op.Op
	// Leased returns what came of the lease, once the command is done. The look may be done where the lease was refused.
	Leased() Leased
}

// Lease is the lease of one key. Its methods may be called at the same time and after it has ended.
type Lease interface {
	// Store runs a command on one key that one command of a server is enough for, and ends the lease in one step with that;
	// it returns false where the lease had ended: then nothing has happened.
	Store(ctx context.Context, o op.Op) (done bool, err error)
	// Leave has those who ask for the lease get a note, which is not empty, for some time.
	Leave(note []byte, d time.Duration)
	// End gives the lease back. It does not wait for the servers.
	End()
	// Ended is End where a command of Overtake, which was sent when the lease was held, has ended it: no server is asked.
	Ended()
}
