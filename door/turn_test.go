package door

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// floods is a protocol for tests: each byte is a request that is answered by itself. 'w' works for a millisecond, until
// somebody has sent an 'x'.
type floods struct {
	worked atomic.Int64
	served atomic.Bool
}

func (p *floods) Open(*Conn, *Writer) Session { return floodSession{p} }

type floodSession struct{ *floods }

func (s floodSession) Feed(in []byte, out *Writer) (int, error) {
	for i, b := range in {
		switch {
		case b == 'x':
			s.served.Store(true)
		case b == 'w' && !s.served.Load():
			s.worked.Add(1)
			for began := time.Now(); time.Since(began) < time.Millisecond; {
			}
		}
		out.B = append(out.B, b)
		if out.Enough() {
			return i + 1, ErrMore
		}
	}
	return len(in), nil
}

func (floodSession) Woken(*Writer) error { return nil }
func (floodSession) Drain(*Writer) error { return io.EOF }
func (floodSession) Closed()             {}

// A connection that has more work than there is time for leaves others their turns, and gets all answers in order, also
// where it has closed its sending half.
func TestAFloodLeavesOthersTheirTurns(t *testing.T) {
	p := &floods{}
	addr, stop := serve(t, &Server{Protocol: p, Limits: &Limits{}, Loops: &Loops{Count: 1}})
	defer stop()
	dial := func() net.Conn {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		_ = c.SetDeadline(time.Now().Add(2 * time.Minute))
		return c
	}
	other, flood := dial(), dial()
	// Half a minute of work, which one read may take in.
	requests := strings.Repeat("w", 30_000) + "v"
	_, _ = io.WriteString(flood, requests)
	_ = flood.(*net.TCPConn).CloseWrite()
	r := bufio.NewReader(flood)
	if _, err := r.Peek(1); err != nil {
		t.Fatal(err)
	}
	_, _ = io.WriteString(other, "x")
	if _, err := io.ReadFull(other, make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	if n := p.worked.Load(); n >= 30_000 {
		t.Error("the other connection had its turn after everything that the first one had sent")
	}
	_ = other.Close()
	if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, []byte(requests)) {
		t.Errorf("%d answers came for %d requests, or others (%v)", len(got), len(requests), err)
	}
}
