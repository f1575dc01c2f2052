package store

import (
	"encoding/json"
	"fmt"

	bolt "go.etcd.io/bbolt"

	"github.com/hearthcache/hearth/auth"
	"github.com/hearthcache/hearth/control"
)

// table is one kind of object, in a bucket of its own, an entry each.
type table struct {
	load func(*bolt.Tx, *control.State) error
	save func(tx *bolt.Tx, old, new *control.State) error
}

// tables are all kinds: a new one takes a row.
var tables = []table{
	of("caches", func(s *control.State) *map[string]*control.Cache { return &s.Caches }),
	of("keys", func(s *control.State) *map[string]*auth.Key { return &s.Keys }),
	of("roles", func(s *control.State) *map[string]*control.Role { return &s.Roles }),
	of("signing", func(s *control.State) *map[string]*auth.SigningKey { return &s.Signing }),
}

// of returns the table of a map of the state, whose values are replaced and never written.
func of[T any](name string, m func(*control.State) *map[string]*T) table {
	bucket := []byte(name)
	return table{
		load: func(tx *bolt.Tx, s *control.State) error {
			b := tx.Bucket(bucket)
			if b == nil {
				return nil
			}
			loaded := map[string]*T{}
			*m(s) = loaded
			return b.ForEach(func(k, v []byte) error {
				t := new(T)
				if err := json.Unmarshal(v, t); err != nil {
					return fmt.Errorf("%s %q cannot be read: %w", name, k, err)
				}
				loaded[string(k)] = t
				return nil
			})
		},
		save: func(tx *bolt.Tx, old, new *control.State) error {
			return saveChanged(tx, bucket, *m(old), *m(new))
		},
	}
}

func saveChanged[T any](tx *bolt.Tx, bucket []byte, old, new map[string]*T) error {
	b, err := tx.CreateBucketIfNotExists(bucket)
	if err != nil {
		return err
	}
	for k := range old {
		if new[k] == nil {
			if err := b.Delete([]byte(k)); err != nil {
				return err
			}
		}
	}
	for k, t := range new {
		if old[k] == t {
			continue
		}
		v, err := json.Marshal(t)
		if err != nil {
			return err
		}
		if err := b.Put([]byte(k), v); err != nil {
			return err
		}
	}
	return nil
}
