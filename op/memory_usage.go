package op

import (
	"github.com/hearthcache/hearth/respwire"
	"github.com/hearthcache/hearth/value"
)

// MemoryUsage tells about how many bytes an item takes, key and metadata included: a Hit with Int, or a Miss. Redis
// MEMORY USAGE.
type MemoryUsage struct{ K []byte }

var memoryUsageSpec = Spec{ID: idMemoryUsage, Name: "MEMORY USAGE", Access: Reads, Repeatable: true}

// Spec implements Op.
func (o *MemoryUsage) Spec() *Spec { return &memoryUsageSpec }

// Key implements Op.
func (o *MemoryUsage) Key() []byte { return o.K }

// itemOverhead is what an index entry and a record's header come to.
const itemOverhead = 24

// Apply implements Op.
func (o *MemoryUsage) Apply(e *value.Entry, now int64, r *Reply) error {
	if !e.Exists() {
		r.Status = Miss
		return nil
	}
	r.Status, r.Int = Hit, int64(len(o.K)+itemOverhead)
	c := e.Collection()
	if c == nil {
		v, _ := e.Bytes()
		r.Int += int64(len(v))
		return nil
	}
	if record, ok := c.Packed(); ok {
		r.Int += int64(len(record))
	}
	r.Int += c.Bytes()
	return nil
}

// Send implements Op.
func (o *MemoryUsage) Send(b *respwire.Batch, key []byte) { b.Raw(lit("MEMORY"), lit("USAGE"), key) }

// Recv implements Op.
func (o *MemoryUsage) Recv(v []respwire.Value, r *Reply) error {
	if v[0].IsError() {
		return serverError(v[0])
	}
	r.Status, r.Int = Hit, v[0].Int
	if v[0].Null {
		r.Status = Miss
	}
	return nil
}
