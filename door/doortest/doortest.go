// Package doortest sends a protocol bytes that are cut at chosen places, through a real door.Server over real sockets, and
// tells what comes back. It is for tests; it knows nothing of any protocol.
package doortest

import (
	"bytes"
	"context"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/hearthcache/hearth/door"
)

// patience is how long a session may take over what it was sent.
const patience = 30 * time.Second

// Cut divides in, for a fuzzer: the square of each byte of cuts is the length of a piece, less one, and the rest is one.
func Cut(in, cuts []byte) (pieces [][]byte) {
	for _, n := range cuts {
		if n := 1 + int(n)*int(n); n < len(in) {
			pieces, in = append(pieces, in[:n]), in[n:]
		}
	}
	return append(pieces, in)
}

// Bench serves a protocol to clients of the same process.
type Bench struct {
	protocol door.Protocol
	conns    chan net.Conn
	opened   chan *watched
	closed   chan struct{}
	once     sync.Once
}

// session is what the sessions of a benched protocol are.
type session interface {
	door.Filler
	door.Foreseer
	door.Presser
}

// New serves p until the test ends. Its sessions are Fillers, Foreseers and Pressers.
func New(t testing.TB, p door.Protocol) *Bench {
	t.Helper()
	b := &Bench{protocol: p, conns: make(chan net.Conn), opened: make(chan *watched, 1), closed: make(chan struct{})}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	loops := &door.Loops{Count: 1}
	s := &door.Server{Protocol: b, Loops: loops}
	go func() { done <- s.Serve(ctx, b) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		loops.Close()
	})
	return b
}

// Accept implements net.Listener.
func (b *Bench) Accept() (net.Conn, error) {
	select {
	case c := <-b.conns:
		return c, nil
	case <-b.closed:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (b *Bench) Close() error {
	b.once.Do(func() { close(b.closed) })
	return nil
}

// Addr implements net.Listener.
func (b *Bench) Addr() net.Addr { return here }

// Open implements door.Protocol.
func (b *Bench) Open(c *door.Conn, out *door.Writer) door.Session {
	w := &watched{session: b.protocol.Open(c, out).(session)}
	w.changed.L = &w.mu
	b.opened <- w
	return w
}

// here is what a benched session takes for its peer's address.
var here = &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1}

// local is one end of a pair of sockets that seems to come from this machine.
type local struct{ *net.UnixConn }

func (local) RemoteAddr() net.Addr { return here }
func (local) LocalAddr() net.Addr  { return here }

// Send opens a connection, sends the pieces, each after the session has done with the one before, and returns all that was
// answered when there is nothing more to come. Where there are several pieces, the session is shown each of them before it is
// given it, as a busy loop does.
func (b *Bench) Send(t testing.TB, pieces ...[]byte) []byte {
	t.Helper()
	ours, theirs := pair(t)
	defer ours.Close()
	b.conns <- local{theirs}
	w := <-b.opened
	w.mu.Lock()
	w.shows = len(pieces) > 1
	w.mu.Unlock()
	var got bytes.Buffer
	over := make(chan struct{})
	go func() {
		defer close(over)
		_, _ = io.Copy(&got, ours)
	}()
	late := time.AfterFunc(patience, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.late = true
		w.changed.Broadcast()
	})
	defer late.Stop()
	sent := 0
	for _, p := range pieces {
		if _, err := ours.Write(p); err != nil {
			break // the session has ended
		}
		if sent += len(p); !w.await(sent) {
			t.Fatalf("%d bytes were sent, and the session is not done with them: %+v", sent, w.progress)
		}
	}
	_ = ours.CloseWrite()
	<-over
	if !w.awaitEnd() {
		t.Fatal("the connection is closed, and its session is not")
	}
	return got.Bytes()
}

// pair returns two connected sockets.
func pair(t testing.TB) (a, b *net.UnixConn) {
	t.Helper()
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC|syscall.SOCK_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	var ends [2]*net.UnixConn
	for i, fd := range fds {
		f := os.NewFile(uintptr(fd), "")
		c, err := net.FileConn(f)
		_ = f.Close()
		if err != nil {
			t.Fatal(err)
		}
		ends[i] = c.(*net.UnixConn)
	}
	return ends[0], ends[1]
}

// watched is a session of which is known how far it has come.
type watched struct {
	session
	shows bool

	mu      sync.Mutex // guards the rest
	changed sync.Cond
	progress
}

// progress is how far a session has come.
type progress struct {
	taken int  // bytes that it has used
	left  int  // bytes that it was shown and has not used
	waits bool // it can take no input for now
	more  bool // it will be fed again what it has left
	ended bool // it takes nothing more
	gone  bool // Closed was called
	late  bool
}

func (w *watched) note(f func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f()
	w.changed.Broadcast()
}

func (w *watched) await(sent int) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for !w.ended && !w.late && (w.taken+w.left < sent || w.waits || w.more) {
		w.changed.Wait()
	}
	return !w.late
}

func (w *watched) awaitEnd() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for !w.gone && !w.late {
		w.changed.Wait()
	}
	return !w.late
}

// Feed implements door.Session.
func (w *watched) Feed(in []byte, out *door.Writer) (used int, err error) {
	w.mu.Lock()
	show := w.shows && w.left == 0
	w.mu.Unlock()
	if show && len(w.Fill()) == 0 {
		w.Foresee(in, false)
		w.Foresee(in, true)
	}
	used, err = w.session.Feed(in, out)
	w.note(func() {
		w.taken, w.left, w.more = w.taken+used, len(in)-used, err == door.ErrMore && used < len(in)
		w.turned(err)
	})
	return used, err
}

func (w *watched) turned(err error) {
	w.waits = err == door.ErrWait
	w.ended = w.ended || err != nil && err != door.ErrWait && err != door.ErrMore
}

// Woken implements door.Session.
func (w *watched) Woken(out *door.Writer) error {
	err := w.session.Woken(out)
	w.note(func() {
		waited := w.waits
		w.turned(err)
		w.more = w.more || waited && !w.waits && w.left > 0 // it is fed at once
	})
	return err
}

// Filled implements door.Filler.
func (w *watched) Filled(n int, out *door.Writer) error {
	err := w.session.Filled(n, out)
	w.note(func() {
		w.taken, w.left = w.taken+n, max(0, w.left-n)
		w.turned(err)
	})
	return err
}

// Closed implements door.Session.
func (w *watched) Closed() {
	w.session.Closed()
	w.note(func() { w.ended, w.gone = true, true })
}
