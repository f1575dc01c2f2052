// Package observe shows operators what a running hearth does: metrics, traces and slow requests. It knows the gateway's
// books and the doors' calls, and changes nothing.
package observe

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/VictoriaMetrics/metrics"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/control"
	"github.com/hearthcache/hearth/engine"
	"github.com/hearthcache/hearth/gateway"
)

// cachesShownMax bounds the series of one metric: further caches are added up under the label cache="(other)".
const cachesShownMax = 500

const otherCaches = "(other)"

// Metrics writes the state of a gateway in Prometheus's text format.
type Metrics struct {
	Gateway     *gateway.Gateway
	Engine      engine.Engine
	Connections func() int64
	Version     string
	Log         func(err error) // of scrapes that fail

	since string // the first day of the counters
}

// Handler returns the handler of /metrics for callers that authorize lets through; nil lets everybody.
func (m *Metrics) Handler(authorize func(*http.Request) error) http.Handler {
	m.since = control.Day(time.Now())
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if authorize != nil {
			if err := authorize(r); err != nil {
				http.Error(w, "metrics are for super users: "+message(err), code(err))
				return
			}
		}
		var b bytes.Buffer
		if err := m.Write(r.Context(), &b); err != nil {
			m.Log(err)
			http.Error(w, "the books could not be read", http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "text/plain; version=0.0.4")
		_, _ = b.WriteTo(w)
	})
}

func message(err error) string {
	if hearth.KindOf(err) == hearth.Internal {
		return "internal error"
	}
	return err.Error()
}

func code(err error) int {
	if hearth.KindOf(err) == hearth.Denied {
		return http.StatusForbidden
	}
	return http.StatusUnauthorized
}

// Write writes all metrics.
func (m *Metrics) Write(ctx context.Context, w io.Writer) error {
	shown := m.shown()
	// Servers that do not answer, or are full, have the books too.
	remote, isRemote := m.Engine.(engine.Remote)
	if !isRemote || writeRemote(ctx, w, remote) {
		lines, err := m.Gateway.Usage(ctx, m.Gateway.Operator(), m.since, control.Day(time.Now()))
		switch {
		case err == nil:
			writeUsage(w, lines, shown)
		case isRemote:
			m.Log(err)
		default:
			return err
		}
	}
	m.writeSizes(w, shown)
	m.writeLoading(w, shown)
	fmt.Fprintf(w, "# TYPE hearth_caches gauge\nhearth_caches %d\n", len(m.Gateway.View().Caches))
	fmt.Fprintf(w, "# TYPE hearth_connections gauge\nhearth_connections %d\n", m.Connections())
	fmt.Fprintf(w, "# TYPE hearth_build_info gauge\nhearth_build_info{version=%q} 1\n", m.Version)
	metrics.WriteProcessMetrics(w)
	return nil
}

// shown returns the caches that have series of their own: the first ones by name.
func (m *Metrics) shown() map[string]bool {
	names := slices.Sorted(maps.Keys(m.Gateway.View().Caches))
	shown := make(map[string]bool, min(len(names), cachesShownMax))
	for _, n := range names[:min(len(names), cachesShownMax)] {
		shown[n] = true
	}
	return shown
}

// counters are the metrics of the books, by cache and verb.
var counters = []struct {
	name, help string
	of         func(*control.Counts) uint64
}{
	{"hearth_operations_total", "Operations, by cache and verb.", func(c *control.Counts) uint64 { return c.Operations }},
	{"hearth_bytes_in_total", "Bytes of keys, fields and values that came.", func(c *control.Counts) uint64 { return c.In }},
	{"hearth_bytes_out_total", "Bytes of fields and values that went.", func(c *control.Counts) uint64 { return c.Out }},
	{"hearth_hits_total", "Reads that found what they asked for.", func(c *control.Counts) uint64 { return c.Hits }},
	{"hearth_misses_total", "Reads that did not.", func(c *control.Counts) uint64 { return c.Misses }},
	{"hearth_refused_total", "Operations that were not permitted, or over a limit.", func(c *control.Counts) uint64 { return c.Refused }},
	{"hearth_evicted_total", "Items evicted before they expired.", func(c *control.Counts) uint64 { return c.Evicted }},
	{"hearth_expired_total", "Items that expired.", func(c *control.Counts) uint64 { return c.Expired }},
	{"hearth_units_total", "Operation units: one for each KiB begun.", func(c *control.Counts) uint64 { return c.Units }},
}

func writeUsage(w io.Writer, lines []control.Usage, shown map[string]bool) {
	for i := range lines {
		if !shown[lines[i].Cache] {
			lines[i].Cache = otherCaches
		}
	}
	sums := control.Sum(lines, false, false, true)
	for _, c := range counters {
		fmt.Fprintf(w, "# HELP %s %s\n# TYPE %s counter\n", c.name, c.help, c.name)
		for i := range sums {
			u := &sums[i]
			if n := c.of(&u.Counts); n != 0 {
				fmt.Fprintf(w, "%s{cache=%s,verb=%q} %d\n", c.name, label(u.Cache), u.Verb, n)
			}
		}
	}
}

// writeSizes writes what each cache holds now, where the engine knows.
func (m *Metrics) writeSizes(w io.Writer, shown map[string]bool) {
	measurer, ok := m.Engine.(engine.Measurer)
	if !ok {
		return
	}
	sizes := map[string]engine.Size{}
	for name, c := range m.Gateway.View().Caches {
		if !shown[name] {
			name = otherCaches
		}
		items, boards := measurer.Size(c.Space), measurer.Size(c.Boards)
		sum := sizes[name]
		sum.Items += items.Items + boards.Items
		sum.Bytes += items.Bytes + boards.Bytes
		if c.Claims != 0 {
			sum.Bytes += measurer.Size(c.Claims).Bytes + measurer.Size(c.LooseClaims()).Bytes
		}
		sizes[name] = sum
	}
	names := slices.Sorted(maps.Keys(sizes))
	fmt.Fprint(w, "# HELP hearth_items Items held.\n# TYPE hearth_items gauge\n")
	for _, n := range names {
		fmt.Fprintf(w, "hearth_items{cache=%s} %d\n", label(n), sizes[n].Items)
	}
	fmt.Fprint(w, "# HELP hearth_bytes Memory of items: keys, values, index and metadata.\n# TYPE hearth_bytes gauge\n")
	for _, n := range names {
		fmt.Fprintf(w, "hearth_bytes{cache=%s} %d\n", label(n), sizes[n].Bytes)
	}
}

// label quotes a label's value as the text format wants it: UTF-8 stays.
func label(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(s) + `"`
}
