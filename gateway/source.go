package gateway

import (
	"bytes"
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/control"
)

// plan is what a cache's settings say about its origin; times are in milliseconds. Equal plans share a source.
type plan struct {
	origin, keys                 string
	timeout, retries             int64
	concurrency, breaker         int64
	unavailable                  bool // instead of a miss, where the origin fails
	fresh, jitter                int64
	revalidate, ifError          int64
	early                        bool
	absent, refused, failed, max int64
}

func planOf(s *control.Settings) plan {
	return plan{
		origin: s.Text(control.Origin), keys: s.Text(control.OriginKeys),
		timeout: s.Int(control.OriginTimeout), retries: s.Int(control.OriginRetries),
		concurrency: s.Int(control.OriginConcurrency), breaker: s.Int(control.OriginBreaker),
		unavailable: s.Text(control.OriginError) == control.OriginErrorUnavailable,
		fresh:       s.Int(control.Fresh), jitter: s.Int(control.FreshJitter),
		revalidate: s.Int(control.StaleWhileRevalidate), ifError: s.Int(control.StaleIfError),
		early:  s.On(control.RefreshEarly),
		absent: s.Int(control.NegativeAbsent), refused: s.Int(control.NegativeRefused), failed: s.Int(control.NegativeFailed),
		max: s.Int(control.TTLMax),
	}
}

// grace is how long past its fresh time an item is kept: it is fresh until that much before it expires.
func (p *plan) grace() int64 { return max(p.revalidate, p.ifError) }

// budget is the longest that one load takes: its place in the queue, every request, and the pauses between them.
func (p *plan) budget() int64 {
	pauses := int64(0)
	for n := range p.retries {
		pauses += retryPause(int(n)).Milliseconds()
	}
	return p.timeout*(p.retries+2) + pauses
}

// source is a cache's origin: a loader with what keeps it and us from harm. It lives until its plan changes.
type source struct {
	plan
	loader   Loader
	broken   error // the origin cannot be used at all
	slots    chan struct{}
	queued   atomic.Int64
	breaker  breaker
	loadTime atomic.Int64 // moving average in milliseconds
	counts   *originCounts

	mu         sync.Mutex // guards validators
	validators map[string]validator
}

// validator stands for a value that was loaded.
type validator struct {
	text string
	sum  uint64 // of the value
}

// originCounts counts what became of loads since the cache had an origin.
type originCounts struct {
	loads, requests, busy, leftAlone, absent, failed, discarded, unchanged, stale, early atomic.Uint64
}

const (
	queuedMax     = 1024   // loads of one cache that wait for their turn
	validatorsMax = 16_384 // of one cache
	freshDefault  = 5 * 60 * 1000
	freshMin      = 50 // milliseconds, so that who has waited for a load finds it
)

func newSource(p plan, open func(string) (Loader, error)) *source {
	s := &source{plan: p, slots: make(chan struct{}, p.concurrency), breaker: breaker{limit: int(p.breaker)}, counts: &originCounts{}}
	if open == nil {
		s.broken = &hearth.Error{Kind: hearth.Unavailable, Msg: "this hearth loads from no origins"}
		return s
	}
	s.loader, s.broken = open(p.origin)
	return s
}

// covers reports whether the origin is asked for a key.
func (s *source) covers(key []byte) bool {
	if s.keys == "" {
		return true
	}
	for prefix := range strings.SplitSeq(s.keys, ",") {
		if bytes.HasPrefix(key, []byte(strings.TrimSpace(prefix))) {
			return true
		}
	}
	return false
}

var (
	errOriginBusy   = &hearth.Error{Kind: hearth.Unavailable, Msg: "too many loads wait for the cache's origin"}
	errOriginBroken = &hearth.Error{Kind: hearth.Unavailable, Msg: "the cache's origin has failed too often and is left alone for a moment"}
)

// load asks the origin, in its turn, and again where it fails.
func (s *source) load(ctx context.Context, key []byte, have string) (l Loaded, err error) {
	if s.broken != nil {
		return l, s.broken
	}
	if s.queued.Add(1) > queuedMax+s.concurrency {
		s.queued.Add(-1)
		s.counts.busy.Add(1)
		return l, errOriginBusy
	}
	defer s.queued.Add(-1)
	// The queue takes one timeout of the budget at most: a request that begins has its own whole, so that no failure is
	// the origin's whose reason was the queue.
	turn := time.NewTimer(time.Duration(s.timeout) * time.Millisecond)
	defer turn.Stop()
	select {
	case s.slots <- struct{}{}:
		defer func() { <-s.slots }()
	case <-turn.C:
		s.counts.busy.Add(1)
		return l, errOriginBusy
	case <-ctx.Done():
		s.counts.busy.Add(1)
		return l, errOriginBusy
	}
	s.counts.loads.Add(1)
	for n := 0; ; n++ {
		if !s.breaker.allows(time.Now()) {
			s.counts.leftAlone.Add(1)
			return l, errOriginBroken
		}
		l, err = s.ask(ctx, key, have)
		s.breaker.report(time.Now(), !failed(err))
		if !failed(err) || int64(n) >= s.retries {
			return l, err
		}
		pause := time.NewTimer(retryPause(n)/2 + rand.N(retryPause(n)/2))
		select {
		case <-pause.C:
		case <-ctx.Done():
			pause.Stop()
			return l, err
		}
	}
}

// ask makes one request.
func (s *source) ask(ctx context.Context, key []byte, have string) (l Loaded, err error) {
	s.counts.requests.Add(1)
	ctx, cancel := context.WithTimeout(ctx, time.Duration(s.timeout)*time.Millisecond)
	defer cancel()
	begun := time.Now()
	if r, ok := s.loader.(Revalidator); ok {
		l, err = r.Revalidate(ctx, key, have)
	} else {
		l.Value, l.TTL, err = s.loader.Load(ctx, key)
	}
	if err == nil {
		took := max(1, time.Since(begun).Milliseconds())
		if old := s.loadTime.Load(); old != 0 {
			took = (7*old + took) / 8
		}
		s.loadTime.Store(took)
	}
	return l, err
}

// failed reports whether an origin's error may pass: it has answered neither with a value nor with a no.
func failed(err error) bool {
	if err == nil {
		return false
	}
	switch hearth.KindOf(err) {
	case hearth.NotFound, hearth.Invalid, hearth.Denied, hearth.Limited:
		return false
	}
	return true
}

func retryPause(n int) time.Duration { return min(50*time.Millisecond<<n, 2*time.Second) }

// lifetime returns how long a loaded item is kept, in milliseconds: its fresh time, less its jitter, and the grace.
func (s *source) lifetime(l *Loaded) int64 {
	fresh := s.fresh
	if fresh == 0 {
		fresh = l.TTL.Milliseconds()
	}
	if fresh == 0 {
		fresh = freshDefault
	}
	fresh = min(fresh, s.max)
	if spread := fresh * s.jitter / 100; spread > 0 {
		fresh -= rand.Int64N(spread + 1)
	}
	return max(freshMin, fresh) + s.grace()
}

// age says what may be done with an item.
type age uint8

const (
	isFresh    age = iota
	isEarly        // fresh, but load it again before others have to
	isStale        // serve it, and load it again
	isLastHope     // load it again, and serve it where that fails
)

// ageOf tells the age of an item by when it expires; one that never does, or of which that is not known, is fresh.
func (s *source) ageOf(now, expiry int64) age {
	if expiry == 0 {
		return isFresh
	}
	past := now - (expiry - s.grace())
	switch {
	case past < 0:
		// XFetch: the closer the end and the longer a load takes, the more probable.
		if took := s.loadTime.Load(); s.early && float64(past)-float64(took)*math.Log(1-rand.Float64()) >= 0 {
			return isEarly
		}
		return isFresh
	case past < s.revalidate:
		return isStale
	}
	return isLastHope
}

// remember keeps what stands for a value; forget lets go of it.
func (s *source) remember(key string, v validator) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.validators == nil {
		s.validators = map[string]validator{}
	}
	if v.text == "" {
		delete(s.validators, key)
		return
	}
	for k := range s.validators {
		if len(s.validators) < validatorsMax {
			break
		}
		delete(s.validators, k) // any one
	}
	s.validators[key] = v
}

func (s *source) validator(key string) validator {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.validators[key]
}

// message returns what callers may be told of an origin's failure.
func message(err error) error {
	var e *hearth.Error
	if errors.As(err, &e) && e.Kind == hearth.Unavailable {
		return e
	}
	return &hearth.Error{Kind: hearth.Unavailable, Msg: "the cache's origin does not answer", Err: err}
}
