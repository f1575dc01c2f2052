package control

import (
	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/auth"
)

// CreateCache creates a cache; Exists if there is one of that name.
type CreateCache struct {
	Name     string
	Settings map[string]string // name=value, may be nil
}

// Apply implements Change.
func (c CreateCache) Apply(s *State, now int64) (*State, error) {
	if err := hearth.CheckCacheName(c.Name); err != nil {
		return nil, err
	}
	if s.Caches[c.Name] != nil {
		return nil, &hearth.Error{Kind: hearth.Exists, Msg: "a cache named " + c.Name + " exists already"}
	}
	settings, err := (&Settings{}).With(c.Settings)
	if err != nil {
		return nil, err
	}
	n := s.clone()
	made := &Cache{Name: c.Name, Created: now, Settings: settings}
	n.spaces(made)
	n.Caches = with(s.Caches, c.Name, made)
	return n, nil
}

// Needs implements Needer.
func (CreateCache) Needs() (auth.Resource, auth.Access) { return auth.Management, auth.Write }

// DeleteCache deletes a cache with all that is in it; NoCache if there is none.
type DeleteCache struct{ Name string }

// Apply implements Change.
func (c DeleteCache) Apply(s *State, now int64) (*State, error) {
	if s.Caches[c.Name] == nil {
		return nil, NoCache(c.Name)
	}
	n := s.clone()
	n.Caches = without(s.Caches, c.Name)
	return n, nil
}

// Needs implements Needer.
func (DeleteCache) Needs() (auth.Resource, auth.Access) { return auth.Management, auth.Write }

// FlushCache empties a cache and keeps its settings; NoCache if there is none.
type FlushCache struct{ Name string }

// Apply implements Change.
func (c FlushCache) Apply(s *State, now int64) (*State, error) {
	old := s.Caches[c.Name]
	if old == nil {
		return nil, NoCache(c.Name)
	}
	n := s.clone()
	flushed := *old
	flushed.Flushed = now
	n.spaces(&flushed)
	n.Caches = with(s.Caches, c.Name, &flushed)
	return n, nil
}

// Needs implements Needer.
func (FlushCache) Needs() (auth.Resource, auth.Access) { return auth.Management, auth.Write }

// OpenClaims gives a cache places for claim checks, unless it has them; NoCache if there is none of that name. The
// gateway makes this change by itself.
type OpenClaims struct{ Name string }

// Apply implements Change.
func (c OpenClaims) Apply(s *State, _ int64) (*State, error) {
	old := s.Caches[c.Name]
	if old == nil {
		return nil, NoCache(c.Name)
	}
	n := s.clone()
	if old.Claims != 0 {
		return n, nil
	}
	opened := *old
	opened.Claims = s.NextSpace + 1
	n.NextSpace += 2
	n.Caches = with(s.Caches, c.Name, &opened)
	return n, nil
}

// SetCache changes settings of a cache; an empty value takes a setting back. NoCache if there is none of that name.
type SetCache struct {
	Name     string
	Settings map[string]string
}

// Apply implements Change.
func (c SetCache) Apply(s *State, now int64) (*State, error) {
	old := s.Caches[c.Name]
	if old == nil {
		return nil, NoCache(c.Name)
	}
	settings, err := old.Settings.With(c.Settings)
	if err != nil {
		return nil, err
	}
	n := s.clone()
	changed := *old
	changed.Settings = settings
	n.Caches = with(s.Caches, c.Name, &changed)
	return n, nil
}

// Needs implements Needer.
func (SetCache) Needs() (auth.Resource, auth.Access) { return auth.Management, auth.Write }

// DeclareCache makes a cache as a config file declares it: it creates the cache, or replaces its settings.
type DeclareCache struct {
	Name     string
	Settings map[string]string
}

// Apply implements Change.
func (c DeclareCache) Apply(s *State, now int64) (*State, error) {
	if s.Caches[c.Name] == nil {
		return CreateCache(c).Apply(s, now)
	}
	settings := map[string]string{}
	for _, name := range SettingNames() {
		settings[name] = c.Settings[name]
	}
	for name, v := range c.Settings {
		settings[name] = v
	}
	return SetCache{c.Name, settings}.Apply(s, now)
}

// SetAccount changes the settings of caches that do not say otherwise; an empty value takes a setting back.
type SetAccount struct{ Settings map[string]string }

// Apply implements Change.
func (c SetAccount) Apply(s *State, now int64) (*State, error) {
	settings, err := s.Account.With(c.Settings)
	if err != nil {
		return nil, err
	}
	n := s.clone()
	n.Account = settings
	return n, nil
}

// Needs implements Needer.
func (SetAccount) Needs() (auth.Resource, auth.Access) { return auth.Management, auth.Write }

// NoCache is the error about a cache that does not exist.
func NoCache(name string) error {
	return &hearth.Error{Kind: hearth.NoCache, Msg: "cache not found: " + name}
}
