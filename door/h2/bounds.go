package h2

import (
	"time"

	"github.com/hearthcache/hearth"
)

// Bounds against peers that want too much, by accident or not. docs/http2.md says what happens at each.
const (
	StreamsMax       = 4000      // calls open at once on a connection
	HandlersMax      = 250       // of them, those that an http.Handler serves
	HeaderBytesMax   = 64 << 10  // the fields of one request, as RFC 9113 6.5.2 counts them
	ContinuationsMax = 16        // frames of one header block
	ConnWindowBytes  = 8 << 20   // what a peer may send before we have read it
	PartialBytesMax  = 16 << 20  // of unfinished request messages larger than a stream's first window, on a connection
	MessagesBytesMax = 64 << 20  // of all unfinished request messages on a connection
	ArrivingGrain    = 64 << 10  // a connection's share of them is counted in such pieces, and the first is free
	HeldBytesMax     = 8 << 20   // answers that a connection's peer has not taken, before further calls wait
	HeldBytesLow     = 64 << 10  // instead, while the peers of all connections have not taken half of what may wait for them
	HeldAtOnce       = 1 << 20   // an answer of so many bytes is kept for a peer that has kept nothing waiting, though there is no room
	StreamRoomBytes  = 64 << 10  // a stream of responses may queue so much
	OutBytesMax      = 256 << 10 // what is handed to the socket before the rest waits for it
	NuisanceMax      = 1000      // PINGs, SETTINGS, PRIORITYs and empty frames in one NuisanceTime
	ResetsMax        = 2000      // streams that the peer resets before they are answered, in one NuisanceTime
	BodyRoomBytes    = 64 << 10  // an http.Handler may be ahead of its reader by so much
	headBytesKept    = 4 << 10   // of a request's header, in memory that is used again
	lastBlockMax     = 1 << 10   // of a header block that is remembered
	BodyWindowBytes  = 256 << 10 // of a request's body that its http.Handler has not read yet
	LingerBytesMax   = 16 << 20  // of a request whose rest is read before its answer though its http.Handler does not want it
	newsKept         = 256       // places in a connection's list of streams that were woken
	MethodsMax       = 1024      // names of methods that are remembered
)

// NuisanceTime is how long nuisances are counted.
const NuisanceTime = time.Second

// A message that is refused for its size is larger than what can be under way.
const _ = uint(PartialBytesMax - hearth.MessageBytesMax)
