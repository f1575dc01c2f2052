package topics

import (
	"time"

	"github.com/hearthcache/hearth"
)

const (
	reclaimSample = 8  // topics that are looked at to find one that was not used for long
	reclaimTries  = 16 // samples that one publication may take
)

// reclaim brings memory back under its bound: rings of topics that were not used for long go first, at the last the
// ring of the topic that was just published to. Its subscribers are told of the loss like any slow reader.
func (m *Memory) reclaim(newest *topic) {
	for range reclaimTries {
		if m.bytes.Load() <= m.bytesMax {
			return
		}
		if t := m.sample(newest); t != nil {
			m.shed(t)
		}
	}
	newest.mu.Lock()
	defer newest.mu.Unlock()
	for newest.length > 0 && m.bytes.Load() > m.bytesMax {
		before := newest.bytes
		newest.dropOldest()
		m.bytes.Add(newest.bytes - before)
	}
}

// sample returns the topic used longest ago among a few, nil if there is none but the newest. It relies on maps being
// walked from a random place.
func (m *Memory) sample(newest *topic) (oldest *topic) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	used, seen := int64(0), 0
	for _, sp := range m.spaces {
		sp.mu.RLock()
		for _, t := range sp.topics {
			if t == newest {
				continue
			}
			t.mu.Lock()
			if !t.gone && (oldest == nil || t.used < used) && (t.length > 0 || len(t.subs) == 0) {
				oldest, used = t, t.used
			}
			t.mu.Unlock()
			if seen++; seen%reclaimSample == 0 {
				break
			}
		}
		sp.mu.RUnlock()
		if seen >= reclaimSample {
			break
		}
	}
	return oldest
}

// shed forgets a topic without subscribers, and empties the ring of one with some.
func (m *Memory) shed(t *topic) {
	t.space.mu.Lock()
	defer t.space.mu.Unlock()
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case t.gone:
	case len(t.subs) == 0:
		m.forget(t)
		delete(t.space.topics, t.name)
	default:
		m.bytes.Add(-t.bytes)
		t.empty()
	}
}

// sweepLater makes sure that topics without subscribers are forgotten when they have been idle for long. No timer runs
// while there are none.
func (m *Memory) sweepLater() {
	m.sweepMu.Lock()
	defer m.sweepMu.Unlock()
	if m.sweeper == nil && !m.closed {
		m.sweeper = time.AfterFunc(hearth.TopicIdleMax, m.sweep)
	}
}

func (m *Memory) sweep() {
	m.sweepMu.Lock()
	m.sweeper = nil
	m.sweepMu.Unlock()
	if m.forgetIdle() {
		m.sweepLater()
	}
}

// forgetIdle forgets topics that nobody has used for hearth.TopicIdleMax, and spaces without topics. It reports whether
// some topic is still waiting for that.
func (m *Memory) forgetIdle() (waiting bool) {
	limit := m.now().Add(-hearth.TopicIdleMax).UnixMilli()
	m.mu.Lock()
	defer m.mu.Unlock()
	for s, sp := range m.spaces {
		sp.mu.Lock()
		for name, t := range sp.topics {
			t.mu.Lock()
			switch {
			case len(t.subs) > 0:
			case t.used > limit:
				waiting = true
			default:
				m.forget(t)
				delete(sp.topics, name)
			}
			t.mu.Unlock()
		}
		if len(sp.topics)+len(sp.patterns) == 0 {
			sp.dropped = true
			delete(m.spaces, s)
		}
		sp.mu.Unlock()
	}
	return waiting
}
