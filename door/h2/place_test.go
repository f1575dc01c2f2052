package h2

import (
	"context"
	"encoding/binary"
	"strings"
	"sync/atomic"
	"testing"

	"golang.org/x/net/http2"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/hearthcache/hearth/test/await"
)

// housing is an echo that has places for messages. What the message's first word is says how it goes about that.
type housing struct {
	echo
	given, back atomic.Int32
}

// flat is memory that cannot be read any more once it was given back.
type flat struct {
	of *housing
	b  []byte
}

func (f *flat) Bytes() []byte { return f.b }

func (f *flat) Release() {
	clear(f.b)
	f.b = nil
	f.of.back.Add(1)
}

func (h *housing) Place(c Call, head []byte, room int) (Memory, bool, Status) {
	switch {
	case strings.HasPrefix(string(head), "nowhere"):
		return nil, false, Status{}
	case strings.HasPrefix(string(head), "forbidden"):
		return nil, false, Status{Code: 7, Message: c.Method() + " is forbidden"}
	case len(head) < 20_000:
		return nil, true, Status{}
	}
	h.given.Add(1)
	return &flat{of: h, b: make([]byte, room)}, false, Status{}
}

func (h *housing) ServeCall(c Call) {
	if c.Method() == "/test/Where" {
		answer := "elsewhere"
		if c.Memory() != nil {
			answer = "in its place"
		}
		c.End(append(append(c.Begin(), answer...), c.Message()...))
		c.Finish(Status{})
		return
	}
	h.echo.ServeCall(c)
}

func (h *housing) balanced(t *testing.T) {
	t.Helper()
	await.That(t, "all that was given is back", func() bool { return h.back.Load() == h.given.Load() })
}

// Large messages arrive where the handler wants them, others as ever.
func TestPlace(t *testing.T) {
	h := &housing{}
	s := start(t, h, false)
	c := s.grpcClient(t)
	body := strings.Repeat("0123456789", 200_000)
	for _, this := range []struct{ in, want string }{
		{body, "in its place" + body},
		{"nowhere " + body, "elsewhere" + "nowhere " + body},
		{body[:60_000], "elsewhere" + body[:60_000]},
	} {
		if got, err := call(c, "/test/Where", this.in); err != nil || got != this.want {
			t.Errorf("%.20q…: %.20q…, %d bytes, %v", this.in, got, len(got), err)
		}
	}
	if _, err := call(c, "/test/Echo", "forbidden "+body); status.Code(err) != codes.PermissionDenied || !strings.Contains(err.Error(), "/test/Echo is forbidden") {
		t.Errorf("%v", err)
	}
	if got, err := call(c, "/test/Echo", body); err != nil || got != body {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	if n := h.given.Load(); n != 2 {
		t.Errorf("%d places were given", n)
	}
	h.balanced(t)
	if n := s.h2.budget.Used(); n != 0 {
		t.Errorf("%d bytes count as arriving", n)
	}
}

// A goroutine that goes on with a call has the message until it finishes the call, though its client has gone.
func TestPlaceOfADetachedCall(t *testing.T) {
	h := &housing{}
	served, seen := make(chan struct{}), make(chan string)
	s := start(t, handlerOf{h, func(c Call) {
		ctx := c.Detach()
		go func() {
			<-ctx.Done() // the stream has ended
			seen <- string(c.Memory().Bytes()[prefixBytes:15]) + string(c.Message()[:10])
			c.Finish(Status{})
		}()
		close(served)
	}}, false)
	ctx, cancel := context.WithCancel(context.Background())
	failed := make(chan error)
	go func() {
		_, err := callContext(ctx, s.grpcClient(t), "/test/Any", strings.Repeat("0123456789", 200_000))
		failed <- err
	}()
	<-served
	cancel()
	if err := <-failed; status.Code(err) != codes.Canceled {
		t.Errorf("%v", err)
	}
	if got := <-seen; got != "01234567890123456789" {
		t.Errorf("the message has become %q", got)
	}
	h.balanced(t)
}

// handlerOf is a Placer whose calls are served by a function.
type handlerOf struct {
	*housing
	serve func(c Call)
}

func (h handlerOf) ServeCall(c Call) { h.serve(c) }

// What a stream had is given back however it ends before its message has come.
func TestPlaceOfAHalfMessage(t *testing.T) {
	h := &housing{}
	s := start(t, h, false)
	begin := func(r *raw, id uint32) {
		t.Helper()
		if err := r.open(id, "/test/Echo", nil); err != nil {
			t.Fatal(err)
		}
		message := append(binary.BigEndian.AppendUint32([]byte{0}, 100_000), make([]byte, 50_000)...)
		for ; len(message) > 0; message = message[min(len(message), frameBytesMax):] {
			if err := r.WriteData(id, false, message[:min(len(message), frameBytesMax)]); err != nil {
				t.Fatal(err)
			}
		}
	}
	r := s.raw(t)
	begin(r, 1)
	begin(r, 3)
	begin(r, 5)
	begin(r, 7)
	r.settled()
	if n := h.given.Load() - h.back.Load(); n != 4 {
		t.Fatalf("%d places are held", n)
	}
	_ = r.WriteRSTStream(1, http2.ErrCodeCancel)
	_ = r.WriteData(3, true, make([]byte, 10)) // it ends too soon
	for range 4 {
		_ = r.WriteData(5, false, make([]byte, frameBytesMax)) // it goes on too long
	}
	r.settled()
	if n := h.given.Load() - h.back.Load(); n != 1 {
		t.Errorf("%d places are held", n)
	}
	_ = r.Close()
	h.balanced(t)
}
