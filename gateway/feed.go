package gateway

import (
	"context"
	"encoding/json"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/control"
	"github.com/hearthcache/hearth/engine"
	"github.com/hearthcache/hearth/topics"
)

// FeedTopic is the topic on which a cache whose setting "feed" is on tells what happens to its items. FeedTopic, a slash and
// a prefix of keys is the same for those keys only.
const FeedTopic = ReservedTopics + "changes"

// feedFilter splits the name of a topic into the one to subscribe to and the prefix of keys that are wanted.
func feedFilter(topic string) (name, keys string) {
	if rest, ok := strings.CutPrefix(topic, FeedTopic+"/"); ok {
		return FeedTopic, rest
	}
	return topic, ""
}

// checkPublish says whether people may publish to a topic of this name.
func checkPublish(topic string) error {
	if strings.HasPrefix(topic, ReservedTopics) {
		return &hearth.Error{Kind: hearth.Invalid, Msg: "topics that begin with " + ReservedTopics + " are hearth's own: they can only be subscribed to"}
	}
	return hearth.CheckTopicName(topic)
}

// feeds is which spaces of items are told of, and on the topics of which space.
type feeds struct {
	feed   engine.Feed
	told   *told // the same, where the engine has none
	wake   chan struct{}
	mu     sync.Mutex // guards topics
	topics map[hearth.Space]hearth.Space
}

func newFeeds(e engine.Engine) *feeds {
	f := &feeds{wake: make(chan struct{}, 1), topics: map[hearth.Space]hearth.Space{}}
	if f.feed, _ = e.(engine.Feed); f.feed == nil {
		f.told = &told{}
		f.feed = f.told
	}
	f.feed.Wake(func() {
		select {
		case f.wake <- struct{}{}:
		default:
		}
	})
	return f
}

// change is a message of the feed.
type change struct {
	Event     string  `json:"event"`
	Key       *string `json:"key,omitempty"`
	KeyBase64 []byte  `json:"key_base64,omitempty"` // of a key that is not UTF-8
	Tag       string  `json:"tag,omitempty"`
}

// eventNames is how the feed says each kind of event.
var eventNames = [...]string{
	engine.ItemSet:     "set",
	engine.ItemDeleted: "deleted",
	engine.ItemExpired: "expired",
	engine.ItemEvicted: "evicted",
}

// followFeeds turns feeds on and off as a change of the control state says, and tells of flushed caches.
func (g *Gateway) followFeeds(old, new *control.State) {
	f := g.feeds
	for name, c := range old.Caches {
		n := new.Caches[name]
		if n == c && old.Account.Int(control.Feed) == new.Account.Int(control.Feed) {
			continue
		}
		if was, _ := f.of(c.Space); was && (n == nil || n.Space != c.Space || !feedOn(new, n)) {
			f.set(c.Space, 0)
		}
	}
	for name, c := range new.Caches {
		if was, _ := f.of(c.Space); was || !feedOn(new, c) {
			continue
		}
		f.set(c.Space, c.Topics)
		if o := old.Caches[name]; o != nil && o.Topics == c.Topics && o.Space != c.Space {
			g.tell(c.Topics, change{Event: "flushed"}, nil)
		}
	}
}

func feedOn(s *control.State, c *control.Cache) bool {
	settings := s.SettingsOf(c)
	return settings.On(control.Feed)
}

// of reports whether a space is told of, and where.
func (f *feeds) of(items hearth.Space) (bool, hearth.Space) {
	f.mu.Lock()
	defer f.mu.Unlock()
	at, ok := f.topics[items]
	return ok, at
}

// set has a space told of on the topics of another one; 0 ends it.
func (f *feeds) set(items, at hearth.Space) {
	f.mu.Lock()
	if at == 0 {
		delete(f.topics, items)
	} else {
		f.topics[items] = at
	}
	f.mu.Unlock()
	f.feed.Follow(items, at != 0)
}

// runFeeds publishes what the engine tells until ctx ends.
func (g *Gateway) runFeeds(ctx context.Context) {
	var events []engine.Event
	for {
		select {
		case <-ctx.Done():
			return
		case <-g.feeds.wake:
		}
		for {
			var lost int
			events, lost = g.feeds.feed.Events(events[:0])
			if lost > 0 {
				g.breakFeeds()
			}
			if len(events) == 0 {
				break
			}
			for i := range events {
				g.tellEvent(&events[i])
			}
		}
	}
}

func (g *Gateway) tellEvent(e *engine.Event) {
	on, at := g.feeds.of(e.Space)
	if !on {
		return
	}
	c := change{Event: eventNames[e.Kind]}
	if utf8.Valid(e.Key) {
		key := string(e.Key)
		c.Key = &key
	} else {
		c.KeyBase64 = e.Key
	}
	g.tell(at, c, e.Key)
}

// tell publishes a change; key is nil for one that is about every key.
func (g *Gateway) tell(at hearth.Space, c change, key []byte) {
	body, err := json.Marshal(c)
	if err == nil {
		_, err = g.topics.Publish(context.Background(), at, FeedTopic, topics.Body{Bytes: body, Text: true, Key: key})
	}
	if err != nil {
		g.log.Error("a change could not be published", "err", err)
	}
}

// breakFeeds tells the subscribers of every feed that events were lost.
func (g *Gateway) breakFeeds() {
	b, ok := g.topics.(topics.Breaker)
	if !ok {
		return
	}
	g.feeds.mu.Lock()
	defer g.feeds.mu.Unlock()
	for _, at := range g.feeds.topics {
		b.Break(at, FeedTopic)
	}
}
