package gateway

import (
	"maps"
	"slices"
	"time"

	"github.com/hearthcache/hearth/op"
)

// Loading is what became of a cache's misses since the process began.
type Loading struct {
	Cache   string
	Misses  [op.Causes]uint64
	Led     uint64 // misses that made their caller the loader
	Waited  uint64 // times that a caller waited for another one's load
	GaveUp  uint64 // waits that ended without one
	Crowded uint64 // callers that did not wait, because too many did
	Waiting int64  // callers that wait now
	Origin  *OriginLoading
}

// OriginLoading is what a cache's origin was asked.
type OriginLoading struct {
	Loads, Requests           uint64 // a load is one request, or several where the origin fails
	Absent, Failed, Unchanged uint64 // what the origin answered, beside values
	Stale, Early              uint64 // answers with old items, and loads ahead of time
	Busy, LeftAlone           uint64 // loads that had no turn, and requests that the breaker kept from the origin
	Discarded                 uint64 // loads that were overtaken by a write
	Broken                    bool   // too many failures: the origin is left alone for a moment
	Queued                    int64  // loads that wait for their turn
	LoadMillis                int64  // how long a request takes, on the whole
}

// Loadings returns what became of the misses of every cache that has had any use, by name.
func (g *Gateway) Loadings() []Loading {
	caches := g.View().Caches
	g.mu.Lock()
	tenants := maps.Clone(g.tenants)
	g.mu.Unlock()
	var out []Loading
	for _, name := range slices.Sorted(maps.Keys(tenants)) {
		if caches[name] == nil {
			continue
		}
		t := tenants[name]
		n := &t.collapsed
		l := Loading{Cache: name, Led: n.led.Load(), Waited: n.waited.Load(), GaveUp: n.gaveUp.Load(), Crowded: n.full.Load(), Waiting: t.waiters.Load()}
		for i := range l.Misses {
			l.Misses[i] = t.misses.byCause[i].Load()
		}
		if s := g.sources.get(name); s != nil {
			l.Origin = s.loading()
		}
		out = append(out, l)
	}
	return out
}

// get returns the source of a cache, nil where it has none.
func (ss *sources) get(cache string) *source {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	return ss.m[cache]
}

func (s *source) loading() *OriginLoading {
	n := s.counts
	open, _ := s.breaker.open(time.Now())
	return &OriginLoading{
		Loads: n.loads.Load(), Requests: n.requests.Load(), Absent: n.absent.Load(), Failed: n.failed.Load(),
		Unchanged: n.unchanged.Load(), Stale: n.stale.Load(), Early: n.early.Load(), Discarded: n.discarded.Load(),
		Busy: n.busy.Load(), LeftAlone: n.leftAlone.Load(),
		Broken: open, Queued: max(0, s.queued.Load()-int64(len(s.slots))), LoadMillis: s.loadTime.Load(),
	}
}

// Add adds the counts of another origin.
func (o *OriginLoading) Add(more *OriginLoading) {
	o.Loads, o.Requests = o.Loads+more.Loads, o.Requests+more.Requests
	o.Absent, o.Failed, o.Unchanged = o.Absent+more.Absent, o.Failed+more.Failed, o.Unchanged+more.Unchanged
	o.Stale, o.Early, o.Discarded = o.Stale+more.Stale, o.Early+more.Early, o.Discarded+more.Discarded
	o.Busy, o.LeftAlone = o.Busy+more.Busy, o.LeftAlone+more.LeftAlone
	o.Broken = o.Broken || more.Broken
	o.Queued, o.LoadMillis = o.Queued+more.Queued, max(o.LoadMillis, more.LoadMillis)
}
