package gateway

import (
	"github.com/hearthcache/hearth/op"
)

// begun is commands that were begun by Start.
type begun struct {
	gateway *Gateway
	binding *binding
	os      []op.Op
	rs      []op.Reply
	ins     []int
	done    func()
}

// Start begins commands that do not depend on each other and returns before they are done, for a door that serves
// others meanwhile. done is called once, from any goroutine and possibly before Start returns, when every reply is
// there; until then the commands, their bytes and the replies are not the caller's. Where Start returns false nothing
// has happened, and DoAll runs the commands: the engine has to be waited for, or one of them is refused, or the cache
// does more with a miss than to report it.
func (g *Gateway) Start(c *Caller, os []op.Op, rs []op.Reply, done func()) bool {
	if g.starter == nil {
		return false
	}
	b := c.bind()
	if b.valid(g) != nil {
		return false
	}
	if b.source != nil || b.collapse.wait > 0 {
		return false
	}
	s := &begun{gateway: g, binding: b, os: os, rs: rs, ins: make([]int, 0, len(os)), done: done}
	for _, o := range os {
		in, err := g.consider(c, b, o, o.Spec())
		if err != nil || o.Spec().Board {
			b.refundAll(s.ins)
			return false
		}
		s.ins = append(s.ins, in)
	}
	if !g.starter.Start(b.cache.Space, os, rs, s.finish) {
		b.refundAll(s.ins)
		return false
	}
	return true
}

func (s *begun) finish() {
	for i, o := range s.os {
		s.binding.after(s.gateway, o, o.Spec(), s.ins[i], &s.rs[i], s.rs[i].Err)
	}
	s.done()
}

// Flush sends what Start has begun. A door's loop calls it when it has no more to start for now.
func (g *Gateway) Flush() {
	if g.starter != nil {
		g.starter.Flush()
	}
}
