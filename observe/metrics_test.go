package observe

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/control"
	"github.com/hearthcache/hearth/engine/local"
	"github.com/hearthcache/hearth/gateway"
	"github.com/hearthcache/hearth/op"
)

// running returns a gateway with one cache in which something has happened.
func running(t *testing.T, cache string) *Metrics {
	t.Helper()
	e := local.New(local.Options{})
	t.Cleanup(func() { e.Close() })
	plane, err := control.NewPlane(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	g := gateway.New(gateway.Options{Engine: e, Plane: plane, Open: true})
	if err := g.Change(t.Context(), g.Operator(), control.CreateCache{Name: cache}); err != nil {
		t.Fatal(err)
	}
	c, err := g.SignIn(gateway.Credential{}, cache)
	if err != nil {
		t.Fatal(err)
	}
	do := func(o op.Op) {
		t.Helper()
		var r op.Reply
		if err := g.Do(context.Background(), c, o, &r); err != nil {
			t.Fatal(err)
		}
	}
	do(&op.Set{K: []byte("k"), Value: []byte("value"), Expiry: op.Expiry{TTL: 60_000}})
	do(&op.Get{K: []byte("k")})
	do(&op.Get{K: []byte("none")})
	return &Metrics{Gateway: g, Engine: e, Connections: func() int64 { return 3 }, Version: "test", Log: func(err error) { t.Error(err) }}
}

func scrape(h http.Handler) (int, string) {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	return w.Code, w.Body.String()
}

func TestMetrics(t *testing.T) {
	code, body := scrape(running(t, `pr"ices`).Handler(nil))
	check := func(want string) {
		t.Helper()
		if !strings.Contains(body, want) {
			t.Errorf("no %s in:\n%s", want, body)
		}
	}
	if code != http.StatusOK {
		t.Fatalf("%d %s", code, body)
	}
	check(`hearth_operations_total{cache="pr\"ices",verb="Get"} 2`)
	check(`hearth_hits_total{cache="pr\"ices",verb="Get"} 1`)
	check(`hearth_misses_total{cache="pr\"ices",verb="Get"} 1`)
	check(`hearth_operations_total{cache="pr\"ices",verb="Set"} 1`)
	check(`hearth_missed_total{cache="pr\"ices",cause="never-seen"} 1`)
	check("hearth_connections 3")
	check("hearth_caches 1")
	check(`hearth_build_info{version="test"} 1`)
	check("process_resident_memory_bytes ")
	for _, line := range strings.Split(strings.TrimSpace(body), "\n") {
		name, value, _ := strings.Cut(line, "} ")
		if !strings.Contains(line, "{") {
			name, value, _ = strings.Cut(line, " ")
		}
		if _, err := strconv.ParseFloat(value, 64); err != nil && !strings.HasPrefix(line, "#") {
			t.Errorf("not a sample: %q (%q)", line, name)
		}
	}
}

func TestMetricsAreForThoseWhoMay(t *testing.T) {
	check := func(err error, want int) {
		t.Helper()
		if code, body := scrape(running(t, "c").Handler(func(*http.Request) error { return err })); code != want {
			t.Errorf("%v: %d %s", err, code, body)
		}
	}
	check(nil, http.StatusOK)
	check(&hearth.Error{Kind: hearth.Unauthenticated, Msg: "no credential was given"}, http.StatusUnauthorized)
	check(&hearth.Error{Kind: hearth.Denied, Msg: "no"}, http.StatusForbidden)
}

func TestSeriesAreBounded(t *testing.T) {
	m := running(t, "c")
	lines := []control.Usage{{Cache: "a", Verb: "Get", Counts: control.Counts{Operations: 1}},
		{Cache: "x", Verb: "Get", Counts: control.Counts{Operations: 2}}, {Cache: "y", Verb: "Get", Counts: control.Counts{Operations: 3}}}
	var b strings.Builder
	writeUsage(&b, lines, map[string]bool{"a": true})
	if got := b.String(); !strings.Contains(got, `{cache="(other)",verb="Get"} 5`) || strings.Contains(got, `"x"`) {
		t.Errorf("caches beyond the bound were not added up:\n%s", got)
	}
	if !m.shown()["c"] {
		t.Error("a cache within the bound is not shown")
	}
}
