package h2

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/encoding/gzip"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/door"
)

// plain sends bytes as they are.
type plain struct{}

func (plain) Marshal(v any) ([]byte, error)   { return *v.(*[]byte), nil }
func (plain) Unmarshal(b []byte, v any) error { *v.(*[]byte) = bytes.Clone(b); return nil }
func (plain) Name() string                    { return "plain" }

var _ encoding.Codec = plain{}

func (s *testServer) grpcClient(t testing.TB, o ...grpc.DialOption) *grpc.ClientConn {
	t.Helper()
	creds := insecure.NewCredentials()
	if s.trust != nil {
		creds = credentials.NewTLS(s.trust)
	}
	o = append(o, grpc.WithTransportCredentials(creds), grpc.WithDefaultCallOptions(grpc.ForceCodec(plain{}), grpc.MaxCallRecvMsgSize(64<<20)))
	c, err := grpc.NewClient("passthrough:///"+s.addr, o...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func call(c *grpc.ClientConn, method, in string, o ...grpc.CallOption) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	return callContext(ctx, c, method, in, o...)
}

func callContext(ctx context.Context, c *grpc.ClientConn, method, in string, o ...grpc.CallOption) (string, error) {
	req, res := []byte(in), []byte(nil)
	err := c.Invoke(ctx, method, &req, &res, o...)
	return string(res), err
}

func TestUnary(t *testing.T) {
	check := func(secured bool) {
		s := start(t, echo{}, secured)
		c := s.grpcClient(t)
		try := func(method, in, want string, o ...grpc.CallOption) {
			t.Helper()
			got, err := call(c, method, in, o...)
			if err != nil || got != want {
				t.Errorf("%s: %d bytes %.50q, %v; want %d bytes %.50q", method, len(got), got, err, len(want), want)
			}
		}

		try("/test/Echo", "hello", "hello")
		try("/test/Echo", "", "")
		try("/test/Empty", "hello", "")
		try("/test/Echo", "hello", "hello", grpc.UseCompressor(gzip.Name))
		try("/test/Later", "20ms", "20ms")
		big := strings.Repeat("0123456789abcdef", hearth.MessageBytesMax/16)
		try("/test/Echo", big, big)
		try("/test/Size", big, fmt.Sprint(len(big)))
		try("/test/Echo", big[:70000], big[:70000], grpc.UseCompressor(gzip.Name))
		try("/test/Large", "16375", strings.Repeat("x", 16375))
		try("/test/Large", "16384", strings.Repeat("x", 16384))
		try("/test/Large", "30000000", strings.Repeat("x", 30000000))
		try("/test/Header", "user-agent", "grpc-go/"+grpc.Version)
	}

	check(false)
	check(true)
}

func TestFailures(t *testing.T) {
	s := start(t, echo{}, false)
	c := s.grpcClient(t)
	check := func(method, in string, want codes.Code, message, errTrailer string, o ...grpc.CallOption) {
		t.Helper()
		var trailer metadata.MD
		_, err := call(c, method, in, append(o, grpc.Trailer(&trailer))...)
		st := status.Convert(err)
		if st.Code() != want || !strings.Contains(st.Message(), message) || strings.Join(trailer["err"], ",") != errTrailer {
			t.Errorf("%s: %v %q err %v; want %v %q err %q", method, st.Code(), st.Message(), trailer["err"], want, message, errTrailer)
		}
	}

	check("/test/Fail", "x", codes.NotFound, "näh, 100%\nx", "item_not_found")
	check("/test/Nothing", "x", codes.Unimplemented, "/test/Nothing", "")
	check("/test/Echo", strings.Repeat("x", hearth.MessageBytesMax+1), codes.ResourceExhausted, "request limit", "request_size_limit_exceeded")
	check("/test/Echo", strings.Repeat("x", hearth.MessageBytesMax+1), codes.ResourceExhausted, "request limit", "request_size_limit_exceeded", grpc.UseCompressor(gzip.Name))
	for range 3 { // the connection goes on
		if got, err := call(c, "/test/Echo", "hello"); err != nil || got != "hello" {
			t.Errorf("afterwards: %q, %v", got, err)
		}
	}
}

func TestDeadlines(t *testing.T) {
	s := start(t, echo{}, false)
	c := s.grpcClient(t)
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	begin := time.Now()
	_, err := callContext(ctx, c, "/test/Later", "10s")
	if status.Code(err) != codes.DeadlineExceeded && status.Code(err) != codes.Canceled || time.Since(begin) > 2*time.Second {
		t.Errorf("after %v: %v", time.Since(begin), err)
	}
	ctx, cancel = context.WithCancel(context.Background())
	time.AfterFunc(20*time.Millisecond, cancel)
	if _, err := callContext(ctx, c, "/test/Later", "10s"); status.Code(err) != codes.Canceled {
		t.Errorf("cancelled: %v", err)
	}
}

// listen calls a method that answers with a stream, and returns what it got.
func listen(ctx context.Context, c *grpc.ClientConn, method, in string, each func(string) error) error {
	st, err := c.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true}, method)
	if err != nil {
		return err
	}
	req := []byte(in)
	if err := st.SendMsg(&req); err != nil {
		return err
	}
	if err := st.CloseSend(); err != nil {
		return err
	}
	for {
		var res []byte
		switch err := st.RecvMsg(&res); err {
		case nil:
		case io.EOF:
			return nil
		default:
			return err
		}
		if err := each(string(res)); err != nil {
			return err
		}
	}
}

func TestStreams(t *testing.T) {
	s := start(t, echo{}, false)
	c := s.grpcClient(t)
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			n := 0
			err := listen(context.Background(), c, "/test/Count", "1000", func(m string) error {
				if want := strings.Repeat(".", 1000) + fmt.Sprint(n); m != want {
					return fmt.Errorf("message %d is %q", n, m)
				}
				n++
				if n == 300 {
					time.Sleep(20 * time.Millisecond) // a reader that falls behind for a while
				}
				return nil
			})
			if err != nil || n != 1000 {
				t.Errorf("%d messages, %v", n, err)
			}
		})
	}
	wg.Wait()
}

func TestManyStreams(t *testing.T) {
	s := start(t, echo{}, false)
	c := s.grpcClient(t)
	ctx, cancel := context.WithCancel(context.Background())
	var opened, wg sync.WaitGroup
	for range 2000 {
		opened.Add(1)
		wg.Go(func() {
			st, err := c.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true}, "/test/Open")
			if err != nil {
				t.Error(err)
			}
			req := []byte("x")
			if err := st.SendMsg(&req); err != nil {
				t.Error(err)
			}
			_ = st.CloseSend()
			opened.Done()
			var res []byte
			if err := st.RecvMsg(&res); status.Code(err) != codes.Canceled {
				t.Error(err)
			}
		})
	}
	opened.Wait()
	if got, err := call(c, "/test/Echo", "hello"); err != nil || got != "hello" {
		t.Errorf("beside 2,000 streams: %q, %v", got, err)
	}
	cancel()
	wg.Wait()
}

func TestParallelLargeCalls(t *testing.T) {
	s := start(t, echo{}, false)
	c := s.grpcClient(t)
	big := strings.Repeat("x", 2<<20)
	var wg sync.WaitGroup
	for range 25 {
		wg.Go(func() {
			if got, err := call(c, "/test/Echo", big); err != nil || got != big {
				t.Errorf("%d bytes, %v", len(got), err)
			}
		})
	}
	wg.Wait()
}

// lent is a value with an owner that counts.
type lent struct{ released atomic.Int32 }

func (l *lent) Release() { l.released.Add(1) }

func (l *lent) await(t *testing.T, n int) {
	t.Helper()
	for end := time.Now().Add(5 * time.Second); int(l.released.Load()) != n; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("released %d times, want %d", l.released.Load(), n)
		}
	}
}

func TestValueByReference(t *testing.T) {
	value := bytes.Repeat([]byte("0123456789"), 300_000)
	owner := &lent{}
	s := start(t, echo{block: func() ([]byte, door.Releaser) { return value, owner }}, false)
	c := s.grpcClient(t)
	for i := range 5 {
		got, err := call(c, "/test/Block", "x")
		if err != nil || got != "<"+string(value) {
			t.Errorf("%d bytes, %v", len(got), err)
		}
		owner.await(t, i+1)
	}
	ctx, cancel := context.WithCancel(context.Background())
	st, err := c.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true}, "/test/Block") // nobody reads
	if err != nil {
		t.Fatal(err)
	}
	req := []byte("x")
	_ = st.SendMsg(&req)
	_ = st.CloseSend()
	time.Sleep(20 * time.Millisecond) // the server has filled the window, or is about to
	cancel()
	owner.await(t, 6)
}

// Around the size from which a part goes by reference, a frame's and a window's.
func TestValuesOfAllSizes(t *testing.T) {
	owner, size := &lent{}, atomic.Int64{}
	all := bytes.Repeat([]byte("0123456789"), 10_000)
	s := start(t, echo{block: func() ([]byte, door.Releaser) { return all[:size.Load()], owner }}, false)
	c := s.grpcClient(t)
	for i, n := range []int{0, 1, refBytes - 1, refBytes, frameBytesMax - 6, frameBytesMax - 5, frameBytesMax, 65_529, 65_530, 100_000} {
		size.Store(int64(n))
		got, err := call(c, "/test/Block", "x")
		if err != nil || got != "<"+string(all[:n]) {
			t.Errorf("%d bytes of %d, %v", len(got), n+1, err)
		}
		owner.await(t, i+1)
	}
}

func TestDrainFinishesCalls(t *testing.T) {
	s := start(t, echo{}, false)
	c := s.grpcClient(t)
	answers := make(chan error, 1)
	go func() {
		_, err := call(c, "/test/Later", "300ms")
		answers <- err
	}()
	streams := make(chan error, 1)
	go func() {
		streams <- listen(context.Background(), c, "/test/Open", "", func(string) error { return nil })
	}()
	time.Sleep(100 * time.Millisecond) // both are under way
	begin := time.Now()
	s.stop()
	if err := <-answers; err != nil {
		t.Errorf("a call under way: %v", err)
	}
	if err := <-streams; status.Code(err) != codes.Unavailable {
		t.Errorf("a stream: %v", err)
	}
	if d := time.Since(begin); d > 3*time.Second {
		t.Errorf("draining took %v", d)
	}
}
