package valkey

import (
	"context"
	"sync"
	"time"

	"github.com/valkey-io/valkey-go"
)

// nearStore is one connection's view of the near cache, as the client wants it. Reads on their way stand in flights,
// so that a key that becomes hot is asked for once.
type nearStore struct {
	near *near

	mu      sync.Mutex // guards the rest
	flights map[string]*flight
	broken  error
}

func (n *near) store(valkey.CacheStoreOption) valkey.CacheStore {
	return &nearStore{near: n, flights: map[string]*flight{}}
}

// Flight implements valkey.CacheStore.
func (s *nearStore) Flight(key, cmd string, ttl time.Duration, now time.Time) (valkey.ValkeyMessage, valkey.CacheEntry) {
	name := cmd + ":" + key
	s.mu.Lock()
	defer s.mu.Unlock()
	if f := s.flights[name]; f != nil {
		return valkey.ValkeyMessage{}, f
	}
	if s.broken == nil {
		s.flights[name] = &flight{done: make(chan struct{}), until: now.Add(ttl).UnixMilli()}
	}
	return valkey.ValkeyMessage{}, nil
}

// Update implements valkey.CacheStore. The client calls it in the order in which the server answers and invalidates.
func (s *nearStore) Update(key, cmd string, val valkey.ValkeyMessage) int64 {
	f := s.land(cmd + ":" + key)
	if f == nil {
		return 0
	}
	until := f.until
	if at := val.CachePXAT(); at > 0 {
		until = min(until, at)
	}
	s.near.keep(&nearItem{
		name: cmd + ":" + key, owner: s, reply: val, until: until,
		bytes: int64(len(cmd) + len(key) + val.CacheSize() + nearOverhead),
	})
	f.end(val, nil)
	return until
}

// Cancel implements valkey.CacheStore.
func (s *nearStore) Cancel(key, cmd string, err error) {
	if f := s.land(cmd + ":" + key); f != nil {
		f.end(valkey.ValkeyMessage{}, err)
	}
}

func (s *nearStore) land(name string) *flight {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.flights[name]
	delete(s.flights, name)
	return f
}

// Delete implements valkey.CacheStore: the server says that keys have changed, or everything may have.
func (s *nearStore) Delete(keys []valkey.ValkeyMessage) {
	if keys == nil {
		s.near.forgetAll(s)
		return
	}
	for i := range keys {
		key, _ := keys[i].ToString()
		s.near.forget(key)
	}
}

// Close implements valkey.CacheStore: the connection is broken, and invalidations may be missed from now on.
func (s *nearStore) Close(err error) {
	s.mu.Lock()
	flights := s.flights
	s.flights, s.broken = nil, err
	s.mu.Unlock()
	s.near.forgetAll(s)
	for _, f := range flights {
		f.end(valkey.ValkeyMessage{}, err)
	}
}

// flight is a read on its way, for which others may wait.
type flight struct {
	done  chan struct{}
	until int64
	val   valkey.ValkeyMessage
	err   error
}

func (f *flight) end(val valkey.ValkeyMessage, err error) {
	f.val, f.err = val, err
	close(f.done)
}

// Wait implements valkey.CacheEntry.
func (f *flight) Wait(ctx context.Context) (valkey.ValkeyMessage, error) {
	select {
	case <-ctx.Done():
		return valkey.ValkeyMessage{}, ctx.Err()
	case <-f.done:
		return f.val, f.err
	}
}
