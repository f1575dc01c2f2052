package control

import "github.com/hearthcache/hearth"

// CreateCache creates a cache; Exists if there is one of that name.
type CreateCache struct{ Name string }

// Apply implements Change.
func (c CreateCache) Apply(s *State, now int64) (*State, error) {
	if err := hearth.CheckCacheName(c.Name); err != nil {
		return nil, err
	}
	if s.Caches[c.Name] != nil {
		return nil, &hearth.Error{Kind: hearth.Exists, Msg: "a cache named " + c.Name + " exists already"}
	}
	n := s.clone()
	made := &Cache{Name: c.Name, Created: now}
	n.spaces(made)
	n.Caches[c.Name] = made
	return n, nil
}

// DeleteCache deletes a cache with all that is in it; NoCache if there is none.
type DeleteCache struct{ Name string }

// Apply implements Change.
func (c DeleteCache) Apply(s *State, now int64) (*State, error) {
	if s.Caches[c.Name] == nil {
		return nil, NoCache(c.Name)
	}
	n := s.clone()
	delete(n.Caches, c.Name)
	return n, nil
}

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
	n.spaces(&flushed)
	n.Caches[c.Name] = &flushed
	return n, nil
}

// NoCache is the error about a cache that does not exist.
func NoCache(name string) error {
	return &hearth.Error{Kind: hearth.NoCache, Msg: "cache not found: " + name}
}
