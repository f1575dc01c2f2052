package topics

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestPulse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p Pulse
		const many = 3000
		beats, counts := make([]Beat, many), make([]atomic.Int64, many)
		for i := range beats {
			p.Start(&beats[i], func() { counts[i].Add(1) })
		}
		time.Sleep(10*time.Second + 10*time.Millisecond)
		for i := range counts {
			if n := counts[i].Load(); n < 9 || n > 11 {
				t.Fatalf("beat %d was called %d times in ten seconds", i, n)
			}
		}
		for i := range beats[1:] {
			p.Stop(&beats[i+1])
			p.Stop(&beats[i+1])
		}
		before, others := counts[0].Load(), counts[1].Load()
		time.Sleep(10 * time.Second)
		if n := counts[0].Load() - before; n < 9 || n > 11 || counts[1].Load() != others {
			t.Errorf("alone, a beat was called %d times in ten seconds; a stopped one %d times", n, counts[1].Load()-others)
		}
		p.Stop(&beats[0])
		var never Beat
		p.Stop(&never)
		before = counts[0].Load()
		time.Sleep(10 * time.Second)
		if counts[0].Load() != before || p.count != 0 {
			t.Error("called after Stop")
		}
		p.Start(&beats[5], func() { counts[5].Add(1) })
		others = counts[5].Load()
		time.Sleep(3500 * time.Millisecond)
		if n := counts[5].Load() - others; n != 3 {
			t.Errorf("started again, a beat was called %d times in 3.5 s", n)
		}
		p.Stop(&beats[5])
	})
}

func TestPulseStopsInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p Pulse
		var b Beat
		stopped := false
		p.Start(&b, func() {
			if stopped {
				t.Error("called after Stop")
			}
		})
		time.Sleep(time.Second) // the call and Stop come at the same instant
		p.Stop(&b)
		stopped = true
		time.Sleep(5 * time.Second)
	})
}
