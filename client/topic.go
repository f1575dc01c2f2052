package client

import (
	"context"
	"time"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/pb"
	"google.golang.org/grpc"
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

// Publish publishes bytes on a topic.
func (c *Cache) Publish(ctx context.Context, topic string, message []byte) error {
	return c.publish(ctx, topic, &pb.XTopicValue{Kind: &pb.XTopicValue_Binary{Binary: message}})
}

// PublishText publishes text, which must be UTF-8, on a topic.
func (c *Cache) PublishText(ctx context.Context, topic, message string) error {
	return c.publish(ctx, topic, &pb.XTopicValue{Kind: &pb.XTopicValue_Text{Text: message}})
}

func (c *Cache) publish(ctx context.Context, topic string, v *pb.XTopicValue) error {
	in := &pb.XPublishRequest{CacheName: c.name, Topic: topic, Value: v}
	return c.client.call(ctx, c.client.data, pubsub+"Publish", "", in, &pb.XEmpty{})
}

// Subscription is an open subscription. It is used by one goroutine at a time.
type Subscription struct {
	cache  *Cache
	topic  string
	ctx    context.Context
	cancel context.CancelFunc
	stream grpc.ClientStream // nil while it is cut off
	at     Position
}

// Subscribe subscribes to a topic until ctx ends or Close. It returns once the server has said yes.
func (c *Cache) Subscribe(ctx context.Context, topic string, from Position) (*Subscription, error) {
	s := &Subscription{cache: c, topic: topic, at: from}
	s.ctx, s.cancel = context.WithCancel(c.client.signed(ctx))
	if err := s.open(); err != nil {
		s.cancel()
		return nil, err
	}
	return s, nil
}

// open opens the stream; the server's first message is a heartbeat.
func (s *Subscription) open() error {
	stream, err := s.cache.client.data.NewStream(s.ctx, &grpc.StreamDesc{ServerStreams: true}, pubsub+"Subscribe")
	if err == nil {
		err = stream.SendMsg(&pb.XSubscriptionRequest{CacheName: s.cache.name, Topic: s.topic,
			ResumeAtTopicSequenceNumber: s.at.Sequence, SequencePage: s.at.Page})
	}
	if err == nil {
		err = stream.CloseSend()
	}
	var first pb.XSubscriptionItem
	if err == nil {
		err = stream.RecvMsg(&first)
	}
	if err != nil {
		return fromStatus(err)
	}
	s.stream = stream
	return nil
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
		var item pb.XSubscriptionItem
		if err := s.stream.RecvMsg(&item); err != nil {
			s.stream = nil
			if err := fromStatus(err); !passes(err) || s.ctx.Err() != nil {
				return nil, nil, err
			}
			continue
		}
		if m := item.GetItem(); m != nil {
			return s.message(m), nil, nil
		}
		if d := item.GetDiscontinuity(); d != nil {
			s.at = Position{d.NewTopicSequence, d.NewSequencePage}
			return nil, &Gap{d.LastTopicSequence, d.NewTopicSequence, d.NewSequencePage}, nil
		}
	}
}

func (s *Subscription) message(m *pb.XTopicItem) *Message {
	s.at = Position{m.TopicSequenceNumber + 1, m.SequencePage}
	v := &Message{Sequence: m.TopicSequenceNumber, Page: m.SequencePage, Publisher: m.PublisherId, Bytes: m.Value.GetBinary()}
	if _, v.Text = m.Value.GetKind().(*pb.XTopicValue_Text); v.Text {
		v.Bytes = []byte(m.Value.GetText())
	}
	return v
}

// reopen tries until the server answers, or answers with an error that does not pass.
func (s *Subscription) reopen() error {
	for {
		select {
		case <-s.ctx.Done():
			return fromStatus(s.ctx.Err())
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
