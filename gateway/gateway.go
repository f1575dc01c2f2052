// Package gateway is the one way that every request of every protocol takes: authenticate, authorise, admit, run,
// collapse and fill, meter. It knows nothing of protocols, nor of where items are kept.
package gateway

import (
	"context"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/control"
	"github.com/hearthcache/hearth/engine"
	"github.com/hearthcache/hearth/op"
)

// Options configures a Gateway. Engine and Plane are required.
type Options struct {
	Engine engine.Engine
	Plane  *control.Plane
}

// Gateway runs commands for callers.
type Gateway struct {
	engine engine.Engine
	trier  engine.Trier // nil where the engine always waits
	plane  *control.Plane
}

// New returns a gateway over an engine and a control plane.
func New(o Options) *Gateway {
	g := &Gateway{engine: o.Engine, plane: o.Plane}
	g.trier, _ = o.Engine.(engine.Trier)
	o.Plane.OnChange(g.dropOldSpaces)
	return g
}

// Try runs a command where that needs no waiting; otherwise done is false, nothing has happened, and the caller copies
// the command and calls Do from a goroutine of its own.
func (g *Gateway) Try(c *Caller, o op.Op, r *op.Reply) (done bool, err error) {
	if g.trier == nil {
		return false, nil
	}
	space, err := g.before(c, o)
	if err != nil {
		return true, err
	}
	done, err = g.trier.Try(space, o, r)
	if done {
		c.meter(o, r, err)
	}
	return done, err
}

// Do runs a command, waiting as long as ctx allows.
func (g *Gateway) Do(ctx context.Context, c *Caller, o op.Op, r *op.Reply) error {
	space, err := g.before(c, o)
	if err != nil {
		return err
	}
	err = g.engine.Do(ctx, space, o, r)
	c.meter(o, r, err)
	return err
}

// DoAll runs commands that do not depend on each other; errors stand in their replies.
func (g *Gateway) DoAll(ctx context.Context, c *Caller, os []op.Op, rs []op.Reply) {
	for i, o := range os {
		rs[i].Err = g.Do(ctx, c, o, &rs[i])
	}
}

// before is what happens to a command ahead of the engine: authorise, find the cache, admit.
func (g *Gateway) before(c *Caller, o op.Op) (hearth.Space, error) {
	if err := c.authorize(o); err != nil {
		return 0, err
	}
	space, err := c.space(o.Spec())
	if err != nil {
		return 0, err
	}
	return space, c.admit(o)
}

// Permit returns the error that a command would get before its arguments are looked at: whether the caller may, and
// whether the cache exists. Doors ask it ahead of an Invalid error of their own.
func (g *Gateway) Permit(c *Caller, o op.Op) error {
	if err := c.authorize(o); err != nil {
		return err
	}
	_, err := c.space(o.Spec())
	return err
}

// Inspect is View for a caller who may manage caches.
func (g *Gateway) Inspect(c *Caller) (*control.State, error) {
	if err := c.authorizeChange(nil); err != nil {
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

// dropOldSpaces lets the engine forget what a change has left behind.
func (g *Gateway) dropOldSpaces(old, new *control.State) {
	for name, c := range old.Caches {
		if n := new.Caches[name]; n == nil || n.Space != c.Space {
			_ = g.engine.Drop(context.Background(), c.Space)
			_ = g.engine.Drop(context.Background(), c.Boards)
		}
	}
}
