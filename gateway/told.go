package gateway

import (
	"maps"
	"sync"
	"sync/atomic"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/engine"
	"github.com/hearthcache/hearth/op"
)

// told is the engine.Feed of an engine that has none, because others use its servers too: what this gateway writes, by the
// command's name. It tells rather too much than too little: a write that has changed nothing, or whose answer was lost,
// is told of.
type told struct {
	followed atomic.Pointer[map[hearth.Space]bool] // nil while there are none

	mu     sync.Mutex // guards the rest
	wake   func()
	events []engine.Event
	lost   int
}

// toldMax bounds the events that wait to be published.
const toldMax = 16 << 10

// Follow implements engine.Feed.
func (t *told) Follow(s hearth.Space, on bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	next := map[hearth.Space]bool{}
	if old := t.followed.Load(); old != nil {
		maps.Copy(next, *old)
	}
	if on {
		next[s] = true
	} else {
		delete(next, s)
	}
	if len(next) == 0 {
		t.followed.Store(nil)
		return
	}
	t.followed.Store(&next)
}

// Events implements engine.Feed.
func (t *told) Events(dst []engine.Event) (events []engine.Event, lost int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	dst, lost = append(dst, t.events...), t.lost
	clear(t.events)
	t.events, t.lost = t.events[:0], 0
	return dst, lost
}

// Wake implements engine.Feed.
func (t *told) Wake(wake func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.wake = wake
}

// wrote notes a command that may have changed items. A nil told notes nothing.
func (t *told) wrote(s hearth.Space, o op.Op, r *op.Reply, err error) {
	if t == nil || !t.follows(s) || !o.Spec().Writes() || o.Spec().Board || r.Status == op.Refused || !mayHaveHappened(err) {
		return
	}
	kind := engine.ItemSet
	switch o := o.(type) {
	case *op.Delete, *op.GetDel, *op.DeleteKind, *op.MultiDelete:
		kind = engine.ItemDeleted
	case *op.Rename:
		t.tell(s, engine.ItemDeleted, o.From)
		t.tell(s, engine.ItemSet, o.To)
		return
	}
	if m, ok := o.(op.Multi); ok {
		for _, k := range m.Keys() {
			t.tell(s, kind, k)
		}
		return
	}
	t.tell(s, kind, o.Key())
}

func (t *told) follows(s hearth.Space) bool {
	followed := t.followed.Load()
	return followed != nil && (*followed)[s]
}

// mayHaveHappened reports whether a write that ended so may have changed something.
func mayHaveHappened(err error) bool {
	if err == nil {
		return true
	}
	switch hearth.KindOf(err) {
	case hearth.Unavailable, hearth.Timeout, hearth.Canceled, hearth.Internal:
		return true
	}
	return false
}

func (t *told) tell(s hearth.Space, kind engine.EventKind, key []byte) {
	t.mu.Lock()
	first := len(t.events) == 0
	if len(t.events) >= toldMax {
		t.lost++
	} else {
		t.events = append(t.events, engine.Event{Space: s, Kind: kind, Key: append([]byte{}, key...)})
	}
	wake := t.wake
	t.mu.Unlock()
	if first && wake != nil {
		wake()
	}
}
