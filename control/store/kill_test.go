package store

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"github.com/hearthcache/hearth/auth"
	"github.com/hearthcache/hearth/control"
)

// killEnv names the folder in the child that TestKilledAtAnyMoment kills.
const killEnv = "HEARTH_TEST_KILL"

func TestMain(m *testing.M) {
	if folder := os.Getenv(killEnv); folder != "" {
		if err := changeForEver(folder); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}

// changeAt returns the change that leads from a version to the next: always the same.
func changeAt(s *control.State) control.Change {
	v := int(s.Version)
	name := fmt.Sprintf("cache-%d", v%7)
	h := auth.HashOf(strconv.Itoa(v))
	switch {
	case v%5 == 0:
		return control.AddKey{Key: &auth.Key{ID: h.ID(), Hash: h, Description: fmt.Sprint("key of version ", v)}}
	case v%5 == 1 && v > 20:
		old := auth.HashOf(strconv.Itoa(v - 21 + 20 - (v-1)%5)) // of a version that is a multiple of five
		if s.Keys[old.ID()] != nil {
			return control.RevokeKey{ID: old.ID()}
		}
	case s.Caches[name] == nil:
		return control.CreateCache{Name: name, Settings: map[string]string{"request-rate": strconv.Itoa(v + 1)}}
	case v%3 == 0:
		return control.DeleteCache{Name: name}
	case v%3 == 1:
		return control.FlushCache{Name: name}
	}
	return control.SetAccount{Settings: map[string]string{"publish-rate": strconv.Itoa(v + 1)}}
}

// changeForEver makes one change after another, and says which version each acknowledged one made.
func changeForEver(folder string) error {
	ctx := context.Background()
	f, err := Open(folder)
	if err != nil {
		return err
	}
	p, err := control.NewPlane(ctx, f)
	if err != nil {
		return err
	}
	l := control.NewLedger(f)
	for {
		s, err := p.Change(ctx, changeAt(p.State()))
		if err != nil {
			return err
		}
		fmt.Println(s.Version)
		if err := l.Add(ctx, "2026-01-01", []control.Usage{{Cache: "c", Counts: control.Counts{Operations: 1}}}); err != nil {
			return err
		}
	}
}

// TestKilledAtAnyMoment kills a process 200 times while it makes changes: what it had acknowledged is there, and at most
// the one change after it, whole.
func TestKilledAtAnyMoment(t *testing.T) {
	folder := t.TempDir()
	model := &control.State{}
	random := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 1))
	var used uint64
	for round := range 200 {
		after := time.Duration(random.Int64N(int64(25 * time.Millisecond)))
		acknowledged := changeAndKill(t, folder, model.Version, after, round%4 == 0)
		f := open(t, folder)
		s, err := f.Load(context.Background())
		if err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		if s == nil {
			s = &control.State{}
		}
		if s.Version < acknowledged || s.Version > acknowledged+1 {
			t.Fatalf("round %d: version %d was acknowledged, %d is there", round, acknowledged, s.Version)
		}
		for model.Version < s.Version {
			if model, err = changeAt(model).Apply(model, 0); err != nil {
				t.Fatal(err)
			}
		}
		if got, want := text(t, timeless(s)), text(t, model); got != want && s.Version > 0 {
			t.Fatalf("round %d: version %d is\n%s, want\n%s", round, s.Version, got, want)
		}
		used = checkUsage(t, f, used, s.Version)
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if model.Version < 200 {
		t.Errorf("only %d changes were made in 200 rounds", model.Version)
	}
}

// changeAndKill runs a child, kills it a while after its start or after its first change, and returns the last version
// that it said.
func changeAndKill(t *testing.T, folder string, version uint64, after time.Duration, fromStart bool) uint64 {
	t.Helper()
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), killEnv+"="+folder)
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	kill := func() { time.AfterFunc(after, func() { _ = child.Process.Kill() }) }
	if fromStart {
		kill()
	}
	for first := true; lines.Scan(); first = false {
		if first && !fromStart {
			kill()
		}
		if version, err = strconv.ParseUint(lines.Text(), 10, 64); err != nil {
			t.Fatalf("the child said %q", lines.Text())
		}
	}
	_ = child.Wait()
	return version
}

// timeless returns a copy of the state without the times of its changes, which the child's clock made.
func timeless(s *control.State) *control.State {
	n := *s
	n.Caches = map[string]*control.Cache{}
	for name, cache := range s.Caches {
		c := *cache
		c.Created, c.Flushed = 0, 0
		n.Caches[name] = &c
	}
	return &n
}

// checkUsage checks that the books never go back and never run ahead of what happened.
func checkUsage(t *testing.T, f *File, before, version uint64) uint64 {
	t.Helper()
	lines, err := f.LoadUsage(context.Background(), "2026-01-01", "2026-01-01")
	if err != nil {
		t.Fatal(err)
	}
	var n uint64
	for _, u := range lines {
		n += u.Operations
	}
	if n < before || n > version {
		t.Fatalf("%d operations in the books after %d, of %d", n, before, version)
	}
	return n
}
