package crowd

import (
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"
	"time"
)

func modelled(t *testing.T, s Scene, strategies ...string) *Report {
	t.Helper()
	r, err := Run(t.Context(), Options{Scene: s, Model: true, Strategies: strategies})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestFigure counts the loads of five invocations over three environments: each environment loads the item once, unless
// they share it, and the fourth and fifth invocation find it where they run.
func TestFigure(t *testing.T) {
	r := modelled(t, Figure())
	want := map[string]struct {
		loads, local, shared int
		from                 string
	}{
		"local":    {3, 2, 0, "origin origin origin local local"},
		"aside":    {1, 2, 2, "origin hearth hearth local local"},
		"collapse": {1, 2, 2, "origin hearth hearth local local"},
		"origin":   {1, 2, 3, "hearth hearth hearth local local"},
	}
	for _, one := range r.Results {
		w := want[one.Strategy]
		var from, environments []string
		for i, v := range one.Visits {
			from = append(from, v.From)
			environments = append(environments, string(rune('A'+v.Environment-1)))
			if v.Cold != (i < 3) || v.Invocation != i+1 {
				t.Errorf("%s: visit %+v", one.Strategy, v)
			}
		}
		if got := strings.Join(environments, ""); got != "ABCAB" || one.Environments != 3 {
			t.Errorf("%s: invocations ran in %s, %d environments", one.Strategy, got, one.Environments)
		}
		if got := strings.Join(from, " "); got != w.from || one.OriginLoads != w.loads || one.LocalHits != w.local || one.SharedHits != w.shared {
			t.Errorf("%s: %s; %d loads, %d local hits, %d hearth hits; want %+v", one.Strategy, got, one.OriginLoads, one.LocalHits, one.SharedHits, w)
		}
	}
	if len(r.Results) != len(want) {
		t.Errorf("%d results", len(r.Results))
	}
}

// TestFigureAtOnce lets all five come before the first load is over: read-aside then loads five times, one load is one.
func TestFigureAtOnce(t *testing.T) {
	s := Figure()
	for i := range s.given {
		s.given[i].At = time.Duration(i) * time.Millisecond
	}
	want := map[string]int{"local": 5, "aside": 5, "collapse": 1, "origin": 1}
	for _, one := range modelled(t, s).Results {
		if one.OriginLoads != want[one.Strategy] || one.Environments != 5 {
			t.Errorf("%s: %d loads in %d environments", one.Strategy, one.OriginLoads, one.Environments)
		}
	}
}

// TestTenThousandEnvironments is the launch day: the launched item is loaded once where hearth collapses misses or loads
// itself, and by every environment where each has only its own memory.
func TestTenThousandEnvironments(t *testing.T) {
	for _, parallel := range []int{0, 32} {
		s := Launch(10_000, 2*time.Second)
		s.Parallel = parallel
		by := map[string]*Result{}
		for _, one := range modelled(t, s).Results {
			by[one.Strategy] = one
			if one.Environments < 10_000 || parallel == 0 && one.Environments > 10_010 || one.Errors != 0 {
				t.Errorf("%s: %d environments, %d errors", one.Strategy, one.Environments, one.Errors)
			}
			if one.Reads != one.LocalHits+one.SharedHits+one.CallerLoads {
				t.Errorf("%s: %d reads are not %d + %d + %d", one.Strategy, one.Reads, one.LocalHits, one.SharedHits, one.CallerLoads)
			}
		}
		if n := by["local"].LaunchLoads; n < 10_000 {
			t.Errorf("with local caches only the item was loaded %d times", n)
		}
		if n := by["aside"].LaunchLoads; n < 100 || n >= 10_000 {
			t.Errorf("by read-aside the item was loaded %d times", n)
		}
		for _, how := range []string{"collapse", "origin"} {
			if r := by[how]; r.LaunchLoads != 1 || parallel == 0 && r.OriginLoads != r.Wanted {
				t.Errorf("%s: %d loads of the item, %d of %d items", how, r.LaunchLoads, r.OriginLoads, r.Wanted)
			}
		}
		if p := by["collapse"].Latency.P99; parallel == 0 && p > s.Latency+20*time.Millisecond {
			t.Errorf("in virtual time p99 is %v", p)
		}
	}
}

// TestLoadersThatTakeTooLong has an origin that is slower than a loader may be: the next caller loads, one at a time,
// and whose patience has ended loads by itself.
func TestLoadersThatTakeTooLong(t *testing.T) {
	s := Launch(1000, 2*time.Second)
	s.Latency, s.CollapseLoad, s.CollapseWait = 2500*time.Millisecond, time.Second, 1800*time.Millisecond
	r := modelled(t, s, "collapse").Results[0]
	// The second loader is told so after a second; the crowd's first callers give up after 1.8 s.
	if r.LaunchLoads < 2 || r.LaunchLoads >= 1000 || r.Latency.Max > s.CollapseWait+s.Latency+time.Second {
		t.Errorf("%d loads, the longest read took %v", r.LaunchLoads, r.Latency.Max)
	}
}

func TestEqualSeedsAreEqualDays(t *testing.T) {
	text := func(seed uint64) string {
		s := Launch(300, 2*time.Second)
		s.Seed = seed
		b, err := json.Marshal(modelled(t, s).Results)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	seven := text(7)
	if again := text(7); again != seven {
		t.Error("one seed has two results")
	}
	if text(8) == seven {
		t.Error("two seeds have one result")
	}
}

func TestEnvironmentsAreReusedWhileWarm(t *testing.T) {
	s := Figure()
	s.Warm = 150 * time.Millisecond // A and B are idle for 200 ms when the fourth and the fifth invocation come
	if r := modelled(t, s, "local").Results[0]; r.Environments != 5 || r.OriginLoads != 5 {
		t.Errorf("%d environments, %d loads", r.Environments, r.OriginLoads)
	}
	s = Figure()
	s.LocalTTL = 500 * time.Millisecond
	if r := modelled(t, s, "local").Results[0]; r.Environments != 3 || r.OriginLoads != 5 {
		t.Errorf("what has expired was served: %d loads", r.OriginLoads)
	}
}

func TestLocalCacheIsBounded(t *testing.T) {
	var e environment
	for i := range 3 * localItemsMax {
		e.keep(i, time.Second)
	}
	if len(e.local) != localItemsMax || e.has(0, 0) || !e.has(3*localItemsMax-1, 0) || e.has(3*localItemsMax-1, time.Second) {
		t.Errorf("%d items", len(e.local))
	}
}

func TestDay(t *testing.T) {
	s := Launch(1000, 2*time.Second)
	s.Reads, s.Keys = 5, 50
	counts := map[int]int{}
	last := time.Duration(0)
	crowd := 0
	for _, v := range s.day() {
		if v.At < last {
			t.Fatal("not in the order of arrival")
		}
		last = v.At
		if v.At >= s.Before && v.At < s.Before+s.Spread {
			crowd++
		}
		for i, k := range v.Keys {
			counts[k]++
			if k > s.Keys || (k == 0) != (i == 0 && v.At >= s.Before) {
				t.Fatalf("at %v read %d is of item %d", v.At, i, k)
			}
		}
	}
	if crowd != 1000 || counts[1] < 3*counts[10] || counts[10] <= counts[50] {
		t.Errorf("a crowd of %d; the first other item was read %d times, the tenth %d, the last %d", crowd, counts[1], counts[10], counts[50])
	}
}

func TestScenesThatCannotBe(t *testing.T) {
	check := func(want string, change func(*Scene)) {
		t.Helper()
		s := Launch(10, 2*time.Second)
		change(&s)
		_, err := Run(context.Background(), Options{Scene: s, Model: true})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	check("number of environments is 0; it may be from 1 to", func(s *Scene) { s.Environments = 0 })
	check("number of reads", func(s *Scene) { s.Reads = 0 })
	check("exponent", func(s *Scene) { s.Zipf = 1 })
	check("number of keys", func(s *Scene) { s.Keys = 0 })
	check("spread", func(s *Scene) { s.Spread = -1 })
	check("latency", func(s *Scene) { s.Latency = time.Hour })
	check("number of invocations", func(s *Scene) { s.AfterRate, s.After = 1e7, time.Hour })
	if _, err := Run(t.Context(), Options{Scene: Launch(1, 2*time.Second), Model: true, Strategies: []string{"magic"}}); err == nil || !strings.Contains(err.Error(), "local, aside, collapse, origin") {
		t.Errorf("got %v", err)
	}
	ended, end := context.WithCancel(t.Context())
	end()
	if _, err := Run(ended, Options{Scene: Launch(1000, 2*time.Second), Model: true}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestPlotIsXML(t *testing.T) {
	for _, r := range []*Report{modelled(t, Launch(100, 2*time.Second)), {Results: []*Result{{Strategy: "origin", Skipped: "why"}}}} {
		var b strings.Builder
		if err := r.Plot(&b); err != nil {
			t.Fatal(err)
		}
		d := xml.NewDecoder(strings.NewReader(b.String()))
		for {
			_, err := d.Token()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatalf("%v in %s", err, b.String())
			}
		}
		if strings.Contains(b.String(), "NaN") || strings.Contains(b.String(), "Inf") {
			t.Error("the chart has points nowhere")
		}
	}
}

func TestPercentiles(t *testing.T) {
	var d []time.Duration
	for i := range 1001 {
		d = append(d, time.Duration(1000-i))
	}
	if p := percentilesOf(d); p != (Percentiles{500, 990, 999, 1000}) {
		t.Errorf("%+v", p)
	}
	if p := percentilesOf(nil); p != (Percentiles{}) {
		t.Errorf("%+v", p)
	}
}

func TestEventsComeInOrder(t *testing.T) {
	var h events
	var got []int
	for i, at := range []time.Duration{5, 3, 5, 1, 3, 9, 0} {
		h.push(at, func() { got = append(got, i) })
	}
	for len(h.heap) > 0 {
		h.pop().then()
	}
	want := []int{6, 3, 1, 4, 0, 2, 5}
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("%v, want %v", got, want)
		}
	}
}
