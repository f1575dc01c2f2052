package test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/proto"

	"github.com/hearthcache/hearth/pb"
)

const (
	subscribersACache = 2000
	subscribedCaches  = 5
	streamsAChannel   = 100 // as Momento's SDKs have it

	// A subscription costs no more anonymous memory over gRPC, its share of a connection included.
	subscriptionBytesMax = 8 << 10
)

// TestTenThousandSubscribers has one process subscribe 2,000 times on each of five caches, as an SDK does. What is published
// comes to everybody, once and in order.
func TestTenThousandSubscribers(t *testing.T) {
	s := start(t)
	subscribe := func(cache string, got *sync.WaitGroup) {
		for range subscribersACache / streamsAChannel {
			conn := channel(t, s.Listen)
			for range streamsAChannel {
				in := subscription(t, conn, cache, "t")
				got.Add(1)
				go func() {
					defer got.Done()
					expect(t, in, 1, 2, 3)
				}()
			}
		}
	}
	var caches []string
	for i := range subscribedCaches {
		caches = append(caches, fmt.Sprint("c", i))
		mustHearth(t, s, "cache", "create", caches[i])
	}
	before := s.rss(t, "RssAnon")
	var got sync.WaitGroup
	for _, cache := range caches {
		subscribe(cache, &got)
	}
	time.Sleep(time.Second) // a heartbeat has gone to everybody
	each := (s.rss(t, "RssAnon") - before) / (subscribersACache * subscribedCaches)
	t.Logf("an idle subscription costs %d bytes", each)
	if each > subscriptionBytesMax {
		t.Errorf("an idle subscription costs %d bytes, more than %d", each, subscriptionBytesMax)
	}
	for n := 1; n <= 3; n++ {
		for _, cache := range caches {
			mustHearth(t, s, "topic", "publish", cache, "t", fmt.Sprintf("%s: %d", cache, n))
		}
	}
	got.Wait()
}

func mustHearth(t *testing.T, s *server, args ...string) {
	t.Helper()
	if _, errs, code := hearth(t, []string{"HEARTH_ENDPOINT=" + s.Listen}, args...); code != 0 {
		t.Fatalf("hearth %v: %s", args, errs)
	}
}

// channel returns a connection that is closed at the end of the test.
func channel(t *testing.T, addr string) *grpc.ClientConn {
	t.Helper()
	conn, err := grpc.NewClient(addr, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithReadBufferSize(4<<10), grpc.WithWriteBufferSize(4<<10))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// subscription returns a stream of a topic once it is open, which its first heartbeat tells.
func subscription(t *testing.T, conn *grpc.ClientConn, cache, topic string) grpc.ClientStream {
	t.Helper()
	s, err := conn.NewStream(t.Context(), &grpc.StreamDesc{ServerStreams: true}, "/cache_client.pubsub.Pubsub/Subscribe")
	if err == nil {
		err = s.SendMsg(&pb.XSubscriptionRequest{CacheName: cache, Topic: topic})
	}
	if err == nil {
		err = s.CloseSend()
	}
	first := &pb.XSubscriptionItem{}
	if err == nil {
		err = s.RecvMsg(first)
	}
	if err != nil || first.GetHeartbeat() == nil {
		t.Fatalf("a subscription opens with %v, %v", first, err)
	}
	return s
}

// expect reads messages, which have to be numbered so and nothing between them but heartbeats.
func expect(t *testing.T, in grpc.ClientStream, numbers ...uint64) {
	for _, want := range numbers {
		m, err := nextItem(in)
		if err != nil || m.GetItem().GetTopicSequenceNumber() != want {
			t.Errorf("message %d: %v, %v", want, m, err)
			return
		}
	}
}

// nextItem returns what comes next but heartbeats.
func nextItem(in grpc.ClientStream) (*pb.XSubscriptionItem, error) {
	for {
		m := &pb.XSubscriptionItem{}
		if err := in.RecvMsg(m); err != nil || m.GetHeartbeat() == nil {
			return m, err
		}
	}
}

// TestSubscribersThatNeverRead has one subscriber of each protocol that takes nothing off its socket, under ten times as
// many messages as a topic keeps. One that reads misses nothing, and the server holds no more than the ring and what it
// had sent already.
func TestSubscribersThatNeverRead(t *testing.T) {
	const (
		messages  = 1280
		size      = 64 << 10
		heldMax   = 48 << 20
		underWay  = 4
		ringBytes = 8 << 20
	)
	s := start(t)
	mustHearth(t, s, "cache", "create", "default")
	conn := channel(t, s.Listen)
	sse := s.deaf(t, s.Listen, "GET /topics/default/t HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n",
		"HTTP/1.1 200 ", "\r\n\r\n")
	s.deaf(t, s.Listen, "GET /topics/default/t HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n", "HTTP/1.1 101 ", "\r\n\r\n")
	s.deaf(t, s.RESP, "SUBSCRIBE t\r\n", "*3\r\n", ":1\r\n")
	s.deaf(t, s.Listen, deafSubscription(t), "\x00\x00", "\x00\x00\x02\x1a\x00") // up to the first heartbeat
	in := subscription(t, conn, "default", "t")
	before := s.rss(t, "VmRSS")
	body := strings.Repeat("x", size)
	room := make(chan struct{}, underWay)
	go func() {
		for n := range messages {
			room <- struct{}{}
			request := &pb.XPublishRequest{CacheName: "default", Topic: "t", Value: &pb.XTopicValue{Kind: &pb.XTopicValue_Text{Text: fmt.Sprint(n, body)}}}
			if err := conn.Invoke(t.Context(), "/cache_client.pubsub.Pubsub/Publish", request, &pb.XEmpty{}); err != nil {
				t.Error(err)
				return
			}
		}
	}()
	most := int64(0)
	for n := range messages {
		m, err := nextItem(in)
		if err != nil || m.GetItem().GetTopicSequenceNumber() != uint64(n+1) || !strings.HasPrefix(m.GetItem().GetValue().GetText(), fmt.Sprint(n, "x")) {
			t.Fatalf("message %d: %.100v, %v", n+1, m, err)
		}
		<-room
		if n%64 == 0 {
			most = max(most, s.rss(t, "VmRSS")-before)
		}
	}
	t.Logf("%d MiB were published; the server held at most %d MiB more than before", messages*size>>20, most>>20)
	if most > heldMax {
		t.Errorf("the server held %d MiB more than before, of %d MiB that the topic keeps", most>>20, ringBytes>>20)
	}
	// Who begins to read is told of what was lost, and goes on.
	told := bufio.NewScanner(sse)
	told.Buffer(nil, 2*size)
	for told.Scan() && told.Text() != "event: discontinuity" {
	}
	if told.Err() != nil || told.Text() != "event: discontinuity" {
		t.Errorf("one that reads at last is not told of what it has missed: %v", told.Err())
	}
}

// deaf says something, reads an answer that begins and ends as told, and then no more.
func (s *server) deaf(t *testing.T, addr, hello, begins, ends string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(time.Minute))
	if _, err := io.WriteString(conn, hello); err != nil {
		t.Fatal(err)
	}
	var got []byte
	for b := make([]byte, 1); !bytes.HasSuffix(got, []byte(ends)); got = append(got, b[0]) {
		if _, err := conn.Read(b); err != nil {
			t.Fatalf("%v after %q", err, got)
		}
	}
	if !bytes.HasPrefix(got, []byte(begins)) {
		t.Fatalf("the answer to %q is %q", hello, got)
	}
	return conn
}

// deafSubscription returns the bytes of a subscription over HTTP/2 that grants the largest windows there are, so that only
// the socket holds the server back.
func deafSubscription(t *testing.T) string {
	t.Helper()
	var b, block bytes.Buffer
	b.WriteString(http2.ClientPreface)
	f := http2.NewFramer(&b, nil)
	h := hpack.NewEncoder(&block)
	for _, field := range [][2]string{{":method", "POST"}, {":scheme", "http"}, {":path", "/cache_client.pubsub.Pubsub/Subscribe"}, {":authority", "localhost"},
		{"content-type", "application/grpc"}, {"te", "trailers"}} {
		_ = h.WriteField(hpack.HeaderField{Name: field[0], Value: field[1]})
	}
	request, err := proto.Marshal(&pb.XSubscriptionRequest{CacheName: "default", Topic: "t"})
	if err == nil {
		err = f.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1<<31 - 1})
	}
	if err == nil {
		err = f.WriteWindowUpdate(0, 1<<31-1-65535)
	}
	if err == nil {
		err = f.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block.Bytes(), EndHeaders: true})
	}
	if err == nil {
		err = f.WriteData(1, true, append([]byte{0, 0, 0, 0, byte(len(request))}, request...))
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}
