// Package topics says what a broker is, and holds the one that keeps its rings in memory. It knows topics only by
// Space and name, and nothing of protocols or callers.
package topics

import (
	"context"

	"github.com/hearthcache/hearth"
)

// Body is what a message carries: text or binary, and who published it.
type Body struct {
	Bytes     []byte
	Text      bool
	Publisher string // the token id of the publisher's credential
}

// Message is one message of a topic as a subscriber takes it. Its body is shared by all subscribers: it is not changed.
type Message struct {
	Topic    string
	Sequence uint64 // starts at 1 and grows by 1
	Page     uint64 // changes when the sequence cannot be continued
	Time     int64  // of publication, in milliseconds
	Body
}

// Position is a place in a topic: the number of the next message wanted and the page it belongs to. The zero Position
// is: from now on.
type Position struct {
	Sequence uint64
	Page     uint64
}

// Gap tells a subscriber that messages were lost to it.
type Gap struct {
	Last uint64 // the last number it may have seen
	Next uint64 // the number of the next message
	Page uint64 // the page that Next belongs to
}

// Broker carries messages.
type Broker interface {
	// Publish numbers a message and offers it to the topic's subscribers. It never waits for them.
	Publish(ctx context.Context, s hearth.Space, topic string, b Body) (sequence uint64, err error)
	// Subscribe returns a subscription to a topic, or to all topics that match a pattern (Redis's glob), from a
	// position on. wake is called outside locks when there is something to take, once until the next Take.
	Subscribe(s hearth.Space, f Filter, after Position, wake func()) (Sub, error)
	// Drop ends every subscription of a space with NoCache and forgets its topics.
	Drop(s hearth.Space)
}

// Filter says which topics a subscription is for: one topic, or a pattern.
type Filter struct {
	Topic   string
	Pattern string // where Topic is empty
}

// Sub is one subscription.
type Sub interface {
	// Take copies waiting messages into ms and returns how many, with a gap that stands before the first of them, or
	// nil. The error is that of an ended subscription: NoCache when its cache was deleted.
	Take(ms []Message) (n int, gap *Gap, err error)
	// Close ends the subscription; wake is not called after it returns.
	Close()
}
