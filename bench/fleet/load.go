package main

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hearthcache/hearth/bench/calls"
)

// shape is how requests come to each gateway: over so many connections, and on each so many under way at once.
type shape struct {
	name     string
	conns    int
	pipeline int // RESP: requests that are sent together
	streams  int // gRPC: calls under way
}

// mix says which requests there are, in thousandths; the rest are reads of all keys alike.
type mix struct {
	hot      int // reads of few keys
	write    int // of all keys alike
	hotWrite int // of the few
	fresh    int // reads of keys that nobody has set; who misses one sets it
}

const (
	hotKeys    = 200
	valueBytes = calls.ValueBytes
	keyBytes   = calls.KeyBytes
)

// wish is one request.
type wish = calls.Wish

func filledKey(n int) [keyBytes]byte { return named("key:", n) }
func hotKey(n int) [keyBytes]byte    { return named("hot:", n) }

func named(prefix string, n int) (k [keyBytes]byte) {
	copy(k[:], prefix)
	for i := keyBytes - 1; i >= len(prefix); i-- {
		k[i] = byte('0' + n%10)
		n /= 10
	}
	return k
}

// wisher is what a connection wants, one request after another.
type wisher struct {
	mix   mix
	keys  int
	rng   *rand.Rand
	fresh int    // the next fresh key
	owed  []wish // sets of fresh keys that were missing
}

func newWisher(m mix, keys, conn int, salt uint64) *wisher {
	const freshKeys = 1_000_000_000 // of one connection in one measurement
	return &wisher{mix: m, keys: keys, rng: rand.New(rand.NewPCG(salt, uint64(conn))), fresh: (int(salt%1000)*1000 + conn) * freshKeys}
}

// Next implements calls.Source.
func (w *wisher) Next() wish {
	if n := len(w.owed); n > 0 {
		o := w.owed[n-1]
		w.owed = w.owed[:n-1]
		return o
	}
	at := w.rng.IntN(1000)
	for _, kind := range []struct {
		share int
		wish  func() wish
	}{
		{w.mix.hot, func() wish { return wish{Key: hotKey(w.rng.IntN(hotKeys))} }},
		{w.mix.write, func() wish { return wish{Key: filledKey(w.rng.IntN(w.keys)), Set: true} }},
		{w.mix.hotWrite, func() wish { return wish{Key: hotKey(w.rng.IntN(hotKeys)), Set: true} }},
		{w.mix.fresh, func() wish {
			w.fresh++
			return wish{Key: named("new:", w.fresh), Fresh: true}
		}},
	} {
		if at < kind.share {
			return kind.wish()
		}
		at -= kind.share
	}
	return wish{Key: filledKey(w.rng.IntN(w.keys))}
}

// Missed implements calls.Source.
func (w *wisher) Missed(k [keyBytes]byte) { w.owed = append(w.owed, wish{Key: k, Set: true}) }

// settle is how long a load runs before it is measured: hot keys become so, connections are warm.
const settle = 300 * time.Millisecond

var loads atomic.Uint64 // so that no two measurements share their fresh keys

// load puts a load on every gateway for a while and returns what an operation has cost.
func (d *side) load(r row, keys int, length time.Duration) (c cost, err error) {
	var done atomic.Int64
	var stopped atomic.Bool
	var wg sync.WaitGroup
	drivers, err := d.connect(r, keys)
	defer func() {
		for _, one := range drivers {
			one.Close()
		}
	}()
	if err != nil {
		return c, err
	}
	failed := make(chan error, len(drivers))
	for _, one := range drivers {
		wg.Go(func() {
			if err := one.Drive(&done, &stopped); err != nil {
				failed <- err
			}
		})
	}
	time.Sleep(settle)
	began, first := time.Now(), done.Load()
	gateways, servers, err := d.used()
	if err == nil {
		time.Sleep(length)
		ops, took := float64(done.Load()-first), time.Since(began)
		gatewaysThen, serversThen, e := d.used()
		err = e
		c = cost{micros(gatewaysThen-gateways) / ops, micros(serversThen-servers) / ops, ops / took.Seconds()}
	}
	stopped.Store(true)
	wg.Wait()
	select {
	case err = <-failed:
	default:
	}
	return c, err
}

func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

// driver is one connection of a load.
type driver interface {
	// Drive asks until stopped is set, and counts the answers in done.
	Drive(done *atomic.Int64, stopped *atomic.Bool) error
	Close()
}

// connect opens the connections of a load.
func (d *side) connect(r row, keys int) (out []driver, err error) {
	salt := loads.Add(1)
	for _, s := range d.systems {
		for _, g := range s.gateways {
			for range r.shape.conns {
				one, err := g.connect(r, newWisher(r.mix, keys, len(out), salt))
				if err != nil {
					return out, err
				}
				out = append(out, one)
			}
		}
	}
	return out, nil
}

func (g *gateway) connect(r row, w *wisher) (driver, error) {
	if r.shape.streams > 0 {
		return calls.Dial(g.grpc, r.cache, r.shape.streams, w)
	}
	return dialDriver(g.resp, r.cache, r.shape.pipeline, w)
}
