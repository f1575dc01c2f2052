package valkey

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hearthcache/hearth/engine"
	"github.com/hearthcache/hearth/fleet"
	"github.com/hearthcache/hearth/op"
)

// replicated bounds how long before a crash a write may have been acknowledged and still be lost: replication is
// asynchronous.
const replicated = time.Second

// history is what one key's only writer has done: acks[n] is when the write of n was acknowledged.
type history struct {
	deadline time.Duration // of each command

	mu     sync.Mutex // guards the rest
	acks   []time.Time
	crash  time.Time // the last one
	lost   int
	stalls time.Duration // the longest
	stale  time.Duration // the longest since what another gateway has read was overwritten
}

// TestFailover kills primaries under load: commands that may be repeated come through within their deadline, and no
// acknowledged write is lost but those that the dead server had not yet passed on. On a machine that has other things to
// do an election may fail, and the servers hold the next one four seconds later.
func TestFailover(t *testing.T) { failovers(t, 1, time.Minute) }

func TestSoakFailover(t *testing.T) {
	if os.Getenv("HEARTH_SOAK") == "" {
		t.Skip("make soak runs it: it takes minutes")
	}
	failovers(t, 20, 5*time.Second)
}

func failovers(t *testing.T, rounds int, deadline time.Duration) {
	e, c := cluster(t, 1, Options{Timeout: deadline})
	var stop atomic.Bool
	var wg sync.WaitGroup
	all := make([]*history, 8)
	for i := range all {
		all[i] = &history{deadline: deadline, acks: make([]time.Time, 1)}
		do := doer(t, e, i)
		wg.Go(func() { all[i].load(t, do, []byte(fmt.Sprint("key", i)), &stop) })
	}
	// Another gateway reads the same keys, hot ones, from its own memory.
	near := open(t, Options{Addrs: c.Addrs(), NearBytes: 1 << 20, Timeout: deadline})
	for i, h := range all {
		wg.Go(func() { h.follow(t, near, []byte(fmt.Sprint("key", i)), &stop) })
	}
	for round := range rounds {
		time.Sleep(500 * time.Millisecond) // of load
		victim := primary(t, c, round)
		for _, h := range all {
			h.mu.Lock()
			h.crash = time.Now()
			h.mu.Unlock()
		}
		victim.Kill()
		eventuallyOK(t, c, victim)
		time.Sleep(500 * time.Millisecond) // of load on the new primary
		if err := victim.Restart(); err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(c.WaitOK(), c.WaitReplicas(3)); err != nil {
			t.Fatal(err)
		}
	}
	time.Sleep(500 * time.Millisecond) // of load with all servers back
	stop.Store(true)
	wg.Wait()
	writes, lost, stall, stale := 0, 0, time.Duration(0), time.Duration(0)
	for _, h := range all {
		writes, lost, stall, stale = writes+len(h.acks)-1, lost+h.lost, max(stall, h.stalls), max(stale, h.stale)
	}
	t.Logf("%d rounds, %d writes, %d acknowledged writes lost to replication, longest stall %v; another gateway with a near cache read what was at most %v old",
		rounds, writes, lost, stall, stale)
}

// TestReshard moves slots, the ones of the keys among them, to and fro under load: no command fails and nothing is lost.
func TestReshard(t *testing.T) {
	e, c := cluster(t, 0, Options{Timeout: time.Minute})
	var stop atomic.Bool
	var wg sync.WaitGroup
	for i := range 8 {
		h := &history{deadline: time.Minute, acks: make([]time.Time, 1)}
		do := doer(t, e, i)
		wg.Go(func() { h.load(t, do, []byte(fmt.Sprint("key", i)), &stop) })
	}
	for i := range 8 {
		slot := int(slotOf(appendKey(nil, 7, []byte(fmt.Sprint("key", i)))))
		owner := slot * 3 / 16384
		for _, way := range [][2]int{{owner, (owner + 1) % 3}, {(owner + 1) % 3, owner}} {
			if err := c.MoveSlots(c.Servers[way[0]], c.Servers[way[1]], slot, min(slot+20, (owner+1)*16384/3-1)); err != nil {
				t.Fatal(err)
			}
		}
	}
	stop.Store(true)
	wg.Wait()
}

// doer returns the engine for writer i: one half of them take the way of Start.
func doer(t *testing.T, e *Engine, i int) engine.Engine {
	if i%2 == 0 {
		return e
	}
	return newStarting(t, e)
}

// load writes and reads a key in turns, each with the deadline.
func (h *history) load(t *testing.T, e engine.Engine, key []byte, stop *atomic.Bool) {
	for n := 1; !stop.Load(); n++ {
		started := time.Now()
		timed := func(o op.Op) *op.Reply {
			ctx, cancel := context.WithTimeout(context.Background(), h.deadline)
			defer cancel()
			r := &op.Reply{}
			if err := e.Do(ctx, 7, o, r); err != nil {
				t.Errorf("%T after %v: %v", o, time.Since(started), err)
			}
			return r
		}
		timed(&op.Set{K: key, Value: strconv.AppendInt(nil, int64(n), 10)})
		h.mu.Lock()
		h.acks = append(h.acks, time.Now())
		h.stalls = max(h.stalls, time.Since(started))
		h.mu.Unlock()
		got, err := strconv.Atoi(string(timed(&op.Get{K: key}).Value()))
		h.check(t, key, n, got, err)
		time.Sleep(time.Millisecond)
	}
}

// check holds a read after write n against what may have been lost.
func (h *history) check(t *testing.T, key []byte, n, got int, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case err == nil && got == n:
	case err == nil && got > n:
		t.Errorf("%s is %d before that was written", key, got)
	case h.acks[got+1].Before(h.crash.Add(-replicated)) || h.crash.IsZero():
		t.Errorf("%s is %d (%v), but %d was acknowledged, %v before the crash", key, got, err, n, h.crash.Sub(h.acks[got+1]))
	default:
		h.lost += n - got
	}
}

// follow reads a key through another gateway's near cache: what it gets is the newest value, or was until a moment ago.
func (h *history) follow(t *testing.T, e *Engine, key []byte, stop *atomic.Bool) {
	for !stop.Load() {
		h.mu.Lock()
		newest := len(h.acks) - 1
		h.mu.Unlock()
		started := time.Now()
		ctx, cancel := context.WithTimeout(context.Background(), h.deadline)
		r := &op.Reply{}
		if err := e.Do(ctx, 7, &op.Get{K: key}, r); err != nil {
			t.Errorf("another gateway after %v: %v", time.Since(started), err)
		}
		cancel()
		got, _ := strconv.Atoi(string(r.Value()))
		if got < newest {
			h.old(t, key, got, newest, started)
		}
		time.Sleep(100 * time.Microsecond) // a near cache answers at once: without pause it leaves no processor to the writers
	}
}

// old judges a read through another gateway of what was overwritten before it began.
func (h *history) old(t *testing.T, key []byte, got, newest int, started time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	overwritten := h.acks[got+1]
	if !h.crash.IsZero() && !overwritten.Before(h.crash.Add(-replicated)) {
		return // lost, or not known to be
	}
	h.stale = max(h.stale, started.Sub(overwritten))
	if h.stale > nearTTL+replicated {
		t.Errorf("%s is %d through another gateway, %v after it was overwritten; %d is the newest", key, got, started.Sub(overwritten), newest)
	}
}

// primary returns a server that is a primary now.
func primary(t *testing.T, c *fleet.Cluster, round int) *fleet.Server {
	t.Helper()
	for i := range c.Servers {
		s := c.Servers[(round+i)%len(c.Servers)]
		if info, err := s.Command("INFO", "replication"); err == nil && strings.Contains(info, "role:master") {
			return s
		}
	}
	t.Fatal("no server is a primary")
	return nil
}

// eventuallyOK waits until the others have made a replica the new primary.
func eventuallyOK(t *testing.T, c *fleet.Cluster, dead *fleet.Server) {
	t.Helper()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		whole := true
		for _, s := range c.Servers {
			if s == dead {
				continue
			}
			nodes, _ := s.Command("CLUSTER", "NODES")
			info, err := s.Command("CLUSTER", "INFO")
			whole = whole && err == nil && strings.Contains(info, "cluster_state:ok") &&
				strings.Contains(nodes, "master,fail -") && strings.Count(nodes, "master -") == 3
		}
		if whole {
			return
		}
	}
	t.Fatal("no replica took over")
}
