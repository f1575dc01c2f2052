package gateway

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/auth"
	"github.com/hearthcache/hearth/control"
	"github.com/hearthcache/hearth/engine"
)

// How often usage is handed over while anything happens, and how often what caches hold is looked at otherwise.
const (
	handOverEvery = time.Second
	sampleEvery   = time.Minute
)

// alarm wakes Run when something is counted after a quiet second.
type alarm struct {
	awake atomic.Bool
	c     chan struct{}
}

func (a *alarm) ring() {
	if !a.awake.Load() && a.awake.CompareAndSwap(false, true) {
		select {
		case a.c <- struct{}{}:
		default:
		}
	}
}

// Run hands usage over to the ledger, once a second while anything is counted, until ctx ends. What is counted after
// the last hand-over is lost if the process is killed.
func (g *Gateway) Run(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return g.handOver(context.WithoutCancel(ctx))
		case <-g.alarm.c:
		case <-time.After(sampleEvery):
		}
		g.whileBusy(ctx)
	}
}

// Close hands over what was counted last, after the doors are closed and before the ledger's store is.
// Loads from origins that are under way are given up.
func (g *Gateway) Close() error {
	g.sources.close()
	return g.handOver(context.Background())
}

func (g *Gateway) whileBusy(ctx context.Context) {
	g.sharedAt = g.now()
	for quiet := false; !quiet; {
		select {
		case <-ctx.Done():
			return
		case <-time.After(handOverEvery):
		}
		// What is counted from here on rings again.
		g.alarm.awake.Store(false)
		if err := g.handOver(ctx); err != nil && ctx.Err() == nil {
			g.log.Error("usage could not be saved; it is kept and tried again", "err", err)
			g.alarm.ring()
		}
		sharing := g.share(ctx, g.now())
		quiet = !sharing && !g.alarm.awake.Load()
	}
}

// handOver adds what was counted to the ledger, and lets the engine forget once more what commands that were under way
// have left in dropped spaces.
func (g *Gateway) handOver(ctx context.Context) error {
	g.handing.Lock()
	defer g.handing.Unlock()
	now := g.now()
	lines := g.meters.take(nil, g.View().Caches)
	lines = g.sample(now, lines)
	g.forget(now)
	for _, s := range g.takeDropped() {
		_ = g.engine.Drop(ctx, s)
	}
	if len(lines) == 0 {
		return nil
	}
	return g.ledger.Add(ctx, control.Day(now), lines)
}

// held is what a cache held when it was last looked at.
type held struct {
	space   hearth.Space
	at      int64 // milliseconds
	bytes   int64
	evicted int64
	expired int64
}

// sample integrates what caches hold over time: since the last sample each held what it held then.
func (g *Gateway) sample(now time.Time, lines []control.Usage) []control.Usage {
	m, ok := g.engine.(engine.Measurer)
	if !ok {
		return lines
	}
	next := make(map[string]held, len(g.samples))
	for name, c := range g.View().Caches {
		items, boards := m.Size(c.Space), m.Size(c.Boards)
		h := held{space: c.Space, at: now.UnixMilli(), bytes: items.Bytes + boards.Bytes + claimBytes(m, c), expired: items.Expired + boards.Expired}
		for i := range items.Evicted {
			h.evicted += items.Evicted[i] + boards.Evicted[i]
		}
		next[name] = h
		if n := h.since(g.samples[name]); n != (control.Counts{}) {
			lines = append(lines, control.Usage{Cache: name, Counts: n})
		}
	}
	g.samples = next
	return lines
}

func (h held) since(old held) control.Counts {
	n := control.Counts{ByteMillis: uint64(old.bytes) * uint64(max(0, h.at-old.at))}
	if h.space != old.space {
		old.evicted, old.expired = 0, 0
	}
	n.Evicted, n.Expired = uint64(max(0, h.evicted-old.evicted)), uint64(max(0, h.expired-old.expired))
	return n
}

// Usage returns the books of days from and to (2006-01-02, both included) up to now, for a caller who may read the
// account.
func (g *Gateway) Usage(ctx context.Context, c *Caller, from, to string) ([]control.Usage, error) {
	if err := c.May(auth.Account, auth.Read); err != nil {
		return nil, err
	}
	for _, day := range []string{from, to} {
		if _, err := time.Parse(time.DateOnly, day); err != nil {
			return nil, &hearth.Error{Kind: hearth.Invalid, Msg: "a day is written as 2006-01-02"}
		}
	}
	if err := g.handOver(ctx); err != nil {
		return nil, err
	}
	return g.ledger.Query(ctx, from, to)
}
