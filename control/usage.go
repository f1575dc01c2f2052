package control

// Counts is what was used: of one verb by one credential on one cache, or, with the verb empty, what a cache held and
// lost.
type Counts struct {
	Operations uint64 `json:"operations,omitempty"`
	In         uint64 `json:"bytes_in,omitempty"`  // keys, fields and values that came
	Out        uint64 `json:"bytes_out,omitempty"` // fields and values that went
	Hits       uint64 `json:"hits,omitempty"`
	Misses     uint64 `json:"misses,omitempty"`
	Refused    uint64 `json:"refused,omitempty"` // not permitted or not admitted: no operation, no bytes
	Units      uint64 `json:"units,omitempty"`   // one for each KiB begun of an operation's bytes, at least one
	ByteMillis uint64 `json:"byte_millis,omitempty"`
	Evicted    uint64 `json:"evicted,omitempty"`
	Expired    uint64 `json:"expired,omitempty"`
}

// Usage is a line of the books.
type Usage struct {
	Day        string `json:"day,omitempty"` // 2006-01-02, in UTC
	Cache      string `json:"cache"`
	Credential string `json:"credential,omitempty"` // a key's ID; empty without credentials
	Verb       string `json:"verb,omitempty"`
	Counts
}
