// Package webhook delivers the messages of topics to URLs: signed, in order, again and again until the receiver takes
// them or the retry horizon has passed. It knows nothing of protocols, permissions, or where definitions are kept.
package webhook

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/guard"
	"github.com/hearthcache/hearth/topics"
)

// Hook is one webhook: where to post the messages of one topic.
type Hook struct {
	Space  hearth.Space // of the topic
	Cache  string
	Name   string
	Topic  string
	URL    string
	Secret string

	OldSecret string // signs too, until OldUntil
	OldUntil  time.Time
}

func (h *Hook) secrets(now time.Time) []string {
	if h.OldSecret != "" && now.Before(h.OldUntil) {
		return []string{h.Secret, h.OldSecret}
	}
	return []string{h.Secret}
}

// destination returns what deliveries to the same receiver have in common: scheme, host and port.
func (h *Hook) destination() string {
	u, err := url.Parse(h.URL)
	if err != nil {
		return h.URL
	}
	return u.Scheme + "://" + u.Host
}

// Dead is a message that no receiver took.
type Dead struct {
	Hook     Hook
	Message  topics.Message
	Attempts int
	Reason   string
}

// Options configures a Sender. Topics is required.
type Options struct {
	Topics topics.Broker
	Leases Leases // where several senders have the same webhooks; nil where this is the only one
	Guard  guard.Guard
	Dead   func(Dead) // hears of every message that was given up; must not wait; may be nil
	Log    *slog.Logger

	// What follows is for tests; zero is the limit of the same name in package hearth.
	Timeout      time.Duration
	Horizon      time.Duration
	BackoffFirst time.Duration
	BackoffMax   time.Duration
	Now          func() time.Time
}

// Sender delivers. Each webhook has a lane: a queue whose head is delivered before the next message is, so the messages
// of a topic arrive in order. Lanes do not wait for each other, except that one destination takes a few deliveries at a
// time, and one at a time while it keeps failing.
type Sender struct {
	topics  topics.Broker
	leases  Leases // nil: every webhook is delivered here
	guard   guard.Guard
	client  *http.Client
	dead    func(Dead)
	log     *slog.Logger
	now     func() time.Time
	timeout time.Duration
	horizon time.Duration
	backoff [2]time.Duration // first and greatest

	wake    chan struct{} // tells Run that there is something to do
	holdNow chan struct{} // tells hold that there are other webhooks

	mu           sync.Mutex // guards the rest, and every lane and destination
	lanes        map[laneName]*lane
	destinations map[string]*destination
	woken        []*lane // whose subscriptions have something
	ready        []*lane // that may begin a delivery as soon as there is room
	timers       timers
	underWay     int
	given        []Dead  // to be told of
	gone         []Lease // of deleted webhooks
}

type laneName struct {
	space hearth.Space
	name  string
}

// New returns a Sender without webhooks.
func New(o Options) *Sender {
	s := &Sender{
		topics: o.Topics, leases: o.Leases, guard: o.Guard, dead: o.Dead, log: o.Log, now: o.Now,
		timeout: or(o.Timeout, hearth.WebhookTimeout), horizon: or(o.Horizon, hearth.WebhookRetryHorizon),
		backoff: [2]time.Duration{or(o.BackoffFirst, hearth.WebhookBackoffFirst), or(o.BackoffMax, hearth.WebhookBackoffMax)},
		wake:    make(chan struct{}, 1), holdNow: make(chan struct{}, 1),
		lanes: map[laneName]*lane{}, destinations: map[string]*destination{},
	}
	if s.now == nil {
		s.now = time.Now
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.dead == nil {
		s.dead = func(Dead) {}
	}
	s.client = newClient(&s.guard)
	return s
}

func or(d, otherwise time.Duration) time.Duration {
	if d != 0 {
		return d
	}
	return otherwise
}

// Guard returns what checks the addresses of deliveries.
func (s *Sender) Guard() *guard.Guard { return &s.guard }

// Set makes hooks the webhooks that there are. A new one gets what is published from now on; one that only points
// elsewhere keeps what waits.
func (s *Sender) Set(hooks []Hook) {
	s.mu.Lock()
	keep := make(map[laneName]bool, len(hooks))
	var opened []*lane
	var closed []topics.Sub
	for i := range hooks {
		h := &hooks[i]
		name := laneName{h.Space, h.Name}
		keep[name] = true
		switch l := s.lanes[name]; {
		case l == nil:
			opened = append(opened, s.open(name, h))
		case l.hook.Topic != h.Topic:
			s.gone = append(s.gone, Lease{Space: name.space, Name: name.name, Topic: l.hook.Topic})
			closed = append(closed, s.shut(name))
			opened = append(opened, s.open(name, h))
		default:
			s.repoint(l, h)
		}
	}
	for name := range s.lanes {
		if !keep[name] {
			topic := s.lanes[name].hook.Topic
			closed = append(closed, s.shut(name))
			s.gone = append(s.gone, Lease{Space: name.space, Name: name.name, Topic: topic})
		}
	}
	s.mu.Unlock()
	for _, sub := range closed {
		if sub != nil {
			sub.Close()
		}
	}
	for _, l := range opened {
		if s.leases == nil {
			s.subscribe(l, topics.Position{})
		}
	}
	s.holdSoon()
	s.ring()
}

func (s *Sender) open(name laneName, h *Hook) *lane {
	l := &lane{hook: *h}
	s.lanes[name] = l
	s.repoint(l, h)
	return l
}

// subscribe has a lane get messages, from a position on. Brokers may wait, so it is called without the lock.
func (s *Sender) subscribe(l *lane, after topics.Position) {
	s.mu.Lock()
	h := l.hook
	s.mu.Unlock()
	sub, err := s.topics.Subscribe(h.Space, topics.Filter{Topic: h.Topic}, after, func() { s.wakeLane(l) })
	if err != nil {
		s.log.Error("a webhook cannot subscribe to its topic", "cache", h.Cache, "webhook", h.Name, "err", err)
		return
	}
	if after == (topics.Position{}) {
		after = s.where(&h)
	}
	s.mu.Lock()
	if l.closed {
		s.mu.Unlock()
		sub.Close()
		return
	}
	l.sub, l.next = sub, after
	s.woken = append(s.woken, l)
	s.mu.Unlock()
}

// repoint gives a lane the newest definition.
func (s *Sender) repoint(l *lane, h *Hook) {
	old := l.to
	l.hook = *h
	key := h.destination()
	if old != nil && old.key == key {
		return
	}
	if l.to = s.destinations[key]; l.to == nil {
		l.to = &destination{key: key}
		s.destinations[key] = l.to
	}
	l.to.lanes++
	s.leave(old)
}

// shut takes a lane away and returns its subscription, to be closed without the lock.
func (s *Sender) shut(name laneName) topics.Sub {
	l := s.lanes[name]
	delete(s.lanes, name)
	l.closed = true
	l.queue, l.bytes = nil, 0
	s.leave(l.to)
	return l.sub
}

// leave forgets a destination that no lane goes to.
func (s *Sender) leave(d *destination) {
	if d == nil {
		return
	}
	if d.lanes--; d.lanes == 0 {
		delete(s.destinations, d.key)
	}
}

// wakeLane is called by the broker.
func (s *Sender) wakeLane(l *lane) {
	s.mu.Lock()
	s.woken = append(s.woken, l)
	s.mu.Unlock()
	s.ring()
}

func (s *Sender) ring() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// Run delivers until ctx ends, and waits for deliveries under way. No timer runs while nothing is to be tried again.
func (s *Sender) Run(ctx context.Context) error {
	var workers sync.WaitGroup
	if s.leases != nil {
		workers.Go(func() { s.hold(ctx) })
		defer s.release()
	}
	defer workers.Wait()
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		starts, next := s.step()
		s.bury()
		for _, l := range starts {
			workers.Go(func() { s.attempt(ctx, l) })
		}
		timer.Stop()
		if !next.IsZero() {
			timer.Reset(max(0, next.Sub(s.now())))
		}
		select {
		case <-ctx.Done():
			return nil
		case <-s.wake:
		case <-timer.C:
		}
	}
}

// step takes what is new into the lanes and returns those whose heads are to be delivered now, and when to look again.
func (s *Sender) step() (starts []*lane, next time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	woken := s.woken
	s.woken = nil
	for _, l := range woken {
		s.pull(l)
		s.consider(l)
	}
	for len(s.timers) > 0 && !s.timers[0].due.After(now) {
		l := s.timers.pop()
		l.timer = time.Time{}
		s.consider(l)
	}
	for len(s.ready) > 0 && s.underWay < hearth.WebhookDeliveriesMax {
		l := s.ready[0]
		s.ready = s.ready[1:]
		l.waiting = false
		if s.begin(l, now) {
			starts = append(starts, l)
		}
	}
	if len(s.timers) > 0 {
		next = s.timers[0].due
	}
	return starts, next
}

// begin takes places for a delivery, or puts the lane where it waits for one.
func (s *Sender) begin(l *lane, now time.Time) bool {
	if l.closed || l.busy || len(l.queue) == 0 {
		return false
	}
	if s.leases != nil && !now.Before(l.until) {
		return false // until the lease is prolonged
	}
	d := l.to
	switch {
	case now.Before(l.due):
		s.at(l, l.due)
		return false
	case now.Before(d.closedUntil):
		s.at(l, d.closedUntil)
		return false
	case d.underWay >= d.most():
		if !l.waiting {
			l.waiting = true
			d.waiting = append(d.waiting, l)
		}
		return false
	}
	l.busy = true
	l.at = d
	d.underWay++
	s.underWay++
	return true
}

// attempt delivers the head of a lane once.
func (s *Sender) attempt(ctx context.Context, l *lane) {
	s.mu.Lock()
	if l.closed {
		s.finish(l)
		s.mu.Unlock()
		return
	}
	hook, m, n := l.hook, l.queue[0], l.attempts+1
	s.mu.Unlock()
	wait, err := s.deliver(ctx, &hook, &m, n)
	s.mu.Lock()
	d := l.at
	s.finish(l)
	switch {
	case l.closed:
	case err == nil:
		d.succeeded()
		l.pop()
	case ctx.Err() != nil:
	default:
		s.failed(l, d, max(wait, s.delay(n)), err)
	}
	s.consider(l)
	s.mu.Unlock()
	s.bury()
	s.ring()
}

// finish gives back the places of a delivery.
func (s *Sender) finish(l *lane) {
	d := l.at
	l.busy, l.at = false, nil
	d.underWay--
	s.underWay--
	waiting := d.waiting
	d.waiting = nil
	for _, w := range waiting {
		w.waiting = false
		s.consider(w)
	}
}

// failed notes a failure, and gives the message up when it was tried for long enough.
func (s *Sender) failed(l *lane, d *destination, wait time.Duration, err error) {
	now := s.now()
	d.failed(now, s.delay)
	l.attempts++
	m := l.queue[0]
	s.log.Warn("a webhook's receiver did not take a message", "cache", l.hook.Cache, "webhook", l.hook.Name,
		"sequence", m.Sequence, "attempt", l.attempts, "err", err)
	if now.Sub(time.UnixMilli(m.Time)) < s.horizon {
		l.due = now.Add(wait)
		return
	}
	s.giveUp(Dead{Hook: l.hook, Message: m, Attempts: l.attempts, Reason: err.Error()})
	l.pop()
}

// delay returns how long to wait after the n-th failure in a row: twice as long each time, up to a bound, less a random
// part of up to a half, so that many do not come back at once.
func (s *Sender) delay(n int) time.Duration {
	d := s.backoff[1]
	if n < 20 {
		d = min(d, s.backoff[0]<<(n-1))
	}
	return d - time.Duration(rand.Int64N(int64(d)/2+1))
}

// consider puts a lane among those that may begin, if it has something to deliver and does not wait already.
func (s *Sender) consider(l *lane) {
	if l.closed || l.busy || l.waiting || len(l.queue) == 0 {
		return
	}
	l.waiting = true
	s.ready = append(s.ready, l)
}

// at has a lane considered again at a time, or before.
func (s *Sender) at(l *lane, due time.Time) {
	if l.timer.IsZero() || due.Before(l.timer) {
		l.timer = due
		s.timers.push(timed{due, l})
	}
}

// giveUp notes a message that no receiver took, for bury.
func (s *Sender) giveUp(d Dead) { s.given = append(s.given, d) }

// bury tells of the messages that were given up, without the lock.
func (s *Sender) bury() {
	s.mu.Lock()
	given := s.given
	s.given = nil
	s.mu.Unlock()
	for _, d := range given {
		s.tell(d)
	}
}

func (s *Sender) tell(d Dead) {
	s.log.Error("a webhook gave a message up", "cache", d.Hook.Cache, "webhook", d.Hook.Name, "topic", d.Message.Topic,
		"sequence", d.Message.Sequence, "attempts", d.Attempts, "reason", d.Reason)
	s.dead(d)
}
