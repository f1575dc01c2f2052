package gateway

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/auth"
	"github.com/hearthcache/hearth/control"
	"github.com/hearthcache/hearth/topics"
)

// ReservedTopics begins the names of topics that only hearth itself publishes to.
const ReservedTopics = "$hearth/"

// Publish publishes a message on the Caller's cache. The body is borrowed until Publish returns; its publisher is the
// Caller, whatever it says. The broker in memory never waits.
func (g *Gateway) Publish(ctx context.Context, c *Caller, topic string, m topics.Body) (topics.Receipt, error) {
	b, err := c.beforePublish(topic, len(m.Bytes))
	if err != nil {
		return topics.Receipt{}, err
	}
	if err := checkPublish(topic); err != nil {
		return topics.Receipt{}, err
	}
	m.Publisher = c.Publisher()
	r, err := g.topics.Publish(ctx, b.cache.Topics, topic, m)
	if err == nil {
		b.published(len(topic) + len(m.Bytes))
	}
	return r, err
}

// TopicsWait reports whether Publish, Subscribe and what lists topics wait for other servers, so that a door's loop may
// not call them.
func (g *Gateway) TopicsWait() bool { return g.topicsWait }

// ListTopics calls yield for the topics of the Caller's cache that the Caller may read and whose names match a pattern
// (empty: all), in no order, until it returns false. Reserved topics are shown to a pattern that begins like them.
func (g *Gateway) ListTopics(c *Caller, pattern string, yield func(topics.Info) bool) error {
	b, lister, err := g.lister(c)
	if err != nil || lister == nil {
		return err
	}
	lister.List(b.cache.Topics, pattern, func(i topics.Info) bool {
		reserved := strings.HasPrefix(i.Name, ReservedTopics) && !strings.HasPrefix(pattern, "$")
		return reserved || !b.topics.Allows(auth.Read, []byte(i.Name)) || yield(i)
	})
	return nil
}

// Topic returns what is known of one topic of the Caller's cache: the zero Info where nobody uses it.
func (g *Gateway) Topic(c *Caller, name string) (topics.Info, error) {
	b, lister, err := g.lister(c)
	if err != nil || lister == nil || !b.topics.Allows(auth.Read, []byte(name)) {
		return topics.Info{}, err
	}
	return lister.Topic(b.cache.Topics, name), nil
}

// Patterns returns how many distinct patterns of the Caller's cache are subscribed to.
func (g *Gateway) Patterns(c *Caller) (int, error) {
	b, lister, err := g.lister(c)
	if err != nil || lister == nil {
		return 0, err
	}
	return lister.Patterns(b.cache.Topics), nil
}

// lister returns what can be told of topics to a caller who may read some; nil where the broker cannot tell.
func (g *Gateway) lister(c *Caller) (*binding, topics.Lister, error) {
	b := c.bind()
	if err := b.valid(g); err != nil {
		return nil, nil, err
	}
	if !b.topics.Any(auth.Read) {
		return nil, nil, errDenied
	}
	l, _ := g.topics.(topics.Lister)
	return b, l, b.exists(c.cache)
}

// Subscription is one subscription of a Caller. It ends with the cache, with the Caller's credential, and with the
// permission to read the topic. Its methods are called by one goroutine at a time.
type Subscription struct {
	gateway *Gateway
	caller  *Caller
	filter  topics.Filter
	sub     topics.Sub
	keys    string // of the change feed: the prefix of keys that are wanted
	wake    func()

	beats bool // whether heartbeats are wanted
	pulse topics.Beat
	due   atomic.Bool // a heartbeat
	over  atomic.Pointer[error]
}

// Subscribe opens a subscription to a topic or a pattern of the Caller's cache, from a position on. The caller asks Beat
// and takes at once; later, wake is called when it should do so again: for messages, for the end, and, where beats is
// set, about every second for a heartbeat. wake may be called from anywhere, must not wait and not call Close.
func (g *Gateway) Subscribe(c *Caller, f topics.Filter, after topics.Position, beats bool, wake func()) (*Subscription, error) {
	b, err := c.beforeSubscribe(f)
	if err != nil {
		return nil, err
	}
	s := &Subscription{gateway: g, caller: c, filter: f, beats: beats, wake: wake}
	s.due.Store(beats)
	if f.Pattern == "" || f.Topic != "" {
		if err := hearth.CheckTopicName(f.Topic); err != nil {
			return nil, err
		}
		f.Topic, s.keys = feedFilter(f.Topic)
	}
	if err := c.Hold(hearth.Subscriptions); err != nil {
		return nil, err
	}
	if s.sub, err = g.topics.Subscribe(b.cache.Topics, f, after, wake); err != nil {
		c.Release(hearth.Subscriptions)
		return nil, err
	}
	// The cache may have been deleted since it was looked up; then nobody would end this subscription.
	if now := c.bind().cache; now == nil || now.Topics != b.cache.Topics {
		s.sub.Close()
		c.Release(hearth.Subscriptions)
		return nil, control.NoCache(c.cache)
	}
	g.pulse.Start(&s.pulse, s.beat)
	if g.leaving.Load() {
		s.Close()
		return nil, errLeaving
	}
	return s, nil
}

// Take is topics.Sub's; its error also says that the credential has ended.
func (s *Subscription) Take(ms []topics.Message, room int) (n int, gap *topics.Gap, err error) {
	if over := s.over.Load(); over != nil {
		return 0, nil, *over
	}
	for {
		n, gap, err = s.sub.Take(ms, room)
		if s.keys == "" || err != nil || n == 0 {
			break
		}
		if n = keepKeys(ms[:n], s.keys); n > 0 || gap != nil {
			break
		}
	}
	if err != nil && hearth.KindOf(err) == hearth.NoCache {
		err = control.NoCache(s.caller.cache)
	}
	if n > 0 {
		bytes := 0
		for i := range ms[:n] {
			bytes += len(ms[i].Topic) + len(ms[i].Bytes)
		}
		if b := s.caller.bind(); b.meter != nil {
			b.delivered(s.gateway, n, bytes)
		}
	}
	return n, gap, err
}

// Beat reports whether a heartbeat is due, and takes it.
func (s *Subscription) Beat() bool { return s.due.Load() && s.due.Swap(false) }

// Close ends the subscription; wake is not called after it returns.
func (s *Subscription) Close() {
	s.gateway.pulse.Stop(&s.pulse)
	s.sub.Close()
	s.caller.Release(hearth.Subscriptions)
}

// RunTopics delivers webhooks and publishes feeds until ctx ends; then it ends every subscription, whose clients come back
// to whoever serves next.
func (g *Gateway) RunTopics(ctx context.Context) error {
	var feeds sync.WaitGroup
	feeds.Go(func() { g.runFeeds(ctx) })
	err := g.sender.Run(ctx)
	feeds.Wait()
	g.leaving.Store(true)
	g.pulse.Now()
	return err
}

var errLeaving = error(&hearth.Error{Kind: hearth.Unavailable, Msg: "this server is shutting down"})

// beat is called about every second, and when the server is about to stop.
func (s *Subscription) beat() {
	if s.gateway.leaving.Load() {
		s.over.Store(&errLeaving)
		s.wake()
		return
	}
	// A cache that was deleted ends the subscription by way of the broker.
	if _, err := s.caller.beforeSubscribe(s.filter); err != nil && hearth.KindOf(err) != hearth.NoCache {
		s.over.Store(&err)
	}
	if s.beats {
		s.due.Store(true)
	}
	if s.beats || s.over.Load() != nil {
		s.wake()
	}
}

// keepKeys moves the messages about keys with a prefix to the front and returns how many there are.
func keepKeys(ms []topics.Message, prefix string) (n int) {
	for _, m := range ms {
		if len(m.Key) >= len(prefix) && string(m.Key[:len(prefix)]) == prefix || m.Key == nil {
			ms[n] = m
			n++
		}
	}
	return n
}
