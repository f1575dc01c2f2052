package gateway

import (
	"context"
	"errors"
	"hash/maphash"
	"slices"
	"sync"
	"time"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/control"
	"github.com/hearthcache/hearth/op"
	"github.com/hearthcache/hearth/value"
)

// sources are the origins of caches that have one, by the cache's name.
type sources struct {
	open   func(string) (Loader, error)
	filler *Caller // the loader of every fill
	seed   maphash.Seed
	ctx    context.Context // of all loads; ended by Close
	cancel context.CancelFunc

	running sync.WaitGroup // loads; the engine outlives them

	mu     sync.Mutex // guards the rest
	m      map[string]*source
	closed bool
}

func newSources(g *Gateway, open func(string) (Loader, error)) *sources {
	ss := &sources{open: open, filler: &Caller{gateway: g}, seed: maphash.MakeSeed(), m: map[string]*source{}}
	ss.ctx, ss.cancel = context.WithCancel(context.Background())
	return ss
}

// of returns the source of a cache, nil where it has no origin. A change of what concerns it makes a new one.
func (ss *sources) of(cache string, s *control.Settings) *source {
	p := planOf(s)
	ss.mu.Lock()
	defer ss.mu.Unlock()
	old := ss.m[cache]
	switch {
	case p.origin == "":
		delete(ss.m, cache)
		return nil
	case old != nil && old.plan == p:
		return old
	}
	n := newSource(p, ss.open)
	if old != nil {
		n.counts = old.counts // they are the cache's, whatever its settings
	}
	ss.m[cache] = n
	return n
}

// enter counts a load that begins; it reports whether one still may.
func (ss *sources) enter() bool {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	if !ss.closed {
		ss.running.Add(1)
	}
	return !ss.closed
}

// close gives up the loads that are under way and waits until none of them is left.
func (ss *sources) close() {
	ss.mu.Lock()
	ss.closed = true
	ss.mu.Unlock()
	ss.cancel()
	ss.running.Wait()
}

// forget lets go of the sources of caches that are no more.
func (ss *sources) forget(caches map[string]*control.Cache) {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	for name := range ss.m {
		if caches[name] == nil {
			delete(ss.m, name)
		}
	}
}

// fills reports whether a command's misses are loaded from the cache's origin: a read of one scalar.
func (b *binding) fills(o op.Op, s *op.Spec) bool {
	return b.source != nil && s.Access == op.Reads && s.Kind == value.Scalar && !s.Board && !isMulti(o) && b.source.covers(o.Key())
}

// tryFilled is called when a command on a cache with an origin has run without waiting. It reports whether that is the
// answer, and has what is old loaded again in the background.
func (g *Gateway) tryFilled(b *binding, o op.Op, r *op.Reply, err error) (done bool) {
	if err != nil {
		return true
	}
	if r.Status != op.Hit {
		return !missed(r, err)
	}
	r.Grace = b.source.grace()
	switch b.source.ageOf(g.now().UnixMilli(), r.Expiry) {
	case isLastHope:
		return false
	case isEarly:
		if g.refresh(b, o.Key(), seenIn(r)) {
			b.source.counts.early.Add(1)
		}
	case isStale:
		b.source.counts.stale.Add(1)
		g.refresh(b, o.Key(), seenIn(r))
	}
	return true
}

// runFilled runs a command whose misses are loaded, and waits until patience ends. What is too old to be served stays
// in the reply where nothing better is to be had.
func (g *Gateway) runFilled(ctx, patience context.Context, c *Caller, b *binding, o op.Op, r *op.Reply) (err error) {
	key := o.Key()
	for try := range fillTries {
		r.Reset()
		if b, err = g.present(c, b, o); err != nil {
			return err
		}
		if !b.fills(o, o.Spec()) { // the cache has no origin any more
			return g.engine.Do(ctx, b.cache.Space, o, r)
		}
		space, s := b.cache.Space, b.source
		err := g.lookAged(ctx, b, o, r)
		if g.tryFilled(b, o, r, err) {
			r.Waited = try > 0
			return err
		}
		now := g.now().UnixMilli()
		if v := g.flights.verdict(space, key, now); v != nil {
			return s.without(r, v)
		}
		if patience.Err() != nil {
			b.tenant.collapsed.gaveUp.Add(1)
			return nil
		}
		fl, begun, full := g.flights.fill(g.sources.filler, space, key, now, s.budget()+fillSlack, &b.tenant.waiters)
		if full {
			b.tenant.collapsed.full.Add(1)
			return nil
		}
		if begun {
			g.startFill(b, string(key), fl, seenIn(r))
		} else {
			b.tenant.collapsed.waited.Add(1)
		}
		g.await(patience, fl, nil)
		g.flights.leave(fl, key, &b.tenant.waiters)
		if fl.landedWith() != nil {
			return s.without(r, fl.outcome)
		}
	}
	return nil
}

// fillAll goes on with a batch whose commands have been run: what it missed is loaded at the same time.
func (g *Gateway) fillAll(ctx context.Context, c *Caller, b *binding, os []op.Op, rs []op.Reply) {
	var again []int
	for i, o := range os {
		r := &rs[i]
		if !b.fills(o, o.Spec()) {
			continue
		}
		if r.Err == nil && r.Status == op.Hit && b.ages(g) {
			r.Reset()
			r.Err = g.lookAged(ctx, b, o, r)
		}
		if !g.tryFilled(b, o, r, r.Err) {
			g.refresh(b, o.Key(), seenIn(r))
			again = append(again, i)
		}
	}
	patience, cancel := patience(ctx, b.source.patience())
	defer cancel()
	for _, i := range again {
		rs[i].Err = g.runFilled(ctx, patience, c, b, os[i], &rs[i])
	}
}

// patience is how long a caller waits for the origin: as long as a load may take.
func (s *source) patience() time.Duration {
	return time.Duration(s.budget()+fillSlack) * time.Millisecond
}

// landedWith returns the outcome of a flight that has landed, nil where it is under way.
func (fl *flight) landedWith() error {
	select {
	case <-fl.landed:
		return fl.outcome
	default:
		return nil
	}
}

const (
	fillSlack = 1000 // milliseconds, so that a load ends before its flight does
	fillTries = 8    // that a caller looks again: after writes that overtook its fill
)

// ages reports whether it matters how old an item of the cache is and the engine has to be asked for that: one that other
// gateways share does not say it with the item.
func (b *binding) ages(g *Gateway) bool {
	return g.leaser != nil && (b.source.grace() > 0 || b.source.early)
}

// lookAged runs a read whose reply says when the item expires.
func (g *Gateway) lookAged(ctx context.Context, b *binding, o op.Op, r *op.Reply) error {
	if !b.ages(g) {
		return g.engine.Do(ctx, b.cache.Space, o, r)
	}
	var rs [2]op.Reply
	rs[0], rs[1] = *r, op.Reply{}
	g.engine.DoAll(ctx, b.cache.Space, []op.Op{o, &op.ItemTTL{K: o.Key()}}, rs[:])
	*r = rs[0]
	if ttl := &rs[1]; r.Err == nil && r.Status == op.Hit && ttl.Err == nil && ttl.Status == op.Hit && ttl.Int > 0 {
		r.Expiry = g.now().UnixMilli() + ttl.Int
	}
	return r.Err
}

// without answers a command where the origin gave nothing: with what is still there, if it may be served, else with a
// miss or an error.
func (s *source) without(r *op.Reply, err error) error {
	if r.Status == op.Hit {
		if failed(err) {
			r.Cause = op.OriginFailed
			s.counts.stale.Add(1)
			return nil
		}
		r.Reset()
	}
	r.Status = op.Miss
	switch {
	case hearth.KindOf(err) == hearth.NotFound:
		r.Cause = op.NeverSeen
	case hearth.KindOf(err) == hearth.Limited:
		r.Cause = op.TooLarge
	case hearth.KindOf(err) == hearth.Denied:
		r.Cause = op.NotPermitted
	case s.unavailable:
		return message(err)
	default:
		r.Cause = op.OriginFailed
	}
	return nil
}

// refresh has a key loaded again in the background, of which somebody has seen that it is time. It reports whether that
// begins now.
func (g *Gateway) refresh(b *binding, key []byte, seen int64) bool {
	now := g.now().UnixMilli()
	if g.flights.verdict(b.cache.Space, key, now) != nil {
		return false
	}
	fl, begun := g.flights.fillAlone(g.sources.filler, b.cache.Space, key, now, b.source.budget()+fillSlack)
	if begun {
		g.startFill(b, string(key), fl, seen)
	}
	return begun
}

// startFill loads a key, whoever still waits for it. How many run is bounded by the queue of the source. A flush lands the
// flights that have begun; one that has begun since then, for a caller who knew nothing of it, lands here.
func (g *Gateway) startFill(b *binding, key string, fl *flight, seen int64) {
	if g.outlived(b) {
		g.flights.arrived(b.cache.Space, key, fl)
		return
	}
	if !g.sources.enter() {
		g.flights.filled(b.cache.Space, key, fl, errOriginBusy)
		return
	}
	go func() {
		defer g.sources.running.Done()
		ctx, cancel := context.WithTimeout(g.sources.ctx, time.Duration(b.source.budget())*time.Millisecond)
		defer cancel()
		if !g.leaseFill(ctx, b, key, fl, seen == nothingSeen) {
			return
		}
		if g.renewed(ctx, b, key, seen) {
			g.flights.filled(b.cache.Space, key, fl, nil)
			return
		}
		g.fill(ctx, b, key, fl, seen == nothingSeen)
	}()
}

// nothingSeen stands for the expiry of an item that was not there.
const nothingSeen = -1

// sameExpiry is how far apart two answers of a server to when an item expires may be, in milliseconds.
const sameExpiry = 100

// seenIn returns the expiry of the item in a reply.
func seenIn(r *op.Reply) int64 {
	if r.Status == op.Hit {
		return r.Expiry
	}
	return nothingSeen
}

// renewed looks again, inside a flight that has just begun: what was set between the first look, which saw an item with
// that expiry, and the beginning must not be overwritten by what the origin has. A write from here on discards the fill.
func (g *Gateway) renewed(ctx context.Context, b *binding, key string, seen int64) bool {
	var r op.Reply
	defer r.Reset()
	if err := g.lookAged(ctx, b, &op.Get{K: []byte(key)}, &r); err != nil || r.Status != op.Hit {
		return false
	}
	same := r.Expiry == seen
	if g.leaser != nil && seen != nothingSeen {
		same = max(r.Expiry-seen, seen-r.Expiry) < sameExpiry
	}
	return !same && (r.Expiry == 0 || g.now().UnixMilli() < r.Expiry-b.source.grace())
}

func (g *Gateway) fill(ctx context.Context, b *binding, key string, fl *flight, absent bool) {
	s, space := b.source, b.cache.Space
	stamp := g.stampFill(ctx, space)
	l, v, err := g.loadOf(ctx, b, key)
	switch {
	case err != nil:
	case len(key)+len(l.Value) > b.limits.item:
		err = errTooLarge
	case len(l.Tags) > 0:
		stamp, err = g.tagFill(ctx, space, stamp, &l, fl)
	}
	store := op.Op(&op.Set{K: []byte(key), Value: l.Value, Expiry: op.Expiry{TTL: s.lifetime(&l)}, Tags: l.Tags, Stamp: stamp})
	keep := s.failed
	switch {
	case hearth.KindOf(err) == hearth.NotFound && err != nil:
		s.counts.absent.Add(1)
		store, keep = &op.Delete{K: []byte(key)}, s.absent
		if absent && fl.right != nil {
			store = nil // so that the lease can say it
		}
	case failed(err):
		s.counts.failed.Add(1)
		store = nil
	case err != nil:
		s.counts.failed.Add(1)
		store, keep = nil, s.refused
	}
	if err != nil && !errors.Is(err, errOriginBroken) && !errors.Is(err, errOriginBusy) {
		g.judge(space, key, fl, err, keep)
	}
	if store != nil {
		if e := g.store(ctx, space, store, fl); e != nil && err == nil {
			err = e
		}
	}
	if err == nil {
		g.flights.judge(space, key, fl, nil, 0, 0)
		s.remember(key, v)
	}
	if fl.state.Load() == discarded {
		s.counts.discarded.Add(1)
	}
	g.flights.filled(space, key, fl, err)
}

// store stores what was loaded, unless the fill has been overtaken.
func (g *Gateway) store(ctx context.Context, space hearth.Space, o op.Op, fl *flight) error {
	if !fl.state.CompareAndSwap(filling, storing) {
		return nil
	}
	became := stored
	defer func() { fl.endStore(became) }()
	if fl.right != nil {
		g.flights.unhear(space, o.Key(), fl)
		done, err := fl.right.Store(ctx, o)
		if err == nil && !done {
			became = discarded
		} else {
			g.feeds.told.wrote(space, o, &op.Reply{}, err)
		}
		return err
	}
	var r op.Reply
	defer r.Reset()
	err := g.engine.Do(ctx, space, o, &r)
	g.feeds.told.wrote(space, o, &r, err)
	return err
}

// loadOf asks the origin for a key: whether it has changed, where what was loaded before is still there.
func (g *Gateway) loadOf(ctx context.Context, b *binding, key string) (l Loaded, v validator, err error) {
	have, s := b.source.validator(key), b.source
	var r op.Reply
	defer r.Reset()
	var old []byte
	if have.text != "" {
		if err := g.engine.Do(ctx, b.cache.Space, &op.MetaGet{K: []byte(key)}, &r); err == nil && r.Status == op.Hit &&
			maphash.Bytes(g.sources.seed, r.Value()) == have.sum {
			old = append([]byte{}, r.Value()...)
		}
	}
	if old == nil {
		have.text = ""
	}
	if l, err = s.load(ctx, []byte(key), have.text); err != nil {
		return l, v, err
	}
	if l.Unchanged {
		s.counts.unchanged.Add(1)
		l.Value = old
		if len(l.Tags) == 0 {
			l.Tags = slices.Collect(r.Attrs.Tags.Names())
		}
	}
	return l, validator{text: l.Validator, sum: maphash.Bytes(g.sources.seed, l.Value)}, nil
}
