package enginetest_test

import (
	"flag"
	"math/rand/v2"
	"os"
	"reflect"
	"testing"

	"github.com/hearthcache/hearth/engine"
	"github.com/hearthcache/hearth/engine/enginetest"
	"github.com/hearthcache/hearth/engine/local"
	"github.com/hearthcache/hearth/op"
)

var _ = flag.Bool("update", false, "take the engine's answers as the expected ones of scripts")

func TestLocal(t *testing.T) {
	clock := enginetest.NewClock()
	o := enginetest.Options{Clock: clock}
	enginetest.Run(t, o, func(t *testing.T) engine.Engine { return local.New(local.Options{Now: clock.Now}) })
}

// TestSoakHistories runs histories that no run before has: make soak.
func TestSoakHistories(t *testing.T) {
	if os.Getenv("HEARTH_SOAK") == "" {
		t.Skip("set HEARTH_SOAK, as make soak does: this takes a minute")
	}
	clock := enginetest.NewClock()
	o := enginetest.Options{Clock: clock, Operations: 3_000_000, Seed: rand.Uint64()}
	enginetest.Run(t, o, func(t *testing.T) engine.Engine { return local.New(local.Options{Now: clock.Now}) })
}

func TestCommandsAreAll(t *testing.T) {
	seen := map[op.ID]bool{}
	for _, o := range enginetest.Commands() {
		seen[o.Spec().ID] = true
	}
	for i, s := range op.All {
		if !seen[op.ID(i)] {
			t.Errorf("Commands does not list %s", s.Name)
		}
	}
}

func TestRandomOpSaysAgain(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	seen := map[string]bool{}
	for range 20_000 {
		o := enginetest.RandomOp(r)
		seen[o.Spec().Name] = true
		line := enginetest.Format(o)
		again, err := enginetest.Parse(line)
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		if got := enginetest.Format(again); got != line || reflect.TypeOf(again) != reflect.TypeOf(o) {
			t.Fatalf("said again:\n%s\n%s", line, got)
		}
		if c, ok := o.(op.Checker); ok && c.Check() != nil {
			t.Fatalf("%s: %v", line, c.Check())
		}
	}
	for name := range enginetest.Modelled() {
		if !seen[name] {
			t.Errorf("no random command is a %s", name)
		}
	}
}
