// Package topics says what a broker is, and holds the one that keeps its rings in memory. It knows topics only by
// Space and name, and nothing of protocols or callers.
package topics

import (
	"context"
	"fmt"

	"github.com/hearthcache/hearth"
)

// Body is what a message carries: text or binary, and who published it.
type Body struct {
	Bytes     []byte
	Text      bool
	Publisher string // the token id of the publisher's credential
	Key       []byte // of a change feed's message: the item's key, which subscribers may filter by; else nil
}

// Check returns the error of a body that is too long to be published.
func (b *Body) Check() error {
	if len(b.Bytes)+len(b.Key) > hearth.TopicMessageBytesMax {
		return &hearth.Error{Kind: hearth.Limited, Limit: hearth.RequestSize,
			Msg: fmt.Sprintf("message is longer than the request limit of topics, %d bytes", hearth.TopicMessageBytesMax)}
	}
	return nil
}

// Receipt is what a publisher learns.
type Receipt struct {
	Sequence  uint64 // of the message
	Page      uint64
	Receivers int // how many subscriptions it was offered to
}

// Message is one message of a topic as a subscriber takes it. Its body is shared by all subscribers: it is not changed.
type Message struct {
	Topic    string
	Sequence uint64 // starts at 1 and grows by 1
	Page     uint64 // changes when the sequence cannot be continued
	Time     int64  // of publication, in milliseconds
	Body
}

// Position is a place in a topic: the number of the next message wanted and the page it belongs to, 0 for the present
// one, which who names a number alone means. The zero Position is: from now on.
type Position struct {
	Sequence uint64
	Page     uint64
}

// Gap tells a subscriber that messages were lost to it.
type Gap struct {
	Topic string // empty where a subscription to a pattern has lost track of which topics
	Last  uint64 // the last number it may have seen
	Next  uint64 // the number of the next message
	Page  uint64 // the page that Next belongs to
}

// Broker carries messages.
type Broker interface {
	// Publish numbers a message and offers it to the topic's subscribers. It never waits for them. The body is
	// borrowed until Publish returns.
	Publish(ctx context.Context, s hearth.Space, topic string, b Body) (Receipt, error)
	// Subscribe returns a subscription to a topic, or to all topics that match a pattern (Redis's glob), from a
	// position on; a pattern has none but the zero Position. The caller takes at once. After a Take that found nothing,
	// wake is called as soon as there is something, outside locks, once until the next Take. It may call Take but
	// not Close, and never waits.
	Subscribe(s hearth.Space, f Filter, after Position, wake func()) (Sub, error)
	// Drop ends every subscription of a space with NoCache and forgets its topics.
	Drop(s hearth.Space)
}

// Remote is a broker that asks other servers: Publish, Subscribe and a Lister's methods wait for them.
type Remote interface{ Remote() }

// Breaker is a broker that can be told of messages that never came to it.
type Breaker interface {
	// Break has every subscriber of a topic see a gap: a number is skipped, and nothing before it can be had again.
	Break(s hearth.Space, topic string)
}

// Lister is a broker that knows its topics.
type Lister interface {
	// List calls yield for the topics of a space whose names match a pattern (empty: all), until it returns false.
	// A topic that nobody has used for a while is forgotten.
	List(s hearth.Space, pattern string, yield func(Info) bool)
	// Topic returns what is known of one topic; the zero Info where there is none of that name.
	Topic(s hearth.Space, name string) Info
	// Patterns returns how many distinct patterns are subscribed to.
	Patterns(s hearth.Space) int
}

// Info is what a broker tells of a topic.
type Info struct {
	Name        string
	Page        uint64
	Next        uint64 // the number that the next message gets
	Messages    int    // in the ring
	Bytes       int64  // in the ring
	Subscribers int    // subscriptions to the topic itself, without patterns
}

// Filter says which topics a subscription is for: one topic, or a pattern.
type Filter struct {
	Topic   string
	Pattern string // where Topic is empty
}

// Sub is one subscription. Take is called by one goroutine at a time.
type Sub interface {
	// Take puts waiting messages into ms and returns how many, with a gap that stands before the first of them, or
	// nil. It stops before it passes room bytes of bodies, but the first message comes whatever its size. No message and
	// no gap means that nothing waits: wake will be called. The error is that of an ended subscription: NoCache when its
	// cache was deleted.
	Take(ms []Message, room int) (n int, gap *Gap, err error)
	// Close ends the subscription; wake is not called after it returns.
	Close()
}
