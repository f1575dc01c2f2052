package client

import (
	"bytes"
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/hearthcache/hearth"
)

// FetchOptions says how Fetch keeps what it has loaded.
type FetchOptions struct {
	// TTL is how long a loaded value is fresh. It is required.
	TTL time.Duration
	// Stale is how long beyond that the value is kept, to be served where the loader fails, and while somebody loads.
	Stale time.Duration
	// Load is how long the loader may take: its context ends then, and the next caller may try. 0 is ten seconds, the
	// most is five minutes.
	Load time.Duration
	// Tags of the item that is stored; see SetTagged.
	Tags []string
	// Failed, unless nil, is told of what Fetch gets around: a cache that does not answer, a value that cannot be stored,
	// a loader's error in whose place an old value is served.
	Failed func(error)
}

const (
	loadDefault = 10 * time.Second
	loadMax     = 5 * time.Minute
	fillTimeout = 5 * time.Second // of telling the server how a load has ended
)

// Fetch reads a scalar, and where there is none calls load and stores what it returns. Of all callers of the key, in
// this process and in every other one that uses Fetch on the cache, one loads at a time; the others wait, as long as
// their contexts allow, and get its value. Where load fails, the callers in the same process get its error, unless it is
// one of the loader's own context, and the next process tries.
//
// Where the cache does not answer, Fetch loads for this process alone. A value that was set, deleted or flushed while it
// was being loaded is returned but not stored. The returned value belongs to the caller.
func (c *Cache) Fetch(ctx context.Context, key []byte, load func(context.Context) ([]byte, error), o FetchOptions) ([]byte, error) {
	switch {
	case o.TTL <= 0 || o.Stale < 0 || o.Load < 0 || o.Load > loadMax:
		return nil, &hearth.Error{Kind: hearth.Invalid, Msg: "Fetch needs a TTL; Stale and Load are not negative, Load is at most five minutes"}
	case o.Load == 0:
		o.Load = loadDefault
	}
	if value, ok := c.near.hit(key, o.Stale); ok {
		return value, nil
	}
	for {
		f, mine := c.client.board(c.name, key)
		if mine {
			return c.lead(ctx, f, key, load, o)
		}
		select {
		case <-f.landed:
		case <-ctx.Done():
			return nil, transportError(ctx, ctx.Err())
		}
		if !f.again {
			return bytes.Clone(f.value), f.err
		}
	}
}

// flight is one Fetch of a key in this process, which others wait for.
type flight struct {
	landed chan struct{} // closed when the rest is set
	value  []byte
	err    error
	again  bool // the outcome is only about who flew: others try themselves
}

// board returns the flight of a key; mine says that it begins now, and is the caller's to fly.
func (c *Client) board(cache string, key []byte) (f *flight, mine bool) {
	at := cache + "\x00" + string(key)
	c.mu.Lock()
	defer c.mu.Unlock()
	if f = c.flights[at]; f != nil {
		return f, false
	}
	f = &flight{landed: make(chan struct{}), again: true}
	c.flights[at] = f
	return f, true
}

// lead flies a flight.
func (c *Cache) lead(ctx context.Context, f *flight, key []byte, load func(context.Context) ([]byte, error), o FetchOptions) ([]byte, error) {
	defer func() { // also where load panics
		c.client.mu.Lock()
		delete(c.client.flights, c.name+"\x00"+string(key))
		c.client.mu.Unlock()
		close(f.landed)
	}()
	value, err := c.loaded(ctx, key, load, o)
	f.value, f.err, f.again = value, err, err != nil && ctx.Err() != nil
	return bytes.Clone(value), err
}

// loaded returns the cache's value, or the loader's.
func (c *Cache) loaded(ctx context.Context, key []byte, load func(context.Context) ([]byte, error), o FetchOptions) ([]byte, error) {
	ticket := c.near.ticket(key)
	got, err := c.ask(ctx, key, o)
	switch {
	case err == nil && got.hit && got.lease == 0:
		c.near.keep(key, got, ticket)
		return got.value, nil
	case err == nil:
	case ctx.Err() != nil || !without(err):
		return nil, err
	default:
		o.failed(err)
	}
	within, cancel := context.WithTimeout(ctx, o.Load)
	defer cancel()
	value, failure := load(within)
	if failure != nil {
		if got.hit { // the lease stays until its time is up: nobody tries again before
			o.failed(failure)
			return got.value, nil
		}
		if got.lease != 0 {
			o.failed(c.fill(ctx, key, message(nil).flag(5, true), got.lease))
		}
		return nil, failure
	}
	if err == nil {
		o.failed(c.store(ctx, key, value, got.lease, o))
	}
	return value, nil
}

func (o *FetchOptions) failed(err error) {
	if err != nil && o.Failed != nil {
		o.Failed(err)
	}
}

// without reports whether a caller goes on without the cache: it is not there, or has too much to do. What is wrong with
// the call itself has to be seen.
func without(err error) bool {
	switch hearth.KindOf(err) {
	case hearth.Unavailable, hearth.Timeout, hearth.Internal:
		return true
	case hearth.Limited:
		return true
	}
	return false
}

// answer is what the server says to a Fetch.
type answer struct {
	value []byte
	hit   bool
	ttl   time.Duration // negative is for ever
	lease uint64        // 0 is that the caller need not load
	told  bool          // changes of the cache are told
}

// ask asks the server: to tell one of those who miss to load, unless o.Load is 0.
func (c *Cache) ask(ctx context.Context, key []byte, o FetchOptions) (a answer, err error) {
	if _, ok := ctx.Deadline(); !ok {
		bounded, cancel := context.WithTimeout(ctx, c.client.timeout+o.Load)
		defer cancel()
		ctx = bounded
	}
	wait := millis(o.Load)
	m := message(nil).bytes(1, key).varint(2, wait).varint(3, wait).varint(4, millis(o.Stale))
	out, err := c.client.call(ctx, c.client.data, "/hearth.Loading/Fetch", c.name, m)
	if hearth.KindOf(err) == hearth.Unimplemented { // a server that is not hearth
		if out, err = c.do(ctx, "Get", message(nil).bytes(1, key)); err == nil {
			a.value, a.hit, err = readGet(out)
		}
		return a, err
	}
	if err != nil {
		return a, err
	}
	a.ttl = -1
	err = read(out, func(f field) {
		switch f.number {
		case 1:
			a.hit = f.varint == resultHit
		case 2:
			a.value = f.bytes
		case 3:
			a.ttl = time.Duration(f.varint-1) * time.Millisecond
		case 4:
			a.lease = f.varint
		case 5:
			a.told = f.varint != 0
		}
	})
	return a, err
}

// store stores what was loaded.
func (c *Cache) store(ctx context.Context, key, value []byte, lease uint64, o FetchOptions) error {
	if lease == 0 && len(o.Tags) == 0 {
		return c.Set(ctx, key, value, o.TTL+o.Stale)
	}
	c.near.invalidate(key)
	return c.fill(ctx, key, tagged(value, o.TTL+o.Stale, o.Tags), lease)
}

// fill tells the server how a load has ended, also where the caller's own time is up: others wait for it.
func (c *Cache) fill(ctx context.Context, key []byte, m message, lease uint64) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), fillTimeout)
	defer cancel()
	_, err := c.client.call(ctx, c.client.data, "/hearth.Loading/Fill", c.name, m.bytes(1, key).varint(4, lease))
	return err
}

func tagged(value []byte, ttl time.Duration, tags []string) message {
	m := message(nil).bytes(2, value).varint(3, millis(ttl))
	for _, t := range tags {
		m = m.string(6, t)
	}
	return m
}

// SetTagged is Set for an item with tags: Invalidate removes every item that has one of them. Tags are at most 128, each
// of 1 to 255 bytes of UTF-8 without spaces and commas.
func (c *Cache) SetTagged(ctx context.Context, key, value []byte, ttl time.Duration, tags ...string) error {
	c.near.invalidate(key)
	defer c.near.invalidate(key)
	_, err := c.client.call(ctx, c.client.data, "/hearth.Loading/Fill", c.name, tagged(value, ttl, tags).bytes(1, key))
	return err
}

// Invalidate makes every item a miss that has one of the tags, in a time that does not depend on how many there are. It
// needs the permission to write to the whole cache. Near caches are emptied.
func (c *Cache) Invalidate(ctx context.Context, tags ...string) error {
	for _, t := range tags {
		if err := c.client.HTTP(ctx, http.MethodDelete, "/cache/"+url.PathEscape(c.name)+"/tags/"+url.PathEscape(t), nil, nil, nil); err != nil {
			return err
		}
	}
	if c.near != nil {
		c.near.clear()
	}
	return nil
}
