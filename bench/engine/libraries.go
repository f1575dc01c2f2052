// Command engine measures hearth's local engine beside the Go libraries that one could use instead: time of get and set,
// memory per item, pauses of the collector, stalls, and what an eviction costs. It prints tables for docs/benchmarks.md.
package main

import (
	"context"
	"time"

	"github.com/VictoriaMetrics/fastcache"
	"github.com/allegro/bigcache/v3"
	"github.com/coocood/freecache"
	"github.com/dgraph-io/ristretto/v2"
	"github.com/maypok86/otter/v2"

	"github.com/hearthcache/hearth/engine/local"
	"github.com/hearthcache/hearth/op"
)

// worker is one thread's access to a store: its buffers are its own.
type worker struct {
	get      func(key []byte) bool
	set      func(key, value []byte)
	expiring func(key, value []byte, ttl time.Duration) // a set; nil where an item cannot have a time of its own
}

// store is a library, filled by workers.
type store struct {
	name   string
	worker func() worker
	wait   func() // for writes that the library does later
	close  func()
}

const ttl = time.Hour

// open makes a store of so many bytes for about n items, which all have a time to live where the library can.
func open(name string, bytesMax int64, n int) store {
	s := store{name: name, wait: func() {}, close: func() {}}
	switch name {
	case "hearth":
		e := local.New(local.Options{BytesMax: bytesMax})
		ctx, stop := context.WithCancel(context.Background())
		go e.Run(ctx)
		s.close = func() { stop(); time.Sleep(10 * time.Millisecond); e.Close() }
		s.worker = func() worker { return ours(e) }
	case "freecache":
		c := freecache.NewCache(int(bytesMax))
		s.worker = func() worker {
			var buf []byte
			return worker{
				get:      func(k []byte) bool { b, err := c.GetWithBuf(k, buf); buf = b[:0]; return err == nil },
				set:      func(k, v []byte) { c.Set(k, v, int(ttl/time.Second)) },
				expiring: func(k, v []byte, d time.Duration) { c.Set(k, v, int(d/time.Second)) },
			}
		}
	case "fastcache":
		c := fastcache.New(int(bytesMax))
		s.close = c.Reset
		s.worker = func() worker {
			var buf []byte
			return worker{
				get: func(k []byte) bool { b, ok := c.HasGet(buf[:0], k); buf = b; return ok },
				set: func(k, v []byte) { c.Set(k, v) },
			}
		}
	case "bigcache":
		o := bigcache.DefaultConfig(ttl)
		o.CleanWindow, o.Verbose, o.HardMaxCacheSize = 0, false, int(bytesMax>>20)
		c, err := bigcache.New(context.Background(), o)
		if err != nil {
			panic(err)
		}
		s.close = func() { c.Close() }
		w := worker{
			get: func(k []byte) bool { _, err := c.Get(string(k)); return err == nil },
			set: func(k, v []byte) { c.Set(string(k), v) },
		}
		s.worker = func() worker { return w }
	case "ristretto":
		c, err := ristretto.NewCache(&ristretto.Config[[]byte, []byte]{NumCounters: int64(n) * 10, MaxCost: bytesMax, BufferItems: 64})
		if err != nil {
			panic(err)
		}
		s.wait, s.close = c.Wait, c.Close
		s.worker = func() worker {
			i := 0
			return worker{
				get: func(k []byte) bool { _, ok := c.Get(k); return ok },
				set: func(k, v []byte) {
					c.SetWithTTL(k, append([]byte(nil), v...), int64(len(k)+len(v)), ttl)
					if i++; i%1000 == 0 { // it drops writes when its buffer is full
						c.Wait()
					}
				},
			}
		}
	case "otter":
		c := otter.Must(&otter.Options[string, []byte]{
			MaximumWeight: uint64(bytesMax), Weigher: func(k string, v []byte) uint32 { return uint32(len(k) + len(v)) },
			ExpiryCalculator: otter.ExpiryWriting[string, []byte](ttl),
		})
		w := worker{
			get: func(k []byte) bool { _, ok := c.GetIfPresent(string(k)); return ok },
			set: func(k, v []byte) { c.Set(string(k), append([]byte(nil), v...)) },
		}
		s.worker = func() worker { return w }
	default:
		panic("no store is named " + name)
	}
	return s
}

// ours is measured at the engine's Do, with a reused op and reply; the value is copied out.
func ours(e *local.Engine) worker {
	ctx := context.Background()
	get, set := &op.Get{}, &op.Set{Expiry: op.Expiry{TTL: ttl.Milliseconds()}}
	var r op.Reply
	store := func(k, v []byte, d time.Duration) {
		r.Reset()
		set.K, set.Value, set.Expiry.TTL = k, v, d.Milliseconds()
		if err := e.Do(ctx, 1, set, &r); err != nil {
			panic(err)
		}
	}
	return worker{
		get: func(k []byte) bool {
			r.Reset()
			get.K = k
			return e.Do(ctx, 1, get, &r) == nil && r.Status == op.Hit
		},
		set:      func(k, v []byte) { store(k, v, ttl) },
		expiring: store,
	}
}

var all = []string{"hearth", "freecache", "fastcache", "bigcache", "ristretto", "otter"}
