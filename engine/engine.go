// Package engine says what an engine is: where items live. It knows commands only as op.Op, and caches only by their
// Space. Package enginetest holds the suite that every engine passes; a behaviour that is not in it is not promised.
package engine

import (
	"context"
	"strconv"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/op"
	"github.com/hearthcache/hearth/value"
)

// Engine keeps items.
type Engine interface {
	// Do runs one command, an op.Multi included. The reply has been Reset by the caller.
	Do(ctx context.Context, s hearth.Space, o op.Op, r *op.Reply) error
	// DoAll runs commands that do not depend on each other, each atomic by itself; errors stand in the replies.
	DoAll(ctx context.Context, s hearth.Space, os []op.Op, rs []op.Reply)
	// Drop forgets every item of the space, at once for the caller. The space is never used again.
	Drop(ctx context.Context, s hearth.Space) error
	// Close gives everything back.
	Close() error
}

// Flusher is an engine that knows what a flush took.
type Flusher interface {
	// Flush is Drop for a cache that goes on with another space, next: a miss there of an item that was in s has the cause
	// op.Flushed, as long as the engine remembers.
	Flush(ctx context.Context, s, next hearth.Space) error
}

// Trier is an engine that can answer some commands without waiting for anything.
type Trier interface {
	// Try is Do where that needs no waiting; otherwise done is false and nothing has happened.
	Try(s hearth.Space, o op.Op, r *op.Reply) (done bool, err error)
}

// Chooser is a Trier that knows of most commands at once that it would not do them.
type Chooser interface {
	Trier
	// Tries reports whether Try may do such a command. Of a command that writes it is false: servers have to be asked, and
	// what is being stored may have to be waited for.
	Tries(o op.Op) bool
}

// WarmMax is how many keys of one Warm an engine looks at.
const WarmMax = 32

// WarmStep is how far an engine goes towards the items of a Warm: each step needs what the one before has fetched.
type WarmStep uint8

// The steps.
const (
	WarmPaths WarmStep = iota // what leads to the items
	WarmItems                 // the items
)

// Warmer is an engine that gains by knowing which keys the commands that follow will ask for.
type Warmer interface {
	// Warm is a hint: it changes nothing that a command can see. All keys that are known take one step before any takes
	// the next. The keys are borrowed until it returns.
	Warm(s hearth.Space, keys [][]byte, step WarmStep)
}

// Tagger is an engine whose scalars can have tags (op.Set), and be invalidated by them.
type Tagger interface {
	// Stamp returns what stands for the invalidations so far: a value that was loaded after this call and is stored with
	// the stamp is a miss if one of its tags was invalidated meanwhile. 0 is that nothing in the space has ever had tags,
	// unless the caller has the engine begin with them.
	Stamp(ctx context.Context, s hearth.Space, begin bool) (uint64, error)
	// Invalidate makes every item that was stored with the tag before a miss, at once and however many there are.
	Invalidate(ctx context.Context, s hearth.Space, tag []byte) error
}

// Starter is an engine that can begin commands and tell later that they are done, so that a request that waits for a
// server needs no goroutine.
type Starter interface {
	// Start begins commands as DoAll runs them and returns before they are done. done is called once, possibly before Start
	// returns and from any goroutine, when every reply is there; until then the commands, their bytes and the replies
	// belong to the engine. Where Start returns false it cannot, and nothing has happened.
	Start(s hearth.Space, os []op.Op, rs []op.Reply, done func()) bool
	// Flush sends what Start has begun. Whoever starts commands calls it once there is nothing more to start for now; what is
	// started within done, the engine sends.
	Flush()
}

// Remote is an engine whose items servers keep.
type Remote interface {
	// Ready returns nil when the servers answer.
	Ready(ctx context.Context) error
	// Failures returns what has failed since the engine was made.
	Failures() Failures
}

// Nearby is a Remote that answers some reads from memory of this process.
type Nearby interface{ Near() Near }

// Near is what such an engine keeps in this process, and what has come of it since the engine was made.
type Near struct {
	Hits  uint64 // reads that no server was asked for
	Items int64
	Bytes int64
}

// Failures counts commands that the servers did not do at once, or not at all.
type Failures struct {
	Repeated    uint64 // said again, each time
	Unreachable uint64 // given up since no server answered
	Late        uint64 // given up since the caller's time was over
	Full        uint64 // refused since a server's memory is full
}

// Runner is an engine with work of its own: expiry, cleaning, giving memory back. Run blocks until ctx ends.
type Runner interface {
	Run(ctx context.Context) error
}

// Blocks is an engine that large values can be read into directly.
type Blocks interface {
	// Reserve returns a Block of size bytes, counted against the space, for a value that is about to arrive.
	Reserve(s hearth.Space, size int) (*value.Block, error)
}

// Watch is a set of watched keys, until it is closed or used by DoTogether.
type Watch interface{ Close() }

// Transactor is an engine that can run several commands as one.
type Transactor interface {
	// Watch remembers the present state of keys.
	Watch(ctx context.Context, s hearth.Space, keys [][]byte) (Watch, error)
	// DoTogether runs all commands with nothing between them, or none where a watched key has changed: then it
	// returns false. A nil Watch watches nothing. Errors of single commands stand in their replies.
	DoTogether(ctx context.Context, s hearth.Space, w Watch, os []op.Op, rs []op.Reply) (done bool, err error)
}

// Scanner is an engine whose keys can be walked.
type Scanner interface {
	// Scan returns some keys (about limit) and the cursor to go on from; 0 begins and ends a walk. A key that is
	// present throughout the walk is returned at least once. Keys are copies. kind value.None is any kind.
	Scan(ctx context.Context, s hearth.Space, cursor uint64, limit int, kind value.Kind) (keys [][]byte, next uint64, err error)
}

// Bounder is an engine whose spaces can be given shares of its memory.
type Bounder interface {
	// Bound gives a space a floor that others cannot take, a ceiling that it may not pass (0: none), in bytes, and a
	// weight for its share of the rest (0: 1).
	Bound(s hearth.Space, floor, ceiling int64, weight int)
}

// Keeper is an engine that can spare spaces when it evicts.
type Keeper interface {
	// Keep makes a space one that nothing is evicted from. Whoever writes to it watches over its size.
	Keep(s hearth.Space)
	// BytesMax returns the bytes that the engine's items may take together.
	BytesMax() int64
}

// Limiter is an engine that holds items which grow against a largest size. Values that replace what was there are held
// against it before they come to an engine.
type Limiter interface {
	// Limit gives a space the most bytes that key and value of an item may have together; 0 is no limit. A command that
	// would make an item larger fails with ErrItemSize and changes nothing.
	Limit(s hearth.Space, itemBytes int)
}

// ErrItemSize is the error of a command that would make an item larger than its cache allows.
var ErrItemSize error = &hearth.Error{Kind: hearth.Limited, Limit: hearth.ItemSize, Msg: "item size: the item would be larger than the cache's largest"}

// ErrTogether is the error of a command over more keys than one may have that is done as one.
var ErrTogether error = &hearth.Error{Kind: hearth.Limited, Msg: "request limit: a command that is done as one names at most " +
	strconv.Itoa(hearth.TogetherKeysMax) + " keys"}

// Size is what a space holds and has lost.
type Size struct {
	Items   int64
	Bytes   int64 // keys, values, index and metadata
	Evicted [EvictionCauses]int64
	Expired int64
	Max     int64 // what Bytes may come to: the space's ceiling, or else all that the engine has for all spaces
}

// EvictionCause says why an item was evicted.
type EvictionCause uint8

// The causes of evictions.
const (
	OverMemory     EvictionCause = iota // the process reached its bound
	OverCeiling                         // the space reached its ceiling
	TooBig                              // the item alone does not fit
	EvictionCauses                      // the number of causes
)

// Measurer is an engine that knows what each space holds.
type Measurer interface {
	// Size returns the space's present size and what it has lost since it began.
	Size(s hearth.Space) Size
}

// EventKind says what happened to an item.
type EventKind uint8

// The events of a Feed.
const (
	ItemSet EventKind = iota
	ItemDeleted
	ItemExpired
	ItemEvicted
)

// Event is one change of one item.
type Event struct {
	Space hearth.Space
	Kind  EventKind
	Key   []byte
}

// Feed is an engine that can tell what happened to the items of chosen spaces.
type Feed interface {
	// Follow starts or stops recording events of a space.
	Follow(s hearth.Space, on bool)
	// Events appends recorded events and reports how many were lost to overflow since the last call.
	Events(dst []Event) (events []Event, lost int)
	// Wake is called, outside locks, when events are recorded after Events has found none.
	Wake(func())
}

// Each runs commands one after another: DoAll for an engine that has no better way.
func Each(ctx context.Context, e Engine, s hearth.Space, os []op.Op, rs []op.Reply) {
	for i, o := range os {
		rs[i].Err = e.Do(ctx, s, o, &rs[i])
	}
}
