package h2

import (
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// batch is a client that sends the same calls again and again without allocating: what a benchmark counts is the
// server's.
type batch struct {
	net.Conn
	calls  []byte
	ids    []int // where stream numbers stand in calls
	next   uint32
	answer []byte
	end    string // of answer
}

const (
	batchCalls = 100
	getRequest = "\x0a\x14key-0000000000000000"
)

// get answers as a cache would: the item's 147 bytes in a message of 150.
type get struct{ value []byte }

func (g get) ServeCall(c Call) {
	if c.Method() != "/cache_client.Scs/Get" || len(c.Header("authorization")) == 0 || string(c.Message()) != getRequest {
		c.Finish(Status{Code: grpcInternal})
		return
	}
	c.End(append(append(c.Begin(), "\x12\x93\x01"...), g.value...))
	c.Finish(Status{})
}

// suspended answers as get does, each call in a turn after the one that has read it.
type suspended struct {
	get
	free sync.Pool // of *asleep
}

type asleep struct {
	of   *suspended
	call Suspender
}

func (h *suspended) ServeCall(c Call) {
	a, _ := h.free.Get().(*asleep)
	if a == nil {
		a = &asleep{of: h}
	}
	a.call = c.(Suspender)
	a.call.Suspend(a)
	a.call.Resume()
}

func (a *asleep) Resumed(bool) {
	a.call.End(append(append(a.call.Begin(), "\x12\x93\x01"...), a.of.value...))
	a.call.Finish(Status{})
	a.of.free.Put(a)
}

// full refuses every call, as a cache whose rate is used up does.
type full struct{}

var fullStatus = Status{Code: grpcExhausted, Message: "too many operations: the cache's request rate is reached", Err: "operations_rate_limit_exceeded"}

func (full) ServeCall(c Call) { c.Finish(fullStatus) }

// What the answer to one call takes, and how it ends.
var (
	getEnd   = trailBlock
	getBytes = frameHeadBytes + len(headBlock) + frameHeadBytes + prefixBytes + 150 + frameHeadBytes + len(trailBlock)
	fullEnd  = string((&stream{status: fullStatus}).trailerBlock(nil))
)

func newBatch(t testing.TB, addr string, answerBytes int, answerEnd string) *batch {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	b := &batch{Conn: c, next: 1}
	var out, block bytes.Buffer
	e := hpack.NewEncoder(&block)
	fr := http2.NewFramer(&out, nil)
	_ = fr.WriteSettings()
	_ = fr.WriteWindowUpdate(0, 1<<30)
	header := func() {
		block.Reset()
		for _, f := range [][2]string{{":method", "POST"}, {":scheme", "http"}, {":path", "/cache_client.Scs/Get"}, {":authority", "cache"},
			{"te", "trailers"}, {"content-type", "application/grpc"}, {"authorization", "a-token-of-some-length"}, {"cache", "default"}} {
			_ = e.WriteField(hpack.HeaderField{Name: f[0], Value: f[1], Sensitive: f[0] == ":path"}) // literal, as many clients send it
		}
	}
	header()
	_ = fr.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block.Bytes(), EndHeaders: true})
	_ = fr.WriteData(1, true, framed([]byte(getRequest)))
	b.next = 3
	_, _ = io.WriteString(c, preface+out.String())
	_ = c.SetDeadline(time.Now().Add(60 * time.Second))
	rd := http2.NewFramer(nil, c)
	for {
		f, err := rd.ReadFrame()
		if err != nil {
			t.Fatal(err)
		}
		if h, ok := f.(*http2.HeadersFrame); ok && h.StreamEnded() {
			break
		}
	}
	out.Reset()
	for range batchCalls {
		header()
		b.ids = append(b.ids, out.Len()+5)
		_ = fr.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block.Bytes(), EndHeaders: true})
		b.ids = append(b.ids, out.Len()+5)
		_ = fr.WriteData(1, true, framed([]byte(getRequest)))
	}
	b.calls = out.Bytes()
	b.answer, b.end = make([]byte, batchCalls*answerBytes), answerEnd
	return b
}

// run sends a batch and reads its answers.
func (b *batch) run(t testing.TB) {
	for i, at := range b.ids {
		binary.BigEndian.PutUint32(b.calls[at:], b.next)
		if i%2 == 1 {
			b.next += 2
		}
	}
	if _, err := b.Write(b.calls); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(b.Conn, b.answer); err != nil {
		t.Fatal(err)
	}
	for at, left := 0, batchCalls; left > 0; {
		f, size := parseHead(b.answer[at:])
		if at += frameHeadBytes + size; f.kind == frameWindow {
			copy(b.answer[at-frameHeadBytes-size:], b.answer[at:])
			at -= frameHeadBytes + size
			if _, err := io.ReadFull(b.Conn, b.answer[len(b.answer)-frameHeadBytes-size:]); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if f.kind == frameHeaders && f.flags&flagEndStream != 0 {
			left--
		}
	}
	if !bytes.HasSuffix(b.answer, []byte(b.end)) {
		t.Fatalf("unexpected end %q", b.answer[len(b.answer)-50:])
	}
}

func TestUnaryCallsDoNotAllocate(t *testing.T) {
	check := func(what string, h Handler, answerBytes int, answerEnd string) {
		t.Helper()
		s := start(t, h, false)
		b := newBatch(t, s.addr, answerBytes, answerEnd)
		for range 10 {
			b.run(t)
		}
		// The connection's window is told to the peer once in a while, and pools are emptied by the collector.
		if n := testing.AllocsPerRun(50, func() { b.run(t) }); n > batchCalls/20 {
			t.Errorf("%s: %v allocations for %d calls", what, n, batchCalls)
		}
	}

	check("hits", get{make([]byte, 147)}, getBytes, getEnd)
	if !raceDetector { // which makes pools forget on purpose
		check("suspended hits", &suspended{get: get{make([]byte, 147)}}, getBytes, getEnd)
	}
	check("refusals", full{}, frameHeadBytes+len(fullEnd), fullEnd)
}

func BenchmarkUnary(b *testing.B) {
	run := func(h Handler, answerBytes int, answerEnd string) func(b *testing.B) {
		return func(b *testing.B) {
			c := newBatch(b, start(b, h, false).addr, answerBytes, answerEnd)
			c.run(b)
			b.ReportAllocs()
			b.ResetTimer()
			for i := 0; i < b.N; i += batchCalls {
				c.run(b)
			}
		}
	}
	b.Run("hit", run(get{make([]byte, 147)}, getBytes, getEnd))
	b.Run("refused", run(full{}, frameHeadBytes+len(fullEnd), fullEnd))
}
