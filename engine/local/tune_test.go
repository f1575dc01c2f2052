package local

import (
	"fmt"
	"testing"

	"github.com/hearthcache/hearth/op"
	"github.com/hearthcache/hearth/value"
)

// TestTunerTrusts holds the judgement about who comes back: it changes with what becomes of them.
func TestTunerTrusts(t *testing.T) {
	u := newTuner()
	check := func(when string, want bool) {
		t.Helper()
		if got := u.trusts(); got != want {
			t.Errorf("%s: trusts = %v; want %v (%+v)", when, got, want, u)
		}
	}
	exchange := func(n int, used, back bool) {
		for range n {
			u.judged(used)
			u.gone(main, 1, 1000)
			if back {
				u.back++
			}
		}
	}
	check("at first", true)
	exchange(judgeMin-1, false, true)
	check("after a few", true)
	exchange(judgeMax, false, true)
	check("where those come back that went, and nobody asks for those that came", false)
	exchange(2*judgeMax, true, false)
	check("where it is the other way round", true)
	exchange(4*judgeMax, false, false)
	check("where neither are asked for", false)
	if u.trusted > judgeMax || u.lost > judgeMax || u.used > u.trusted {
		t.Errorf("the counts have gone too far: %+v", u)
	}
}

// TestSmallLogGrowsAndShrinks lets keys come back soon after they left one log or the other.
func TestSmallLogGrowsAndShrinks(t *testing.T) {
	e := newEngine(t, Options{BytesMax: 1 << 20})
	var r op.Reply
	set := func(key string) {
		t.Helper()
		r.Reset()
		if err := e.Do(t.Context(), 1, &op.Set{K: []byte(key), Value: make([]byte, 1000)}, &r); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 2000 {
		set(fmt.Sprint(i))
	}
	s := e.space(1).layout.Load().shards[0]
	now := func(from int) uint8 { return s.tune.clock[from] }
	for range 4 * s.items {
		s.tune.returned(s, small, now(small)-soonTicks-1)
	}
	if s.tune.share != shareStart {
		t.Errorf("the share is %v after keys came back late; want %v", s.tune.share, shareStart)
	}
	for range 4 * s.items {
		s.tune.returned(s, small, now(small))
	}
	if s.tune.share != shareMax {
		t.Errorf("the share is %v after keys came back to the small log; want %v", s.tune.share, shareMax)
	}
	for range 4 * s.items {
		s.tune.returned(s, main, now(main))
	}
	if s.tune.share != shareMin {
		t.Errorf("the share is %v after keys came back to the main log; want %v", s.tune.share, shareMin)
	}
}

// TestTrustIsOfOneItem lets an item in on trust: the mark is gone once it has been judged, and no other item has it.
func TestTrustIsOfOneItem(t *testing.T) {
	d := draft{kind: value.Scalar, key: []byte("key"), value: []byte("value"), trusted: true}
	e := newEngine(t, Options{BytesMax: 1 << 20})
	s := e.space(1).layout.Load().shards[0]
	h := e.hash(d.key)
	for _, trusted := range []bool{true, false} {
		q := &s.queues[main]
		off, err := s.append(q, d.bytes())
		if err != nil {
			t.Fatal(err)
		}
		d.trusted, d.uses = trusted, 1
		s.record(off).write(&d)
		if err := s.insert(h, off); err != nil {
			t.Fatal(err)
		}
		before := s.tune
		if !s.step(main, 0) { // it was asked for: it moves on
			t.Fatal("no item was looked at")
		}
		_, r := s.find(h, d.key)
		if r == nil || r.meta&trustBit != 0 || r.uses() != 0 || string(r.value()) != "value" {
			t.Fatalf("trusted %v: the item is %+v", trusted, r)
		}
		if judged := s.tune.trusted - before.trusted; (judged == 1) != trusted || s.tune.used-before.used != judged {
			t.Errorf("trusted %v: %d items were judged", trusted, judged)
		}
		s.again = 0
		s.step(main, 0)
		if _, r := s.find(h, d.key); r != nil {
			t.Errorf("trusted %v: the item is still there", trusted)
		}
	}
}
