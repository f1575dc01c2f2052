package store

import (
	"context"
	"encoding/json"
	"strings"

	bolt "go.etcd.io/bbolt"

	"github.com/hearthcache/hearth/control"
)

// SaveUsage implements control.UsageStore.
func (f *File) SaveUsage(ctx context.Context, lines []control.Usage) error {
	return f.db.Update(func(tx *bolt.Tx) error {
		b, err := tx.CreateBucketIfNotExists(usageBucket)
		if err != nil {
			return err
		}
		for i := range lines {
			u := &lines[i]
			v, err := json.Marshal(u)
			if err != nil {
				return err
			}
			// No name contains a zero byte, so that a day's lines stand together, and no two lines are one.
			key := strings.Join([]string{u.Day, u.Cache, u.Credential, u.Verb}, "\x00")
			if err := b.Put([]byte(key), v); err != nil {
				return err
			}
		}
		return nil
	})
}

// LoadUsage implements control.UsageStore.
func (f *File) LoadUsage(ctx context.Context, from, to string) ([]control.Usage, error) {
	var lines []control.Usage
	err := f.db.View(func(tx *bolt.Tx) error {
		b := tx.Bucket(usageBucket)
		if b == nil {
			return nil
		}
		c := b.Cursor()
		for k, v := c.Seek([]byte(from)); k != nil && string(k[:min(len(k), len(to))]) <= to; k, v = c.Next() {
			var u control.Usage
			if err := json.Unmarshal(v, &u); err != nil {
				return err
			}
			lines = append(lines, u)
		}
		return nil
	})
	return lines, err
}
