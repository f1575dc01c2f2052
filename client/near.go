package client

import (
	"bytes"
	"context"
	"encoding/json"
	"hash/maphash"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hearthcache/hearth"
)

// NearOptions bounds a near cache. What is 0 has its default.
type NearOptions struct {
	Items  int           // kept at once; 10,000
	Bytes  int           // of keys and values kept at once, with 128 for each item; 64 MiB
	MaxAge time.Duration // how long an item is kept at most; a minute
	Prefix string        // of the keys that are kept; empty is every key
}

const (
	nearItems    = 10_000
	nearBytes    = 64 << 20
	nearMaxAge   = time.Minute
	entryBytes   = 128 // what an item costs beside its key and value
	feedTopic    = "$hearth/changes"
	feedSilence  = 3 * time.Second // the server says something every second
	ticketsCount = 1024
)

// Near returns the cache with Get and Fetch served from this process's memory where that has the item. The server's
// change feed keeps it right: the cache's setting feed must be on. An item that was set or deleted elsewhere is served
// until the feed says so, usually some milliseconds; where the feed breaks, the memory is emptied, at the latest three
// seconds after the last word of the server, and every read goes to the server until the feed is back. This handle's own
// writes are seen by its next read. Only ctx bounds how long Near waits for the feed; it is followed until the Client is
// closed.
func (c *Cache) Near(ctx context.Context, o NearOptions) (*Cache, error) {
	got, err := c.ask(ctx, []byte(feedTopic), FetchOptions{})
	if err != nil {
		return nil, err
	}
	if !got.told {
		return nil, &hearth.Error{Kind: hearth.Precondition, Msg: "the cache tells no changes: its setting feed is off, or its engine has none"}
	}
	n := newNear(o)
	follow, cancel := context.WithCancel(context.Background())
	stop := context.AfterFunc(ctx, cancel)
	s, err := c.Subscribe(follow, n.topic(), Position{})
	if err == nil && !stop() {
		err = transportError(ctx, ctx.Err())
	}
	if err != nil {
		cancel()
		return nil, err
	}
	n.up()
	done := make(chan struct{})
	go func() {
		defer close(done)
		n.run(follow, c, s)
	}()
	c.client.onClose(func() {
		cancel()
		<-done
	})
	return &Cache{client: c.client, name: c.name, near: n}, nil
}

// near is the memory of a near cache: a map and a ring by use. The methods that others call take a nil one for none.
type near struct {
	items, bytes int
	maxAge       time.Duration
	prefix       string
	seed         maphash.Seed
	start        time.Time
	heard        atomic.Int64 // since start, when the server said something last; 0 is that nothing can be known

	mu      sync.Mutex // guards the rest
	m       map[string]*entry
	used    entry // next is the one used last, prev the one used first
	held    int   // bytes
	tickets [ticketsCount]uint32
	epoch   uint32
}

type entry struct {
	key        string
	value      []byte
	read       time.Time
	expires    time.Time
	prev, next *entry
}

func newNear(o NearOptions) *near {
	n := &near{items: o.Items, bytes: o.Bytes, maxAge: o.MaxAge, prefix: o.Prefix, seed: maphash.MakeSeed(), start: time.Now(), m: map[string]*entry{}}
	if n.items <= 0 {
		n.items = nearItems
	}
	if n.bytes <= 0 {
		n.bytes = nearBytes
	}
	if n.maxAge <= 0 {
		n.maxAge = nearMaxAge
	}
	n.used.next, n.used.prev = &n.used, &n.used
	return n
}

// topic is where the changes of the keys that are kept are told.
func (n *near) topic() string {
	if n.prefix == "" {
		return feedTopic
	}
	return feedTopic + "/" + n.prefix
}

// hit returns an item that is there, has more than grace to live, and is known to be right.
func (n *near) hit(key []byte, grace time.Duration) (value []byte, ok bool) {
	if n == nil || !n.alive() {
		return nil, false
	}
	now := time.Now()
	n.mu.Lock()
	defer n.mu.Unlock()
	e := n.m[string(key)]
	switch {
	case e == nil:
		return nil, false
	case !now.Before(e.expires.Add(-grace)) || now.Sub(e.read) >= n.maxAge:
		n.drop(e)
		return nil, false
	}
	e.unlink()
	n.link(e)
	return bytes.Clone(e.value), true
}

// get is Get by way of the memory.
func (n *near) get(ctx context.Context, c *Cache, key []byte) (value []byte, ok bool, err error) {
	if value, ok := n.hit(key, 0); ok {
		return value, true, nil
	}
	t := n.ticket(key)
	got, err := c.ask(ctx, key, FetchOptions{})
	if err != nil {
		return nil, false, err
	}
	n.keep(key, got, t)
	return got.value, got.hit, nil
}

// ticket is what somebody takes before reading from the server. What was read is kept only where nothing has been said
// of the key since.
type ticket struct{ slot, epoch uint32 }

func (n *near) ticket(key []byte) ticket {
	if n == nil {
		return ticket{}
	}
	at := n.slot(key)
	n.mu.Lock()
	defer n.mu.Unlock()
	return ticket{n.tickets[at], n.epoch}
}

func (n *near) slot(key []byte) uint64 { return maphash.Bytes(n.seed, key) % ticketsCount }

// never is when items without an end expire.
const never = 100 * 365 * 24 * time.Hour

// keep keeps what was read from the server.
func (n *near) keep(key []byte, got answer, t ticket) {
	switch {
	case n == nil:
		return
	case !got.told: // any more: nobody would tell of changes
		n.clear()
		return
	case !got.hit || !strings.HasPrefix(string(key), n.prefix) || !n.alive():
		return
	}
	ttl := got.ttl
	if ttl < 0 {
		ttl = never
	}
	now := time.Now()
	e := &entry{key: string(key), value: bytes.Clone(got.value), read: now, expires: now.Add(ttl)}
	at := n.slot(key)
	n.mu.Lock()
	defer n.mu.Unlock()
	if (ticket{n.tickets[at], n.epoch}) != t || e.size() > n.bytes {
		return
	}
	if old := n.m[e.key]; old != nil {
		n.drop(old)
	}
	n.m[e.key] = e
	n.held += e.size()
	n.link(e)
	for len(n.m) > n.items || n.held > n.bytes {
		n.drop(n.used.prev)
	}
}

func (e *entry) size() int { return len(e.key) + len(e.value) + entryBytes }

func (e *entry) unlink() { e.prev.next, e.next.prev = e.next, e.prev }

func (n *near) link(e *entry) {
	e.prev, e.next = &n.used, n.used.next
	e.prev.next, e.next.prev = e, e
}

func (n *near) drop(e *entry) {
	e.unlink()
	delete(n.m, e.key)
	n.held -= e.size()
}

// invalidate lets go of a key, and of what is being read of it.
func (n *near) invalidate(key []byte) {
	if n == nil {
		return
	}
	at := n.slot(key)
	n.mu.Lock()
	defer n.mu.Unlock()
	n.tickets[at]++
	if e := n.m[string(key)]; e != nil {
		n.drop(e)
	}
}

func (n *near) clear() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.epoch++
	clear(n.m)
	n.held = 0
	n.used.next, n.used.prev = &n.used, &n.used
}

// alive reports whether the server has said something lately.
func (n *near) alive() bool {
	heard := n.heard.Load()
	return heard != 0 && time.Since(n.start)-time.Duration(heard) < feedSilence
}

func (n *near) up() { n.heard.Store(int64(time.Since(n.start))) }

func (n *near) down() {
	n.heard.Store(0)
	n.clear()
}

// run follows the feed until ctx ends.
func (n *near) run(ctx context.Context, c *Cache, s *Subscription) {
	for {
		n.follow(s)
		for s = nil; s == nil; {
			if !pause(ctx, resubscribeAfter) {
				return
			}
			s, _ = c.Subscribe(ctx, n.topic(), Position{})
		}
		n.clear() // what was read before it was listened is not kept
		n.up()
	}
}

// follow takes what the feed says until it breaks, or is silent for too long.
func (n *near) follow(s *Subscription) {
	defer n.down()
	defer s.Close()
	silent := time.AfterFunc(feedSilence, s.cancel)
	defer silent.Stop()
	for {
		in, err := s.receive()
		if err != nil {
			return
		}
		silent.Reset(feedSilence)
		m, gap, err := s.item(in)
		switch {
		case err != nil:
			return
		case gap != nil:
			n.clear()
		case m != nil:
			n.change(m.Bytes)
		}
		n.up()
	}
}

// change takes one message of the feed.
func (n *near) change(m []byte) {
	var said struct {
		Event     string  `json:"event"`
		Key       *string `json:"key"`
		KeyBase64 []byte  `json:"key_base64"`
	}
	switch err := json.Unmarshal(m, &said); {
	case err == nil && said.Key != nil:
		n.invalidate([]byte(*said.Key))
	case err == nil && said.KeyBase64 != nil:
		n.invalidate(said.KeyBase64)
	default: // flushed, or something new
		n.clear()
	}
}
