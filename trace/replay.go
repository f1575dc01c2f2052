package trace

import (
	"context"
	"encoding/binary"
	"fmt"

	"github.com/hearthcache/hearth/engine/local"
	"github.com/hearthcache/hearth/op"
)

// Options says how a trace is replayed. BytesMax alone is required.
type Options struct {
	BytesMax int64  // what each cache may hold: key and value in the simulations, everything in the engine
	UnitSize uint32 // bytes of a value where the trace has no sizes; 0 is 1 KiB
	// Progress is called now and then with the requests replayed so far, over all caches, and all there will be.
	Progress func(done, total int)
}

// Result is how one cache did.
type Result struct {
	Name                  string
	Requests, Hits        int64
	RequestBytes, HitByte int64
	Curve                 []float64 // hit ratio of each of equal parts of the trace
}

// HitRatio is the part of the requests that were hits.
func (r *Result) HitRatio() float64 { return part(r.Hits, r.Requests) }

// ByteHitRatio is the part of the bytes asked for that were hits.
func (r *Result) ByteHitRatio() float64 { return part(r.HitByte, r.RequestBytes) }

func part(a, b int64) float64 {
	if b == 0 {
		return 0
	}
	return float64(a) / float64(b)
}

// Engine is the name of the result of the engine as it really runs.
const Engine = "hearth"

const (
	keyBytes      = 8
	unitBytes     = 1 << 10
	curvePoints   = 100
	progressEvery = 1 << 14
)

// Footprint returns the number of objects in a trace and the bytes of their keys and values.
func Footprint(rs []Request, unitSize uint32) (objects int, bytes int64) {
	seen := make(map[uint64]struct{}, len(rs)/4)
	for i := range rs {
		if _, ok := seen[rs[i].Key]; !ok {
			seen[rs[i].Key] = struct{}{}
			bytes += size(&rs[i], unitSize)
		}
	}
	return len(seen), bytes
}

// size is what a request counts in a simulation.
func size(q *Request, unitSize uint32) int64 { return keyBytes + int64(valueBytes(q, unitSize)) }

func valueBytes(q *Request, unitSize uint32) uint32 {
	switch {
	case q.Size != 0:
		return q.Size
	case unitSize != 0:
		return unitSize
	}
	return unitBytes
}

// cache is what a trace is replayed through.
type cache struct {
	name    string
	request func(q *Request) (hit bool, err error)
}

// Replay runs the trace through the engine and the simulations, one after another. The engine's result is the first.
func Replay(ctx context.Context, rs []Request, o Options) ([]Result, error) {
	if o.BytesMax <= 0 {
		return nil, fmt.Errorf("a replay needs some memory; %d bytes were given", o.BytesMax)
	}
	e := local.New(local.Options{BytesMax: o.BytesMax})
	defer e.Close()
	caches := []cache{{Engine, through(ctx, e, o.UnitSize)}}
	simulate := func(name string, p policy) {
		caches = append(caches, cache{name, func(q *Request) (bool, error) { return p.request(q.Key, size(q, o.UnitSize)), nil }})
	}
	simulate("FIFO", newFIFO(o.BytesMax))
	simulate("LRU", newLRU(o.BytesMax))
	simulate("S3-FIFO", newS3FIFO(o.BytesMax))
	simulate("W-TinyLFU", newTinyLFU(o.BytesMax))

	var results []Result
	for i, c := range caches {
		r, err := run(ctx, c, rs, o, i*len(rs), len(caches)*len(rs))
		if err != nil {
			return nil, err
		}
		results = append(results, r)
	}
	return results, nil
}

// run replays the trace through one cache.
func run(ctx context.Context, c cache, rs []Request, o Options, done, total int) (Result, error) {
	r := Result{Name: c.name}
	hits, from := 0, 0
	for i := range rs {
		if i%progressEvery == 0 {
			if err := ctx.Err(); err != nil {
				return r, err
			}
			if o.Progress != nil {
				o.Progress(done+i, total)
			}
		}
		q := &rs[i]
		hit, err := c.request(q)
		if err != nil {
			return r, err
		}
		n := size(q, o.UnitSize)
		r.Requests++
		r.RequestBytes += n
		if hit {
			r.Hits++
			r.HitByte += n
			hits++
		}
		if next := i + 1; next*curvePoints/len(rs) > i*curvePoints/len(rs) {
			r.Curve = append(r.Curve, float64(hits)/float64(next-from))
			hits, from = 0, next
		}
	}
	if o.Progress != nil {
		o.Progress(done+len(rs), total)
	}
	return r, nil
}

// through asks the engine, and on a miss stores the object, as a caller would.
func through(ctx context.Context, e *local.Engine, unitSize uint32) func(q *Request) (bool, error) {
	get, set := &op.Get{K: make([]byte, keyBytes)}, &op.Set{}
	var reply op.Reply
	var value []byte
	return func(q *Request) (bool, error) {
		defer reply.Reset()
		binary.BigEndian.PutUint64(get.K, q.Key)
		if err := e.Do(ctx, 1, get, &reply); err != nil {
			return false, err
		}
		if reply.Status == op.Hit {
			return true, nil
		}
		n := int(valueBytes(q, unitSize))
		if n > len(value) {
			value = make([]byte, n)
		}
		set.K, set.Value = get.K, value[:n]
		// An object that has no room is not kept; that is a miss next time.
		if err := e.Do(ctx, 1, set, &reply); err != nil && int64(n) < e.BytesMax()/2 {
			return false, err
		}
		return false, nil
	}
}
