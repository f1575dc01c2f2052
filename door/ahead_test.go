package door

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
)

// seers is lines whose sessions see their input early. "hold" keeps the loop until it is let go, "more" ends a turn.
type seers struct {
	t       *testing.T
	opened  chan *seer
	held    chan *seer // who holds the loop
	release chan struct{}
	seen    *atomic.Int64 // inputs that were shown
}

func newSeers(t *testing.T) seers {
	return seers{t, make(chan *seer, 100), make(chan *seer), make(chan struct{}), new(atomic.Int64)}
}

func (p seers) Open(c *Conn, out *Writer) Session {
	s := &seer{lineSession: &lineSession{conn: c, answers: make(chan string, 1)}, seers: p}
	p.opened <- s
	return s
}

type seer struct {
	*lineSession
	seers
	shown []byte
	busy  atomic.Bool // the next Woken still waits
}

func (s *seer) Woken(out *Writer) error {
	if s.busy.Swap(false) {
		return ErrWait
	}
	return s.lineSession.Woken(out)
}

func (s *seer) Foresee(in []byte, again bool) {
	if again && !bytes.Equal(in, s.shown) {
		s.t.Errorf("shown %.40q, then %.40q", s.shown, in)
	}
	s.shown = bytes.Clone(in)
	s.seen.Add(1)
}

func (s *seer) Feed(in []byte, out *Writer) (int, error) {
	if !bytes.HasPrefix(in, s.shown) {
		s.t.Errorf("shown %.40q, given %.40q", s.shown, in)
	}
	s.shown = nil
	if string(in) == "hold\n" {
		s.held <- s
		<-s.release
	}
	if bytes.HasPrefix(in, []byte("more\n")) {
		out.B = append(out.B, "more\n"...)
		return len("more\n"), ErrMore
	}
	return s.lineSession.Feed(in, out)
}

// serveSeers returns what makes connections on one loop, with their sessions.
func serveSeers(t *testing.T) (p seers, dial func() (net.Conn, *seer)) {
	p = newSeers(t)
	addr, stop := serve(t, &Server{Protocol: p, Limits: &Limits{}, Loops: &Loops{Count: 1}})
	t.Cleanup(stop)
	return p, func() (net.Conn, *seer) {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		talk(t, c, "hello\n", "hello")
		return c, <-p.opened
	}
}

// A session that is woken after its input was read, and waits then, is given the input when it has been woken again.
func TestAheadOfOneThatWaits(t *testing.T) {
	p, dial := serveSeers(t)
	first, _ := dial()
	second, one := dial()
	third, other := dial()
	go io.WriteString(first, "hold\n")
	<-p.held
	for _, c := range []net.Conn{second, third} { // both are ready when the first lets go, and are read together
		if _, err := io.WriteString(c, "hold\n"); err != nil {
			t.Fatal(err)
		}
	}
	p.release <- struct{}{}
	if <-p.held == other {
		second, third, other = third, second, one
	}
	other.busy.Store(true)
	other.conn.Wake()
	p.release <- struct{}{}
	talk(t, second, "again\n", "hold", "again") // the other has had its turn by then
	other.conn.Wake()
	<-p.held
	p.release <- struct{}{}
	talk(t, third, "", "hold")
}

// TestAhead has more connections ready at once than one round reads ahead, with every kind of input.
func TestAhead(t *testing.T) {
	p, dial := serveSeers(t)
	long := strings.Repeat("l", aheadRoom+1000) + "\n"
	body := strings.Repeat("b", 3*aheadRoom)
	kinds := []struct{ first, rest, want string }{
		{"one\n", "", "one\n"},
		{"one\ntwo\n", "", "one\ntwo\n"},
		{"ha", "lf\n", "half\n"},
		{long, "", long},
		{fmt.Sprintf("fill %d\n%s", len(body), body), "", "<" + body + ">\n"},
		{"wait\nafter\n", "", "waited\nafter\n"},
		{"more\nmore\nafter\n", "", "more\nmore\nafter\n"},
		{"bye\nafter\n", "", ""},
	}
	hold, _ := dial()
	conns := make([]net.Conn, 7*len(kinds))
	for i := range conns {
		conns[i], _ = dial()
	}
	for range 2 {
		go io.WriteString(hold, "hold\n")
		<-p.held
		for i, c := range conns {
			if _, err := io.WriteString(c, kinds[i%len(kinds)].first); err != nil {
				t.Fatal(err)
			}
		}
		p.release <- struct{}{}
		talk(t, hold, "", "hold")
		for i, c := range conns {
			k := kinds[i%len(kinds)]
			talk(t, c, k.rest, strings.Fields(k.want)...)
			if k.want == "" {
				if n, err := c.Read(make([]byte, 1)); n != 0 || err != io.EOF {
					t.Errorf("after bye: %d bytes, %v", n, err)
				}
				conns[i], _ = dial()
			}
		}
	}
	if p.seen.Load() == 0 {
		t.Error("nothing was read ahead")
	}
}
