// Package control keeps the small durable state: caches, limits, keys, roles, webhooks, usage. A State is never changed
// in place: a Change makes a new one, and the Plane holds the newest. It knows nothing of requests, engines or protocols.
package control

import (
	"maps"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/auth"
)

// State is everything that was configured, at one version. Its maps may be nil.
type State struct {
	Version   uint64
	NextSpace hearth.Space
	Account   Settings // of caches that do not say otherwise
	Caches    map[string]*Cache
	Keys      map[string]*auth.Key // by ID
	Roles     map[string]*Role     // by ID; SystemRoles are not among them
	Signing   map[string]*auth.SigningKey
}

// Cache is one cache and its settings.
type Cache struct {
	Name     string       `json:"name"`
	Space    hearth.Space `json:"space"`             // of its items
	Boards   hearth.Space `json:"boards"`            // of its leaderboards
	Topics   hearth.Space `json:"topics"`            // of its topics; it outlives a flush, which is about items
	Claims   hearth.Space `json:"claims,omitempty"`  // of its claim checks that are kept, and the one after it of the others; 0 is that it has had none
	Created  int64        `json:"created"`           // milliseconds
	Flushed  int64        `json:"flushed,omitempty"` // when last, in milliseconds; 0 is never
	Settings Settings     `json:"settings"`

	Webhooks map[string]*Webhook `json:"webhooks,omitempty"` // by name
}

// Change makes one change to the state. Apply returns a new State and leaves the old one alone; now is in milliseconds.
// A Change that is not a Needer is for super users only.
type Change interface {
	Apply(s *State, now int64) (*State, error)
}

// Needer is a Change that others than super users may make, if they have the access.
type Needer interface {
	Needs() (auth.Resource, auth.Access)
}

// clone copies what every change may touch; values behind pointers are shared and replaced, never written. A change
// copies the map that it writes to.
func (s *State) clone() *State {
	n := *s
	n.Version++
	return &n
}

// with returns a map with one more value, leaving m alone.
func with[V any](m map[string]V, key string, v V) map[string]V {
	n := make(map[string]V, len(m)+1)
	maps.Copy(n, m)
	n[key] = v
	return n
}

// without returns a map without a key, leaving m alone.
func without[V any](m map[string]V, key string) map[string]V {
	n := maps.Clone(m)
	delete(n, key)
	return n
}

// spaces takes fresh spaces for a cache's items, and one for its topics where it has none yet.
func (s *State) spaces(c *Cache) {
	c.Space, c.Boards, c.Claims = s.NextSpace+1, s.NextSpace+2, 0
	s.NextSpace += 2
	if c.Topics == 0 {
		s.NextSpace++
		c.Topics = s.NextSpace
	}
}

// LooseClaims returns the space of claim checks that may be evicted; 0 where the cache has had none.
func (c *Cache) LooseClaims() hearth.Space {
	if c.Claims == 0 {
		return 0
	}
	return c.Claims + 1
}

// SettingsOf returns the settings that a cache runs with: its own, over the account's.
func (s *State) SettingsOf(c *Cache) Settings { return c.Settings.Over(&s.Account) }
