package gateway

import (
	"context"
	"time"

	"github.com/hearthcache/hearth/control"
)

// Peers are the other gateways of a fleet, with whom the limits of caches are shared.
type Peers interface {
	// Exchange tells the others of this gateway's loads, by caches' names, and returns theirs of the same caches.
	Exchange(ctx context.Context, mine map[string]control.Load) (map[string][]control.Load, error)
}

// While a cache with limits has traffic, gateways tell each other once a second what was asked of them, and each takes the
// share of the cache's rates that its callers' part of all demand comes to. Between two exchanges each goes by the shares of
// the last one: a request waits for nobody.

// wholeShare is the weight of what a request takes where a gateway has the whole rate; twice that for half of it.
const (
	wholeShare = 1 << 10
	weightMax  = wholeShare << 10
)

// share exchanges loads and reports whether there was anything to tell.
func (g *Gateway) share(ctx context.Context, now time.Time) bool {
	if g.peers == nil {
		return false
	}
	elapsed := max(now.Sub(g.sharedAt), time.Millisecond)
	g.sharedAt = now
	state := g.View()
	tenants, mine := map[string]*tenant{}, map[string]control.Load{}
	g.mu.Lock()
	for name, t := range g.tenants {
		var l control.Load
		if c := state.Caches[name]; c != nil {
			l = t.load(limitsOf(state.SettingsOf(c)), elapsed)
		}
		if told := l != (control.Load{}); told || t.told {
			tenants[name], mine[name] = t, l
			t.told = told
		}
	}
	g.mu.Unlock()
	if len(mine) == 0 {
		return false
	}
	others, err := g.peers.Exchange(ctx, mine)
	if err != nil {
		if ctx.Err() == nil {
			g.log.Warn("the gateways' loads could not be exchanged; the shares of limits stay as they are", "err", err)
		}
		return true
	}
	for name, t := range tenants {
		t.take(mine[name], others[name])
	}
	return true
}

// load returns what was asked of a tenant's limits in a time, and what is held of those that are limited.
func (t *tenant) load(l limits, elapsed time.Duration) control.Load {
	demand := func(b *bucket) int64 {
		return int64(float64(b.offered.Swap(0)) * float64(time.Second) / float64(elapsed))
	}
	out := control.Load{Requests: demand(&t.requests), Throughput: demand(&t.throughput), Publishes: demand(&t.publishes)}
	if l.held[heldConnections] != 0 {
		out.Connections = t.held[heldConnections].Load()
	}
	if l.held[heldSubscriptions] != 0 {
		out.Subscriptions = t.held[heldSubscriptions].Load()
	}
	return out
}

// take takes this gateway's shares of a tenant's limits.
func (t *tenant) take(mine control.Load, others []control.Load) {
	t.requests.share(mine.Requests, others, func(l control.Load) int64 { return l.Requests })
	t.throughput.share(mine.Throughput, others, func(l control.Load) int64 { return l.Throughput })
	t.publishes.share(mine.Publishes, others, func(l control.Load) int64 { return l.Publishes })
	var connections, subscriptions int64
	for _, l := range others {
		connections, subscriptions = connections+l.Connections, subscriptions+l.Subscriptions
	}
	t.elsewhere[heldConnections].Store(connections)
	t.elsewhere[heldSubscriptions].Store(subscriptions)
}

// share sets what a request takes out of the bucket: more, the less of the demand is here. A gateway without demand gets
// ready for an equal share.
func (b *bucket) share(mine int64, others []control.Load, of func(control.Load) int64) {
	sum, asking := float64(0), int64(0)
	for _, l := range others {
		if n := of(l); n > 0 {
			sum, asking = sum+float64(n), asking+1
		}
	}
	weight := int64(wholeShare) * (asking + 1)
	if mine > 0 {
		weight = int64(min(wholeShare*(float64(mine)+sum)/float64(mine), weightMax))
	}
	b.weight.Store(weight)
}
