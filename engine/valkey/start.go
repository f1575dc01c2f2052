package valkey

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/engine"
	"github.com/hearthcache/hearth/op"
	"github.com/hearthcache/hearth/respwire"
)

// started is commands that were begun by Start. Those that a pipe does not answer, or answers with a "not now", are run
// by DoAll, which knows how to find the right server and what may be said again.
type started struct {
	engine *Engine
	space  hearth.Space
	os     []op.Op
	rs     []op.Reply
	done   func()
	left   atomic.Int32

	mu    sync.Mutex // guards again
	again []int      // commands for DoAll
}

// Start implements engine.Starter. What this process remembers is answered at once; what the server is not asked for is left
// to DoAll.
func (e *Engine) Start(s hearth.Space, os []op.Op, rs []op.Reply, done func()) bool {
	c, routes := e.client.Load(), e.pipes.routes()
	if c == nil || routes == nil {
		e.pipes.look(e)
		return false
	}
	call := e.call()
	defer e.release(call)
	for _, o := range os {
		if e.mayMeetTags(s, o) || !call.add(e, s, o) {
			return false
		}
	}
	answered, apart := e.sort(call, os, rs)
	if answered == 0 && apart == len(os) {
		return false
	}
	by := e.begun.Get().(*started)
	by.engine, by.space, by.os, by.rs, by.done = e, s, os, rs, done
	by.left.Store(int32(len(os)-answered) + 1) // one for Start itself: done comes when nothing here is used any more
	for i := 0; i < len(os); {
		switch call.units[i].way {
		case wayHere:
			i++
			continue
		case wayApart:
			by.postpone(i)
			i++
			continue
		}
		p := routes.of(call.units[i].slot)
		n := i + 1
		for n < len(os) && call.units[n].way == wayPipe && routes.of(call.units[n].slot) == p {
			n++
		}
		if i += p.say(call.units, i, n, c.library, by); i < n {
			e.pipes.look(e)
		}
		for ; i < n; i++ {
			by.postpone(i)
		}
	}
	by.ended(1)
	return true
}

// sort gives each unit its way, answers those whose replies this process remembers, and returns how many those are and
// how many are for DoAll.
func (e *Engine) sort(c *call, os []op.Op, rs []op.Reply) (answered, apart int) {
	var now time.Duration
	if e.near != nil {
		now = e.near.now()
	}
	for i := range c.units {
		u := &c.units[i]
		u.way = e.wayOf(u, os[i], &rs[i], now)
		switch u.way {
		case wayHere:
			answered++
		case wayApart:
			apart++
		}
	}
	return answered, apart
}

// wayOf says how a command is going to be done; one that is done here has its answer.
func (e *Engine) wayOf(u *unit, o op.Op, r *op.Reply, now time.Duration) way {
	if u.size() == 0 {
		return wayApart
	}
	args := u.batch.At(u.first)
	if e.near == nil || u.size() > 1 || !cacheable(args) {
		return wayPipe
	}
	reply, hot := e.near.look(args, now)
	switch {
	case hot:
		return wayApart // DoAll has it remembered
	case reply == nil:
		return wayPipe
	}
	if r.Err = receive(o, reply, r); len(r.Attrs.Tags) == 0 {
		e.near.hits.Add(1)
		return wayHere
	}
	r.Reset() // it is to be held against the space's table
	return wayApart
}

// Flush implements engine.Starter.
func (e *Engine) Flush() {
	if r := e.pipes.routes(); r != nil {
		for _, p := range r.pipes {
			p.flush()
		}
	}
}

// answered takes a command's answer, which is borrowed until it returns. It reports whether the command is done, which
// the caller then says to ended.
func (b *started) answered(i int, v []respwire.Value) bool {
	switch {
	case notNow(v[0]):
		if said := text(v[0].Str); strings.HasPrefix(said, "MOVED") || strings.HasPrefix(said, "READONLY") {
			b.engine.pipes.look(b.engine)
		}
		fallthrough
	case isFunctionMissing(v[0]):
		b.postpone(i)
		return false
	}
	o, r := b.os[i], &b.rs[i]
	if r.Err = receive(o, v, r); r.Err != nil {
		b.engine.failures.refused(r.Err)
	}
	if len(r.Attrs.Tags) > 0 {
		b.postpone(i) // it is to be held against the space's table
		return false
	}
	if b.engine.near != nil {
		b.engine.forgetWritten(b.space, o)
	}
	return true
}

func receive(o op.Op, v []respwire.Value, r *op.Reply) (err error) {
	defer engine.Catch(o, &err)
	if m, ok := o.(op.Multi); ok {
		return m.RecvAll(v, r)
	}
	return o.Recv(v, r)
}

// unanswered is called where a command's connection has ended before its answer.
func (b *started) unanswered(i int, unsent bool, err error) {
	b.engine.pipes.look(b.engine)
	o := b.os[i]
	if unsent || o.Spec().Repeatable {
		b.postpone(i)
		return
	}
	b.engine.failures.unreachable.Add(1)
	b.rs[i].Err = unreachable(context.Background(), err)
	if b.engine.near != nil {
		b.engine.forgetWritten(b.space, o)
	}
	b.ended(1)
}

// postpone leaves a command to DoAll.
func (b *started) postpone(i int) {
	b.mu.Lock()
	b.again = append(b.again, i)
	b.mu.Unlock()
	b.ended(1)
}

// ended is told, once, of each command that is done or postponed; n at a time.
func (b *started) ended(n int) {
	if n == 0 || b.left.Add(int32(-n)) != 0 {
		return
	}
	if len(b.again) > 0 {
		go b.repeat()
		return
	}
	b.finish()
}

// repeat runs what was postponed: reads by themselves, since a batch that writes leaves nothing remembered here.
func (b *started) repeat() {
	b.repeatSome(false)
	b.repeatSome(true)
	e := b.engine
	b.finish()
	e.Flush()
}

func (b *started) repeatSome(writes bool) {
	var at []int
	for _, i := range b.again {
		if b.os[i].Spec().Writes() == writes {
			at = append(at, i)
		}
	}
	if len(at) == 0 {
		return
	}
	os, rs := make([]op.Op, len(at)), make([]op.Reply, len(at))
	for j, i := range at {
		os[j] = b.os[i]
		b.rs[i].Reset()
	}
	b.engine.DoAll(context.Background(), b.space, os, rs)
	for j, i := range at {
		b.rs[i] = rs[j]
	}
}

func (b *started) finish() {
	e, done := b.engine, b.done
	b.os, b.rs, b.done, b.again = nil, nil, nil, b.again[:0]
	e.begun.Put(b)
	done()
}
