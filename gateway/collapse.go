package gateway

import (
	"context"
	"hash/maphash"
	"time"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/control"
	"github.com/hearthcache/hearth/op"
	"github.com/hearthcache/hearth/value"
)

// collapse is how a cache's misses are collapsed, in milliseconds; the zero collapse is not at all.
//
// The first caller that misses a key is told so at once: it is the loader, whether it knows or not. Callers that miss
// the same key meanwhile wait for its set. A caller waits no longer than the cache's collapse-wait, nor than its own
// deadline less a margin in which it can still load by itself; then it gets its miss.
type collapse struct{ wait, load int64 }

func collapseOf(s *control.Settings) collapse {
	if !s.On(control.Collapse) {
		return collapse{}
	}
	return collapse{wait: s.Int(control.CollapseWait), load: s.Int(control.CollapseLoad)}
}

// applies reports whether a command's misses are collapsed: a read of one item, not of what is known about it.
func (l collapse) applies(o op.Op, s *op.Spec) bool {
	return l.wait > 0 && s.Access == op.Reads && s.Kind != value.None && !s.Board && !isMulti(o)
}

// collapsing returns how a command's misses are collapsed: as its caller asks, or else as the cache says.
func (b *binding) collapsing(o op.Op, s *op.Spec) collapse {
	if f, ok := o.(*op.Fetch); ok && f.Wait > 0 {
		return collapse{wait: f.Wait, load: f.Load}
	}
	if b.collapse.applies(o, s) {
		return b.collapse
	}
	return collapse{}
}

// fetched completes the reply to a Fetch: its caller loads an item that has little time left to live, unless somebody
// else does, or has done so since it was read.
func (g *Gateway) fetched(ctx context.Context, c *Caller, b *binding, o *op.Fetch, r *op.Reply) error {
	r.Told, _ = g.feeds.of(b.cache.Space)
	if !again(o, r) {
		return nil
	}
	b, err := g.present(c, b, o)
	if err != nil {
		return err
	}
	space := b.cache.Space
	fl, leads := g.flights.lead(c, space, o.K, g.now().UnixMilli(), o.Load)
	if !leads {
		return nil
	}
	fl.there = true
	if !g.lease(ctx, b, []*flight{fl}, [][]byte{o.K}, o.Load)[0] {
		return nil
	}
	told := r.Told
	r.Reset() // and look again, as lookAgain does
	err = g.engine.Do(ctx, space, o, r)
	if r.Told = told; err == nil && again(o, r) {
		fl.sum = maphash.Bytes(g.flights.seed, r.Value())
		r.Lease = fl.lease
		return nil
	}
	g.flights.arrived(space, string(o.K), fl)
	return err
}

// again reports whether a Fetch has found an item that is to be loaded again.
func again(o *op.Fetch, r *op.Reply) bool {
	return o.Wait > 0 && r.Status == op.Hit && r.Int >= 0 && r.Int < o.Grace
}

// Fill is Do for the set of somebody whom a Fetch has told to load. It is Refused where the lease holds no more: the key
// was written, deleted or flushed meanwhile, or the load took too long.
func (g *Gateway) Fill(ctx context.Context, c *Caller, o *op.Set, lease uint64, r *op.Reply) error {
	b, s := c.bind(), o.Spec()
	in, err := g.before(c, b, o, s)
	if err != nil {
		return err
	}
	err = g.fillLeased(ctx, b, o, lease, r)
	b.after(g, o, s, in, r, err)
	return err
}

// fillLeased stores in one step with the end of the lease, and only where the item is as its loader has found it: a write
// of the key that has begun voids the lease, and one that begins meanwhile comes after it.
func (g *Gateway) fillLeased(ctx context.Context, b *binding, o *op.Set, lease uint64, r *op.Reply) (err error) {
	space, fill := b.cache.Space, &op.Fill{Set: *o}
	fl, right := g.flights.store(space, o.K, lease, g.now().UnixMilli())
	switch {
	case fl == nil:
		if right, err = g.others(ctx, space, o.K, lease); err != nil || right == nil {
			r.Status = op.Refused
			return err
		}
	case fl.there:
		fill.Same = func(v []byte) bool { return maphash.Bytes(g.flights.seed, v) == fl.sum }
	default:
		fill.Absent = true
	}
	if fl != nil {
		defer g.flights.arrived(space, string(o.K), fl)
		defer fl.endStore(stored)
	}
	if b.source != nil {
		b.extend(&fill.Set, fill.Spec(), g.now().UnixMilli())
	}
	if len(o.Tags) > 0 && g.tagger != nil {
		if fill.Stamp, err = g.tagger.Stamp(ctx, space, true); err != nil {
			return err
		}
	}
	switch {
	case right == nil && g.leaser != nil: // the servers could not be asked for a lease
		return g.engine.Do(ctx, space, g.leaser.Overtake(&fill.Set), r)
	case right == nil:
		return g.engine.Do(ctx, space, fill, r)
	}
	done, err := right.Store(ctx, fill)
	if !done && err == nil {
		r.Status = op.Refused
	}
	return err
}

// Abandon gives up a lease: its load has failed, and the next caller may try.
func (g *Gateway) Abandon(ctx context.Context, c *Caller, key []byte, lease uint64) error {
	if err := g.Permit(c, &op.Get{K: key}); err != nil {
		return err
	}
	space := c.bind().cache.Space
	if fl := g.flights.led(space, key, lease, g.now().UnixMilli()); fl != nil {
		g.flights.arrived(space, string(key), fl)
		return nil
	}
	right, err := g.others(ctx, space, key, lease)
	if right != nil {
		right.End()
	}
	return err
}

// Unheard is for a door whose client does not hear a reply any more: what it was to load, another caller may load now.
func (g *Gateway) Unheard(c *Caller, o op.Op, r *op.Reply) {
	if b := c.bind(); r.Lease != 0 && b.cache != nil {
		if fl := g.flights.led(b.cache.Space, o.Key(), r.Lease, g.now().UnixMilli()); fl != nil {
			g.flights.arrived(b.cache.Space, string(o.Key()), fl)
		}
	}
}

// missed reports whether a command came back without what it asked for.
func missed(r *op.Reply, err error) bool { return err == nil && r.Status == op.Miss }

// tryCollapsed is called when a command has missed without waiting. It reports whether that is the answer: the caller
// is now the loader, or a second look, inside the flight, has found the item. Otherwise somebody loads the key, and
// the command waits in Do.
func (g *Gateway) tryCollapsed(c *Caller, b *binding, l collapse, o op.Op, s *op.Spec, r *op.Reply) (done bool, err error) {
	space, now := b.space(s), g.now().UnixMilli()
	if g.leaser != nil {
		return false, nil
	}
	fl, leads := g.flights.lead(c, space, o.Key(), now, l.load)
	if !leads {
		return false, nil
	}
	r.Reset() // and look again, as lookAgain does
	done, err = g.trier.Try(space, o, r)
	if !done || !missed(r, err) {
		g.flights.written(space, o.Key())
		return done, err
	}
	b.tenant.collapsed.led.Add(1)
	r.Lease = fl.lease
	return done, err
}

// runCollapsed runs a command whose misses are collapsed, and waits until patience ends. It reports whether the caller
// is now the key's loader.
func (g *Gateway) runCollapsed(ctx, patience context.Context, c *Caller, b *binding, l collapse, o op.Op, r *op.Reply) (leads bool, err error) {
	key, waited := o.Key(), false
	defer func() { r.Waited = waited }()
	for {
		r.Reset()
		if b, err = g.present(c, b, o); err != nil {
			return false, err
		}
		space := b.cache.Space
		if err := g.engine.Do(ctx, space, o, r); !missed(r, err) {
			return false, err
		}
		if patience.Err() != nil || c.pressed(ctx, g.now().UnixMilli()) {
			b.tenant.collapsed.gaveUp.Add(1)
			return false, nil
		}
		fl, leads, full := g.flights.join(c, space, key, g.now().UnixMilli(), l.load, &b.tenant.waiters)
		switch {
		case full:
			b.tenant.collapsed.full.Add(1)
			return false, nil
		case leads && g.lease(ctx, b, []*flight{fl}, [][]byte{key}, l.load)[0]:
			leads, err := g.lookAgain(ctx, b, o, r)
			if leads {
				r.Lease = fl.lease
			}
			return leads, err
		case leads:
			continue // and wait for the gateway that loads it
		}
		b.tenant.collapsed.waited.Add(1)
		waited = true
		g.await(patience, fl, c.press(ctx, g.now().UnixMilli()))
		g.flights.leave(fl, key, &b.tenant.waiters)
	}
}

// outlived reports whether a binding's cache was flushed, deleted or changed since it was made.
func (g *Gateway) outlived(b *binding) bool {
	s := g.plane.State()
	return b.state != s && s.Caches[b.cache.Name] != b.cache
}

// present returns the binding with which a command that may have waited goes on: where its cache was flushed or changed
// meanwhile, it is about what the cache is now, so that of all who waited one loads.
func (g *Gateway) present(c *Caller, b *binding, o op.Op) (*binding, error) {
	if !g.outlived(b) {
		return b, nil
	}
	if err := g.Permit(c, o); err != nil {
		return nil, err
	}
	return c.bind(), nil
}

// lookAgain looks for the item inside a flight that has just begun: a set that landed between the first look and the
// beginning must not be loaded again.
func (g *Gateway) lookAgain(ctx context.Context, b *binding, o op.Op, r *op.Reply) (leads bool, err error) {
	r.Reset()
	err = g.engine.Do(ctx, b.cache.Space, o, r)
	return g.looked(b, o, r, err), err
}

// looked draws the consequence of such a look, and reports whether the caller is the loader.
func (g *Gateway) looked(b *binding, o op.Op, r *op.Reply, err error) (leads bool) {
	if leads = missed(r, err); leads {
		b.tenant.collapsed.led.Add(1)
	} else {
		g.flights.written(b.cache.Space, o.Key())
	}
	return leads
}

// wroteAll lands the flights of what a batch has written: who waits for them need not wait for the rest of the batch.
func (g *Gateway) wroteAll(b *binding, os []op.Op, rs []op.Reply) {
	for i, o := range os {
		if o.Spec().Writes() {
			g.wrote(b.cache.Space, o, &rs[i], rs[i].Err == nil)
		}
	}
}

// collapseMisses goes on with a batch whose commands have been run: where all loads of what it missed belong to others, it
// waits for them. A batch that has become the loader of anything returns at once, since its caller learns what to load
// from the answer as a whole, and two batches that wait for each other would both wait in vain.
func (g *Gateway) collapseMisses(ctx context.Context, c *Caller, b *binding, os []op.Op, rs []op.Reply, begun []leading) {
	if begun == nil {
		begun = g.flightsOf(c, b, os, rs)
	}
	leads := g.leadAll(ctx, b, os, rs, begun)
	patience, cancel := patience(ctx, b.collapse.patience())
	defer cancel()
	for i, o := range os {
		if r := &rs[i]; !leads && b.collapses(o, r) {
			leads, r.Err = g.runCollapsed(ctx, patience, c, b, b.collapse, o, r)
		}
	}
}

// collapses reports whether a command of a batch has missed what others may be loading.
func (b *binding) collapses(o op.Op, r *op.Reply) bool {
	return missed(r, r.Err) && b.collapse.applies(o, o.Spec()) && !b.fills(o, o.Spec())
}

// flightsOf begins a flight for each key that a batch has missed and nobody loads.
func (g *Gateway) flightsOf(c *Caller, b *binding, os []op.Op, rs []op.Reply) (begun []leading) {
	for i, o := range os {
		if !b.collapses(o, &rs[i]) {
			continue
		}
		if fl, first := g.flights.lead(c, b.cache.Space, o.Key(), g.now().UnixMilli(), b.collapse.load); first {
			begun = append(begun, leading{fl, i})
		}
	}
	return begun
}

// leadAll makes the caller of flights that have begun the loader, where nobody else is; it reports whether it is for any key.
func (g *Gateway) leadAll(ctx context.Context, b *binding, os []op.Op, rs []op.Reply, begun []leading) (leads bool) {
	if len(begun) == 0 {
		return false
	}
	flights, keys := make([]*flight, len(begun)), make([][]byte, len(begun))
	for n, l := range begun {
		flights[n], keys[n] = l.flight, os[l.at].Key()
	}
	ours := g.lease(ctx, b, flights, keys, b.collapse.load)
	for n, l := range begun {
		if !ours[n] {
			continue
		}
		mine := false
		mine, rs[l.at].Err = g.lookAgain(ctx, b, os[l.at], &rs[l.at])
		leads = leads || mine
	}
	return leads
}

func (l collapse) patience() time.Duration { return time.Duration(l.wait) * time.Millisecond }

// await waits until there is something to look at, the loader's time is up, patience ends, or press is closed.
func (g *Gateway) await(patience context.Context, fl *flight, press <-chan struct{}) {
	up := time.NewTimer(time.Duration(max(1, fl.until-g.now().UnixMilli()+1)) * time.Millisecond)
	defer up.Stop()
	select {
	case <-fl.landed:
	case <-up.C:
	case <-press:
	case <-patience.Done():
	}
}

// What is left of a caller's own time when it stops waiting, so that its miss still reaches it and it can load.
const (
	marginShare = 10 // a tenth of what it had
	marginMin   = 5 * time.Millisecond
	marginMax   = 200 * time.Millisecond
)

// patience returns a context that ends when a caller should no longer wait for somebody else.
func patience(ctx context.Context, wait time.Duration) (context.Context, context.CancelFunc) {
	if deadline, ok := ctx.Deadline(); ok {
		left := time.Until(deadline)
		wait = min(wait, left-min(max(left/marginShare, marginMin), marginMax))
	}
	return context.WithTimeout(ctx, wait)
}

// wrote lands the flights of what a command wrote; ok tells that it has done so for certain.
func (g *Gateway) wrote(space hearth.Space, o op.Op, r *op.Reply, ok bool) {
	if g.flights.active.Load() == 0 || r.Status == op.Refused {
		return
	}
	if m, ok := o.(op.Multi); ok {
		for _, k := range m.Keys() {
			g.flights.writtenBy(space, k, ok)
		}
		return
	}
	g.flights.writtenBy(space, o.Key(), ok)
}

// Gone tells that the connection of a Caller has ended: what it was loading, another caller may load now.
func (c *Caller) Gone() {
	if c.leads.Load() > 0 {
		c.gateway.flights.gone(c)
	}
}
