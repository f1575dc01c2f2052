package hearth

// Space is one life of one cache: deleting or flushing a cache gives it a new Space and drops the old one, so nothing
// stale can be read. Engines and brokers know caches only by their Space. Zero is no Space.
type Space uint32
