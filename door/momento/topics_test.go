package momento_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/hearthcache/hearth/pb"
)

const pubsub = "/cache_client.pubsub.Pubsub/"

func publishTo(t *testing.T, conn *grpc.ClientConn, cache, topic string, value *pb.XTopicValue) codes.Code {
	t.Helper()
	in := &pb.XPublishRequest{CacheName: cache, Topic: topic, Value: value}
	return call(t, conn, "", pubsub+"Publish", in, &pb.XEmpty{})
}

func topicText(s string) *pb.XTopicValue { return &pb.XTopicValue{Kind: &pb.XTopicValue_Text{Text: s}} }

// subscriber is an open Subscribe stream.
type subscriber struct {
	t      *testing.T
	stream grpc.ClientStream
	cancel context.CancelFunc
}

func subscribeTo(t *testing.T, conn *grpc.ClientConn, in *pb.XSubscriptionRequest) *subscriber {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	s, err := conn.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true}, pubsub+"Subscribe")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.SendMsg(in); err != nil {
		t.Fatal(err)
	}
	if err := s.CloseSend(); err != nil {
		t.Fatal(err)
	}
	return &subscriber{t, s, cancel}
}

func (s *subscriber) next() (*pb.XSubscriptionItem, error) {
	item := &pb.XSubscriptionItem{}
	err := s.stream.RecvMsg(item)
	return item, err
}

// item returns the next item that is no heartbeat.
func (s *subscriber) item() *pb.XSubscriptionItem {
	s.t.Helper()
	for {
		item, err := s.next()
		if err != nil {
			s.t.Fatal(err)
		}
		if item.GetHeartbeat() == nil {
			return item
		}
	}
}

func (s *subscriber) heartbeat() {
	s.t.Helper()
	item, err := s.next()
	if err != nil || item.GetHeartbeat() == nil {
		s.t.Fatalf("not a heartbeat: %v, %v", item, err)
	}
}

func TestTopic(t *testing.T) {
	conn := dial(t, newHandler(t))
	s := subscribeTo(t, conn, &pb.XSubscriptionRequest{CacheName: cacheName, Topic: "news"})
	s.heartbeat()
	long := strings.Repeat("long", 50_000)
	values := []*pb.XTopicValue{topicText("one"), {Kind: &pb.XTopicValue_Binary{Binary: []byte{0, 255}}}, topicText(""), topicText(long)}
	for _, v := range values {
		if got := publishTo(t, conn, cacheName, "news", v); got != codes.OK {
			t.Fatal(got)
		}
	}
	page := uint64(0)
	for i, want := range values {
		got := s.item().GetItem()
		if got.GetTopicSequenceNumber() != uint64(i+1) || got.GetValue().String() != want.String() || got.GetPublisherId() != "" {
			t.Fatalf("item %d: %.100v, want %.100v", i+1, got, want)
		}
		if page != 0 && got.SequencePage != page || got.SequencePage < 1_000_000_000 {
			t.Errorf("page %d after %d", got.SequencePage, page)
		}
		page = got.SequencePage
	}

	resumed := subscribeTo(t, conn, &pb.XSubscriptionRequest{CacheName: cacheName, Topic: "news", ResumeAtTopicSequenceNumber: 3, SequencePage: page})
	resumed.heartbeat()
	if got := resumed.item().GetItem().GetTopicSequenceNumber(); got != 3 {
		t.Errorf("resumed at 3, got %d", got)
	}
	lost := subscribeTo(t, conn, &pb.XSubscriptionRequest{CacheName: cacheName, Topic: "news", ResumeAtTopicSequenceNumber: 8, SequencePage: page - 1})
	lost.heartbeat()
	d := lost.item().GetDiscontinuity()
	if d.GetLastTopicSequence() != 7 || d.GetNewTopicSequence() != 1 || d.GetNewSequencePage() != page {
		t.Errorf("discontinuity %v, want 7, 1, %d", d, page)
	}
	if got := lost.item().GetItem().GetTopicSequenceNumber(); got != d.GetNewTopicSequence() {
		t.Errorf("after the discontinuity came %d", got)
	}
}

func TestTopicsBeatAndEndWithTheirCache(t *testing.T) {
	conn := dial(t, newHandler(t))
	s := subscribeTo(t, conn, &pb.XSubscriptionRequest{CacheName: cacheName, Topic: "quiet"})
	for range 3 {
		s.heartbeat()
	}
	if got := call(t, conn, "", "/control_client.ScsControl/DeleteCache", &pb.XDeleteCacheRequest{CacheName: cacheName}, &pb.XDeleteCacheResponse{}); got != codes.OK {
		t.Fatal(got)
	}
	for {
		if _, err := s.next(); err != nil {
			if status.Code(err) != codes.NotFound {
				t.Errorf("the stream ended with %v", err)
			}
			break
		}
	}
}

func TestTopicErrors(t *testing.T) {
	conn := dial(t, newHandler(t))
	check := func(cache, topic string, value *pb.XTopicValue, publish, subscribe codes.Code) {
		t.Helper()
		if got := publishTo(t, conn, cache, topic, value); got != publish {
			t.Errorf("Publish on %q, %q = %v, want %v", cache, topic, got, publish)
		}
		s := subscribeTo(t, conn, &pb.XSubscriptionRequest{CacheName: cache, Topic: topic})
		if _, err := s.next(); status.Code(err) != subscribe {
			t.Errorf("Subscribe to %q, %q = %v, want %v", cache, topic, err, subscribe)
		}
		s.cancel()
	}

	check(cacheName, "t", topicText("x"), codes.OK, codes.OK)
	check("nowhere", "t", topicText("x"), codes.NotFound, codes.NotFound)
	check("", "t", topicText("x"), codes.NotFound, codes.NotFound)
	check("nowhere", "", topicText("x"), codes.NotFound, codes.NotFound)
	check(cacheName, "", topicText("x"), codes.InvalidArgument, codes.InvalidArgument)
	check(cacheName, "t", &pb.XTopicValue{}, codes.InvalidArgument, codes.OK)
	check(cacheName, "t", nil, codes.InvalidArgument, codes.OK)
	check(cacheName, "$hearth/changes", topicText("x"), codes.InvalidArgument, codes.OK)
}
