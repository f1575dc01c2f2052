package topics

import (
	"sync"

	"github.com/hearthcache/hearth"
)

// sub is a subscription to one topic, or the bell of a subscription to a pattern.
type sub struct {
	memory *Memory
	topic  *topic // nil for a pattern
	wake   func()

	next  uint64 // the place of the next message wanted; guarded by topic.mu, like index and gap
	gap   *Gap   // to be told before anything else
	index int    // in topic.subs

	bell   sync.Mutex // held while wake runs
	closed bool       // guarded by bell
}

// errDropped ends the subscriptions of a cache that was deleted.
var errDropped = &hearth.Error{Kind: hearth.NoCache, Msg: "the cache of this subscription was deleted"}

// Take implements Sub.
func (u *sub) Take(ms []Message, room int) (n int, gap *Gap, err error) {
	t := u.topic
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.gone {
		return 0, nil, errDropped
	}
	if gap, u.gap = u.gap, nil; gap != nil {
		// The ring may have moved on since the gap was noted: what is told last counts.
		u.next = max(u.next, t.first())
		gap.Next = t.number(u.next)
	}
	n, next, lost := t.take(u.next, ms, room)
	u.next = next
	if gap == nil {
		gap = lost
	}
	if n == 0 && gap == nil {
		t.park(u)
	}
	return n, gap, nil
}

// Close implements Sub.
func (u *sub) Close() {
	if !u.shut() {
		return
	}
	u.memory.subs.Add(-1)
	t := u.topic
	t.mu.Lock()
	left := 1
	if !t.gone {
		t.remove(u)
		t.used = u.memory.now().UnixMilli()
		left = len(t.subs)
	}
	t.mu.Unlock()
	if left == 0 {
		u.memory.sweepLater()
	}
}

// ring calls wake unless the subscription was closed.
func (u *sub) ring() {
	u.bell.Lock()
	defer u.bell.Unlock()
	if !u.closed {
		u.wake()
	}
}

// shut makes ring do nothing from now on and reports whether it did something before.
func (u *sub) shut() bool {
	u.bell.Lock()
	defer u.bell.Unlock()
	was := u.closed
	u.closed = true
	return !was
}
