package momento

import (
	"context"

	"github.com/hearthcache/hearth/door/h2"
	"github.com/hearthcache/hearth/gateway"
	"github.com/hearthcache/hearth/op"
)

// batch is a call whose request is many commands, in repeated field 1, and whose response is a stream with one message
// for each, in their order. It answers while the reader makes room; commands that have to wait run on a goroutine, a
// chunk at a time, which wakes the stream.
type batch[T any, P interface{ *T }] struct {
	h      *Handler
	call   h2.Call
	caller *gateway.Caller
	decode decoder[P]
	encode encoder[P]

	items   fields // what is left of the request
	o       T
	reply   op.Reply
	ended   bool               // Finish was called
	cancel  context.CancelFunc // of the goroutine at work; nil where none ever was
	ctx     context.Context
	working bool
	ready   chan *chunk[T] // from the goroutine, one at a time
	now     *chunk[T]      // what is being sent
}

// chunk is some commands of a batch that ran on a goroutine.
type chunk[T any] struct {
	requests []*T
	replies  []op.Reply
	sent     int
}

// chunkItems is how many commands of a batch run together where they have to wait.
const chunkItems = 64

// batchRow returns the row of a batch of commands that all need the same access.
func batchRow[T any, P interface{ *T }](h *Handler, method string, access op.Access, decode decoder[P], encode encoder[P]) row {
	return row{method, func(c h2.Call) {
		caller, err := h.cacheCaller(c)
		if err != nil {
			fail(c, err)
			return
		}
		b := &batch[T, P]{h: h, call: c, caller: caller, decode: decode, encode: encode, items: scan(c.Message())}
		if err := b.check(access); err != nil {
			fail(c, err)
			return
		}
		if b.step(); b.ended {
			return
		}
		b.ready = make(chan *chunk[T], 1)
		b.ctx, b.cancel = context.WithCancel(context.Background())
		c.Stream(b.pump, b.closed)
		b.items = scan(c.Message()[len(c.Message())-len(b.items.rest):]) // what was borrowed may have moved
		c.Wake()
	}}
}

// check holds every command of the batch against what its caller may before the first one runs.
func (b *batch[T, P]) check(access op.Access) error {
	if err := b.caller.Check(access); err != nil {
		return err
	}
	items := b.items
	for item, more := nextItem(&items); more; item, more = nextItem(&items) {
		o, err := b.decode(item, P(&b.o))
		if err != nil {
			return b.h.refusal(b.caller, o, err)
		}
		if err := b.h.gateway.Examine(b.caller, o); err != nil {
			return err
		}
	}
	return items.err()
}

// nextItem returns the next element of repeated field 1.
func nextItem(f *fields) (item []byte, more bool) {
	for f.next() {
		if f.tag == 1<<3|bytesType {
			return f.data, true
		}
	}
	return nil, false
}

// step answers commands while there is room and none has to wait; it is called within ServeCall and by pump.
func (b *batch[T, P]) step() {
	for b.call.Room() > 0 {
		before := b.items
		item, more := nextItem(&b.items)
		if !more {
			b.finish(nil)
			return
		}
		o, _ := b.decode(item, P(&b.o)) // check has decoded it before
		b.reply.Reset()
		done, err := b.h.gateway.Try(b.caller, o, &b.reply)
		if !done {
			b.items = before
			return
		}
		if err != nil {
			b.finish(err)
			return
		}
		send(b.call, P(&b.o), &b.reply, b.encode)
	}
}

func (b *batch[T, P]) finish(err error) {
	b.ended = true
	b.reply.Reset()
	b.call.Finish(statusOf(err))
}

// pump goes on with the answers after a wait.
func (b *batch[T, P]) pump() {
	for !b.ended && b.call.Room() > 0 {
		if b.now != nil {
			b.sendChunk()
			continue
		}
		select {
		case b.now = <-b.ready:
			b.working = false
			continue
		default:
		}
		if b.working {
			return
		}
		if b.step(); !b.ended && b.call.Room() > 0 {
			b.startChunk()
			return
		}
	}
}

// sendChunk sends what has run of the present chunk while there is room.
func (b *batch[T, P]) sendChunk() {
	c := b.now
	for c.sent < len(c.replies) && b.call.Room() > 0 {
		r := &c.replies[c.sent]
		if r.Err != nil {
			b.finish(r.Err)
			return
		}
		send(b.call, P(c.requests[c.sent]), r, b.encode)
		r.Reset()
		c.sent++
	}
	if c.sent == len(c.replies) {
		b.now = nil
	}
}

// startChunk runs the next commands on a goroutine.
func (b *batch[T, P]) startChunk() {
	c := &chunk[T]{}
	var os []op.Op
	for len(os) < chunkItems {
		item, more := nextItem(&b.items)
		if !more {
			break
		}
		request := P(new(T))
		o, _ := b.decode(item, request)
		c.requests, os = append(c.requests, request), append(os, o)
	}
	c.replies = make([]op.Reply, len(os))
	b.working = true
	b.h.start(func() {
		b.h.gateway.DoAll(b.ctx, b.caller, os, c.replies)
		b.ready <- c
		if b.ctx.Err() != nil {
			b.forget()
			return
		}
		b.call.Wake()
	})
}

// closed is called when the call has ended. What was not sent may hold large values: they are given back, here or by
// the goroutine that is still at work.
func (b *batch[T, P]) closed() {
	b.ended = true
	b.cancel()
	b.reply.Reset()
	b.now.reset()
	b.forget()
}

// forget gives back a chunk that nobody will send.
func (b *batch[T, P]) forget() {
	select {
	case c := <-b.ready:
		c.reset()
	default:
	}
}

func (c *chunk[T]) reset() {
	if c == nil {
		return
	}
	for i := range c.replies {
		c.replies[i].Reset()
	}
}
