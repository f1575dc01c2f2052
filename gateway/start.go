package gateway

import (
	"context"
	"time"

	"github.com/hearthcache/hearth/engine"
	"github.com/hearthcache/hearth/op"
)

// Begun is what commands that were begun by Start need until they are done. The zero Begun is ready, and is so again when they are.
type Begun struct {
	gateway *Gateway
	caller  *Caller
	binding *binding
	os      []op.Op
	rs      []op.Reply
	ins     []int
	done    func(rest func(ctx context.Context))
	ended   func() // finish, bound once
	leading []leading
}

// leading is a load that begins: its caller is going to be told to load where it has the lease and the item is not there still.
type leading struct {
	flight *flight
	at     int // of os
}

// begunKept is how many commands a Begun keeps room for.
const begunKept = 1024

// clear lets go of what the commands needed.
func (s *Begun) clear() {
	ins := s.ins[:0]
	if cap(ins) > begunKept {
		ins = nil
	}
	*s = Begun{ins: ins, ended: s.ended}
}

// Starts reports whether the engine can begin commands and go on; else Start always returns false.
func (g *Gateway) Starts() bool { return g.starter != nil }

// Start begins commands that do not depend on each other and returns before they are done, for a door that serves
// others meanwhile. done is called once, from any goroutine and possibly before Start returns; until every reply is there
// s, the commands, their bytes and the replies are not the caller's. With a nil rest they are there. Otherwise something was
// missed that somebody may be loading: they are there when rest has returned, which waits as long as ctx allows.
//
// Where Start returns false nothing has happened, and DoAll runs the commands: the engine has to be waited for, or one of
// several is refused, or is a Fetch, or the cache has an origin.
func (g *Gateway) Start(s *Begun, c *Caller, os []op.Op, rs []op.Reply, done func(rest func(ctx context.Context))) bool {
	if g.starter == nil {
		return false
	}
	b := c.bind()
	if b.valid(g) != nil {
		return false
	}
	if b.source != nil {
		return false
	}
	s.gateway, s.caller, s.binding, s.os, s.rs, s.done = g, c, b, os, rs, done
	if s.ended == nil {
		s.ended = s.finish
	}
	for _, o := range os {
		in, err := g.consider(c, b, o, o.Spec())
		if err != nil && len(os) == 1 {
			b.meter.refuse(int(o.Spec().ID))
			rs[0].Err = err
			s.clear()
			done(nil)
			return true
		}
		if _, loads := o.(*op.Fetch); err != nil || loads || o.Spec().Board {
			b.refundAll(s.ins)
			s.clear()
			return false
		}
		s.ins = append(s.ins, in)
	}
	if !g.starter.Start(b.cache.Space, b.overtakingAll(g, os), rs, s.ended) {
		b.refundAll(s.ins)
		s.clear()
		return false
	}
	return true
}

// finish is called when the engine is done.
func (s *Begun) finish() {
	if !s.missed() {
		s.end()
		return
	}
	s.gateway.wroteAll(s.binding, s.os, s.rs)
	if !s.lead() {
		s.done(s.rest)
	}
}

// missed reports whether anything is missing that somebody may be loading.
func (s *Begun) missed() bool {
	for i, o := range s.os {
		if s.binding.collapses(o, &s.rs[i]) {
			return true
		}
	}
	return false
}

// end tells that every reply is there.
func (s *Begun) end() {
	s.account()
	done := s.done
	s.clear()
	done(nil)
}

// lead is leadAll where nothing waits. It returns false where that is for rest, which knows of the flights that have begun.
func (s *Begun) lead() bool {
	g, b := s.gateway, s.binding
	s.leading = g.flightsOf(s.caller, b, s.os, s.rs)
	if len(s.leading) == 0 || g.leaser == nil {
		return false
	}
	space, most := b.cache.Space, time.Duration(b.collapse.load)*time.Millisecond
	os, rs := make([]op.Op, len(s.leading)), make([]op.Reply, len(s.leading))
	for n, l := range s.leading {
		os[n] = g.leaser.Take(space, s.os[l.at], l.flight.lease, most)
	}
	return g.starter.Start(space, os, rs, func() { s.led(os, rs) })
}

// led is called when the leases were asked for, and what is under them was looked at.
func (s *Begun) led(os []op.Op, rs []op.Reply) {
	leads := false
	for n, l := range s.leading {
		got := os[n].(engine.Taking).Leased()
		if !s.gateway.granted(s.binding.cache.Space, s.os[l.at].Key(), l.flight, got) {
			continue
		}
		r := &s.rs[l.at]
		if got.Err == nil || rs[n].Err == nil { // else nobody could be asked, and the first look stands
			*r = rs[n]
		}
		if s.gateway.looked(s.binding, s.os[l.at], r, r.Err) {
			r.Lease, leads = l.flight.lease, true
		}
	}
	if s.leading = nil; leads || !s.missed() {
		s.end()
		return
	}
	s.done(s.rest)
}

// rest goes on with what was missed.
func (s *Begun) rest(ctx context.Context) {
	if ctx.Err() == nil {
		s.gateway.collapseMisses(ctx, s.caller, s.binding, s.os, s.rs, s.leading)
	} else {
		for _, l := range s.leading {
			s.gateway.flights.arrived(s.binding.cache.Space, string(s.os[l.at].Key()), l.flight)
		}
	}
	s.account()
	s.clear()
}

func (s *Begun) account() {
	for i, o := range s.os {
		s.binding.after(s.gateway, o, o.Spec(), s.ins[i], &s.rs[i], s.rs[i].Err)
	}
}

// Flush sends what Start has begun. A door's loop calls it when it has no more to start for now.
func (g *Gateway) Flush() {
	if g.starter != nil {
		g.starter.Flush()
	}
}
