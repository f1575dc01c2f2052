// Package store keeps the control state and the books: in one file for one process, or in Valkey for many. It knows what the objects are called, and nothing
// of what they mean.
package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	bolt "go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/control"
)

// File is a control.Store and a control.UsageStore in one file, for one process at a time. What Save and SaveUsage
// have returned from survives the end of the process at any moment, and of the machine as far as its disks keep
// their word.
type File struct {
	db   *bolt.DB
	last *control.State // as it stands in the file; touched by one change at a time
}

// FileName is the name of the file within the folder that --data names.
const FileName = "hearth.db"

// lockWait is how long Open waits for another process to let go of the file.
const lockWait = time.Second

var (
	metaBucket  = []byte("meta")
	usageBucket = []byte("usage")
	stateKey    = []byte("state")
)

// format is the version of the file's layout; a newer one is not touched.
const format = 1

// meta is what the state holds beside its tables.
type meta struct {
	Format    int              `json:"format"`
	Version   uint64           `json:"version"`
	NextSpace hearth.Space     `json:"next_space"`
	Account   control.Settings `json:"account"`
}

// Open opens the file in a folder, and makes both where they are not there. Nobody else can read them.
func Open(folder string) (*File, error) {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, fmt.Errorf("the folder cannot be made: %w", err)
	}
	path := filepath.Join(folder, FileName)
	db, err := bolt.Open(path, 0o600, &bolt.Options{Timeout: lockWait, FreelistType: bolt.FreelistMapType})
	if errors.Is(err, berrors.ErrTimeout) {
		return nil, fmt.Errorf("%s is in use by another hearth: one process at a time", path)
	}
	if errors.Is(err, fs.ErrPermission) {
		return nil, fmt.Errorf("user %d may not write here: %w", os.Getuid(), err)
	}
	if errors.Is(err, berrors.ErrInvalid) || errors.Is(err, berrors.ErrVersionMismatch) || errors.Is(err, berrors.ErrChecksum) {
		return nil, fmt.Errorf("%s is damaged, or no file of hearth's: restore it, or move it away to start without caches and keys (%w)", path, err)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return &File{db: db}, nil
}

// Close lets go of the file.
func (f *File) Close() error { return f.db.Close() }

// Load implements control.Store.
func (f *File) Load(ctx context.Context) (*control.State, error) {
	var s *control.State
	err := f.db.View(func(tx *bolt.Tx) error {
		b := tx.Bucket(metaBucket)
		if b == nil {
			return nil
		}
		var m meta
		if err := json.Unmarshal(b.Get(stateKey), &m); err != nil {
			return fmt.Errorf("%s: its state cannot be read: %w", f.db.Path(), err)
		}
		if m.Format > format {
			return fmt.Errorf("%s was written by a newer hearth (format %d, this one reads %d)", f.db.Path(), m.Format, format)
		}
		s = &control.State{Version: m.Version, NextSpace: m.NextSpace, Account: m.Account}
		for _, t := range tables {
			if err := t.load(tx, s); err != nil {
				return fmt.Errorf("%s: %w", f.db.Path(), err)
			}
		}
		return nil
	})
	f.last = s
	return s, err
}

// Save implements control.Store: it writes what differs from the last state, in one transaction.
func (f *File) Save(ctx context.Context, s *control.State) error {
	old := f.last
	if old == nil {
		old = &control.State{}
	}
	if s.Version != old.Version+1 {
		return control.ErrStale
	}
	err := f.db.Update(func(tx *bolt.Tx) error {
		b, err := tx.CreateBucketIfNotExists(metaBucket)
		if err != nil {
			return err
		}
		m, err := json.Marshal(meta{Format: format, Version: s.Version, NextSpace: s.NextSpace, Account: s.Account})
		if err != nil {
			return err
		}
		if err := b.Put(stateKey, m); err != nil {
			return err
		}
		for _, t := range tables {
			if err := t.save(tx, old, s); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return &hearth.Error{Kind: hearth.Unavailable, Msg: "the change could not be saved", Err: err}
	}
	f.last = s
	return nil
}

// Wait implements control.Store: nobody else changes the file.
func (f *File) Wait(ctx context.Context, version uint64) (*control.State, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}
