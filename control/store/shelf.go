package store

import (
	"encoding/json"
	"fmt"

	"github.com/hearthcache/hearth/auth"
	"github.com/hearthcache/hearth/control"
)

// shelf is one kind of object, as fields <name>/<key> of a hash.
type shelf struct {
	name string
	// put reads an object, or takes that of the old state where it is the same.
	put func(s, old *control.State, key, text string, same bool) error
	// texts writes the objects of s, taking known texts of those that the old state has too.
	texts func(s, old *control.State, known, out map[string]string) error
}

// shelves are all kinds: a new one takes a row, like in tables.
var shelves = []shelf{
	shelfOf("caches", func(s *control.State) *map[string]*control.Cache { return &s.Caches }),
	shelfOf("keys", func(s *control.State) *map[string]*auth.Key { return &s.Keys }),
	shelfOf("roles", func(s *control.State) *map[string]*control.Role { return &s.Roles }),
	shelfOf("signing", func(s *control.State) *map[string]*auth.SigningKey { return &s.Signing }),
}

func shelfOf[T any](name string, m func(*control.State) *map[string]*T) shelf {
	return shelf{
		name: name,
		put: func(s, old *control.State, key, text string, same bool) error {
			all := m(s)
			if *all == nil {
				*all = map[string]*T{}
			}
			if t := (*m(old))[key]; same && t != nil {
				(*all)[key] = t
				return nil
			}
			t := new(T)
			if err := json.Unmarshal([]byte(text), t); err != nil {
				return fmt.Errorf("%s %q cannot be read: %w", name, key, err)
			}
			(*all)[key] = t
			return nil
		},
		texts: func(s, old *control.State, known, out map[string]string) error {
			for key, t := range *m(s) {
				field := name + "/" + key
				if text, ok := known[field]; ok && (*m(old))[key] == t {
					out[field] = text
					continue
				}
				text, err := json.Marshal(t)
				if err != nil {
					return err
				}
				out[field] = string(text)
			}
			return nil
		},
	}
}
