package hearth

import "time"

// Bounds of what one request, item or connection may be. Limits of a tenant (package control) may only lower them.
const (
	KeyBytesMax       = 64 << 10           // one key, field name, element name
	ValueBytesMax     = 512 << 20          // one value, by any door
	ItemBytesDefault  = 5_000_000 + 64<<10 // key and value of one item unless the cache says otherwise
	ElementBytesMax   = ValueBytesMax      // one element of a collection
	MessageBytesMax   = 6 << 20            // one gRPC message received
	RandomRepeatsMax  = 1 << 20            // elements of one random read that may name an element again
	TogetherKeysMax   = 64 << 10           // keys of one command that is done as one
	AnswerBytesMax    = 64 << 20           // what one answer may hold of the items or fields that a request names, as often as it names them
	CacheNameBytesMax = 255
	TopicNameBytesMax = 255
)

// Bounds of tags.
const (
	TagBytesMax        = 255      // one tag
	TagsMax            = 128      // tags of one item
	TagsBytesMax       = 16 << 10 // bytes of them together
	TagsInvalidatedMax = 64 << 10 // invalidated tags that a cache remembers: beyond that the oldest take all tagged items of their time along
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

// Bounds of webhooks.
const (
	WebhooksMax              = 100              // webhooks of one cache
	WebhookNameBytesMax      = 128              // the name of one
	WebhookURLBytesMax       = 2048             // the URL that one posts to
	WebhookQueueMessagesMax  = 10_000           // messages of one webhook that wait for its receiver
	WebhookQueueBytesMax     = 16 << 20         // bytes of them
	WebhookDeliveriesMax     = 64               // deliveries under way in the process
	WebhookDestinationMax    = 8                // of them, to one host and port
	WebhookLease             = 3 * time.Second  // one gateway of several delivers a webhook, and another one if it is silent for so long
	WebhookTimeout           = 5 * time.Second  // one attempt, from the look-up of the host to the end of the answer
	WebhookRetryHorizon      = 15 * time.Minute // a message is tried for so long, and at least once
	WebhookBackoffFirst      = time.Second      // before the second attempt; doubled before each one after it
	WebhookBackoffMax        = time.Minute
	WebhookBreakerFailures   = 5              // in a row, after which one attempt at a time goes to a destination
	WebhookRotationOverlap   = 24 * time.Hour // an old secret signs for so long beside the new one
	WebhookRedirectsMax      = 3
	WebhookResponseBytesRead = 16 << 10 // of an answer, so that its connection can be used again
)

// A ring has room for the largest message with all that is kept beside it, and the process for several rings.
const _ = uint(TopicRingBytesMax-TopicMessageBytesMax-1<<20) + uint(TopicsBytesMax-4*TopicRingBytesMax)

// Bounds of claim checks.
const (
	ClaimBytesDefault   = 512 << 20 // one payload unless the cache says otherwise
	ClaimBytesMax       = 16 << 30  // what a cache may say
	ClaimChunkBytes     = 256 << 10 // a payload is kept, read and written in pieces of this size
	ClaimReserveDefault = 64 << 20  // payloads of one cache that are not evicted, unless it says otherwise
	ClaimTTLDefault     = time.Hour // of a payload whose bringer does not say
	ClaimTTLMax         = 7 * 24 * time.Hour
	ClaimReadsMax       = 1_000_000 // redemptions that a claim check may be limited to
	ClaimKeyBytesMax    = 1 << 10
	ClaimTypeBytesMax   = 255 // the content type of a payload
	ClaimBuffersMax     = 256 // chunks in buffers of the process, where the engine has no place for arriving values
)

// Bounds of collapsed misses: a caller beyond them gets its miss at once.
const (
	KeyWaitersMax     = 16 << 10 // callers that wait for one missing key
	CacheWaitersMax   = 32 << 10 // for all keys of one cache
	ProcessWaitersMax = 64 << 10 // for all caches
)

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
