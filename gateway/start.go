package gateway

import (
	"context"

	"github.com/hearthcache/hearth/op"
)

// begun is commands that were begun by Start. It is used again.
type begun struct {
	gateway *Gateway
	caller  *Caller
	binding *binding
	os      []op.Op
	rs      []op.Reply
	ins     []int
	done    func(rest func(ctx context.Context))
	ended   func() // finish, bound once
}

// begunKept is how many commands a begun keeps room for.
const begunKept = 1024

func (g *Gateway) newBegun() *begun {
	s, _ := g.begun.Get().(*begun)
	if s == nil {
		s = &begun{gateway: g}
		s.ended = s.finish
	}
	return s
}

// free lets another Start use s.
func (s *begun) free() {
	g := s.gateway
	if cap(s.ins) <= begunKept {
		*s = begun{gateway: g, ins: s.ins[:0], ended: s.ended}
		g.begun.Put(s)
	}
}

// Start begins commands that do not depend on each other and returns before they are done, for a door that serves
// others meanwhile. done is called once, from any goroutine and possibly before Start returns; until every reply is there
// the commands, their bytes and the replies are not the caller's. With a nil rest they are there. Otherwise something was
// missed that somebody may be loading: they are there when rest has returned, which waits as long as ctx allows.
//
// Where Start returns false nothing has happened, and DoAll runs the commands: the engine has to be waited for, or one of
// them is refused, or the cache has an origin.
func (g *Gateway) Start(c *Caller, os []op.Op, rs []op.Reply, done func(rest func(ctx context.Context))) bool {
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
	s := g.newBegun()
	s.caller, s.binding, s.os, s.rs, s.done = c, b, os, rs, done
	for _, o := range os {
		in, err := g.consider(c, b, o, o.Spec())
		if err != nil || o.Spec().Board {
			b.refundAll(s.ins)
			s.free()
			return false
		}
		s.ins = append(s.ins, in)
	}
	if !g.starter.Start(b.cache.Space, b.overtakingAll(g, os), rs, s.ended) {
		b.refundAll(s.ins)
		s.free()
		return false
	}
	return true
}

// finish is called when the engine is done.
func (s *begun) finish() {
	for i, o := range s.os {
		if s.binding.collapses(o, &s.rs[i]) {
			s.gateway.wroteAll(s.binding, s.os, s.rs)
			s.done(s.rest)
			return
		}
	}
	s.account()
	done := s.done
	s.free()
	done(nil)
}

// rest goes on with what was missed.
func (s *begun) rest(ctx context.Context) {
	if ctx.Err() == nil {
		s.gateway.collapseMisses(ctx, s.caller, s.binding, s.os, s.rs)
	}
	s.account()
	s.free()
}

func (s *begun) account() {
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
