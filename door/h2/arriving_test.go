package h2

import (
	"encoding/binary"
	"strconv"
	"testing"

	"golang.org/x/net/http2"

	"github.com/hearthcache/hearth/door"
	"github.com/hearthcache/hearth/test/await"
)

// begin opens a call whose message of 60,000 bytes lacks its end.
func (r *raw) begin(id uint32) {
	r.Helper()
	head := r.block(":method", "POST", ":scheme", "http", ":path", "/test/Echo", "te", "trailers", "content-type", "application/grpc")
	message := append(binary.BigEndian.AppendUint32([]byte{0}, 60_000), make([]byte, 50_000)...)
	if err := r.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: head, EndHeaders: true}); err != nil {
		r.Fatal(err)
	}
	for len(message) > 0 {
		n := min(len(message), frameBytesMax)
		if err := r.WriteData(id, false, message[:n]); err != nil {
			r.Fatal(err)
		}
		message = message[n:]
	}
}

// settled waits until what was sent has been handled, and returns how many streams were refused for want of memory.
func (r *raw) settled() (refused int) {
	r.Helper()
	_ = r.WritePing(false, [8]byte{1})
	r.until("all to be read", func(f http2.Frame) bool {
		if h, ok := f.(*http2.HeadersFrame); ok && h.StreamEnded() {
			refused++
		}
		p, ok := f.(*http2.PingFrame)
		return ok && p.IsAck()
	})
	return refused
}

// Messages that never come to their end take no more memory on many connections than the server allows, those who come
// later have their share of it, and all of it is given back.
func TestHalfMessagesOnManyConnections(t *testing.T) {
	const budget = 4 << 20
	s := startWith(t, Options{GRPC: echo{}, Budget: &door.Budget{Max: budget}}, false)
	refused := 0
	var greedy []*raw
	for range 8 {
		r := s.raw(t)
		greedy = append(greedy, r)
		for i := range uint32(50) {
			r.begin(2*i + 1)
		}
		refused += r.settled()
		if n := s.h2.budget.Used(); n > budget {
			t.Fatalf("%d bytes are held, of %d", n, budget)
		}
	}
	if refused == 0 || s.h2.budget.Used() < budget/2 {
		t.Errorf("%d streams were refused with %d bytes held", refused, s.h2.budget.Used())
	}
	late := s.raw(t)
	late.begin(1)
	if err := late.WriteData(1, true, make([]byte, 10_000)); err != nil {
		t.Fatal(err)
	}
	late.until("an answer", func(f http2.Frame) bool {
		d, ok := f.(*http2.DataFrame)
		return ok && len(d.Data()) > 0
	})
	for _, r := range greedy {
		_ = r.Close()
	}
	await.That(t, "all is given back", func() bool { return s.h2.budget.Used() == 0 })
}

// Answers that nobody reads take no more memory on many connections than the server allows; calls beyond are refused, a client
// that reads is served, and all of it is given back.
func TestUnreadAnswersOnManyConnections(t *testing.T) {
	const most, size = 4 << 20, 400_000
	answers := &door.Budget{Max: most}
	s := startWith(t, Options{GRPC: echo{}, Answers: answers}, false)
	refused := 0
	var greedy []*raw
	for range 12 {
		r := s.raw(t)
		greedy = append(greedy, r)
		for i := range uint32(20) {
			if err := r.open(2*i+1, "/test/Large", []byte(strconv.Itoa(size))); err != nil {
				t.Fatal(err)
			}
		}
		refused += r.settled()
		if n := answers.Used(); n > most {
			t.Fatalf("%d bytes of answers wait, of %d", n, most)
		}
	}
	if refused == 0 || answers.Used() < most/2 {
		t.Errorf("%d calls were refused with %d bytes of answers waiting", refused, answers.Used())
	}
	late := s.raw(t)
	_ = late.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1 << 30})
	_ = late.WriteWindowUpdate(0, 1<<30)
	if err := late.open(1, "/test/Large", []byte(strconv.Itoa(size))); err != nil {
		t.Fatal(err)
	}
	got := 0
	late.until("the whole answer", func(f http2.Frame) bool {
		if d, ok := f.(*http2.DataFrame); ok {
			got += len(d.Data())
		}
		return got > size
	})
	for _, r := range greedy {
		_ = r.Close()
	}
	await.That(t, "all is given back", func() bool { return answers.Used() == 0 })
}
