package client

import (
	"context"
	"io"
	"net/http"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/hearthcache/hearth"
)

const pubsub = "/cache_client.pubsub.Pubsub/"

// Message is one message of a topic.
type Message struct {
	Sequence  uint64
	Page      uint64 // changes when Sequence begins anew
	Text      bool
	Bytes     []byte
	Publisher string // the token id of the publisher's credential
}

// Gap tells that messages after Last and before Next were lost.
type Gap struct{ Last, Next, Page uint64 }

// Position is where a subscription begins: the number of the next message wanted. The zero Position is: from now on.
type Position struct{ Sequence, Page uint64 }

// The members of a topic's value.
const (
	textValue   = 1
	binaryValue = 2
)

// Publish publishes bytes on a topic.
func (c *Cache) Publish(ctx context.Context, topic string, body []byte) error {
	return c.publish(ctx, topic, binaryValue, body)
}

// PublishText publishes text, which must be UTF-8, on a topic.
func (c *Cache) PublishText(ctx context.Context, topic, body string) error {
	return c.publish(ctx, topic, textValue, []byte(body))
}

func (c *Cache) publish(ctx context.Context, topic string, kind protowire.Number, body []byte) error {
	in := message(nil).string(1, c.name).string(2, topic).bytes(3, message(nil).bytes(kind, body))
	_, err := c.client.call(ctx, c.client.data, pubsub+"Publish", "", in)
	return err
}

// Subscription is an open subscription. It is used by one goroutine at a time.
type Subscription struct {
	cache  *Cache
	topic  string
	ctx    context.Context
	cancel context.CancelFunc
	stream *http.Response // nil while it is cut off
	at     Position
}

// Subscribe subscribes to a topic until ctx ends or Close. It returns once the server has said yes.
func (c *Cache) Subscribe(ctx context.Context, topic string, from Position) (*Subscription, error) {
	s := &Subscription{cache: c, topic: topic, at: from}
	s.ctx, s.cancel = context.WithCancel(ctx)
	if err := s.open(); err != nil {
		s.cancel()
		return nil, err
	}
	return s, nil
}

// open opens the stream; the server's first message is a heartbeat.
func (s *Subscription) open() error {
	c := s.cache
	in := message(nil).string(1, c.name).string(2, s.topic).varint(3, s.at.Sequence).varint(4, s.at.Page)
	stream, err := c.client.open(s.ctx, c.client.data, pubsub+"Subscribe", "", in)
	if err != nil {
		return err
	}
	s.stream = stream
	_, err = s.receive()
	return err
}

// receive reads one message of the stream. With an error the stream has ended.
func (s *Subscription) receive() ([]byte, error) {
	m, err := readMessage(s.stream.Body)
	if err == nil {
		return m, nil
	}
	defer func() { s.stream = nil }()
	defer s.stream.Body.Close()
	if err != io.EOF {
		return nil, transportError(s.ctx, err)
	}
	if err := statusOf(s.stream); err != nil {
		return nil, err
	}
	return nil, &hearth.Error{Kind: hearth.Unavailable, Msg: "the server ended the subscription"}
}

const resubscribeAfter = 500 * time.Millisecond

// Next waits for the next message, or for a gap, which stands before the next message: one of the two is not nil. A
// subscription that is cut off comes back to where it was by itself.
func (s *Subscription) Next() (*Message, *Gap, error) {
	for {
		if s.stream == nil {
			if err := s.reopen(); err != nil {
				return nil, nil, err
			}
		}
		in, err := s.receive()
		switch {
		case err == nil:
		case !passes(err) || s.ctx.Err() != nil:
			return nil, nil, err
		default:
			continue
		}
		if m, gap, err := s.item(in); err != nil || m != nil || gap != nil {
			return m, gap, err
		}
	}
}

// item reads what the server sent: a message, a gap, or a heartbeat, which is neither.
func (s *Subscription) item(in []byte) (m *Message, gap *Gap, err error) {
	err = read(in, func(f field) {
		switch f.number {
		case 1:
			m = readTopicItem(f.bytes)
			s.at = Position{m.Sequence + 1, m.Page}
		case 2:
			gap = readGap(f.bytes)
			s.at = Position{gap.Next, gap.Page}
		}
	})
	return m, gap, err
}

func readTopicItem(in []byte) *Message {
	m := &Message{}
	_ = read(in, func(f field) {
		switch f.number {
		case 1:
			m.Sequence = f.varint
		case 2:
			_ = read(f.bytes, func(v field) { m.Text, m.Bytes = v.number == textValue, v.bytes })
		case 3:
			m.Publisher = string(f.bytes)
		case 4:
			m.Page = f.varint
		}
	})
	return m
}

func readGap(in []byte) *Gap {
	g := &Gap{}
	_ = read(in, func(f field) {
		switch f.number {
		case 1:
			g.Last = f.varint
		case 2:
			g.Next = f.varint
		case 3:
			g.Page = f.varint
		}
	})
	return g
}

// reopen tries until the server answers, or answers with an error that does not pass.
func (s *Subscription) reopen() error {
	for {
		select {
		case <-s.ctx.Done():
			return transportError(s.ctx, s.ctx.Err())
		case <-time.After(resubscribeAfter):
		}
		err := s.open()
		if err == nil || !passes(err) {
			return err
		}
	}
}

// passes reports whether an error is one of the connection, after which it is worth coming back.
func passes(err error) bool {
	switch hearth.KindOf(err) {
	case hearth.Unavailable, hearth.Internal, hearth.Timeout:
		return true
	}
	return false
}

// Close ends the subscription.
func (s *Subscription) Close() { s.cancel() }
