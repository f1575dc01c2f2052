package momento

import (
	"bytes"
	"context"
	"encoding/binary"
	"sync"
	"sync/atomic"

	"github.com/hearthcache/hearth/door/h2"
	"github.com/hearthcache/hearth/gateway"
	"github.com/hearthcache/hearth/topics"
)

// topicRows are the methods of cache_client.pubsub.Pubsub.
func (h *Handler) topicRows() []row {
	return []row{
		{"/cache_client.pubsub.Pubsub/Publish", h.publish},
		{"/cache_client.pubsub.Pubsub/Subscribe", h.subscribe},
	}
}

func (h *Handler) publish(c h2.Call) {
	var cache, topic []byte
	var body topics.Body
	f := scan(c.Message())
	for f.next() {
		switch f.tag {
		case 1<<3 | bytesType:
			cache = f.text()
		case 2<<3 | bytesType:
			topic = f.text()
		case 3<<3 | bytesType:
			topicValue(&f, &body)
		}
	}
	caller, err := h.callerOn(c, cache)
	switch {
	case err != nil:
	case f.err() != nil:
		err = f.err()
	case body.Bytes == nil:
		err = invalid("the message has no value: it is neither text nor binary")
	}
	if err != nil {
		fail(c, err)
		return
	}
	if !h.gateway.TopicsWait() {
		h.publishTo(context.Background(), c, caller, string(topic), body)
		return
	}
	name := string(topic)
	body.Bytes = bytes.Clone(body.Bytes)
	h.detach(c, func(ctx context.Context) { h.publishTo(ctx, c, caller, name, body) })
}

// publishTo publishes, and ends the call.
func (h *Handler) publishTo(ctx context.Context, c h2.Call, caller *gateway.Caller, topic string, body topics.Body) {
	if _, err := h.gateway.Publish(ctx, caller, topic, body); err != nil {
		fail(c, err)
		return
	}
	c.End(c.Begin())
	c.Finish(h2.Status{})
}

// topicValue reads the _TopicValue in the present field.
func topicValue(f *fields, body *topics.Body) {
	sub := scan(f.data)
	for sub.next() {
		switch sub.tag {
		case 1<<3 | bytesType:
			body.Bytes, body.Text = sub.text(), true
		case 2<<3 | bytesType:
			body.Bytes, body.Text = sub.data, false
		}
	}
	f.bad = f.bad || sub.bad
}

// stream is one call of Subscribe.
type stream struct {
	handler *Handler
	call    h2.Call
	opened  atomic.Bool // the call is a stream and may be woken
	sub     atomic.Pointer[gateway.Subscription]

	mu     sync.Mutex // guards the rest
	err    error      // of opening
	closed bool
}

func (h *Handler) subscribe(c h2.Call) {
	var cache, topic []byte
	var after topics.Position
	f := scan(c.Message())
	for f.next() {
		switch f.tag {
		case 1<<3 | bytesType:
			cache = f.text()
		case 2<<3 | bytesType:
			topic = f.text()
		case 3<<3 | varintType:
			after.Sequence = f.num
		case 4<<3 | varintType:
			after.Page = f.num
		}
	}
	caller, err := h.callerOn(c, cache)
	if err == nil {
		err = f.err()
	}
	if err != nil {
		fail(c, err)
		return
	}
	s := &stream{handler: h, call: c}
	name := string(topic)
	open := func() { s.open(h.gateway.Subscribe(caller, topics.Filter{Topic: name}, after, true, s.wake)) }
	if h.gateway.TopicsWait() {
		c.Stream(s.pump, s.close)
		s.opened.Store(true)
		h.start(func() {
			open()
			c.Wake()
		})
		return
	}
	open()
	if s.err != nil {
		fail(c, s.err)
		return
	}
	c.Stream(s.pump, s.close)
	s.opened.Store(true)
	c.Wake()
}

// open takes what Subscribe has returned; the call may have ended meanwhile.
func (s *stream) open(sub *gateway.Subscription, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		s.err = err
		return
	}
	if s.closed {
		sub.Close()
		return
	}
	s.sub.Store(sub)
}

func (s *stream) failed() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

func (s *stream) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	if sub := s.sub.Load(); sub != nil {
		sub.Close()
	}
}

func (s *stream) wake() {
	if s.opened.Load() {
		s.call.Wake()
	}
}

// takenAtOnce is how many messages one Take may bring.
const takenAtOnce = 8

// messages is room for them: one for each goroutine that is sending at the moment, so that idle subscriptions hold none.
type messages [takenAtOnce]topics.Message

// pump sends what there is while the call has room: a heartbeat when one is due, and before anything else at first,
// because clients take it for the answer to their call.
func (s *stream) pump() {
	sub := s.sub.Load()
	if sub == nil {
		if err := s.failed(); err != nil {
			fail(s.call, err)
		}
		return
	}
	taken := s.handler.pool.Get().(*messages)
	defer s.handler.pool.Put(taken)
	ms := taken[:]
	for room := s.call.Room(); room > 0; room = s.call.Room() {
		if sub.Beat() {
			s.call.End(append(s.call.Begin(), 3<<3|bytesType, 0))
		}
		n, gap, err := sub.Take(ms, room)
		if err != nil {
			fail(s.call, err)
			return
		}
		if gap != nil {
			s.call.End(appendGap(s.call.Begin(), gap))
		}
		for i := range ms[:n] {
			s.send(&ms[i])
		}
		clear(ms[:n])
		if n == 0 && gap == nil {
			return
		}
	}
}

// sharedBytes is what a message must have to be sent without a copy of its own.
const sharedBytes = 2 << 10

func (s *stream) send(m *topics.Message) {
	b := appendItem(s.call.Begin(), m)
	if r, ok := s.call.(h2.Referrer); ok && len(m.Bytes) >= sharedBytes {
		r.EndWith(b, m.Bytes, nil)
		return
	}
	s.call.End(append(b, m.Bytes...))
}

// appendGap appends a _SubscriptionItem with a discontinuity.
func appendGap(b []byte, g *topics.Gap) []byte {
	b, item := begin(b, 2)
	b = appendUint(b, 1, g.Last)
	b = appendUint(b, 2, g.Next)
	b = appendUint(b, 3, g.Page)
	return end(b, item)
}

// appendItem appends a _SubscriptionItem with a message, but for the message's bytes, which end it: they may be sent from
// where the topic's ring has them.
func appendItem(b []byte, m *topics.Message) []byte {
	kind := uint32(2)
	if m.Text {
		kind = 1
	}
	value := 1 + varintLen(uint64(len(m.Bytes))) + len(m.Bytes)
	item := 1 + varintLen(m.Sequence) + 1 + varintLen(m.Page) + 1 + varintLen(uint64(value)) + value
	if m.Publisher != "" {
		item += 1 + varintLen(uint64(len(m.Publisher))) + len(m.Publisher)
	}
	b = appendLength(b, 1, item)
	b = appendUint(b, 1, m.Sequence)
	b = appendBytes(b, 3, m.Publisher)
	b = appendUint(b, 4, m.Page)
	b = appendLength(b, 2, value)
	return appendLength(b, kind, len(m.Bytes))
}

// appendLength appends the head of a sub-message whose length is known.
func appendLength(b []byte, number uint32, n int) []byte {
	return binary.AppendUvarint(appendTag(b, number, bytesType), uint64(n))
}
