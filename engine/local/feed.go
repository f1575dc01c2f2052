package local

import (
	"sync"
	"sync/atomic"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/engine"
)

// feed keeps what happened in the spaces that are followed until somebody takes it. Each shard has a ring of its own.
type feed struct {
	lost    atomic.Int64
	pending atomic.Bool // events were recorded since Events found none
	wake    atomic.Pointer[func()]

	mu       sync.Mutex // guards followed
	followed []*space
}

// eventsMax bounds what a shard keeps.
const eventsMax = 4 << 10

// Follow implements engine.Feed.
func (e *Engine) Follow(id hearth.Space, on bool) {
	sp := e.space(id)
	f := &e.feed
	f.mu.Lock()
	defer f.mu.Unlock()
	if sp.follow.Swap(on) == on {
		return
	}
	if on {
		f.followed = append(f.followed, sp)
		return
	}
	for i, other := range f.followed {
		if other == sp {
			f.followed = append(f.followed[:i:i], f.followed[i+1:]...)
			return
		}
	}
}

// Events implements engine.Feed.
func (e *Engine) Events(dst []engine.Event) (events []engine.Event, lost int) {
	f := &e.feed
	f.pending.Store(false)
	f.mu.Lock()
	followed := append([]*space(nil), f.followed...)
	f.mu.Unlock()
	for _, sp := range followed {
		for _, s := range sp.layout.Load().shards {
			s.lock()
			events := s.events
			s.events = nil
			s.mu.Unlock()
			dst = append(dst, events...)
		}
	}
	return dst, int(f.lost.Swap(0))
}

// Wake implements engine.Feed.
func (e *Engine) Wake(f func()) { e.feed.wake.Store(&f) }

// tell records an event of a followed space.
func (s *shard) tell(kind engine.EventKind, key []byte) {
	if !s.sp.follow.Load() {
		return
	}
	if len(s.events) >= eventsMax {
		s.e.feed.lost.Add(1)
		return
	}
	s.events = append(s.events, engine.Event{Space: s.sp.id, Kind: kind, Key: append([]byte(nil), key...)})
}

// tell wakes who listens, once until Events is called. It is called outside locks.
func (f *feed) tell() {
	if f.pending.Swap(true) {
		return
	}
	if wake := f.wake.Load(); wake != nil && *wake != nil {
		(*wake)()
	}
}
