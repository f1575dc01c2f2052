// Package enginetest holds the one suite that every engine passes: a script for each command, and random histories of
// all commands that are held against a naive model. A behaviour that is not in it is not promised.
package enginetest

import (
	"sync/atomic"
	"testing"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/engine"
)

// Options says what an engine can do in a test. The zero Options is an engine with a clock of its own.
type Options struct {
	// Clock is the engine's, where it takes one that tests can replace; nil is the machine's.
	Clock *Clock
	// Operations is how many random ones are run in all; 0 is a default that takes a few seconds.
	Operations int
	// Seed is the first history's; 0 is the same one each time, so that a failure comes again.
	Seed uint64
	// Lacks names commands (by their Spec) that the engine cannot run.
	Lacks map[string]bool
}

// Run runs the suite on engines that open returns, each empty. The first spaces (up to 1 << 20) are the suite's.
func Run(t *testing.T, o Options, open func(t *testing.T) engine.Engine) {
	t.Run("scripts", func(t *testing.T) { scripts(t, o, open(t)) })
	t.Run("histories", func(t *testing.T) { histories(t, o, open(t)) })
	t.Run("many", func(t *testing.T) { many(t, o, open(t)) })
	t.Run("spaces", func(t *testing.T) { spaces(t, open(t)) })
}

// Clock is a clock that stands still until it is moved.
type Clock struct{ millis atomic.Int64 }

// NewClock returns a clock at some moment.
func NewClock() *Clock {
	c := &Clock{}
	c.millis.Store(1_700_000_000_000)
	return c
}

// Now returns the present moment in milliseconds.
func (c *Clock) Now() int64 { return c.millis.Load() }

// Advance moves the clock on.
func (c *Clock) Advance(millis int64) { c.millis.Add(millis) }

// spaceSource gives every history a space of its own.
type spaceSource struct{ last hearth.Space }

func (s *spaceSource) next() hearth.Space {
	s.last++
	return s.last
}
