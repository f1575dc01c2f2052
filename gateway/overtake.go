package gateway

import (
	"github.com/hearthcache/hearth/op"
	"github.com/hearthcache/hearth/value"
)

// overtake is called ahead of a command: where it writes, nothing that was being loaded before it is stored after it. The
// returned function is called when the command is over, whatever became of it.
//
// An item that a client writes to a cache with an origin is fresh for the time to live that the client gave it, as one
// that was loaded is for its fresh time: it is kept for the cache's grace beyond that.
func (b *binding) overtake(g *Gateway, o op.Op, s *op.Spec) (over func()) {
	if b.source == nil && g.flights.active.Load() == 0 || !s.Writes() || s.Board {
		return noOvertake
	}
	keys := [][]byte{o.Key()}
	if m, ok := o.(op.Multi); ok {
		keys = m.Keys()
	}
	if b.source == nil {
		for _, k := range keys {
			g.flights.overtaken(b.cache.Space, k)
		}
		return noOvertake
	}
	for _, k := range keys {
		g.flights.beginWrite(b.cache.Space, k)
	}
	restore := b.extend(o, s, g.now().UnixMilli())
	return func() {
		restore()
		for _, k := range keys {
			g.flights.endWrite(b.cache.Space, k)
		}
	}
}

func noOvertake() {}

// extend adds the cache's grace to the time to live of a scalar that is written, until restore is called.
func (b *binding) extend(o op.Op, s *op.Spec, now int64) (restore func()) {
	x, expires := o.(op.Expirer)
	_, sized := o.(op.Sizer)
	grace := b.source.grace()
	if !expires || !sized || grace == 0 || s.Kind != value.None && s.Kind != value.Scalar {
		return noOvertake
	}
	at := x.ExpiresIn()
	was := *at
	switch {
	case at.At > now:
		at.At += grace
	case at.At == 0 && at.TTL > 0:
		at.TTL += grace
	}
	return func() { *at = was }
}

// overtakeAll is overtake for commands that run together.
func (b *binding) overtakeAll(g *Gateway, os []op.Op) (over func()) {
	if b.source == nil && g.flights.active.Load() == 0 {
		return noOvertake
	}
	overs := make([]func(), len(os))
	for i, o := range os {
		overs[i] = b.overtake(g, o, o.Spec())
	}
	return func() {
		for _, over := range overs {
			over()
		}
	}
}

// overtaking returns a command that ends, with what it does, the load of what it writes, whichever gateway's that is.
func (b *binding) overtaking(g *Gateway, o op.Op, s *op.Spec) op.Op {
	if !b.overtakes(g) || !s.Writes() || s.Board {
		return o
	}
	if g.flights.active.Load() > 0 {
		if m, ok := o.(op.Multi); ok {
			for _, k := range m.Keys() {
				g.flights.ends(b.cache.Space, k)
			}
		} else {
			g.flights.ends(b.cache.Space, o.Key())
		}
	}
	return g.leaser.Overtake(o)
}

// overtakes reports whether writes end leases: in a cache that has them, and where any caller here has been told to load.
func (b *binding) overtakes(g *Gateway) bool {
	return g.leaser != nil && (b.source != nil || b.collapse.wait > 0 || g.flights.active.Load() > 0)
}

// overtakingAll is overtaking for commands that run together.
func (b *binding) overtakingAll(g *Gateway, os []op.Op) []op.Op {
	if !b.overtakes(g) {
		return os
	}
	out := make([]op.Op, len(os))
	for i, o := range os {
		out[i] = b.overtaking(g, o, o.Spec())
	}
	return out
}
