package h2

import (
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// raw is a client that says what it likes.
type raw struct {
	*testing.T
	net.Conn
	*http2.Framer
	enc *hpack.Encoder
	buf bytes.Buffer
}

func (s *testServer) raw(t *testing.T) *raw {
	t.Helper()
	c, err := net.Dial("tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(time.Minute))
	r := &raw{T: t, Conn: c, Framer: http2.NewFramer(c, c)}
	r.enc = hpack.NewEncoder(&r.buf)
	r.AllowIllegalWrites = true
	_, _ = io.WriteString(c, preface)
	_ = r.WriteSettings()
	return r
}

// open sends the header of a call, and body behind it unless it is nil.
func (r *raw) open(id uint32, path string, message []byte, more ...string) error {
	kind := "application/grpc"
	if !strings.HasPrefix(path, "/test/") {
		kind = "text/plain"
	}
	if err := r.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: r.block(append([]string{":method", "POST", ":scheme", "http",
		":path", path, ":authority", "a", "te", "trailers", "content-type", kind}, more...)...), EndHeaders: true}); err != nil {
		return err
	}
	if message == nil {
		return nil
	}
	return r.WriteData(id, true, framed(message))
}

func framed(message []byte) []byte {
	return append(binary.BigEndian.AppendUint32([]byte{0}, uint32(len(message))), message...)
}

func (r *raw) block(pairs ...string) []byte {
	r.buf.Reset()
	for i := 0; i < len(pairs); i += 2 {
		_ = r.enc.WriteField(hpack.HeaderField{Name: pairs[i], Value: pairs[i+1]})
	}
	return bytes.Clone(r.buf.Bytes())
}

// until reads frames until f says that it has seen what it waits for.
func (r *raw) until(what string, f func(http2.Frame) bool) {
	r.Helper()
	for {
		fr, err := r.ReadFrame()
		if err != nil {
			r.Fatalf("waiting for %s: %v", what, err)
		}
		if f(fr) {
			return
		}
	}
}

// goAway waits for the end of the connection, and returns its code; a connection that ends without a word counts as
// ErrCodeNo.
func (r *raw) goAway() http2.ErrCode {
	for {
		fr, err := r.ReadFrame()
		if err != nil {
			return http2.ErrCodeNo
		}
		if g, ok := fr.(*http2.GoAwayFrame); ok {
			return g.ErrCode
		}
	}
}

// The bytes of answers, as they have always been.
func TestGolden(t *testing.T) {
	s := start(t, echo{}, false)
	check := func(send func(r *raw), want string) {
		t.Helper()
		r := s.raw(t)
		hello := "\x00\x00\x0c\x04\x00\x00\x00\x00\x00" + "\x00\x03\x00\x00\x0f\xa0" + "\x00\x06\x00\x01\x00\x00" + // SETTINGS
			"\x00\x00\x04\x08\x00\x00\x00\x00\x00\x00\x7f\x00\x01" + // WINDOW_UPDATE
			"\x00\x00\x00\x04\x01\x00\x00\x00\x00" // SETTINGS acknowledged
		send(r)
		got := make([]byte, len(hello)+len(want))
		if n, err := io.ReadFull(r.Conn, got); err != nil || string(got) != hello+want {
			t.Errorf("got  %q, %v\nwant %q", got[:n], err, hello+want)
		}
	}
	const head = "\x88\x0f\x10\x10application/grpc"

	check(func(r *raw) { _ = r.WritePing(false, [8]byte{1, 2, 3}) }, "\x00\x00\x08\x06\x01\x00\x00\x00\x00\x01\x02\x03\x00\x00\x00\x00\x00")
	check(func(r *raw) { _ = r.open(1, "/test/Echo", []byte("hi")) },
		"\x00\x00\x14\x01\x04\x00\x00\x00\x01"+head+
			"\x00\x00\x07\x00\x00\x00\x00\x00\x01"+"\x00\x00\x00\x00\x02hi"+
			"\x00\x00\x0f\x01\x05\x00\x00\x00\x01"+"\x00\x0bgrpc-status\x010")
	check(func(r *raw) { _ = r.open(3, "/test/Fail", []byte("hi")) },
		"\x00\x00\x5b\x01\x05\x00\x00\x00\x03"+head+"\x00\x0bgrpc-status\x015\x00\x0cgrpc-message\x15n%C3%A4h, 100%25%0Ahi\x00\x03err\x0eitem_not_found")
	check(func(r *raw) { _ = r.open(1, "/nothing", nil); _ = r.WriteRSTStream(1, http2.ErrCodeCancel) }, "")
	check(func(r *raw) { _ = r.WriteRSTStream(1, http2.ErrCodeCancel) },
		"\x00\x00\x24\x07\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01RST_STREAM on an idle stream")
}

// A PING is answered while answers wait for room that the peer does not give.
func TestPingsUnderLoad(t *testing.T) {
	s := start(t, echo{}, false)
	r := s.raw(t)
	for id := uint32(1); id < 200; id += 2 {
		if err := r.open(id, "/test/Large", []byte("2000000")); err != nil {
			t.Fatal(err)
		}
	}
	_ = r.WritePing(false, [8]byte{7})
	r.until("a PING's answer", func(f http2.Frame) bool { p, ok := f.(*http2.PingFrame); return ok && p.IsAck() })
}

func TestKeepalive(t *testing.T) {
	s := start(t, echo{}, false)
	r := s.raw(t)
	for i := range 500 { // what a client does in 40 minutes
		_ = r.WritePing(false, [8]byte{byte(i)})
	}
	n := 0
	r.until("answers", func(f http2.Frame) bool {
		if p, ok := f.(*http2.PingFrame); ok && p.IsAck() {
			n++
		}
		return n == 500
	})
}

// grpc-go measures its bandwidth with a PING for the DATA it receives: thousands a second where it receives much.
func TestPingForEachAnswer(t *testing.T) {
	s := start(t, echo{}, false)
	r := s.raw(t)
	for i := range uint32(3 * NuisanceMax) {
		if err := r.open(2*i+1, "/test/Echo", []byte("x")); err != nil {
			t.Fatal(err)
		}
		r.until("the answer", func(f http2.Frame) bool { _, ok := f.(*http2.DataFrame); return ok })
		_ = r.WritePing(false, [8]byte{1})
		r.until("the PING's answer", func(f http2.Frame) bool { p, ok := f.(*http2.PingFrame); return ok && p.IsAck() })
	}
}

// Peers that want too much are stopped, and others do not notice.
func TestAbuse(t *testing.T) {
	s := start(t, echo{}, false)
	other := s.grpcClient(t)
	check := func(what string, want http2.ErrCode, attack func(r *raw) error) {
		t.Helper()
		r := s.raw(t)
		over := make(chan struct{})
		go func() {
			defer close(over)
			for attack(r) == nil {
			}
		}()
		defer func() {
			_ = r.Close()
			<-over
		}()
		if got := r.goAway(); got != want {
			t.Errorf("%s: the connection ends with %v, want %v", what, got, want)
		}
		if got, err := call(other, "/test/Echo", "hello"); err != nil || got != "hello" {
			t.Errorf("%s: another client gets %q, %v", what, got, err)
		}
	}
	id := uint32(0)
	next := func(r *raw) uint32 {
		if id += 2; r.buf.Len() == 0 {
			id = 1
		}
		return id
	}

	check("rapid reset", http2.ErrCodeEnhanceYourCalm, func(r *raw) error {
		id := next(r)
		_ = r.open(id, "/test/Open", []byte("x"))
		return r.WriteRSTStream(id, http2.ErrCodeCancel)
	})
	check("rapid reset of handlers", http2.ErrCodeEnhanceYourCalm, func(r *raw) error {
		id := next(r)
		_ = r.open(id, "/wait", nil)
		return r.WriteRSTStream(id, http2.ErrCodeCancel)
	})
	check("settings", http2.ErrCodeEnhanceYourCalm, func(r *raw) error { return r.WriteSettings(http2.Setting{ID: 4, Val: 70000}) })
	check("pings", http2.ErrCodeEnhanceYourCalm, func(r *raw) error { return r.WritePing(false, [8]byte{}) })
	check("priorities", http2.ErrCodeEnhanceYourCalm, func(r *raw) error { return r.WritePriority(1, http2.PriorityParam{}) })
	check("unknown frames", http2.ErrCodeEnhanceYourCalm, func(r *raw) error { return r.WriteRawFrame(99, 0, 0, nil) })
	check("continuations", http2.ErrCodeEnhanceYourCalm, func(r *raw) error {
		_ = r.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: r.block(":method", "POST")})
		for range 1000 {
			if err := r.WriteContinuation(1, false, r.block("a", strings.Repeat("b", 1000))); err != nil {
				return err
			}
		}
		return io.EOF
	})
	check("empty continuations", http2.ErrCodeEnhanceYourCalm, func(r *raw) error {
		_ = r.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: r.block(":method", "POST")})
		for r.WriteContinuation(1, false, nil) == nil {
		}
		return io.EOF
	})
	check("a header bomb", http2.ErrCodeEnhanceYourCalm, func(r *raw) error {
		b := r.block("a", strings.Repeat("b", 4000))
		b = append(b, bytes.Repeat([]byte{0xbe}, 16000-len(b))...)
		return r.WriteHeaders(http2.HeadersFrameParam{StreamID: next(r), BlockFragment: b, EndHeaders: true})
	})
	check("empty data", http2.ErrCodeEnhanceYourCalm, func(r *raw) error {
		if r.buf.Len() == 0 {
			_ = r.open(1, "/test/Echo", nil)
		}
		return r.WriteData(1, false, nil)
	})
}

// A large header is refused, and the connection goes on.
func TestLargeHeader(t *testing.T) {
	s := start(t, echo{}, false)
	r := s.raw(t)
	b := r.block(":method", "POST", ":scheme", "http", ":path", "/test/Echo", "a", strings.Repeat("b", 4000))
	b = append(b, bytes.Repeat([]byte{0xbe}, 20)...)
	_ = r.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: b, EndHeaders: true, EndStream: true})
	_ = r.open(3, "/test/Echo", []byte("hi"))
	seen := ""
	r.until("both answers", func(f http2.Frame) bool {
		switch f := f.(type) {
		case *http2.HeadersFrame:
			if f.StreamID == 1 {
				seen += string(f.HeaderBlockFragment())
			}
		case *http2.DataFrame:
			seen += string(f.Data())
		}
		return strings.HasSuffix(seen, "hi")
	})
	if !strings.Contains(seen, "431") {
		t.Errorf("got %q", seen)
	}
}

// A peer that reads nothing costs a bounded amount of memory, whatever it asks for, and gets all of it later.
func TestSlowReader(t *testing.T) {
	s := start(t, echo{}, false)
	r := s.raw(t)
	before := heap()
	const calls, size = 120, 1 << 20
	for i := range uint32(calls) {
		if err := r.open(1+2*i, "/test/Large", []byte("1048576")); err != nil {
			t.Fatal(err)
		}
	}
	_ = r.WritePing(false, [8]byte{})
	left, bytes := calls, 0
	r.until("a PING's answer", func(f http2.Frame) bool {
		if d, ok := f.(*http2.DataFrame); ok {
			bytes += len(d.Data()) // as far as the first window goes
		}
		p, ok := f.(*http2.PingFrame)
		return ok && p.IsAck()
	})
	if grown := heap() - before; grown > 4*HeldBytesMax {
		t.Errorf("%d answers that nobody reads take %d MiB", calls, grown>>20)
	}
	_ = r.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1 << 30})
	_ = r.WriteWindowUpdate(0, 1<<30)
	r.until("all answers", func(f http2.Frame) bool {
		switch f := f.(type) {
		case *http2.DataFrame:
			bytes += len(f.Data())
		case *http2.HeadersFrame:
			if f.StreamEnded() {
				left--
			}
		}
		return left == 0
	})
	if bytes != calls*(size+prefixBytes) {
		t.Errorf("%d bytes came, want %d", bytes, calls*(size+prefixBytes))
	}
}

// Calls that waited for others' answers to be taken are answered without a word from the peer.
func TestCallsThatWaited(t *testing.T) {
	s := start(t, echo{}, false)
	r := s.raw(t)
	_ = r.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1 << 30})
	_ = r.WriteWindowUpdate(0, 1<<30)
	const calls = 60
	for i := range uint32(calls) {
		if err := r.open(1+2*i, "/test/Large", []byte("1048576")); err != nil {
			t.Fatal(err)
		}
	}
	left := calls
	r.until("all answers", func(f http2.Frame) bool {
		if h, ok := f.(*http2.HeadersFrame); ok && h.StreamEnded() {
			left--
		}
		return left == 0
	})
}

func heap() int {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

// A peer that does not even take what the socket brings holds up nobody, and nothing grows.
func TestStuckReader(t *testing.T) {
	s := start(t, echo{}, false)
	r := s.raw(t)
	_ = r.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1 << 30})
	_ = r.WriteWindowUpdate(0, 1<<30)
	before := heap()
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = r.SetWriteDeadline(time.Now().Add(500 * time.Millisecond))
		for id := uint32(1); r.open(id, "/test/Large", []byte("100000")) == nil; id += 2 {
		}
	}()
	other := s.grpcClient(t)
	for range 20 {
		if got, err := call(other, "/test/Echo", "hello"); err != nil || got != "hello" {
			t.Errorf("another client gets %q, %v", got, err)
		}
	}
	<-done
	if grown := heap() - before; grown > 4*HeldBytesMax {
		t.Errorf("%d MiB are held for a peer that does not read", grown>>20)
	}
}

// A connection that ends while large messages come on some of its streams, and others wait for their turns, ends alone.
func TestEndsWithLargeMessagesUnderWay(t *testing.T) {
	s := start(t, echo{}, false)
	other := s.grpcClient(t)
	for range 20 {
		r := s.raw(t)
		const size = 5 << 20
		begun := binary.BigEndian.AppendUint32([]byte{0}, size)
		head := r.block(":method", "POST", ":scheme", "http", ":path", "/test/Echo", "te", "trailers", "content-type", "application/grpc")
		for i := range uint32(3 * PartialBytesMax / size) {
			if err := r.WriteHeaders(http2.HeadersFrameParam{StreamID: 2*i + 1, BlockFragment: head, EndHeaders: true}); err != nil {
				t.Fatal(err)
			}
			_ = r.WriteData(2*i+1, false, append(begun, make([]byte, 1000)...))
			head = r.block(":method", "POST", ":scheme", "http", ":path", "/test/Echo", "te", "trailers", "content-type", "application/grpc")
		}
		_ = r.WritePing(false, [8]byte{1})
		r.until("all to be read", func(f http2.Frame) bool { p, ok := f.(*http2.PingFrame); return ok && p.IsAck() })
		_ = r.Close()
		if got, err := call(other, "/test/Echo", "hello"); err != nil || got != "hello" {
			t.Fatalf("another client gets %q, %v", got, err)
		}
	}
}

// Whatever the frames: no panic, and the server goes on.
func FuzzFrames(f *testing.F) {
	var buf bytes.Buffer
	fr := http2.NewFramer(&buf, nil)
	_ = fr.WriteSettings(http2.Setting{ID: 4, Val: 10})
	_ = fr.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: []byte("\x83\x86\x44\x0a/test/Echo\x5f\x10application/grpc"), EndHeaders: true})
	_ = fr.WriteData(1, true, framed([]byte("hi")))
	f.Add(buf.Bytes())
	buf.Reset()
	_ = fr.WriteSettings()
	_ = fr.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: []byte("\x83\x86\x44\x05/echo"), EndHeaders: true})
	_ = fr.WriteDataPadded(1, false, []byte("hi"), make([]byte, 10))
	_ = fr.WriteWindowUpdate(1, 10)
	_ = fr.WriteRSTStream(1, http2.ErrCodeCancel)
	_ = fr.WritePing(false, [8]byte{})
	_ = fr.WriteGoAway(0, 0, nil)
	f.Add(buf.Bytes())
	s := start(f, echo{}, false)
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := net.Dial("tcp", s.addr)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		_ = c.SetDeadline(time.Now().Add(5 * time.Second))
		_, _ = c.Write(append([]byte(preface), b...))
		_ = c.(*net.TCPConn).CloseWrite()
		_, err = io.Copy(io.Discard, io.LimitReader(c, 16<<20))
		if ne, ok := err.(net.Error); ok && ne.Timeout() {
			t.Errorf("the server does not let go of the connection")
		}
	})
}
