package valkey

import (
	"context"
	"sync"
	"time"

	"github.com/valkey-io/valkey-go"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/engine"
	"github.com/hearthcache/hearth/respwire"
)

// ears hear of keys that somebody waits for: a connection to each node, on which the server tells of the next change of
// what was read (CLIENT TRACKING). They are opened by the first who waits. What they do not hear is found by looking again,
// less and less often.
type ears struct {
	mu        sync.Mutex // guards the rest
	client    valkey.Client
	opening   bool
	closed    bool
	followers map[string]map[*follower]struct{} // by the names of the lease, the item and the table
}

// follower is one who waits.
type follower struct {
	engine      *Engine
	space       hearth.Space
	item, lease string
	table       string // of the invalidations of the space's tags
	absent      bool
	mine        bool // the lease is this gateway's
	wake        func()
	seen        string // what the lease was at first; only looks use it, and what follows
	looked      bool
	stamp       uint64 // what stood for the invalidations at first

	mu      sync.Mutex // guards the rest
	timer   *time.Timer
	pause   time.Duration
	looking bool // one look at a time
	again   bool // something has happened since the last look began
	over    bool
}

// The pauses between looks double from the first to the last.
const (
	lookFirst = 16 * time.Millisecond
	lookLast  = time.Second
)

// Follow implements engine.Leaser.
func (e *Engine) Follow(s hearth.Space, key []byte, absent bool, mine engine.Lease, wake func()) (stop func()) {
	item := appendKey(nil, s, key)
	f := &follower{engine: e, space: s, item: string(item), lease: string(appendLeaseKey(nil, item)), absent: absent, wake: wake, pause: lookFirst}
	f.table = string(appendTableKey(nil, s))
	if l, ok := mine.(*lease); ok {
		f.seen, f.mine = string(l.token), true
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.timer = time.AfterFunc(0, f.look) // which waits: who is among the followers may be hastened at once
	e.ears.add(f)
	return f.stop
}

func (r *ears) add(f *follower) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.followers == nil {
		r.followers = map[string]map[*follower]struct{}{}
	}
	for _, name := range []string{f.item, f.lease, f.table} {
		if r.followers[name] == nil {
			r.followers[name] = map[*follower]struct{}{}
		}
		r.followers[name][f] = struct{}{}
	}
}

func (r *ears) remove(f *follower) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, name := range []string{f.item, f.lease, f.table} {
		delete(r.followers[name], f)
		if len(r.followers[name]) == 0 {
			delete(r.followers, name)
		}
	}
}

// end reports whether the follower had not ended yet.
func (f *follower) end() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.over {
		return false
	}
	f.over = true
	f.timer.Stop()
	return true
}

func (f *follower) stop() {
	if f.end() {
		f.engine.ears.remove(f)
	}
}

func (f *follower) fire() {
	if f.end() {
		f.engine.ears.remove(f)
		f.wake()
	}
}

// look wakes where there is something to see, and looks again later where there is not.
func (f *follower) look() {
	f.mu.Lock()
	if f.over || f.looking {
		f.again = true
		f.mu.Unlock()
		return
	}
	f.looking, f.again = true, false
	f.mu.Unlock()
	if f.changed() {
		f.fire()
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.looking = false
	switch {
	case f.over:
	case f.again:
		f.timer.Reset(0)
	default:
		f.timer.Reset(f.pause)
		f.pause = min(2*f.pause, lookLast)
	}
}

// hasten looks now: the server has told of a change, which may also be that the lease was prolonged.
func (f *follower) hasten() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.again = true; !f.over && !f.looking {
		f.timer.Reset(0)
	}
}

// changed asks the servers for the lease, for the item where it was absent, and for the last invalidation of the space's
// tags, by the ears where there are any.
func (f *follower) changed() bool {
	ctx, cancel := context.WithTimeout(context.Background(), lookLast)
	defer cancel()
	if c := f.engine.hearing(); c != nil {
		lease := c.B().Get().Key(f.lease).Cache()
		item := c.B().Pttl().Key(f.item).Cache()
		last := c.B().Zrange().Key(f.table).Min("-1").Max("-1").Withscores().Cache()
		got := c.DoMultiCache(ctx, valkey.CT(lease, time.Millisecond), valkey.CT(item, time.Millisecond), valkey.CT(last, time.Millisecond))
		held, err := got[0].ToString()
		ttl, err2 := got[1].AsInt64()
		tags, err3 := got[2].AsZScores()
		if (err == nil || valkey.IsValkeyNil(err)) && err2 == nil && err3 == nil {
			stamp := uint64(0)
			if len(tags) > 0 {
				stamp = uint64(tags[0].Score)
			}
			// What is remembered may be from before the lease was this gateway's own: then the server is asked again.
			if changed := f.says(held, ttl != -2, stamp); !changed || !f.mine {
				return changed
			}
		}
	}
	var b respwire.Batch
	b.Command("GET", []byte(f.lease))
	b.Command("EXISTS", []byte(f.item))
	got, err := f.engine.say(ctx, &b, []byte(f.item), true)
	if err != nil || got[0].IsError() {
		return false
	}
	stamp, err := f.engine.Stamp(ctx, f.space, false)
	return err == nil && f.says(string(got[0].Str), got[1].Int == 1, stamp)
}

func (f *follower) says(held string, exists bool, stamp uint64) bool {
	if f.seen == "" {
		f.seen = held
	}
	if !f.looked {
		f.looked, f.stamp = true, stamp
	}
	if stamp != f.stamp {
		f.outdate(held)
		return true
	}
	return held == "" || held != f.seen || held[0] == noteMark || f.absent && exists
}

// outdate ends the lease that was held at first, if it still is: that load began before the invalidation, and who asks now
// does not wait for it.
func (f *follower) outdate(held string) {
	if held != f.seen || held == "" || held[0] == noteMark {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), lookLast)
	defer cancel()
	l := &lease{engine: f.engine, key: []byte(f.lease), token: []byte(held)}
	_, _ = l.say(ctx, []byte("0")) // what does not arrive ends by itself
}

// hearing returns the client of the ears, nil while they are closed.
func (e *Engine) hearing() valkey.Client {
	r := &e.ears
	r.mu.Lock()
	if r.client != nil || r.opening || r.closed {
		defer r.mu.Unlock()
		return r.client
	}
	r.opening = true
	r.mu.Unlock()
	o := e.clientOptions()
	o.DisableCache, o.NewCacheStoreFn, o.OnInvalidations = false, nil, r.hear
	o.CacheSizeEachConn = earCacheBytes
	o.ReadBufferEachConn, o.WriteBufferEachConn, o.RingScaleEachConn = sideBufferBytes, sideBufferBytes, sideRingScale
	c, err := valkey.NewClient(o)
	r.mu.Lock()
	r.opening = false
	closed := r.closed
	if err == nil && !closed {
		r.client = c
	}
	r.mu.Unlock()
	switch {
	case err != nil:
		return nil
	case closed:
		c.Close()
		return nil
	}
	return c
}

const earCacheBytes = 64 << 10

// hear is told that keys have changed; nil is that anything may have.
func (r *ears) hear(keys []valkey.ValkeyMessage) {
	var woken []*follower
	r.mu.Lock()
	if keys == nil {
		for _, fs := range r.followers {
			for f := range fs {
				woken = append(woken, f)
			}
		}
	}
	for i := range keys {
		name, _ := keys[i].ToString()
		for f := range r.followers[name] {
			woken = append(woken, f)
		}
	}
	r.mu.Unlock()
	for _, f := range woken {
		f.hasten()
	}
}

func (r *ears) close() {
	r.mu.Lock()
	c := r.client
	r.client, r.closed = nil, true
	r.mu.Unlock()
	if c != nil {
		c.Close() // which may be heard
	}
}
