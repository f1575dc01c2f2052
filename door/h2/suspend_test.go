package h2

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/http2"

	"github.com/hearthcache/hearth/test/await"
)

// sleepers suspends calls until the test resumes them. One whose message is "detach" is then answered by a goroutine.
type sleepers chan *sleeper

type sleeper struct {
	call    Suspender
	message string
	ended   chan error // once the call was resumed: what its context said, where it was detached
	live    bool       // by then
}

func (s sleepers) ServeCall(c Call) {
	if c.Method() != "/test/Sleep" {
		echo{}.ServeCall(c)
		return
	}
	one := &sleeper{call: c.(Suspender), message: string(c.Message()), ended: make(chan error, 1)}
	one.call.Suspend(one)
	if one.message == "for nothing" {
		one.call.Detach()
		one.message = string(c.Message())
		go one.answer(nil)
		return
	}
	s <- one
}

func (s *sleeper) Resumed(live bool) {
	s.live = live
	switch {
	case !live:
		s.ended <- nil
	case s.message == "detach":
		ctx := s.call.Detach()
		go func() { s.answer(ctx.Err()) }()
	default:
		s.answer(nil)
	}
}

func (s *sleeper) answer(err error) {
	s.call.End(append(s.call.Begin(), s.message...))
	s.call.Finish(Status{})
	s.ended <- err
}

// Calls that were suspended are answered in any order, from wherever they are resumed, and their streams are used again.
func TestSuspend(t *testing.T) {
	h := make(sleepers, 100)
	c := start(t, h, false).grpcClient(t)
	for round := range 3 {
		var wg sync.WaitGroup
		for i := range 30 {
			wg.Go(func() {
				message := "detach"
				if i%3 > 0 {
					message = fmt.Sprint("call ", round, " ", i)
				}
				if got, err := call(c, "/test/Sleep", message); got != message || err != nil {
					t.Errorf("%q is answered with %q, %v", message, got, err)
				}
			})
		}
		var all []*sleeper
		for range 30 {
			all = append(all, <-h)
		}
		for i := range all {
			go all[len(all)-1-i].call.Resume()
		}
		wg.Wait()
	}
}

// A call that was suspended for nothing can be detached, and still has its message then.
func TestSuspendForNothing(t *testing.T) {
	c := start(t, make(sleepers), false).grpcClient(t)
	if got, err := call(c, "/test/Sleep", "for nothing"); got != "for nothing" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
}

// A call that has ended while it was suspended is told of that when it is resumed, and nothing is sent for it.
func TestSuspendedCallEnds(t *testing.T) {
	h := make(sleepers, 100)
	s := start(t, h, false)
	check := func(what string, end func(r *raw)) {
		t.Helper()
		r := s.raw(t)
		if err := r.open(1, "/test/Sleep", []byte("hi")); err != nil {
			t.Fatal(err)
		}
		one := <-h
		end(r)
		one.call.Resume()
		if <-one.ended; one.live {
			t.Errorf("%s: it was answered", what)
		}
	}

	check("reset", func(r *raw) {
		_ = r.WriteRSTStream(1, http2.ErrCodeCancel)
		r.settled()
	})
	check("connection closed", func(r *raw) {
		_ = r.Close()
		await.That(t, "the connection has ended", func() bool { return s.door.Limits.Count() == 1 }) // the former one
	})
	r := s.raw(t)
	_ = r.open(1, "/test/Sleep", []byte("hi"))
	one := <-h
	_ = r.WriteRSTStream(1, http2.ErrCodeCancel)
	r.settled()
	one.call.Resume()
	<-one.ended
	_ = r.open(3, "/test/Echo", []byte("hello"))
	r.until("the answer to the next call", func(f http2.Frame) bool {
		if n := f.Header().StreamID; n != 0 && n != 3 {
			t.Errorf("%v for a call that was reset", f)
		}
		d, ok := f.(*http2.DataFrame)
		return ok && string(d.Data()) == string(framed([]byte("hello")))
	})
}

// The time that a call was suspended for counts towards its deadline.
func TestSuspendedDeadline(t *testing.T) {
	h := make(sleepers, 1)
	r := start(t, h, false).raw(t)
	const timeout = 20 * time.Millisecond
	if err := r.open(1, "/test/Sleep", []byte("detach"), "grpc-timeout", fmt.Sprint(timeout.Milliseconds(), "m")); err != nil {
		t.Fatal(err)
	}
	one := <-h
	time.Sleep(timeout) // the deadline has passed then, however slow the machine is
	one.call.Resume()
	if err := <-one.ended; err != context.DeadlineExceeded {
		t.Errorf("the context of the detached call says %v", err)
	}
}
