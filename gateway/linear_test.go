package gateway

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/hearthcache/hearth/control"
	"github.com/hearthcache/hearth/engine"
	"github.com/hearthcache/hearth/engine/local"
	"github.com/hearthcache/hearth/engine/valkey"
	servers "github.com/hearthcache/hearth/fleet"
	"github.com/hearthcache/hearth/op"
	"github.com/hearthcache/hearth/test/await"
)

// The tests of this file let callers do things at the same time, write down when each began and ended and what it got,
// and ask a checker whether there is an order in which one after another could have got the same. A get that returns what
// was deleted, overwritten or flushed before it began has no place in any order.

// did is one entry of a history, on one key.
type did struct {
	what  string // get, set, delete, flush, fetch, fill, late (a fill that was refused); truth and load where there is an origin
	key   string
	value string // written, or returned by a get, a fetch or a load; empty is a miss
	lease uint64 // that a fetch has got, or a fill is about
}

// lives is what a key is to the checker.
type lives struct {
	item   string // in the cache; empty is none
	truth  string // at the origin
	loaded string // by loads that no write has overtaken, each in brackets: what the next get may find
	lease  uint64 // that a fetch has got and no write has ended
}

// step reports whether an entry is possible in a state, and what follows.
func step(s lives, d did) (bool, lives) {
	switch d.what {
	case "set":
		s.item, s.loaded, s.lease = d.value, "", 0
	case "delete", "flush":
		s.item, s.loaded, s.lease = "", "", 0
	case "fill": // a write that is under way may keep one from being stored
		if d.lease != s.lease {
			return false, s
		}
		s.item, s.loaded, s.lease = d.value, "", 0
	case "truth":
		s.truth = d.value
	case "load":
		if d.value != s.truth {
			return false, s
		}
		if v := "[" + d.value + "]"; !strings.Contains(s.loaded, v) {
			s.loaded += v // beside one that a flush has kept from being stored, perhaps
		}
	case "get", "fetch":
		if d.lease != 0 {
			s.lease = d.lease
		}
		switch {
		case d.value == s.item: // a hit, or a miss of what is not there
		case s.item == "" && strings.Contains(s.loaded, "["+d.value+"]"):
			s.item = d.value
		default:
			return false, s
		}
	}
	return true, s
}

var possible = porcupine.Model{
	Init: func() any { return lives{truth: "0"} },
	Step: func(s, in, _ any) (bool, any) {
		ok, next := step(s.(lives), in.(did))
		return ok, next
	},
	Partition: func(all []porcupine.Operation) (parts [][]porcupine.Operation) {
		by := map[string]int{}
		for _, o := range all {
			key := o.Input.(did).key
			if _, ok := by[key]; !ok {
				by[key] = len(parts)
				parts = append(parts, nil)
			}
			parts[by[key]] = append(parts[by[key]], o)
		}
		return parts
	},
}

// history writes down what callers do.
type history struct {
	begun time.Time
	mu    sync.Mutex // guards all
	all   []porcupine.Operation
}

// record runs f, which returns what was done.
func (h *history) record(client int, f func() did) {
	begun := time.Since(h.begun)
	d := f()
	h.add(client, d, begun, time.Since(h.begun))
}

func (h *history) add(client int, d did, begun, ended time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.all = append(h.all, porcupine.Operation{ClientId: client, Input: d, Call: int64(begun), Return: int64(ended)})
}

// count returns how often something was done.
func (h *history) count(what string) (n int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, o := range h.all {
		if o.Input.(did).what == what {
			n++
		}
	}
	return n
}

// checkWithin bounds one check; where it ends undecided, nothing is claimed.
const checkWithin = 20 * time.Second

// check reports whether the history is possible, and what of it cannot be: for each key the entries that have no place
// after the longest order that was found.
func (h *history) check() (porcupine.CheckResult, string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	result, info := porcupine.CheckOperationsVerbose(possible, h.all, checkWithin)
	if result == porcupine.Ok {
		return result, ""
	}
	var b strings.Builder
	parts := possible.Partition(h.all)
	for i, orders := range info.PartialLinearizations() {
		longest := slices.MaxFunc(orders, func(a, b []int) int { return len(a) - len(b) })
		if len(longest) == len(parts[i]) {
			continue
		}
		for _, at := range longest {
			describe(&b, "", &parts[i][at])
		}
		for at := range parts[i] {
			if !slices.Contains(longest, at) {
				describe(&b, "no place for ", &parts[i][at])
			}
		}
	}
	return result, b.String()
}

func describe(w io.Writer, what string, o *porcupine.Operation) {
	d := o.Input.(did)
	fmt.Fprintf(w, "%s%9d to %9d  client %d: %s %s %s %d\n", what, o.Call/1000, o.Return/1000, o.ClientId, d.what, d.key, d.value, d.lease)
}

const (
	linearClients = 6
	linearSteps   = 60 // of each client
	linearKeys    = 2
)

// play lets clients of f do random things.
func play(t *testing.T, f *fleet, seed uint64, h *history, o *origin) {
	t.Helper()
	var wg sync.WaitGroup
	for client := range linearClients {
		r := rand.New(rand.NewPCG(seed, uint64(client)))
		wg.Go(func() {
			c := f.caller()
			for n := range linearSteps {
				key := fmt.Sprint("k", r.IntN(linearKeys))
				value := fmt.Sprintf("%d.%d", client, n)
				switch p := r.IntN(100); {
				case p < 20:
					fetch(t, f, c, h, client, key, value, r)
				case p < 55:
					readAside(t, f, c, h, client, key, value, r)
				case p < 70:
					h.record(client, func() did { return f.wrote(c, key, value) })
				case p < 88:
					h.record(client, func() did { f.as(c, &op.Delete{K: []byte(key)}); return did{what: "delete", key: key} })
				case p < 92:
					flush(f, h, client)
				case o != nil:
					h.record(client, func() did { o.put(key, value); return did{what: "truth", key: key, value: value} })
				}
				if r.IntN(4) == 0 {
					time.Sleep(time.Duration(r.IntN(300)) * time.Microsecond)
				}
			}
		})
	}
	wg.Wait()
}

// readAside gets, and, as callers without an origin do, loads and sets what it missed, now and then not.
func readAside(t *testing.T, f *fleet, c *Caller, h *history, client int, key, value string, r *rand.Rand) {
	missed := false
	h.record(client, func() did {
		v, hit, err := f.get(t.Context(), c, key)
		if err != nil {
			t.Errorf("get: %v", err)
		}
		missed = !hit
		return did{what: "get", key: key, value: v}
	})
	if missed && r.IntN(4) > 0 {
		time.Sleep(time.Duration(r.IntN(200)) * time.Microsecond)
		h.record(client, func() did { return f.wrote(c, key, value) })
	}
}

// wrote sets a key.
func (f *fleet) wrote(c *Caller, key, value string) did {
	f.as(c, &op.Set{K: []byte(key), Value: []byte(value), Expiry: op.Expiry{TTL: fetchGrace / 2}})
	return did{what: "set", key: key, value: value}
}

// fetchGrace is more than what half of the items in the histories have to live, which a fetch therefore loads again.
const fetchGrace = 3600_000

// fetch does what the client's Fetch does; now and then the load fails, or takes longer than others wait.
func fetch(t *testing.T, f *fleet, c *Caller, h *history, client int, key, value string, r *rand.Rand) {
	var lease uint64
	h.record(client, func() did {
		var got op.Reply
		defer got.Reset()
		o := &op.Fetch{GetTTL: op.GetTTL{K: []byte(key)}, Wait: 1000, Load: 20_000, Grace: fetchGrace}
		done, err := f.Try(c, o, &got)
		if !done {
			got.Reset()
			err = f.Do(t.Context(), c, o, &got)
		}
		if err != nil {
			t.Errorf("fetch: %v", err)
		}
		lease = got.Lease
		return did{"fetch", key, string(got.Value()), lease}
	})
	if lease == 0 {
		return
	}
	time.Sleep(time.Duration(r.IntN(200)) * time.Microsecond)
	if r.IntN(10) == 0 {
		if err := f.Abandon(t.Context(), c, []byte(key), lease); err != nil {
			t.Errorf("abandon: %v", err)
		}
		return
	}
	h.record(client, func() did {
		var stored op.Reply
		set := &op.Set{K: []byte(key), Value: []byte(value), Expiry: op.Expiry{TTL: fetchGrace * (1 + r.Int64N(2))}}
		if err := f.Fill(t.Context(), c, set, lease, &stored); err != nil {
			t.Errorf("fill: %v", err)
		}
		if stored.Status == op.Refused {
			return did{"late", key, value, lease}
		}
		return did{"fill", key, value, lease}
	})
}

// flush is one entry of every key.
func flush(f *fleet, h *history, client int) {
	begun := time.Since(h.begun)
	f.change(control.FlushCache{Name: "c"})
	ended := time.Since(h.begun)
	for i := range linearKeys {
		h.add(client, did{what: "flush", key: fmt.Sprint("k", i)}, begun, ended)
	}
}

// as runs a command as a caller.
func (f *fleet) as(c *Caller, o op.Op) {
	f.t.Helper()
	var r op.Reply
	if err := f.Do(f.t.Context(), c, o, &r); err != nil {
		f.t.Error(err)
	}
}

// nothingFills reports whether no load from the origin is under way. A caller's lease may be left over that was given in
// the very moment of a flush.
func (f *fleet) nothingFills() bool {
	for i := range f.flights.shards {
		sh := &f.flights.shards[i]
		sh.mu.Lock()
		for _, fl := range sh.m {
			if fl.fills {
				sh.mu.Unlock()
				return false
			}
		}
		sh.mu.Unlock()
	}
	return true
}

// origin is an origin that writes its loads into the history.
type origin struct {
	mu    sync.Mutex // guards the rest
	h     *history
	r     *rand.Rand
	truth map[string]string
	loads int // each is a client of the history
}

func (o *origin) reset(h *history, seed uint64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.h, o.r, o.truth, o.loads = h, rand.New(rand.NewPCG(seed, linearClients)), map[string]string{}, 0
}

func (o *origin) put(key, value string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.truth[key] = value
}

// delay is how long the origin takes for something.
func (o *origin) delay() time.Duration {
	o.mu.Lock()
	defer o.mu.Unlock()
	return time.Duration(o.r.IntN(300)) * time.Microsecond
}

// look returns what the origin has under a key.
func (o *origin) look(key string) (h *history, client int, value string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if value = o.truth[key]; value == "" {
		value = "0"
	}
	o.loads++
	return o.h, linearClients + o.loads, value
}

func (o *origin) Load(_ context.Context, key []byte) ([]byte, time.Duration, error) {
	before := time.Now()
	time.Sleep(o.delay())
	h, client, v := o.look(string(key))
	h.add(client, did{what: "load", key: string(key), value: v}, before.Sub(h.begun), time.Since(h.begun))
	time.Sleep(o.delay()) // the answer is on its way: what is written now overtakes it
	return []byte(v), 0, nil
}

// linear returns a fleet over an engine, with an origin, with collapsed misses, or with neither for callers who fetch.
func linear(t *testing.T, e engine.Engine, with string) (*fleet, *origin) {
	t.Helper()
	plane, err := control.NewPlane(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	var o *origin
	settings := map[string]string{}
	options := Options{Engine: e, Plane: plane, Open: true}
	switch with {
	case "collapse":
		settings = map[string]string{"collapse": "on", "collapse-load": "20ms", "collapse-wait": "1s"}
	case "origin":
		o = &origin{}
		settings = map[string]string{"origin": "https://example.com/{key}", "fresh": "1h", "negative-failed": "0"}
		options.Origin = func(string) (Loader, error) { return o, nil }
	}
	f := &fleet{Gateway: New(options), t: t}
	t.Cleanup(func() { f.Close() })
	f.change(control.CreateCache{Name: "c", Settings: settings})
	return f, o
}

// engines are those that are installed here.
func engines(t *testing.T) map[string]func(t *testing.T) engine.Engine {
	t.Helper()
	all := map[string]func(t *testing.T) engine.Engine{"local": func(t *testing.T) engine.Engine {
		e := local.New(local.Options{})
		t.Cleanup(func() { e.Close() })
		return e
	}}
	if _, err := servers.Program(); err == nil {
		all["valkey"] = newValkey
	}
	return all
}

// newValkey returns an engine over a server of its own, without items in the memory of the gateway.
func newValkey(t *testing.T) engine.Engine {
	t.Helper()
	s, err := servers.Start(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Kill)
	e, err := valkey.New(valkey.Options{Addrs: []string{s.Addr}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	return e
}

// TestLinearizable checks random histories of gets, sets, deletes and flushes by concurrent callers.
func TestLinearizable(t *testing.T) {
	rounds := 12
	if testing.Short() {
		rounds = 3
	}
	linearizable(t, rounds)
}

// TestLinearizableSoak checks many more.
func TestLinearizableSoak(t *testing.T) {
	if os.Getenv("HEARTH_SOAK") == "" {
		t.Skip("set HEARTH_SOAK=1")
	}
	linearizable(t, 1000)
}

func linearizable(t *testing.T, rounds int) {
	t.Helper()
	for name, make := range engines(t) {
		for _, with := range []string{"collapse", "origin", "fetch"} {
			t.Run(name+"/"+with, func(t *testing.T) {
				f, o := linear(t, make(t), with)
				fills := 0
				for range rounds {
					seed := rand.Uint64()
					h := &history{begun: time.Now()}
					if o != nil {
						o.reset(h, seed)
					}
					play(t, f, seed, h, o)
					await.That(t, "no load is left", f.nothingFills)
					f.change(control.FlushCache{Name: "c"})
					if got, why := h.check(); got == porcupine.Illegal {
						t.Fatalf("seed %d: %d steps are %v:\n%s", seed, len(h.all), got, why)
					}
					fills += h.count("fill")
				}
				if fills < rounds {
					t.Errorf("only %d fills in %d rounds were stored", fills, rounds)
				}
			})
		}
	}
}

// TestCheckerFinds makes sure that the checker sees what must not be: somebody writes an old value behind everybody's
// back, as a fill would that nobody discards.
func TestCheckerFinds(t *testing.T) {
	for _, with := range []string{"collapse", "origin", "fetch"} {
		t.Run(with, func(t *testing.T) {
			h := &history{begun: time.Now()}
			e := local.New(local.Options{})
			defer e.Close()
			f, o := linear(t, e, with)
			if o != nil {
				o.reset(h, 1)
			}
			c := f.caller()
			h.record(0, func() did {
				f.as(c, &op.Set{K: []byte("k"), Value: []byte("old")})
				return did{what: "set", key: "k", value: "old"}
			})
			h.record(0, func() did { f.as(c, &op.Delete{K: []byte("k")}); return did{what: "delete", key: "k"} })
			space := f.View().Caches["c"].Space
			var r op.Reply
			if err := e.Do(t.Context(), space, &op.Set{K: []byte("k"), Value: []byte("old"), Expiry: op.Expiry{TTL: 60_000}}, &r); err != nil {
				t.Fatal(err)
			}
			h.record(1, func() did { v, _, _ := f.get(t.Context(), c, "k"); return did{what: "get", key: "k", value: v} })
			if got, why := h.check(); got != porcupine.Illegal || !strings.Contains(why, "no place for") {
				t.Errorf("a value that was deleted before it was asked for is %v:\n%s", got, why)
			}
		})
	}
	check := func(want porcupine.CheckResult, all ...did) {
		t.Helper()
		h := &history{}
		for i, d := range all {
			h.add(0, d, time.Duration(2*i), time.Duration(2*i+1))
		}
		if got, _ := h.check(); got != want {
			t.Errorf("%v: %v, want %v", all, got, want)
		}
	}
	check(porcupine.Ok, did{"load", "k", "0", 0}, did{"get", "k", "0", 0}, did{"truth", "k", "1", 0}, did{"get", "k", "0", 0})
	check(porcupine.Illegal, did{"load", "k", "0", 0}, did{"truth", "k", "1", 0}, did{"delete", "k", "", 0}, did{"get", "k", "0", 0})
	check(porcupine.Illegal, did{"load", "k", "0", 0}, did{"flush", "k", "", 0}, did{"get", "k", "0", 0})
	check(porcupine.Illegal, did{"set", "k", "a", 0}, did{"set", "k", "b", 0}, did{"get", "k", "a", 0})
	check(porcupine.Illegal, did{"set", "k", "a", 0}, did{"get", "k", "", 0})
	check(porcupine.Ok, did{"fetch", "k", "", 1}, did{"fill", "k", "a", 1}, did{"get", "k", "a", 0})
	check(porcupine.Ok, did{"fetch", "k", "", 1}, did{"delete", "k", "", 0}, did{"late", "k", "a", 1}, did{"get", "k", "", 0})
	check(porcupine.Illegal, did{"fetch", "k", "", 1}, did{"delete", "k", "", 0}, did{"fill", "k", "a", 1})
	check(porcupine.Illegal, did{"fetch", "k", "", 1}, did{"set", "k", "b", 0}, did{"fill", "k", "a", 1})
}
