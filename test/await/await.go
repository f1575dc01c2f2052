// Package await has a test wait until something holds, for as long as a slow and loaded machine may need: a sleep of a guessed
// length is too short there, and too long everywhere else. It knows nothing of hearth.
package await

import (
	"testing"
	"time"
)

// Patience is how long That waits at most. Only a test that fails takes that long.
const Patience = time.Minute

// lookEvery is how often That looks.
const lookEvery = time.Millisecond

// That waits until something holds, and ends the test where it never does; what says in words what was awaited. It returns how
// long that took, which is for the test's log: no test judges by it.
func That(t testing.TB, what string, holds func() bool) time.Duration {
	t.Helper()
	began := time.Now()
	for !holds() {
		if time.Since(began) > Patience {
			t.Fatalf("%s: not within %v", what, Patience)
		}
		time.Sleep(lookEvery)
	}
	return time.Since(began)
}
