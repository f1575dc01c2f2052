package topics

import (
	"github.com/hearthcache/hearth"
)

// A Memory whose messages are numbered elsewhere is the fan-out of one gateway among several: what is published comes by
// Insert, each message with its page and number. A topic of which nothing is known yet has page 0.

// Insert offers a message that was numbered elsewhere. What the topic has already is ignored; where numbers were jumped
// over, or the page has changed, subscribers see a gap. The body is borrowed until Insert returns.
func (m *Memory) Insert(s hearth.Space, name string, page, number uint64, time int64, b Body) {
	t, sp := m.open(s, name)
	m.stand(t, page, number, true)
	if t.number(t.next) != number {
		t.mu.Unlock()
		return
	}
	m.append(t, sp, newMessage(b, time))
}

// Place says where a topic stands: the number that its next message will have. Subscribers who have not seen the one
// before it see a gap.
func (m *Memory) Place(s hearth.Space, name string, page, next uint64) {
	t, _ := m.open(s, name)
	m.stand(t, page, next, false)
	unused := len(t.subs) == 0
	t.unlockAndWake()
	if unused {
		m.sweepLater()
	}
}

// stand moves a topic, which is locked, on to a page and a number, where it is not there or further already.
func (m *Memory) stand(t *topic, page, number uint64, more bool) {
	switch {
	case t.page == page:
	case t.page == 0:
		t.page = page
		if len(t.subs) == 0 || !more && t.next == 1 {
			t.next = number // nobody has missed what came before
			return
		}
	default:
		m.shedRing(t)
		t.page, t.before = page, t.shift
		t.next = max(t.next+1, number)
		t.turned, t.shift = t.next, t.next-number
		return
	}
	if place := number + t.shift; place > t.next {
		m.shedRing(t)
		t.next = place
	}
}

// shedRing drops the messages of a topic, which is locked.
func (m *Memory) shedRing(t *topic) {
	m.bytes.Add(-t.bytes)
	t.empty()
}

// Prepend puts older messages before those of a topic's ring: ms, the first of which has a number, on a page. It does
// nothing where they do not end where the ring begins, or overlap it.
func (m *Memory) Prepend(s hearth.Space, name string, page, number uint64, ms []Message) {
	t, _ := m.open(s, name)
	defer t.mu.Unlock()
	first := t.number(t.first())
	if t.page != page || number >= first || number+uint64(len(ms)) < first {
		return
	}
	for ms = ms[:first-number]; len(ms) > 0; ms = ms[:len(ms)-1] {
		msg := newMessage(ms[len(ms)-1].Body, ms[len(ms)-1].Time)
		if t.length == hearth.TopicRingMessagesMax || t.bytes+msg.cost() > hearth.TopicRingBytesMax {
			return
		}
		if t.length == len(t.buf) {
			t.grow()
		}
		t.head = (t.head - 1) & (len(t.buf) - 1)
		t.buf[t.head] = msg
		t.length++
		t.bytes += msg.cost()
		m.bytes.Add(msg.cost())
	}
}

// Reaches reports whether a topic's ring begins at a position, or before it.
func (m *Memory) Reaches(s hearth.Space, name string, p Position) bool {
	t, _ := m.open(s, name)
	defer t.mu.Unlock()
	_, ok := t.reach(p)
	return ok
}

// Forget forgets a topic that nobody subscribes to.
func (m *Memory) Forget(s hearth.Space, name string) {
	t, sp := m.open(s, name)
	t.mu.Unlock()
	sp.mu.Lock()
	defer sp.mu.Unlock()
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.gone && len(t.subs) == 0 {
		m.forget(t)
		delete(sp.topics, name)
	}
}

// Receivers returns how many subscriptions a message of a topic would be offered to.
func (m *Memory) Receivers(s hearth.Space, name string) int {
	sp := m.known(s)
	if sp == nil {
		return 0
	}
	sp.mu.RLock()
	defer sp.mu.RUnlock()
	n := 0
	if t := sp.topics[name]; t != nil {
		t.mu.Lock()
		n = len(t.subs)
		t.mu.Unlock()
	}
	for glob, p := range sp.patterns {
		if offers(glob, name) {
			p.mu.Lock()
			n += len(p.subs)
			p.mu.Unlock()
		}
	}
	return n
}

// LosePatterns tells the subscriptions to patterns of a space that they may have missed messages of any topic.
func (m *Memory) LosePatterns(s hearth.Space) {
	sp := m.known(s)
	if sp == nil {
		return
	}
	var woken []*patternSub
	sp.mu.RLock()
	for _, p := range sp.patterns {
		p.mu.Lock()
		for u := range p.subs {
			u.mu.Lock()
			u.lost, u.parked = true, false
			u.mu.Unlock()
			woken = append(woken, u)
		}
		p.mu.Unlock()
	}
	sp.mu.RUnlock()
	for _, u := range woken {
		u.ring()
	}
}
