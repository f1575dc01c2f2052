package gateway

import (
	"fmt"
	"testing"
	"time"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/control"
	"github.com/hearthcache/hearth/control/store"
	"github.com/hearthcache/hearth/engine/local"
	"github.com/hearthcache/hearth/engine/valkey"
	servers "github.com/hearthcache/hearth/fleet"
	"github.com/hearthcache/hearth/op"
)

// sharers are gateways that share limits by way of one server, on a clock that stands still until it is moved.
type sharers struct {
	t   *testing.T
	all []*fleet
	now time.Time
}

func newSharers(t *testing.T, n int, settings map[string]string) *sharers {
	t.Helper()
	server, err := servers.Start(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Kill)
	client, err := valkey.Connect(valkey.Options{Addrs: []string{server.Addr}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	s := &sharers{t: t, now: time.Unix(1_700_000_000, 0)}
	for i := range n {
		e := local.New(local.Options{})
		t.Cleanup(func() { e.Close() })
		plane, err := control.NewPlane(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		f := &fleet{t: t, Gateway: New(Options{Engine: e, Plane: plane, Open: true, Now: func() time.Time { return s.now },
			Peers: store.NewLoads(client, fmt.Sprint("gateway ", i))})}
		f.change(control.CreateCache{Name: "c", Settings: settings})
		f.sharedAt = s.now
		s.all = append(s.all, f)
	}
	return s
}

// second offers each gateway so many requests, spread over a second, lets them exchange, and returns how many were
// admitted.
func (s *sharers) second(offers ...int) (admitted []int) {
	const steps = 100
	admitted = make([]int, len(offers))
	callers := make([]*Caller, len(offers))
	for i, f := range s.all {
		callers[i] = f.caller()
	}
	for range steps {
		s.now = s.now.Add(time.Second / steps)
		for i, f := range s.all {
			for range offers[i] / steps {
				var r op.Reply
				if _, err := f.Try(callers[i], &op.Get{K: []byte("k")}, &r); err == nil {
					admitted[i]++
				} else if hearth.KindOf(err) != hearth.Limited {
					s.t.Fatal(err)
				}
			}
		}
	}
	s.exchange()
	return admitted
}

// exchange lets every gateway tell its load, once, as Run does every second: who comes first hears of the others' a second
// later.
func (s *sharers) exchange() {
	for _, f := range s.all {
		f.share(s.t.Context(), s.now)
	}
}

func sum(ns []int) (n int) {
	for _, v := range ns {
		n += v
	}
	return n
}

func TestRatesAreShared(t *testing.T) {
	const rate = 1000
	s := newSharers(t, 3, map[string]string{"request-rate": fmt.Sprint(rate)})
	first := s.second(2000, 2000, 2000)
	if n := sum(first); n > 3*2*rate+3 {
		t.Errorf("the first second admitted %d: more than every gateway's whole rate and burst", n)
	}
	steady := func(what string, offers ...int) []int {
		t.Helper()
		s.second(offers...) // the shares follow
		s.second(offers...)
		var got []int
		total := 0
		for range 3 {
			got = s.second(offers...)
			total += sum(got)
		}
		t.Logf("%s: offered %v, admitted %v in the last of three seconds, %d in all", what, offers, got, total)
		want := 3 * min(rate, sum(offers))
		if total > want*105/100 || total < want*90/100 {
			t.Errorf("%s: %d were admitted in three seconds, want about %d", what, total, want)
		}
		return got
	}
	steady("alike", 2000, 2000, 2000)
	got := steady("not alike", 4000, 1000, 0)
	if got[0] < 3*got[1] {
		t.Errorf("the shares are %v, not as the demand", got)
	}
	steady("one alone", 0, 0, 3000)
	steady("below the rate", 400, 400, 100)
}

func TestHeldIsShared(t *testing.T) {
	s := newSharers(t, 2, map[string]string{"subscriptions": "10"})
	a, b := s.all[0].caller(), s.all[1].caller()
	hold := func(c *Caller, n int) (held int) {
		for range n {
			if c.Hold(hearth.Subscriptions) == nil {
				held++
			}
		}
		return held
	}
	if n := hold(a, 6); n != 6 {
		t.Fatalf("held %d of 6", n)
	}
	if n := hold(b, 1); n != 1 {
		t.Fatal("a gateway that has not heard of the others goes by itself")
	}
	s.exchange()
	if n := hold(b, 6); n != 3 {
		t.Errorf("the other gateway may hold %d more, want 3", n)
	}
	for range 6 {
		a.Release(hearth.Subscriptions)
	}
	s.exchange()
	s.exchange()
	if n := hold(b, 20); n != 6 {
		t.Errorf("after a release the other gateway may hold %d more, want 6", n)
	}
}
