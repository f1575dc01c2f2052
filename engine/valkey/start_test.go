package valkey

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/engine"
	"github.com/hearthcache/hearth/engine/enginetest"
	"github.com/hearthcache/hearth/op"
)

var _ engine.Starter = (*Engine)(nil)

// starting is an Engine whose Do takes the way of Start where that is open, as the doors do.
type starting struct {
	*Engine
	begun *atomic.Int64
}

func newStarting(t testing.TB, e *Engine) starting {
	t.Helper()
	if _, err := e.conn(); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(time.Minute); e.pipes.routes() == nil; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("there are no pipes")
		}
		e.pipes.look(e)
	}
	return starting{e, &atomic.Int64{}}
}

func (e starting) Do(ctx context.Context, s hearth.Space, o op.Op, r *op.Reply) error {
	os, rs := []op.Op{o}, []op.Reply{*r}
	done := make(chan struct{})
	if !e.Start(s, os, rs, func() { close(done) }) {
		return e.Engine.Do(ctx, s, o, r)
	}
	e.begun.Add(1)
	e.Flush()
	<-done
	*r = rs[0]
	err := r.Err
	r.Err = nil
	return err
}

func TestSuiteStarted(t *testing.T) {
	run := func(t *testing.T, e *Engine) {
		s := newStarting(t, e)
		enginetest.Run(t, enginetest.Options{Operations: 20_000, Lacks: lacks(t, e)}, func(t *testing.T) engine.Engine { return s })
		if n := s.begun.Load(); n < 10_000 {
			t.Errorf("only %d commands took the way of Start", n)
		}
	}
	t.Run("single", func(t *testing.T) {
		e, _ := single(t, Options{})
		run(t, e)
	})
	t.Run("cluster", func(t *testing.T) {
		e, _ := cluster(t, 0, Options{NearBytes: 1 << 20})
		run(t, e)
	})
}

// TestStartMany begins batches from many goroutines at once; every reply belongs to its command.
func TestStartMany(t *testing.T) {
	both(t, Options{}, func(t *testing.T, e *Engine) {
		newStarting(t, e)
		var begun atomic.Int64
		var wg sync.WaitGroup
		for g := range 8 {
			wg.Go(func() {
				for round := range 50 {
					startBatch(t, e, g, round, &begun)
				}
			})
		}
		wg.Wait()
		if begun.Load() < 8*50 { // those of the reads; sets now and then have to ask about tags
			t.Errorf("only %d batches took the way of Start", begun.Load())
		}
	})
}

func startBatch(t *testing.T, e *Engine, g, round int, begun *atomic.Int64) {
	const n = 64
	var keys [n][]byte
	sets, gets := make([]op.Op, n), make([]op.Op, n)
	for i := range n {
		keys[i] = fmt.Appendf(nil, "%d:%d", g, i)
		sets[i] = &op.Set{K: keys[i], Value: fmt.Appendf(nil, "%d:%d:%d", g, i, round)}
		gets[i] = &op.Get{K: keys[i]}
	}
	for _, os := range [][]op.Op{sets, gets} {
		rs, done := make([]op.Reply, n), make(chan struct{})
		if e.Start(7, os, rs, func() { close(done) }) {
			begun.Add(1)
			e.Flush()
			<-done
		} else {
			e.DoAll(context.Background(), 7, os, rs)
		}
		for i := range rs {
			if rs[i].Err != nil {
				t.Errorf("%T: %v", os[i], rs[i].Err)
			}
			if want := fmt.Sprintf("%d:%d:%d", g, i, round); os[0] == gets[0] && string(rs[i].Value()) != want {
				t.Errorf("%s is %q, want %q", keys[i], rs[i].Value(), want)
			}
		}
	}
}

// TestStartLarge brings large values and large collections, which arrive in many pieces.
func TestStartLarge(t *testing.T) {
	e, _ := single(t, Options{})
	s := newStarting(t, e)
	large := make([]byte, 20<<20)
	for i := range large {
		large[i] = byte(i >> 8)
	}
	pairs := make([]op.Pair, 20_000)
	for i := range pairs {
		pairs[i] = op.Pair{Field: []byte(strconv.Itoa(i)), Value: []byte("v")}
	}
	for _, o := range []op.Op{&op.Set{K: []byte("large"), Value: large}, &op.DictSet{K: []byte("dict"), Pairs: pairs}} {
		if err := s.Do(context.Background(), 7, o, &op.Reply{}); err != nil {
			t.Fatal(err)
		}
	}
	var r op.Reply
	if err := s.Do(context.Background(), 7, &op.Get{K: []byte("large")}, &r); err != nil || string(r.Value()) != string(large) {
		t.Errorf("%d bytes came back, %v", len(r.Value()), err)
	}
	r.Reset()
	if err := s.Do(context.Background(), 7, &op.DictFetch{K: []byte("dict")}, &r); err != nil || r.Len() != 2*len(pairs) && r.Len() != len(pairs) {
		t.Errorf("%d fields came back, %v", r.Len(), err)
	}
}

// TestStartNear writes and reads hot keys through different connections: nobody reads what was there before a write
// that this process has acknowledged.
func TestStartNear(t *testing.T) {
	e, _ := single(t, Options{NearBytes: 1 << 20})
	s := newStarting(t, e)
	var stop atomic.Bool
	var wrote atomic.Int64
	var wg sync.WaitGroup
	key := []byte("hot")
	read := func() int64 {
		var r op.Reply
		if done, err := e.Try(7, &op.Get{K: key}, &r); !done || err != nil {
			if err := s.Do(context.Background(), 7, &op.Get{K: key}, &r); err != nil {
				t.Error(err)
			}
		}
		n, _ := strconv.ParseInt(string(r.Value()), 10, 64)
		return n
	}
	for range 4 {
		wg.Go(func() {
			for !stop.Load() {
				if acknowledged, got := wrote.Load(), read(); got < acknowledged {
					t.Errorf("read %d after %d was acknowledged", got, acknowledged)
					return
				}
			}
		})
	}
	for n := int64(1); n <= 3000; n++ {
		if err := s.Do(context.Background(), 7, &op.Set{K: key, Value: strconv.AppendInt(nil, n, 10)}, &op.Reply{}); err != nil {
			t.Error(err)
		}
		wrote.Store(n)
	}
	stop.Store(true)
	wg.Wait()
}

// TestStartBroken ends the server's connections under load, and then the server: what may be said again is, and
// everything else is told.
func TestStartBroken(t *testing.T) {
	e, server := single(t, Options{Timeout: 2 * time.Second})
	s := newStarting(t, e)
	for range 20 {
		_, _ = server.Command("CLIENT", "KILL", "TYPE", "normal")
		for range 50 {
			var r op.Reply
			if err := s.Do(context.Background(), 7, &op.Set{K: []byte("k"), Value: []byte("v")}, &r); err != nil {
				t.Fatalf("a set that may be repeated: %v", err)
			}
		}
	}
	server.Kill()
	err := s.Do(context.Background(), 7, &op.Increment{K: []byte("n"), Amount: 1}, &op.Reply{})
	if k := hearth.KindOf(err); k != hearth.Unavailable && k != hearth.Timeout {
		t.Errorf("without a server: %v", err)
	}
}

// TestStartSorts begins batches of which one part is remembered here, one takes several commands of the server, one becomes
// hot and the rest goes through a pipe.
func TestStartSorts(t *testing.T) {
	both(t, Options{NearBytes: 1 << 20}, func(t *testing.T, e *Engine) {
		newStarting(t, e)
		near, hot := &op.Get{K: []byte("near")}, &op.Get{K: []byte("hot")}
		for _, o := range []*op.Get{near, hot} {
			do(t, e, &op.Set{K: o.K, Value: o.K})
		}
		warm(t, e, near)
		for round := range 10 * hotReads {
			cold := fmt.Appendf(nil, "cold%d", round)
			do(t, e, &op.Set{K: cold, Value: cold})
			os := []op.Op{near, e.Overtake(&op.Set{K: []byte("several"), Value: cold}), &op.Get{K: cold}, hot, &op.Get{K: []byte("none")}}
			rs, done := make([]op.Reply, len(os)), make(chan struct{})
			if !e.Start(7, os, rs, func() { close(done) }) {
				t.Fatal("the batch did not begin")
			}
			e.Flush()
			<-done
			for i, want := range []string{"near", "", string(cold), "hot", ""} {
				if rs[i].Err != nil || string(rs[i].Value()) != want || (i == 4) != (rs[i].Status == op.Miss) {
					t.Fatalf("reply %d: %q, status %d, %v", i, rs[i].Value(), rs[i].Status, rs[i].Err)
				}
			}
			if got := string(do(t, e, &op.Get{K: []byte("several")}).Value()); got != string(cold) {
				t.Fatalf("the command of several was lost: %q", got)
			}
			if _, kept := try(t, e, hot); kept {
				return
			}
		}
		t.Error("a key that is read in batches does not get hot")
	})
}
