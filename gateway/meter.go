package gateway

import (
	"sync"
	"sync/atomic"

	"github.com/hearthcache/hearth/control"
	"github.com/hearthcache/hearth/engine"
	"github.com/hearthcache/hearth/op"
)

// A verb is what metering counts by: a command by its ID, or one of those below.
const (
	verbPublish = op.Count + iota // bytes in: topic and message
	verbDeliver                   // bytes out: messages to subscribers
	verbScan
	verbInvalidate // bytes in: the tags
	verbClaimPut   // bytes in: key and payload
	verbClaimGet   // bytes in: key; bytes out: what was sent of the payload
	verbCount
)

// verbName returns the name of a verb in usage.
func verbName(v int) string {
	if v < op.Count {
		return op.All[v].Name
	}
	return [...]string{"Publish", "Deliver", "Scan", "Invalidate", "ClaimPut", "ClaimGet"}[v-op.Count]
}

// meter counts what one credential does to one cache, by verb. A verb's counter is made at its first use.
type meter struct {
	cache      string
	credential string
	verbs      [verbCount]atomic.Pointer[counter]
	alarm      *alarm
}

// counter counts one verb since the last hand-over.
type counter struct{ operations, in, out, hits, misses, refused, units atomic.Uint64 }

// count adds n operations with their bytes.
func (m *meter) count(verb int, n, in, out, hits, misses uint64) {
	c := m.verb(verb)
	c.operations.Add(n)
	c.in.Add(in)
	if out != 0 {
		c.out.Add(out)
	}
	if hits != 0 {
		c.hits.Add(hits)
	}
	if misses != 0 {
		c.misses.Add(misses)
	}
	c.units.Add(units(in + out))
	m.alarm.ring()
}

// refuse counts an operation that was not permitted or not admitted.
func (m *meter) refuse(verb int) {
	if m != nil {
		m.verb(verb).refused.Add(1)
		m.alarm.ring()
	}
}

func (m *meter) verb(verb int) *counter {
	if c := m.verbs[verb].Load(); c != nil {
		return c
	}
	m.verbs[verb].CompareAndSwap(nil, &counter{})
	return m.verbs[verb].Load()
}

// units returns the vendor's operation units of one operation: one for each KiB begun of keys and values, in and out
// together, and at least one.
func units(bytes uint64) uint64 { return max(1, (bytes+1023)/1024) }

// after counts what a command did.
func (b *binding) after(g *Gateway, o op.Op, s *op.Spec, in int, r *op.Reply, err error) {
	if s.Writes() && !s.Board {
		g.wrote(b.cache.Space, o, r, err == nil)
		g.feeds.told.wrote(b.cache.Space, o, r, err)
	}
	if err != nil {
		if p := engine.Panicked(err); p != nil {
			g.log.Error("a command panicked", "command", p.Command, "panic", p.Value, "stack", string(p.Stack))
		}
		b.meter.count(int(s.ID), 1, uint64(in), 0, 0, 0)
		return
	}
	out := r.Bytes()
	var hits, misses uint64
	switch {
	case s.Access&op.Reads == 0:
	case r.Status == op.Hit:
		hits = 1
	case r.Status == op.Miss:
		misses = 1
		b.missed(g, o, r)
	case isMulti(o):
		hits, misses = partsOf(r)
		b.tenant.misses.byCause[op.Unknown].Add(misses)
	}
	b.meter.count(int(s.ID), 1, uint64(in), uint64(out), hits, misses)
	if l := b.limits.throughput; l != 0 && out != 0 {
		b.tenant.throughput.charge(g.now().UnixNano(), cost(out, l))
	}
}

// missed counts a miss by its cause.
func (b *binding) missed(g *Gateway, o op.Op, r *op.Reply) {
	if isMulti(o) {
		b.tenant.misses.byCause[r.Cause].Add(1)
		return
	}
	b.tenant.misses.add(g.flights.seed, o.Key(), r.Cause, g.now().UnixMilli())
}

func partsOf(r *op.Reply) (hits, misses uint64) {
	for i := range r.Len() {
		if r.Part(i).Hit {
			hits++
		} else {
			misses++
		}
	}
	return hits, misses
}

// meters holds the meters that callers point to.
type meters struct {
	mu    sync.Mutex // guards m
	m     map[meterName]*meter
	alarm *alarm
}

type meterName struct{ cache, credential string }

func (ms *meters) of(cache, credential string) *meter {
	ms.mu.Lock()
	defer ms.mu.Unlock()
	name := meterName{cache, credential}
	if ms.m == nil {
		ms.m = map[meterName]*meter{}
	}
	m := ms.m[name]
	if m == nil {
		m = &meter{cache: cache, credential: credential, alarm: ms.alarm}
		ms.m[name] = m
	}
	return m
}

// take returns what was counted since the last take, and forgets meters of deleted caches that counted nothing since.
func (ms *meters) take(lines []control.Usage, caches map[string]*control.Cache) []control.Usage {
	ms.mu.Lock()
	defer ms.mu.Unlock()
	for name, m := range ms.m {
		before := len(lines)
		for v := range m.verbs {
			if c := m.verbs[v].Load(); c != nil {
				if n := c.take(); n != (control.Counts{}) {
					lines = append(lines, control.Usage{Cache: m.cache, Credential: m.credential, Verb: verbName(v), Counts: n})
				}
			}
		}
		if len(lines) == before && caches[m.cache] == nil {
			delete(ms.m, name)
		}
	}
	return lines
}

func (c *counter) take() control.Counts {
	return control.Counts{Operations: c.operations.Swap(0), In: c.in.Swap(0), Out: c.out.Swap(0), Hits: c.hits.Swap(0),
		Misses: c.misses.Swap(0), Refused: c.refused.Swap(0), Units: c.units.Swap(0)}
}
