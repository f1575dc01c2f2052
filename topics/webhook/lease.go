package webhook

import (
	"context"
	"time"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/topics"
)

// Leases decide which of several senders delivers a webhook: the one that has its lease.
type Leases interface {
	// Hold takes leases that nobody has for WebhookLease, and prolongs those that are ours. It notes Next of those that
	// were ours before, and returns it for those that were not.
	Hold(ctx context.Context, leases []Lease)
	// Release notes Next of leases that are ours, and ends them. Of webhooks that are deleted nothing is remembered.
	Release(ctx context.Context, leases []Lease, deleted bool)
}

// Lease is the right to deliver one webhook.
type Lease struct {
	Space hearth.Space
	Name  string
	Topic string
	Next  topics.Position // of the message that is delivered next; zero: nothing was noted yet

	Held  bool
	Fresh bool // somebody else had it last, or nobody
	Err   error
}

// hold takes and prolongs leases until ctx ends, while there are webhooks.
func (s *Sender) hold(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.holdNow:
		case <-timer.C:
		}
		if s.holdOnce(ctx) {
			timer.Reset(hearth.WebhookLease / 3)
		}
	}
}

func (s *Sender) holdSoon() {
	select {
	case s.holdNow <- struct{}{}:
	default:
	}
}

// holdOnce reports whether there are webhooks.
func (s *Sender) holdOnce(ctx context.Context) bool {
	s.mu.Lock()
	leases, gone := s.held(), s.gone
	s.gone = nil
	s.mu.Unlock()
	began := s.now()
	ctx, cancel := context.WithTimeout(ctx, hearth.WebhookLease)
	defer cancel()
	if len(gone) > 0 {
		s.leases.Release(ctx, gone, true)
	}
	if len(leases) == 0 {
		return false
	}
	s.leases.Hold(ctx, leases)
	for _, l := range leases {
		if l.Err != nil {
			// What is ours is delivered until its lease has passed.
			s.log.Warn("the lease of a webhook cannot be held", "webhook", l.Name, "err", l.Err)
			continue
		}
		s.leased(l, began.Add(hearth.WebhookLease))
	}
	s.ring()
	return true
}

// held returns the leases of all lanes, with what is to be noted. The lock is held.
func (s *Sender) held() []Lease {
	leases := make([]Lease, 0, len(s.lanes))
	for name, l := range s.lanes {
		leases = append(leases, Lease{Space: name.space, Name: name.name, Topic: l.hook.Topic, Next: l.position()})
	}
	return leases
}

// leased does what it means to have a lease until a time, or not to have it.
func (s *Sender) leased(x Lease, until time.Time) {
	name := laneName{x.Space, x.Name}
	s.mu.Lock()
	l := s.lanes[name]
	if l == nil || l.hook.Topic != x.Topic {
		s.mu.Unlock()
		return
	}
	var sub topics.Sub
	if l.sub != nil && (!x.Held || x.Fresh && x.Next != topics.Position{}) {
		// Somebody else has it, or has had it meanwhile: what waits here is theirs.
		hook := l.hook
		sub = s.shut(name)
		l = s.open(name, &hook)
	}
	if x.Held {
		l.until = until
		s.consider(l)
	}
	begin := x.Held && l.sub == nil
	s.mu.Unlock()
	if sub != nil {
		sub.Close()
	}
	if begin {
		s.subscribe(l, x.Next)
		s.holdSoon() // so that it is noted at once where this lane has begun
	}
}

// release gives the leases to whoever wants them, when nothing is delivered here any more.
func (s *Sender) release() {
	s.mu.Lock()
	leases := s.held()
	s.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), hearth.WebhookLease)
	defer cancel()
	if len(leases) > 0 {
		s.leases.Release(ctx, leases, false)
	}
}

// position returns where the next message stands that is to be delivered.
func (l *lane) position() topics.Position {
	if len(l.queue) > 0 {
		return topics.Position{Sequence: l.queue[0].Sequence, Page: l.queue[0].Page}
	}
	return l.next
}

// where returns where a topic stands, for a subscription that has just begun there.
func (s *Sender) where(h *Hook) topics.Position {
	l, ok := s.topics.(topics.Lister)
	if !ok {
		return topics.Position{}
	}
	i := l.Topic(h.Space, h.Topic)
	return topics.Position{Sequence: max(i.Next, 1), Page: i.Page}
}
