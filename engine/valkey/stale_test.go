package valkey

import (
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hearthcache/hearth/op"
)

// counter is a key whose only writer counts up.
type counter struct {
	key            []byte
	begun, written atomic.Int64
	stale          atomic.Int64 // nanoseconds: the longest that an old value was read for after it was overwritten
	mu             sync.Mutex   // guards at
	at             []time.Time  // when each number was acknowledged
}

// TestReadsAcrossGateways holds every read against what was acknowledged before it began. A gateway sees its own writes at
// once, near cache or not, and one without a near cache those of others. One with a near cache may read what was
// overwritten until the server's message arrives, which it does: here no reply expires by itself.
func TestReadsAcrossGateways(t *testing.T) {
	writer, c := cluster(t, 0, Options{NearBytes: 1 << 20})
	plain, near := open(t, Options{Addrs: c.Addrs()}), open(t, Options{Addrs: c.Addrs(), NearBytes: 1 << 20})
	writer.near.ttl, near.near.ttl = time.Hour, time.Hour
	var counters [6]counter
	var writers, readers sync.WaitGroup
	var done atomic.Bool
	for i := range counters {
		k := &counters[i]
		k.key, k.at = fmt.Append(nil, "key", i), []time.Time{time.Now()}
		writers.Go(func() { k.count(t, writer, 200) })
		for _, e := range []*Engine{writer, plain, near} {
			readers.Go(func() {
				for !done.Load() {
					k.read(t, e, e == near)
				}
			})
		}
	}
	writers.Wait()
	done.Store(true)
	readers.Wait()
	var stale time.Duration
	for i := range counters {
		k := &counters[i]
		eventually(t, "the last write is not seen by the near cache of another gateway", func() bool { return k.value(t, near) == k.written.Load() })
		stale = max(stale, time.Duration(k.stale.Load()))
	}
	t.Logf("a near cache answered with what another gateway had overwritten at most %v before", stale)
}

func (k *counter) count(t *testing.T, e *Engine, most int64) {
	for n := int64(1); n <= most; n++ {
		k.begun.Store(n)
		do(t, e, &op.Set{K: k.key, Value: strconv.AppendInt(nil, n, 10)})
		k.mu.Lock()
		k.at = append(k.at, time.Now())
		k.mu.Unlock()
		k.written.Store(n)
		time.Sleep(time.Millisecond) // the pace of writes
	}
}

func (k *counter) value(t *testing.T, e *Engine) int64 {
	n, _ := strconv.ParseInt(string(do(t, e, &op.Get{K: k.key}).Value()), 10, 64)
	return n
}

// read holds one read against what was written before it and could be by its end.
func (k *counter) read(t *testing.T, e *Engine, mayBeOld bool) {
	before, began := k.written.Load(), time.Now()
	got := k.value(t, e)
	switch {
	case got > k.begun.Load():
		t.Errorf("%s is %d before that was written", k.key, got)
	case got >= before:
	case !mayBeOld:
		t.Errorf("%s is %d after %d was acknowledged", k.key, got, before)
	default:
		k.mu.Lock()
		age := int64(began.Sub(k.at[got+1]))
		k.mu.Unlock()
		for old := k.stale.Load(); old < age && !k.stale.CompareAndSwap(old, age); old = k.stale.Load() {
		}
	}
}
