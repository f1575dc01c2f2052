// Package gateway is the one way that every request of every protocol takes: authenticate, authorise, admit, run,
// collapse and fill, meter. It knows nothing of protocols, nor of where items are kept.
package gateway

import (
	"context"
	"log/slog"
	"maps"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/auth"
	"github.com/hearthcache/hearth/control"
	"github.com/hearthcache/hearth/engine"
	"github.com/hearthcache/hearth/guard"
	"github.com/hearthcache/hearth/op"
	"github.com/hearthcache/hearth/topics"
	"github.com/hearthcache/hearth/topics/webhook"
)

// Options configures a Gateway. Engine and Plane are required.
type Options struct {
	Engine       engine.Engine
	Plane        *control.Plane
	Topics       topics.Broker                         // nil is a new one in memory
	WebhookAllow []netip.Prefix                        // networks that webhooks may reach beside the public internet
	Origin       func(template string) (Loader, error) // opens a cache's origin; nil is that caches have none
	Open         bool                                  // callers without a credential may do everything: for loopback only
	Endpoint     string                                // the base host that issued keys tell clients
	Now          func() time.Time                      // nil is the machine's clock
	Ledger       *control.Ledger                       // nil keeps the books in this process only
	Peers        Peers                                 // with whom limits are shared; nil is nobody
	Log          *slog.Logger                          // of hand-overs that fail; nil is slog.Default
}

// Gateway runs commands for callers.
type Gateway struct {
	engine     engine.Engine
	trier      engine.Trier   // nil where the engine always waits
	chooser    engine.Chooser // nil where the engine tries whatever it is asked
	starter    engine.Starter // nil where the engine has to be waited for
	warmer     engine.Warmer  // nil where the engine has no use for hints
	bounder    engine.Bounder // nil where memory is not ours to share out
	tagger     engine.Tagger  // nil where items have no tags
	leaser     engine.Leaser  // nil where the engine is this gateway's alone
	plane      *control.Plane
	topics     topics.Broker
	topicsWait bool
	pulse      topics.Pulse // of all subscriptions
	sender     *webhook.Sender
	flights    *flights
	sources    *sources
	feeds      *feeds
	claims     claims
	leaving    atomic.Bool
	open       bool
	endpoint   string
	now        func() time.Time
	verified   verified
	bindings   bindings
	meters     meters
	alarm      alarm
	ledger     *control.Ledger
	log        *slog.Logger

	peers    Peers
	sharedAt time.Time // when loads were last exchanged; only Run uses it

	handing sync.Mutex // guards samples; held while usage is handed over
	samples map[string]held

	mu      sync.Mutex // guards the rest
	tenants map[string]*tenant
	dropped []hearth.Space // since the last hand-over
}

// New returns a gateway over an engine and a control plane.
func New(o Options) *Gateway {
	g := &Gateway{engine: o.Engine, plane: o.Plane, topics: o.Topics, open: o.Open, endpoint: o.Endpoint, now: o.Now, ledger: o.Ledger,
		log: o.Log, peers: o.Peers, tenants: map[string]*tenant{}}
	if g.topics == nil {
		g.topics = topics.NewMemory(topics.Options{})
	}
	_, g.topicsWait = g.topics.(topics.Remote)
	if g.now == nil {
		g.now = time.Now
	}
	if g.ledger == nil {
		g.ledger = control.NewLedger(nil)
	}
	if g.log == nil {
		g.log = slog.Default()
	}
	g.meters.alarm = &g.alarm
	g.alarm.c = make(chan struct{}, 1)
	g.bounder, _ = o.Engine.(engine.Bounder)
	g.tagger, _ = o.Engine.(engine.Tagger)
	leases, _ := g.topics.(webhook.Leases)
	g.sender = webhook.New(webhook.Options{Topics: g.topics, Leases: leases, Guard: guard.Guard{Allow: o.WebhookAllow}, Dead: g.bury, Log: g.log})
	g.feeds = newFeeds(o.Engine)
	g.claims.init(o.Engine)
	g.leaser, _ = o.Engine.(engine.Leaser)
	g.flights = newFlights(g.leaser)
	g.sources = newSources(g, o.Origin)
	g.follow(&control.State{}, o.Plane.State())
	g.trier, _ = o.Engine.(engine.Trier)
	g.chooser, _ = o.Engine.(engine.Chooser)
	g.starter, _ = o.Engine.(engine.Starter)
	g.warmer, _ = o.Engine.(engine.Warmer)
	o.Plane.OnChange(g.follow)
	return g
}

// Tries reports whether Try may be done with a command, or whether that is to be waited for whatever comes of it.
func (g *Gateway) Tries(o op.Op) bool {
	return g.trier != nil && (g.chooser == nil || g.chooser.Tries(o))
}

// Try runs a command where that needs no waiting; otherwise done is false, nothing has happened, and the caller copies
// the command and calls Do from a goroutine of its own.
func (g *Gateway) Try(c *Caller, o op.Op, r *op.Reply) (done bool, err error) {
	if g.trier == nil {
		return false, nil
	}
	b, s := c.bind(), o.Spec()
	in, err := g.before(c, b, o, s)
	if err != nil {
		return true, err
	}
	if !g.Tries(o) {
		b.refund(in)
		return false, nil
	}
	over := b.overtake(g, o, s)
	done, err = g.trier.Try(b.space(s), o, r)
	over()
	if done && b.fills(o, s) {
		done = !b.ages(g) && g.tryFilled(b, o, r, err)
	} else if done && missed(r, err) {
		if l := b.collapsing(o, s); l.wait > 0 {
			done, err = g.tryCollapsed(c, b, l, o, s, r)
		}
	}
	if f, ok := o.(*op.Fetch); ok && done && err == nil {
		if done = g.leaser == nil || !again(f, r); done { // else the servers have to be asked who loads
			err = g.fetched(context.Background(), c, b, f, r)
		}
	}
	if done {
		b.after(g, o, s, in, r, err)
	} else {
		b.refund(in)
	}
	return done, err
}

// Warm tells the engine which keys of the Caller's cache the commands that follow may ask for, step by step; keys that are
// none do no harm. Where the engine has no use for it, nothing happens.
func (g *Gateway) Warm(c *Caller, keys [][]byte, step engine.WarmStep) {
	if g.warmer == nil {
		return
	}
	if b := c.bind(); b.cache != nil && b.refused == nil {
		g.warmer.Warm(b.cache.Space, keys, step)
	}
}

// Do runs a command, waiting as long as ctx allows.
func (g *Gateway) Do(ctx context.Context, c *Caller, o op.Op, r *op.Reply) error {
	b, s := c.bind(), o.Spec()
	in, err := g.before(c, b, o, s)
	if err != nil {
		return err
	}
	err = g.run(ctx, c, b, o, s, r)
	if f, ok := o.(*op.Fetch); ok && err == nil {
		err = g.fetched(ctx, c, b, f, r)
	}
	b.after(g, o, s, in, r, err)
	return err
}

// run takes an admitted command to the engine. A miss is collapsed here: between the engine's answer and the meter.
func (g *Gateway) run(ctx context.Context, c *Caller, b *binding, o op.Op, s *op.Spec, r *op.Reply) error {
	if b.fills(o, s) {
		patience, cancel := patience(ctx, b.source.patience())
		defer cancel()
		return g.runFilled(ctx, patience, c, b, o, r)
	}
	if l := b.collapsing(o, s); l.wait > 0 {
		patience, cancel := patience(ctx, l.patience())
		defer cancel()
		_, err := g.runCollapsed(ctx, patience, c, b, l, o, r)
		return err
	}
	over := b.overtake(g, o, s)
	defer over()
	return g.engine.Do(ctx, b.space(s), b.overtaking(g, o, s), r)
}

// DoAll runs commands that do not depend on each other; errors stand in their replies.
func (g *Gateway) DoAll(ctx context.Context, c *Caller, os []op.Op, rs []op.Reply) {
	b := c.bind()
	ins := make([]int, len(os))
	together := true
	for i, o := range os {
		s := o.Spec()
		ins[i], rs[i].Err = g.before(c, b, o, s)
		together = together && rs[i].Err == nil && !s.Board
	}
	if together {
		if len(os) > 0 {
			over := b.overtakeAll(g, os)
			g.engine.DoAll(ctx, b.cache.Space, b.overtakingAll(g, os), rs)
			over()
			if b.source != nil {
				g.fillAll(ctx, c, b, os, rs)
			}
			g.wroteAll(b, os, rs)
			g.collapseMisses(ctx, c, b, os, rs, nil)
		}
		for i, o := range os {
			b.after(g, o, o.Spec(), ins[i], &rs[i], rs[i].Err)
		}
		return
	}
	for i, o := range os {
		if s := o.Spec(); rs[i].Err == nil {
			rs[i].Err = g.run(ctx, c, b, o, s, &rs[i])
			b.after(g, o, s, ins[i], &rs[i], rs[i].Err)
		}
	}
}

// before is what happens to a command ahead of the engine: authenticate, authorise, find the cache, admit. It returns
// the bytes that the command brings.
func (g *Gateway) before(c *Caller, b *binding, o op.Op, s *op.Spec) (in int, err error) {
	if err := b.valid(g); err != nil {
		return 0, err
	}
	if in, err = g.consider(c, b, o, s); err != nil {
		b.meter.refuse(int(s.ID))
	}
	return in, err
}

// consider is before without the meter.
func (g *Gateway) consider(c *Caller, b *binding, o op.Op, s *op.Spec) (in int, err error) {
	if err = b.authorize(o, s); err != nil {
		return 0, err
	}
	if err = b.exists(c.cache); err != nil {
		return 0, err
	}
	if err = check(o); err != nil {
		return 0, err
	}
	return b.admit(g, o, s)
}

// check returns the error of a command whose arguments are out of their range.
func check(o op.Op) error {
	if k, ok := o.(op.Checker); ok {
		return k.Check()
	}
	return nil
}

// Permit returns the error that a command would get before its arguments are looked at: whether the caller may, and
// whether the cache exists. Doors ask it ahead of an Invalid error of their own.
func (g *Gateway) Permit(c *Caller, o op.Op) error {
	b := c.bind()
	if err := b.valid(g); err != nil {
		return err
	}
	if err := b.authorize(o, o.Spec()); err != nil {
		return err
	}
	return b.exists(c.cache)
}

// Examine returns the error that a command would get before it is run, its rate aside. Doors ask for every command of a
// batch, so that one that cannot be run keeps the others from running.
func (g *Gateway) Examine(c *Caller, o op.Op) error {
	if err := g.Permit(c, o); err != nil {
		return err
	}
	if err := check(o); err != nil {
		return err
	}
	_, err := c.bind().fit(g, o, o.Spec())
	return err
}

// Inspect is View for a caller who may list caches.
func (g *Gateway) Inspect(c *Caller) (*control.State, error) {
	if err := c.May(auth.Management, auth.List); err != nil {
		return nil, err
	}
	return g.View(), nil
}

// View returns the newest control state, which must not be changed.
func (g *Gateway) View() *control.State { return g.plane.State() }

// Change makes a change of the control state for a caller who may.
func (g *Gateway) Change(ctx context.Context, c *Caller, change control.Change) error {
	if err := c.authorizeChange(change); err != nil {
		return err
	}
	_, err := g.plane.Change(ctx, change)
	return err
}

// tenant returns what the callers of a cache share.
func (g *Gateway) tenant(cache string) *tenant {
	g.mu.Lock()
	defer g.mu.Unlock()
	t := g.tenants[cache]
	if t == nil {
		t = &tenant{}
		if g.peers != nil {
			for _, b := range []*bucket{&t.requests, &t.throughput, &t.publishes} {
				b.weight.Store(wholeShare)
			}
		}
		g.tenants[cache] = t
	}
	return t
}

// follow does what a change means to the engine: it forgets what the change has left behind, and bounds memory.
func (g *Gateway) follow(old, new *control.State) {
	for name, c := range old.Caches {
		if n := new.Caches[name]; n == nil || n.Space != c.Space {
			g.flushed(c, n)
			g.drop(c.Space)
			g.drop(c.Boards)
			g.flights.dropped(c.Space)
			if c.Claims != 0 {
				g.drop(c.Claims)
				g.drop(c.LooseClaims())
			}
		}
		if n := new.Caches[name]; n == nil || n.Topics != c.Topics {
			g.topics.Drop(c.Topics)
		}
	}
	g.followWebhooks(old, new)
	g.followFeeds(old, new)
	g.claims.follow(old, new)
	if g.bounder == nil {
		return
	}
	account := !maps.Equal(old.Account.Map(), new.Account.Map())
	for name, c := range new.Caches {
		if old.Caches[name] != c || account {
			s := new.SettingsOf(c)
			g.bounder.Bound(c.Space, s.Int(control.MemoryFloor), s.Int(control.MemoryCeiling), int(s.Int(control.MemoryWeight)))
			if loose := c.LooseClaims(); loose != 0 {
				g.bounder.Bound(loose, 0, s.Int(control.MemoryCeiling), int(s.Int(control.MemoryWeight)))
			}
			g.limitItems(c, &s)
		}
	}
}

// flushed has the engine remember what a cache held, where that goes on with another space: topics outlive a flush, and
// nothing else that takes the space away.
func (g *Gateway) flushed(old, new *control.Cache) {
	if e, ok := g.engine.(engine.Flusher); ok && new != nil && new.Topics == old.Topics {
		_ = e.Flush(context.Background(), old.Space, new.Space)
	}
}

// limitItems holds items that grow against item-bytes, once somebody has set it: Redis' lists know no bound of their own.
func (g *Gateway) limitItems(c *control.Cache, s *control.Settings) {
	l, ok := g.engine.(engine.Limiter)
	if !ok {
		return
	}
	bytes := 0
	if s.Given(control.ItemBytes) {
		bytes = int(s.Int(control.ItemBytes))
	}
	l.Limit(c.Space, bytes)
	l.Limit(c.Boards, bytes)
}

// drop forgets a space now, and again at the next hand-over: a command that was under way may write to it still.
func (g *Gateway) drop(s hearth.Space) {
	_ = g.engine.Drop(context.Background(), s)
	g.mu.Lock()
	g.dropped = append(g.dropped, s)
	g.mu.Unlock()
	g.alarm.ring()
}

func (g *Gateway) takeDropped() []hearth.Space {
	g.mu.Lock()
	defer g.mu.Unlock()
	taken := g.dropped
	g.dropped = nil
	return taken
}

// forget lets go of what deleted caches have left here, once nobody uses it.
func (g *Gateway) forget(now time.Time) {
	caches := g.View().Caches
	g.sources.forget(caches)
	g.mu.Lock()
	defer g.mu.Unlock()
	for name, t := range g.tenants {
		if caches[name] == nil && t.idle(now.UnixNano()) {
			delete(g.tenants, name)
		}
	}
}
