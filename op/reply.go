package op

import (
	"strconv"
	"unsafe"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/value"
)

// Status is the outcome of a command.
type Status uint8

// The outcomes.
const (
	Done    Status = iota // a write happened, or there was nothing to say
	Hit                   // what was asked for is in the reply
	Miss                  // there is no such item
	Refused               // a condition did not hold; nothing changed
)

// Cause says why a read missed, as far as the engine knows.
type Cause uint8

// The causes of misses. Unknown is the zero Cause.
const (
	Unknown Cause = iota
	NeverSeen
	Expired
	Evicted
	WasDeleted
	Flushed
	TooLarge
	Invalidated
	NotPermitted
	OriginFailed
	Causes // the number of causes
)

// String returns the cause in the words of Cache-Status and of metrics.
func (c Cause) String() string { return causes[c] }

var causes = [Causes]string{
	Unknown:      "unknown",
	NeverSeen:    "never-seen",
	Expired:      "expired",
	Evicted:      "evicted",
	WasDeleted:   "deleted",
	Flushed:      "flushed",
	TooLarge:     "too-large",
	Invalidated:  "invalidated",
	NotPermitted: "not-permitted",
	OriginFailed: "origin-failed",
}

// Reply is the result of a command: one flat value that belongs to its door, is reused, and has a buffer that commands
// append to while the engine's lock is held. Its bytes are valid until the next Reset.
type Reply struct {
	Status Status
	Cause  Cause        // set on a Miss, where the engine knows it, and on a Hit that is old because the origin failed
	Kind   value.Kind   // ItemGetType
	Int    int64        // counts, lengths, ranks, counters, milliseconds
	Num    float64      // scores
	Block  *value.Block // a large value, retained for the reader, instead of Value
	Err    error        // of this command in a batch (Engine.DoAll)
	Attrs  value.Attrs  // of the item, for commands that ask for them
	Waited bool         // the caller waited for another one's load; only the gateway sets it
	Lease  uint64       // of a Fetch whose caller is to load the item; 0 is not; only the gateway sets it
	Told   bool         // of a Fetch: the feed tells changes of the cache's items; only the gateway sets it
	Grace  int64        // of a Hit, how much of its life an item has past its fresh time, in milliseconds; only the gateway sets it
	Expiry int64        // of a Hit, when the item expires, in milliseconds; 0 is never, or not known: the engine sets it

	hasValue bool
	start    int // of the value in buf
	end      int
	parts    []part
	buf      []byte
}

type part struct {
	start, end int
	hit        bool
	num        float64
	rank       int64
}

const partBytes = int(unsafe.Sizeof(part{}))

// Part is one element of a reply that has several.
type Part struct {
	Bytes []byte
	Num   float64
	Rank  int64 // of an element of a leaderboard
	Hit   bool
}

// Reset makes r ready for the next command and gives up a Block that it still holds.
func (r *Reply) Reset() {
	if r.Block != nil {
		r.Block.Release()
	}
	buf, parts := r.buf[:0], r.parts[:0]
	if cap(buf) > replyBytesKept {
		buf = nil
	}
	if cap(parts) > replyPartsKept {
		parts = nil
	}
	*r = Reply{buf: buf, parts: parts}
}

// Large reports whether the reply has more memory than it would keep beyond Reset.
func (r *Reply) Large() bool { return cap(r.buf) > replyBytesKept || cap(r.parts) > replyPartsKept }

// What a Reply keeps between commands, so that one large answer does not stay with an idle connection.
const (
	replyBytesKept = 64 << 10
	replyPartsKept = 1 << 10
)

// SetValue copies v in as the reply's value.
func (r *Reply) SetValue(v []byte) {
	r.start = len(r.buf)
	r.buf = append(r.buf, v...)
	r.end = len(r.buf)
	r.hasValue = true
}

// Value returns the reply's value: of a Block where there is one. It is nil where the command set none.
func (r *Reply) Value() []byte {
	switch {
	case r.Block != nil:
		return r.Block.Bytes()
	case !r.hasValue:
		return nil
	}
	return r.buf[r.start:r.end:r.end]
}

// Given returns the value where it is so large that Reset leaves its memory to whoever has it; nil otherwise.
func (r *Reply) Given() []byte {
	if r.Block != nil || cap(r.buf) <= replyBytesKept {
		return nil
	}
	return r.Value()
}

// AddPart copies b in as the next element.
func (r *Reply) AddPart(b []byte, num float64) {
	start := len(r.buf)
	r.buf = append(r.buf, b...)
	r.parts = append(r.parts, part{start: start, end: len(r.buf), hit: true, num: num})
}

// AddNamed is AddPart where a request may come to one large value many times over.
func (r *Reply) AddNamed(b []byte, num float64) error {
	if len(r.buf)+len(b)+(len(r.parts)+1)*partBytes > hearth.AnswerBytesMax {
		return errAnswer
	}
	r.AddPart(b, num)
	return nil
}

var errAnswer = &hearth.Error{Kind: hearth.Limited, Limit: hearth.RequestSize,
	Msg: "request limit: the answer is larger than " + strconv.Itoa(hearth.AnswerBytesMax) + " bytes"}

// Together counts this reply with those of the commands before it that make one answer, which hold size bytes. Where that is too much,
// the reply is given up for an error. Values that are retained instead of copied do not count.
func (r *Reply) Together(size int) (total int, err error) {
	if size+len(r.buf) <= hearth.AnswerBytesMax {
		return size + len(r.buf), nil
	}
	r.Reset()
	return size, errAnswer
}

// AddRanked copies an element of a leaderboard in as the next one.
func (r *Reply) AddRanked(id []byte, score float64, rank int64) {
	r.AddPart(id, score)
	r.parts[len(r.parts)-1].rank = rank
}

// AddMiss adds an element that stands for something that is not there.
func (r *Reply) AddMiss() { r.parts = append(r.parts, part{}) }

// AddFlag adds an element that is only a yes or a no.
func (r *Reply) AddFlag(hit bool) { r.parts = append(r.parts, part{hit: hit}) }

// AddNum adds an element that is only a number.
func (r *Reply) AddNum(num float64) { r.parts = append(r.parts, part{hit: true, num: num}) }

// Len returns the number of elements.
func (r *Reply) Len() int { return len(r.parts) }

// Part returns element i.
func (r *Reply) Part(i int) Part {
	p := &r.parts[i]
	return Part{Bytes: r.buf[p.start:p.end:p.end], Num: p.num, Rank: p.rank, Hit: p.hit}
}

// Bytes returns the size of what the reply carries, for metering.
func (r *Reply) Bytes() int {
	if r.Block != nil {
		return len(r.Block.Bytes())
	}
	return len(r.buf)
}
