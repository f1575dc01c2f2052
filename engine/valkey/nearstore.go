package valkey

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/valkey-io/valkey-go"

	"github.com/hearthcache/hearth/respwire"
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
	s := &nearStore{near: n, flights: map[string]*flight{}}
	n.opening.Lock()
	defer n.opening.Unlock()
	n.stores = append(n.stores, s)
	return s
}

// overtake lets no reply of a key be kept that is on its way: it may be older than a write from here, which went
// through another connection and has been answered.
func (n *near) overtake(key string) {
	n.opening.Lock()
	defer n.opening.Unlock()
	for _, s := range n.stores {
		s.mu.Lock()
		for _, command := range kept {
			if len(s.flights) == 0 {
				break
			}
			if f := s.flights[command+":"+key]; f != nil {
				f.overtaken = true
			}
		}
		s.mu.Unlock()
	}
}

// settling reports whether an overtaken read is under way. Further reads are better asked past the near cache: each that
// is not keeps the next one from being kept.
func (n *near) settling(name string) bool {
	n.opening.Lock()
	defer n.opening.Unlock()
	for _, s := range n.stores {
		s.mu.Lock()
		f := s.flights[name]
		settling := f != nil && f.overtaken
		s.mu.Unlock()
		if settling {
			return true
		}
	}
	return false
}

// closed lets go of the view of a connection that has ended.
func (n *near) closed(s *nearStore) {
	n.opening.Lock()
	n.stores = slices.DeleteFunc(n.stores, func(o *nearStore) bool { return o == s })
	n.opening.Unlock()
	n.forgetAll(s)
}

// Flight implements valkey.CacheStore.
func (s *nearStore) Flight(key, cmd string, ttl time.Duration, _ time.Time) (valkey.ValkeyMessage, valkey.CacheEntry) {
	name := cmd + ":" + key
	s.mu.Lock()
	defer s.mu.Unlock()
	switch f := s.flights[name]; {
	case f != nil && !f.overtaken:
		return valkey.ValkeyMessage{}, f
	case f != nil:
		f.others++
	case f == nil && s.broken == nil:
		s.flights[name] = &flight{done: make(chan struct{}), until: s.near.now() + ttl}
	}
	return valkey.ValkeyMessage{}, nil
}

// Update implements valkey.CacheStore. The client calls it in the order in which the server answers and invalidates.
func (s *nearStore) Update(key, cmd string, val valkey.ValkeyMessage) int64 {
	s.mu.Lock()
	defer s.mu.Unlock() // until it is kept: a write that comes between would not find it
	f := s.land(cmd + ":" + key)
	if f == nil {
		return 0
	}
	f.end(val, nil)
	if f.overtaken {
		return 0
	}
	space, own, ok := cutKey([]byte(key))
	if !ok {
		return 0
	}
	until := f.until
	if at := val.CachePXAT(); at > 0 {
		until = min(until, s.near.now()+time.Until(time.UnixMilli(at)))
	}
	it := &nearItem{
		hash: s.near.hash(space, own), space: space, command: cmd, key: string(own), owner: s, reply: []respwire.Value{valueOf(&val)},
		until: until, bytes: int64(len(cmd) + len(key) + val.CacheSize() + nearOverhead),
	}
	it.again.Store(until < f.until)
	s.near.keep(it)
	return time.Now().Add(until - s.near.now()).UnixMilli()
}

// Cancel implements valkey.CacheStore.
func (s *nearStore) Cancel(key, cmd string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f := s.land(cmd + ":" + key); f != nil {
		f.end(valkey.ValkeyMessage{}, err)
	}
}

// land returns the flight that an answer belongs to; nil where nobody waits for it. An overtaken one stays until all that
// was asked has been answered, since answers do not say which question they are for. The caller holds mu.
func (s *nearStore) land(name string) *flight {
	f := s.flights[name]
	if f != nil && f.others > 0 {
		f.others--
		return f
	}
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
	for _, f := range flights {
		f.end(valkey.ValkeyMessage{}, err)
	}
	s.mu.Unlock()
	s.near.closed(s)
}

// flight is a read on its way, for which others may wait.
type flight struct {
	done  chan struct{}
	until time.Duration // on near's clock
	val   valkey.ValkeyMessage
	err   error

	// Guarded by the store's mutex.
	ended     bool
	overtaken bool // by a write from here: the reply may be older
	others    int  // reads of the key that were sent after that, while this one was under way
}

// end gives the first answer to whoever waits. The caller holds the store's mutex.
func (f *flight) end(val valkey.ValkeyMessage, err error) {
	if f.ended {
		return
	}
	f.ended, f.val, f.err = true, val, err
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
