package local

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/hearthcache/hearth/engine"
	"github.com/hearthcache/hearth/op"
)

// A hint changes nothing, whatever it names and whatever happens beside it: the race detector watches.
func TestWarm(t *testing.T) {
	e := New(Options{BytesMax: 64 << 20})
	defer e.Close()
	keys := make([][]byte, 2*engine.WarmMax)
	for i := range keys {
		keys[i] = fmt.Appendf(nil, "key-%d", i)
	}
	for _, step := range []engine.WarmStep{engine.WarmPaths, engine.WarmItems} {
		e.Warm(1, keys, step)
		e.Warm(1, nil, step)
	}
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			for i := range 20_000 {
				k := fmt.Appendf(nil, "key-%d", i%5_000)
				e.Warm(1, keys[i%len(keys):], engine.WarmStep(i%2))
				var r op.Reply
				if err := e.Do(context.Background(), 1, &op.Set{K: k, Value: k}, &r); err != nil {
					t.Error(err)
				}
				r.Reset()
				if err := e.Do(context.Background(), 1, &op.Get{K: k}, &r); err != nil || string(r.Value()) != string(k) {
					t.Errorf("%s is %q, %v", k, r.Value(), err)
				}
			}
		})
	}
	wg.Wait()
}
