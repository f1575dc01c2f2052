// Package control keeps the small durable state: caches, limits, keys, roles, webhooks, usage. A State is never changed
// in place: a Change makes a new one, and the Plane holds the newest. It knows nothing of requests, engines or protocols.
package control

import (
	"maps"

	"github.com/hearthcache/hearth"
)

// State is everything that was configured, at one version.
type State struct {
	Version   uint64
	NextSpace hearth.Space
	Caches    map[string]*Cache
}

// Cache is one cache and its settings.
type Cache struct {
	Name    string
	Space   hearth.Space // of its items
	Boards  hearth.Space // of its leaderboards
	Topics  hearth.Space // of its topics; it outlives a flush, which is about items
	Created int64        // milliseconds
}

// Change makes one change to the state. Apply returns a new State and leaves the old one alone; now is in milliseconds.
type Change interface {
	Apply(s *State, now int64) (*State, error)
}

// clone copies what every change may touch; values behind pointers are shared and replaced, never written.
func (s *State) clone() *State {
	n := *s
	n.Version++
	n.Caches = maps.Clone(s.Caches)
	if n.Caches == nil {
		n.Caches = map[string]*Cache{}
	}
	return &n
}

// spaces takes fresh spaces for a cache's items, and one for its topics where it has none yet.
func (s *State) spaces(c *Cache) {
	c.Space, c.Boards = s.NextSpace+1, s.NextSpace+2
	s.NextSpace += 2
	if c.Topics == 0 {
		s.NextSpace++
		c.Topics = s.NextSpace
	}
}
