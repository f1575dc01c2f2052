package resp

import (
	"cmp"
	"slices"
	"sync"
	"unicode/utf8"

	"github.com/hearthcache/hearth/gateway"
	"github.com/hearthcache/hearth/respwire"
	"github.com/hearthcache/hearth/topics"
)

// kind is what a subscription is for.
type kind uint8

const (
	channel kind = iota
	glob
	shard
	kinds
)

// subscriptions are those of one connection. The zero subscriptions has none.
type subscriptions struct {
	of [kinds]map[string]*subscription

	taken []*subscription // room for the next ready

	mu    sync.Mutex // guards ready
	ready []*subscription
}

// subscription is one, and what it is called.
type subscription struct {
	kind kind
	name string
	sub  *gateway.Subscription // nil once it has ended
}

func (s *subscriptions) any() bool        { return len(s.of[channel])+len(s.of[glob])+len(s.of[shard]) > 0 }
func (s *subscriptions) count(k kind) int { return len(s.of[k]) }

// wake notes that there is something to take.
func (s *subscriptions) wake(u *subscription) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ready = append(s.ready, u)
}

// woken returns what has something to take, until served is called with it.
func (s *subscriptions) woken() []*subscription {
	s.mu.Lock()
	defer s.mu.Unlock()
	ready := s.ready
	s.ready = s.taken
	return ready
}

// served forgets what woken returned; a little room is used again.
func (s *subscriptions) served(ready []*subscription) {
	clear(ready)
	if s.taken = ready[:0]; cap(ready) > readyKept {
		s.taken = nil
	}
}

// subscriptionsMax is how many subscriptions of a kind a connection may have; a command that could bring more of them
// is refused as a whole.
const subscriptionsMax = 1 << 16

const errSubscriptions = "ERR a connection may have at most 65536 subscriptions of a kind"

var pubsubRows = []row{
	{name: "SUBSCRIBE", arity: -2, flags: pubsub | loading | stale | inSub | waits, run: subscriber(channel, "subscribe")},
	{name: "PSUBSCRIBE", arity: -2, flags: pubsub | loading | stale | inSub | waits, run: subscriber(glob, "psubscribe")},
	{name: "SSUBSCRIBE", arity: -2, flags: pubsub | loading | stale | inSub | waits, first: 1, last: -1, step: 1, run: subscriber(shard, "ssubscribe")},
	{name: "UNSUBSCRIBE", arity: -1, flags: pubsub | loading | stale | inSub, run: unsubscriber(channel, "unsubscribe")},
	{name: "PUNSUBSCRIBE", arity: -1, flags: pubsub | loading | stale | inSub, run: unsubscriber(glob, "punsubscribe")},
	{name: "SUNSUBSCRIBE", arity: -1, flags: pubsub | loading | stale | inSub, first: 1, last: -1, step: 1, run: unsubscriber(shard, "sunsubscribe")},
	{name: "PUBLISH", arity: 3, flags: pubsub | loading | stale | fast, run: runPublish},
	{name: "SPUBLISH", arity: 3, flags: pubsub | loading | stale | fast, first: 1, last: 1, step: 1, run: runPublish},
	{name: "PUBSUB", arity: -2, subs: []row{
		{name: "CHANNELS", arity: -2, flags: pubsub | loading | stale, run: runPubsubChannels},
		{name: "NUMPAT", arity: 2, flags: pubsub | loading | stale, run: runPubsubNumpat},
		{name: "NUMSUB", arity: -2, flags: pubsub | loading | stale, run: runPubsubNumsub},
		{name: "SHARDCHANNELS", arity: -2, flags: pubsub | loading | stale, run: runPubsubChannels},
		{name: "SHARDNUMSUB", arity: -2, flags: pubsub | loading | stale, run: runPubsubNumsub},
		{name: "HELP", arity: 2, flags: loading | stale, run: func(c *conn, args [][]byte) {
			c.help("PUBSUB", "CHANNELS [<pattern>]", "NUMPAT", "NUMSUB [<channel> ...]", "SHARDCHANNELS [<pattern>]", "SHARDNUMSUB [<channel> ...]", "HELP")
		}},
	}},
}

// subscriber returns what runs a command that subscribes.
func subscriber(k kind, word string) func(*conn, [][]byte) {
	return func(c *conn, args [][]byte) {
		if c.subs.count(k)+len(args)-1 > subscriptionsMax {
			c.out = respwire.AppendError(c.out, errSubscriptions)
			return
		}
		for _, a := range args[1:] {
			u, err := c.subscribe(k, string(a))
			if err != nil {
				code, text := errorText(err, word)
				c.out = respwire.AppendError(c.out, code, text)
				continue
			}
			c.out = c.proto.AppendPush(c.out, 3)
			c.out = respwire.AppendBulkString(c.out, word)
			c.out = respwire.AppendBulk(c.out, a)
			c.out = respwire.AppendInteger(c.out, int64(c.subs.shown(k)))
			c.take(u)
		}
	}
}

// shown is the number of subscriptions that confirmations tell: shard channels are counted by themselves.
func (s *subscriptions) shown(k kind) int {
	if k == shard {
		return s.count(shard)
	}
	return s.count(channel) + s.count(glob)
}

func (c *conn) subscribe(k kind, name string) (*subscription, error) {
	if u := c.subs.of[k][name]; u != nil {
		return u, nil
	}
	u := &subscription{kind: k, name: name}
	f := topics.Filter{Topic: name}
	if k == glob {
		f = topics.Filter{Pattern: name}
	}
	wake := func() {
		c.subs.wake(u)
		c.sock.Wake()
	}
	var err error
	u.sub, err = c.door.Gateway.Subscribe(c.caller, f, topics.Position{}, false, wake)
	if c.missesDefault(err) {
		if err = c.makeDefault(); err == nil {
			u.sub, err = c.door.Gateway.Subscribe(c.caller, f, topics.Position{}, false, wake)
		}
	}
	if err != nil {
		return nil, err
	}
	if c.subs.of[k] == nil {
		c.subs.of[k] = map[string]*subscription{}
	}
	c.subs.of[k][name] = u
	return u, nil
}

// unsubscriber returns what runs a command that unsubscribes.
func unsubscriber(k kind, word string) func(*conn, [][]byte) {
	return func(c *conn, args [][]byte) {
		names := make([]string, 0, len(args))
		for _, a := range args[1:] {
			names = append(names, string(a))
		}
		if len(names) == 0 {
			for name := range c.subs.of[k] {
				names = append(names, name)
			}
			slices.Sort(names)
		}
		if len(names) == 0 {
			c.out = c.proto.AppendPush(c.out, 3)
			c.out = respwire.AppendBulkString(c.out, word)
			c.out = c.proto.AppendNull(c.out)
			c.out = respwire.AppendInteger(c.out, int64(c.subs.shown(k)))
		}
		for _, name := range names {
			c.unsubscribe(k, name)
			c.out = c.proto.AppendPush(c.out, 3)
			c.out = respwire.AppendBulkString(c.out, word)
			c.out = respwire.AppendBulkString(c.out, name)
			c.out = respwire.AppendInteger(c.out, int64(c.subs.shown(k)))
		}
	}
}

func (c *conn) unsubscribe(k kind, name string) {
	if u := c.subs.of[k][name]; u != nil {
		delete(c.subs.of[k], name)
		u.sub.Close()
		u.sub = nil
	}
}

// unsubscribeAll ends every subscription of the connection.
func (c *conn) unsubscribeAll() {
	for k := range kinds {
		for name := range c.subs.of[k] {
			c.unsubscribe(k, name)
		}
	}
}

// deliver sends what subscriptions have for the client, as long as it takes it.
func (c *conn) deliver() {
	ready := c.subs.woken()
	defer c.subs.served(ready)
	for i, u := range ready {
		if c.full() {
			// The rest is still ready when the peer has taken what is queued.
			for _, u := range ready[i:] {
				c.subs.wake(u)
			}
			c.stalled = true
			return
		}
		c.take(u)
	}
}

// Bounds of one Take, and of what is kept between.
const (
	takeMessages = 64
	takeBytes    = 256 << 10
	readyKept    = 16 // subscriptions that a connection has room to note as ready
)

// publishTurn is how many messages a connection publishes before subscribers have their turn.
const publishTurn = 256

// take sends what one subscription has. A reader that is too slow for the topic's ring is dropped, as a Valkey server
// drops one whose output buffer is full: it has no way to be told that it missed something.
func (c *conn) take(u *subscription) {
	ms := c.door.messages.Get().(*[takeMessages]topics.Message)
	defer c.door.messages.Put(ms)
	for u.sub != nil {
		n, gap, err := u.sub.Take(ms[:], takeBytes)
		switch {
		case err != nil:
			c.unsubscribe(u.kind, u.name)
			c.closing = true
			return
		case gap != nil:
			c.door.Log.Warn("a subscriber was too slow and is dropped", "addr", c.info.addr, "topic", u.name)
			c.closing = true
			return
		case n == 0:
			return
		}
		for i := range ms[:n] {
			c.message(u, &ms[i])
			ms[i] = topics.Message{}
		}
		if c.w != nil && c.full() {
			c.subs.wake(u)
			c.stalled = true
			return
		}
	}
}

// message sends one message.
func (c *conn) message(u *subscription, m *topics.Message) {
	switch u.kind {
	case glob:
		c.out = c.proto.AppendPush(c.out, 4)
		c.out = respwire.AppendBulkString(c.out, "pmessage")
		c.out = respwire.AppendBulkString(c.out, u.name)
	case shard:
		c.out = c.proto.AppendPush(c.out, 3)
		c.out = respwire.AppendBulkString(c.out, "smessage")
	default:
		c.out = c.proto.AppendPush(c.out, 3)
		c.out = respwire.AppendBulkString(c.out, "message")
	}
	c.out = respwire.AppendBulkString(c.out, m.Topic)
	c.out = respwire.AppendBulk(c.out, m.Bytes)
}

func runPublish(c *conn, args [][]byte) {
	if c.published++; c.published%publishTurn == 0 {
		// Subscribers take what they were offered before a ring forgets it.
		c.stalled = true
	}
	body := topics.Body{Bytes: args[2], Text: utf8.Valid(args[2])}
	r, err := c.door.Gateway.Publish(c.ctx, c.caller, string(args[1]), body)
	if c.missesDefault(err) {
		// Nobody can listen to a cache that is not there yet.
		r, err = topics.Receipt{}, nil
	}
	if err != nil {
		c.fail(c.info.command, err)
		return
	}
	c.out = respwire.AppendInteger(c.out, int64(r.Receivers))
}

func runPubsubChannels(c *conn, args [][]byte) {
	pattern := ""
	if len(args) > 3 {
		c.out = respwire.AppendError(c.out, "ERR unknown subcommand or wrong number of arguments for '"+clip(args[1], 128)+"'. Try PUBSUB HELP.")
		return
	}
	if len(args) > 2 {
		pattern = string(args[2])
	}
	var names []string
	err := c.door.Gateway.ListTopics(c.caller, pattern, func(i topics.Info) bool {
		if i.Subscribers > 0 {
			names = append(names, i.Name)
		}
		return true
	})
	if err != nil && !c.missesDefault(err) {
		c.fail(c.info.command, err)
		return
	}
	slices.SortFunc(names, cmp.Compare[string])
	c.out = respwire.AppendArray(c.out, len(names))
	for _, n := range names {
		c.out = respwire.AppendBulkString(c.out, n)
	}
}

func runPubsubNumpat(c *conn, args [][]byte) {
	n, err := c.door.Gateway.Patterns(c.caller)
	if err != nil && !c.missesDefault(err) {
		c.fail(c.info.command, err)
		return
	}
	c.out = respwire.AppendInteger(c.out, int64(n))
}

func runPubsubNumsub(c *conn, args [][]byte) {
	c.out = respwire.AppendArray(c.out, 2*len(args)-4)
	for _, a := range args[2:] {
		i, _ := c.door.Gateway.Topic(c.caller, string(a))
		c.out = respwire.AppendBulk(c.out, a)
		c.out = respwire.AppendInteger(c.out, int64(i.Subscribers))
	}
}
