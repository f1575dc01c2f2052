package topics

import (
	"maps"
	"slices"
	"sync"

	"github.com/hearthcache/hearth"
)

// pattern is all subscriptions to one pattern in one space.
type pattern struct {
	glob string

	mu   sync.Mutex // guards subs; taken while a topic is locked, and then a patternSub
	subs map[*patternSub]struct{}
}

// patternSub is a subscription to a pattern. It notes which topics have something for it, and from which place on, and
// takes from their rings like everybody else. A topic in which it is not behind costs it nothing.
type patternSub struct {
	sub
	space *space
	glob  string

	mu     sync.Mutex        // guards the rest; taken while a topic is locked
	behind map[*topic]uint64 // the next message wanted of each topic with something to take
	queue  []*topic          // in the order in which they came to have something; some may not be behind any more
	parked bool
	lost   bool // a topic with something to take was let go
	ended  bool
}

func (m *Memory) subscribePattern(s hearth.Space, glob string, wake func()) *patternSub {
	u := &patternSub{sub: sub{memory: m, wake: wake}, glob: glob}
	for {
		sp := m.space(s)
		sp.mu.Lock()
		if sp.dropped {
			sp.mu.Unlock()
			continue
		}
		p := sp.patterns[glob]
		if p == nil {
			p = &pattern{glob: glob, subs: map[*patternSub]struct{}{}}
			sp.patterns[glob] = p
			sp.publishPatterns()
		}
		p.mu.Lock()
		p.subs[u] = struct{}{}
		p.mu.Unlock()
		sp.mu.Unlock()
		u.space = sp
		return u
	}
}

// publishPatterns shows the patterns to publications, which hold a topic's lock and so may not take the space's.
func (s *space) publishPatterns() {
	all := slices.Collect(maps.Values(s.patterns))
	s.offered.Store(&all)
}

// offer tells the subscriptions to patterns of the newest message of a topic, which is locked.
func (s *space) offer(t *topic, r *Receipt, wake *[]*sub) {
	patterns := s.offered.Load()
	if patterns == nil {
		return
	}
	for _, p := range *patterns {
		if !offers(p.glob, t.name) {
			continue
		}
		p.mu.Lock()
		for u := range p.subs {
			r.Receivers++
			if u.note(t, t.next-1) {
				*wake = append(*wake, &u.sub)
			}
		}
		p.mu.Unlock()
	}
}

// note remembers that a topic has something from a place on, and reports whether the subscription was waiting.
func (u *patternSub) note(t *topic, place uint64) (wake bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if _, known := u.behind[t]; !known {
		if u.behind == nil {
			u.behind = map[*topic]uint64{}
		}
		if len(u.behind) == hearth.TopicPatternLagMax {
			u.letGo()
		}
		u.behind[t] = place
		u.queue = append(u.queue, t)
	}
	wake, u.parked = u.parked, false
	return wake
}

// letGo forgets the topic that has waited longest.
func (u *patternSub) letGo() {
	for len(u.queue) > 0 {
		t := u.queue[0]
		u.queue = u.queue[1:]
		if _, ok := u.behind[t]; ok {
			delete(u.behind, t)
			u.lost = true
			return
		}
	}
}

// Take implements Sub. The messages of one call are all of one topic.
func (u *patternSub) Take(ms []Message, room int) (n int, gap *Gap, err error) {
	for {
		t, gap, err := u.head()
		if t == nil {
			return 0, gap, err
		}
		n, gap := u.takeFrom(t, ms, room)
		if n > 0 || gap != nil {
			return n, gap, nil
		}
	}
}

// head returns the first topic with something to take, or nil: then there is a loss to tell of, an end, or nothing.
func (u *patternSub) head() (*topic, *Gap, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.ended {
		return nil, nil, errDropped
	}
	if u.lost {
		u.lost = false
		return nil, &Gap{}, nil
	}
	for len(u.queue) > 0 {
		t := u.queue[0]
		if _, ok := u.behind[t]; ok {
			return t, nil, nil
		}
		u.queue = u.queue[1:]
	}
	u.queue, u.parked = nil, true
	return nil, nil, nil
}

// takeFrom takes from a topic and puts it at the end of the queue if there is more.
func (u *patternSub) takeFrom(t *topic, ms []Message, room int) (n int, gap *Gap) {
	t.mu.Lock()
	defer t.mu.Unlock()
	u.mu.Lock()
	defer u.mu.Unlock()
	next, ok := u.behind[t]
	if !ok {
		return 0, nil
	}
	delete(u.behind, t)
	u.queue = u.queue[1:]
	if t.gone {
		return 0, nil
	}
	n, next, gap = t.take(next, ms, room)
	if next < t.next {
		u.behind[t] = next
		u.queue = append(u.queue, t)
	}
	return n, gap
}

// Close implements Sub.
func (u *patternSub) Close() {
	if !u.shut() {
		return
	}
	u.memory.subs.Add(-1)
	s := u.space
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.patterns[u.glob]
	if p == nil {
		return // dropped
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.subs, u)
	if len(p.subs) == 0 {
		delete(s.patterns, u.glob)
		s.publishPatterns()
	}
}

// end ends all subscriptions to the pattern.
func (p *pattern) end() {
	p.mu.Lock()
	subs := p.subs
	p.subs = map[*patternSub]struct{}{}
	p.mu.Unlock()
	for u := range subs {
		u.mu.Lock()
		u.ended, u.behind, u.queue = true, nil, nil
		u.mu.Unlock()
		u.ring()
	}
}
