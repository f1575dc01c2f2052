package topics

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hearthcache/hearth"
)

// Options configures a Memory. The zero Options is ready to use.
type Options struct {
	BytesMax int64            // for all topics and their rings; 0 is hearth.TopicsBytesMax
	Now      func() time.Time // nil is time.Now
	Fed      bool             // messages are numbered elsewhere and come by Insert, not by Publish
}

// Memory is the Broker that keeps its topics in this process. Each topic has a ring of its newest messages, from which its
// subscribers take: a message is kept once, whoever waits for it.
//
// A topic that nobody subscribes to is forgotten when it was idle for a while, or sooner when memory is short. A topic of
// the same name that is made later has a greater page, so a subscriber that comes back is told that it may have missed
// something, and numbers never repeat within a page.
type Memory struct {
	now      func() time.Time
	bytesMax int64
	fed      bool

	bytes atomic.Int64 // what topics and rings cost
	subs  atomic.Int64
	floor atomic.Uint64 // no page up to this is given again

	mu     sync.RWMutex // guards spaces
	spaces map[hearth.Space]*space

	wakes sync.Pool // of *[]*sub, between publications

	sweepMu sync.Mutex
	sweeper *time.Timer // set while a topic without subscribers waits to be forgotten
	closed  bool
}

// space is the topics of one cache.
type space struct {
	offered atomic.Pointer[[]*pattern] // the values of patterns

	mu       sync.RWMutex // guards the rest; a topic may be locked while it is held
	topics   map[string]*topic
	patterns map[string]*pattern
	dropped  bool
}

// NewMemory returns an empty broker.
func NewMemory(o Options) *Memory {
	m := &Memory{now: o.Now, bytesMax: o.BytesMax, fed: o.Fed, spaces: map[hearth.Space]*space{}}
	if m.now == nil {
		m.now = time.Now
	}
	if m.bytesMax == 0 {
		m.bytesMax = hearth.TopicsBytesMax
	}
	// A process that begins within the second in which another one ended gives none of its pages again.
	m.floor.Store(uint64(m.now().Unix()))
	m.wakes.New = func() any { return new([]*sub) }
	return m
}

// Close stops the timer that forgets idle topics.
func (m *Memory) Close() {
	m.sweepMu.Lock()
	defer m.sweepMu.Unlock()
	m.closed = true
	if m.sweeper != nil {
		m.sweeper.Stop()
		m.sweeper = nil
	}
}

// Publish implements Broker.
func (m *Memory) Publish(_ context.Context, s hearth.Space, name string, b Body) (Receipt, error) {
	if err := b.Check(); err != nil {
		return Receipt{}, err
	}
	msg := newMessage(b, m.now().UnixMilli())
	t, sp := m.open(s, name)
	return m.append(t, sp, msg), nil
}

// append numbers a message, offers it, and unlocks the topic.
func (m *Memory) append(t *topic, sp *space, msg message) Receipt {
	wake := m.wakes.Get().(*[]*sub)
	grown := t.append(msg, wake)
	receipt := Receipt{Sequence: t.number(t.next - 1), Page: t.page, Receivers: len(t.subs)}
	sp.offer(t, &receipt, wake)
	t.mu.Unlock()

	m.bytes.Add(grown)
	for _, w := range *wake {
		w.ring()
	}
	clear(*wake)
	*wake = (*wake)[:0]
	m.wakes.Put(wake)
	if m.bytes.Load() > m.bytesMax {
		m.reclaim(t)
	}
	if receipt.Receivers == 0 {
		m.sweepLater()
	}
	return receipt
}

// Break implements Breaker.
func (m *Memory) Break(s hearth.Space, name string) {
	t, _ := m.open(s, name)
	m.bytes.Add(-t.bytes)
	t.empty()
	t.next++
	t.unlockAndWake()
}

// unlockAndWake unlocks the topic and wakes whoever waits for something of it.
func (t *topic) unlockAndWake() {
	woken := slices.Clone(t.subs[:t.parked])
	t.parked = 0
	t.mu.Unlock()
	for _, u := range woken {
		u.ring()
	}
}

// Subscribe implements Broker.
func (m *Memory) Subscribe(s hearth.Space, f Filter, after Position, wake func()) (Sub, error) {
	if m.subs.Add(1) > hearth.TopicSubscriptionsMax {
		m.subs.Add(-1)
		return nil, &hearth.Error{Kind: hearth.Limited, Limit: hearth.Subscriptions,
			Msg: "this server has as many subscribers as it may have"}
	}
	if f.Topic == "" {
		return m.subscribePattern(s, f.Pattern, wake), nil
	}
	t, _ := m.open(s, f.Topic)
	defer t.mu.Unlock()
	u := &sub{memory: m, topic: t, wake: wake}
	u.next, u.gap = t.start(after)
	t.add(u)
	return u, nil
}

// Drop implements Broker.
func (m *Memory) Drop(s hearth.Space) {
	m.mu.Lock()
	sp := m.spaces[s]
	delete(m.spaces, s)
	m.mu.Unlock()
	if sp == nil {
		return
	}
	sp.mu.Lock()
	sp.dropped = true
	topics, patterns := sp.topics, sp.patterns
	sp.topics, sp.patterns = nil, nil
	sp.mu.Unlock()
	for _, t := range topics {
		t.mu.Lock()
		ended := m.forget(t)
		t.mu.Unlock()
		for _, u := range ended {
			u.ring()
		}
	}
	for _, p := range patterns {
		p.end()
	}
}

// open returns a topic, locked, with its space; it makes what does not exist yet.
func (m *Memory) open(s hearth.Space, name string) (*topic, *space) {
	for {
		sp := m.space(s)
		sp.mu.RLock()
		t := sp.topics[name]
		sp.mu.RUnlock()
		if t == nil {
			t = m.make(sp, name)
		}
		if t == nil {
			continue // the space was dropped meanwhile
		}
		t.mu.Lock()
		if !t.gone {
			return t, sp
		}
		t.mu.Unlock()
	}
}

// known returns a space, nil where nothing was published or subscribed to in it.
func (m *Memory) known(s hearth.Space) *space {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.spaces[s]
}

// space returns a space, which it makes where there is none.
func (m *Memory) space(s hearth.Space) *space {
	sp := m.known(s)
	if sp != nil {
		return sp
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if sp = m.spaces[s]; sp == nil {
		sp = &space{topics: map[string]*topic{}, patterns: map[string]*pattern{}}
		m.spaces[s] = sp
	}
	return sp
}

// make adds a topic to a space, nil where the space was dropped.
func (m *Memory) make(sp *space, name string) *topic {
	sp.mu.Lock()
	defer sp.mu.Unlock()
	if sp.dropped {
		return nil
	}
	if t := sp.topics[name]; t != nil {
		return t
	}
	now := m.now()
	t := &topic{name: name, space: sp, next: 1, used: now.UnixMilli()}
	if !m.fed {
		t.page = max(uint64(now.Unix()), m.floor.Load()+1)
	}
	sp.topics[name] = t
	m.bytes.Add(t.cost())
	return t
}

// forget ends a topic, which is locked, and returns the subscriptions that must hear of it.
func (m *Memory) forget(t *topic) []*sub {
	for floor := m.floor.Load(); t.page > floor && !m.floor.CompareAndSwap(floor, t.page); {
		floor = m.floor.Load()
	}
	m.bytes.Add(-t.cost() - t.bytes)
	t.gone = true
	t.empty()
	return t.subs
}

// List implements Lister.
func (m *Memory) List(s hearth.Space, pattern string, yield func(Info) bool) {
	sp := m.known(s)
	if sp == nil {
		return
	}
	sp.mu.RLock()
	found := make([]*topic, 0, len(sp.topics))
	for name, t := range sp.topics {
		if pattern == "" || Match(pattern, name) {
			found = append(found, t)
		}
	}
	sp.mu.RUnlock()
	for _, t := range found {
		if !yield(t.info()) {
			return
		}
	}
}

// Topic implements Lister.
func (m *Memory) Topic(s hearth.Space, name string) Info {
	sp := m.known(s)
	if sp == nil {
		return Info{}
	}
	sp.mu.RLock()
	t := sp.topics[name]
	sp.mu.RUnlock()
	if t == nil {
		return Info{}
	}
	return t.info()
}

// Patterns implements Lister.
func (m *Memory) Patterns(s hearth.Space) int {
	sp := m.known(s)
	if sp == nil {
		return 0
	}
	sp.mu.RLock()
	defer sp.mu.RUnlock()
	return len(sp.patterns)
}

var (
	_ Broker  = (*Memory)(nil)
	_ Lister  = (*Memory)(nil)
	_ Breaker = (*Memory)(nil)
)
