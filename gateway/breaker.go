package gateway

import (
	"sync"
	"time"
)

// breaker leaves an origin alone after failures in a row: for a second, then for twice as long after each further
// failure. When the time is up a single request finds out whether it is back. The zero breaker never breaks.
type breaker struct {
	limit int // failures in a row; 0 is never

	mu      sync.Mutex // guards the rest
	failed  int        // in a row
	until   time.Time  // nobody asks before that
	pause   time.Duration
	probing bool
}

const (
	breakMin = time.Second
	breakMax = 30 * time.Second
)

// allows reports whether a request may be made now; its outcome is then reported.
func (b *breaker) allows(now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.limit == 0 || b.failed < b.limit {
		return true
	}
	if now.Before(b.until) || b.probing {
		return false
	}
	b.probing = true
	return true
}

// open reports whether requests are refused, and until when the origin is left alone.
func (b *breaker) open(now time.Time) (bool, time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.limit != 0 && b.failed >= b.limit && (now.Before(b.until) || b.probing), b.until
}

// report tells how a request that was allowed has ended.
func (b *breaker) report(now time.Time, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.probing = false
	if ok {
		b.failed, b.pause = 0, 0
		return
	}
	b.failed++
	// A failure of a request that was under way when the pause began says nothing new.
	if b.limit != 0 && b.failed >= b.limit && !now.Before(b.until) {
		b.pause = min(max(2*b.pause, breakMin), breakMax)
		b.until = now.Add(b.pause)
	}
}
