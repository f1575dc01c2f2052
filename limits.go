package hearth

import "time"

// Bounds of what one request, item or connection may be. Limits of a tenant (package control) may only lower them.
const (
	KeyBytesMax       = 64 << 10           // one key, field name, element name
	ValueBytesMax     = 512 << 20          // one value, by any door
	ItemBytesDefault  = 5_000_000 + 64<<10 // key and value of one item unless the cache says otherwise
	ElementBytesMax   = ValueBytesMax      // one element of a collection
	MessageBytesMax   = 6 << 20            // one gRPC message received
	CacheNameBytesMax = 255
	TopicNameBytesMax = 255
)

// Bounds of topics in the memory of one process.
const (
	TopicMessageBytesMax  = MessageBytesMax  // one message
	TopicRingMessagesMax  = 1024             // messages that one topic keeps for resumption
	TopicRingBytesMax     = 8 << 20          // bytes of them
	TopicsBytesMax        = 128 << 20        // all rings and topics together, unless configured
	TopicIdleMax          = 10 * time.Minute // a topic that nobody has used for as long is forgotten
	TopicSubscriptionsMax = 250_000          // subscriptions of the process
	TopicPatternLagMax    = 1024             // topics that a subscription to a pattern may be behind in
)

// A ring has room for the largest message with all that is kept beside it, and the process for several rings.
const _ = uint(TopicRingBytesMax-TopicMessageBytesMax-1<<20) + uint(TopicsBytesMax-4*TopicRingBytesMax)

// The vendor's defaults of a cache, as its clients read them from ListCaches.
const (
	TTLMax          = 24 * time.Hour // the longest time to live unless the cache says otherwise
	ItemKilobytes   = 4883           // 5,000,000 bytes
	TrafficRate     = 500
	ThroughputKbps  = 10240
	PublishRate     = 100
	SubscriptionMax = 100
	PublishKilobyte = 100
)

// A gRPC message has room for the largest default item: this line does not compile otherwise.
const _ = uint(MessageBytesMax - ItemBytesDefault)
