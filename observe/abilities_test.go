package observe

import (
	"bytes"
	"log/slog"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/hearthcache/hearth/door"
	"github.com/hearthcache/hearth/door/h2"
)

// plainCall is a call without optional abilities; it keeps what it is answered.
type plainCall struct {
	h2.Call
	answer string
}

func (c *plainCall) Method() string       { return "/test/Get" }
func (c *plainCall) Header(string) []byte { return nil }
func (c *plainCall) Begin() []byte        { return nil }
func (c *plainCall) End(b []byte)         { c.answer = string(b) }
func (c *plainCall) Finish(h2.Status)     {}

// ableCall has both of them.
type ableCall struct {
	plainCall
	value *byte // where the part that is not copied begins
}

func (c *ableCall) Peer() netip.Addr { return netip.MustParseAddr("192.0.2.7") }

func (c *ableCall) EndWith(b, value []byte, owner door.Releaser) {
	c.answer, c.value = string(b)+string(value), &value[0]
	owner.Release()
}

type releases int

func (r *releases) Release() { *r++ }

// answerer answers with a part by reference, and keeps who asked.
type answerer struct {
	value []byte
	owner releases
	from  netip.Addr
}

func (a *answerer) ServeCall(c h2.Call) {
	a.from = c.(h2.Peered).Peer()
	c.(h2.Referrer).EndWith(append(c.Begin(), '<'), a.value, &a.owner)
	c.Finish(h2.Status{})
}

// Keys that are bound to networks, and values that are sent without a copy, work on watched calls as on others.
func TestWatchedCallsKeepTheirAbilities(t *testing.T) {
	a := &answerer{value: []byte("large")}
	watched := (&Watch{Slow: time.Hour}).Calls(a)

	able := &ableCall{}
	watched.ServeCall(able)
	if a.from != able.Peer() || able.answer != "<large" || able.value != &a.value[0] || a.owner != 1 {
		t.Errorf("from %v, answered %q, released %d times, or the value was copied", a.from, able.answer, a.owner)
	}
	plain := &plainCall{}
	watched.ServeCall(plain)
	if a.from.IsValid() || plain.answer != "<large" || a.owner != 2 {
		t.Errorf("from %v, answered %q, released %d times", a.from, plain.answer, a.owner)
	}
}

// sleeper suspends its call.
type sleeper struct{ live []bool }

func (s *sleeper) ServeCall(c h2.Call) { c.(h2.Suspender).Suspend(s) }
func (s *sleeper) Resumed(live bool)   { s.live = append(s.live, live) }

// sleepyCall can be suspended.
type sleepyCall struct {
	plainCall
	resumer h2.Resumer
}

func (c *sleepyCall) Suspend(r h2.Resumer) { c.resumer = r }
func (c *sleepyCall) Resume()              {}

// A watched call can be suspended where the call itself can, and is over where nobody waits for its answer any more.
func TestWatchedCallsAreSuspended(t *testing.T) {
	var log bytes.Buffer
	s := &sleeper{}
	watched := (&Watch{Slow: time.Nanosecond, Log: slog.New(slog.NewTextHandler(&log, nil))}).Calls(s)
	for _, live := range []bool{true, false} {
		c := &sleepyCall{}
		watched.ServeCall(c)
		c.resumer.Resumed(live)
	}
	if len(s.live) != 2 || !s.live[0] || s.live[1] {
		t.Errorf("resumed: %v", s.live)
	}
	if got := log.String(); strings.Count(got, "slow request") != 1 || !strings.Contains(got, "code=1") {
		t.Errorf("logged: %q", got)
	}
	watched = (&Watch{Slow: time.Hour}).Calls(able(func(c h2.Call) {
		if _, ok := c.(h2.Suspender); ok {
			t.Error("a call that cannot be suspended can be where it is watched")
		}
	}))
	watched.ServeCall(&plainCall{})
}

// able is a handler.
type able func(h2.Call)

func (f able) ServeCall(c h2.Call) { f(c) }

// placer is an answerer that has one place for messages.
type placer struct {
	answerer
	memory h2.Memory
}

func (p *placer) Place(h2.Call, []byte, int) (h2.Memory, bool, h2.Status) {
	return p.memory, true, h2.Status{Code: 7}
}

type memory struct{ h2.Memory }

// Large messages of watched calls find their places too.
func TestWatchedCallsHavePlaces(t *testing.T) {
	p := &placer{memory: &memory{}}
	watched := (&Watch{Slow: time.Hour}).Calls(p).(h2.Placer)
	if m, later, s := watched.Place(&plainCall{}, nil, 1); m != p.memory || !later || s.Code != 7 {
		t.Errorf("%v, %v, %v", m, later, s)
	}
	watched = (&Watch{Slow: time.Hour}).Calls(&p.answerer).(h2.Placer)
	if m, later, s := watched.Place(&plainCall{}, nil, 1); m != nil || later || s != (h2.Status{}) {
		t.Errorf("where the handler has none: %v, %v, %v", m, later, s)
	}
}
