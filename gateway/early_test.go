package gateway

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// TestEarlyRefreshKeepsAHotItemFresh has a hundred callers a second read an item for five minutes, whose loads take half a
// second each: with refresh-early it is loaded again before its fresh time is over, so that nobody waits or gets an old one.
func TestEarlyRefreshKeepsAHotItemFresh(t *testing.T) {
	const load, fresh, length = 500 * time.Millisecond, 20 * time.Second, 5 * time.Minute
	play := func(t *testing.T, early string) (c explained, longest time.Duration) {
		synctest.Test(t, func(t *testing.T) {
			f, o := newFilled(t, map[string]string{"fresh": fresh.String(), "refresh-early": early, "stale-while-revalidate": "0"})
			o.delay = load
			f.wants("hot", "loaded", true)
			begun, a := time.Now(), &asker{f: f, deadline: time.Minute}
			var wg sync.WaitGroup
			for i := range 10 {
				wg.Go(func() {
					time.Sleep(time.Duration(i) * 10 * time.Millisecond)
					for c := f.caller(); time.Since(begun) < length; time.Sleep(100 * time.Millisecond) {
						if v, hit := a.ask(t, c, "hot"); !hit || v != "loaded" {
							t.Errorf("after %v: %q, %v", time.Since(begun), v, hit)
						}
					}
				})
			}
			wg.Wait()
			time.Sleep(2 * load) // the last load is over
			c, longest = f.counted(), time.Duration(a.longest.Load())
			if n := o.loads.Load(); o.most.Load() != 1 || n < int64(length/fresh) || n > 2*int64(length/fresh) {
				t.Errorf("%d loads, at most %d at once", n, o.most.Load())
			}
		})
		return c, longest
	}
	on, longest := play(t, "on")
	t.Logf("with refresh-early the longest of the callers took %v: %+v", longest, on.OriginLoading)
	if on.Early != on.Loads-1 || on.Stale != 0 || longest != 0 {
		t.Errorf("with refresh-early the longest of the callers took %v: %+v", longest, on.OriginLoading)
	}
	if off, longest := play(t, "off"); off.Early != 0 || longest < load/2 {
		t.Errorf("without refresh-early the longest of the callers took %v: %+v", longest, off.OriginLoading)
	}
}
