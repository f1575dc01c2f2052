package observe

import (
	"fmt"
	"io"

	"github.com/hearthcache/hearth/gateway"
	"github.com/hearthcache/hearth/op"
)

// loadings are the metrics of misses and of who loads them, by cache.
var loadings = []struct {
	name, kind, help string
	origin           bool
	of               func(*gateway.Loading) uint64
}{
	{"hearth_led_total", "counter", "Misses that made their caller the loader.", false, func(l *gateway.Loading) uint64 { return l.Led }},
	{"hearth_waited_total", "counter", "Times that a caller waited for another one's load of the same item.", false, func(l *gateway.Loading) uint64 { return l.Waited }},
	{"hearth_gave_up_total", "counter", "Waits that ended without the item.", false, func(l *gateway.Loading) uint64 { return l.GaveUp }},
	{"hearth_crowded_total", "counter", "Callers that did not wait, because too many did.", false, func(l *gateway.Loading) uint64 { return l.Crowded }},
	{"hearth_waiting", "gauge", "Callers that wait for another one's load.", false, func(l *gateway.Loading) uint64 { return uint64(max(0, l.Waiting)) }},
	{"hearth_origin_loads_total", "counter", "Loads from the cache's origin.", true, func(l *gateway.Loading) uint64 { return l.Origin.Loads }},
	{"hearth_origin_requests_total", "counter", "Requests to the origin: several a load where it fails.", true, func(l *gateway.Loading) uint64 { return l.Origin.Requests }},
	{"hearth_origin_busy_total", "counter", "Loads that had no turn at the origin.", true, func(l *gateway.Loading) uint64 { return l.Origin.Busy }},
	{"hearth_origin_left_alone_total", "counter", "Requests that were not made while the origin was left alone.", true, func(l *gateway.Loading) uint64 { return l.Origin.LeftAlone }},
	{"hearth_origin_absent_total", "counter", "Loads that the origin had no such item for.", true, func(l *gateway.Loading) uint64 { return l.Origin.Absent }},
	{"hearth_origin_failed_total", "counter", "Loads that failed, were refused, or brought what is too large.", true, func(l *gateway.Loading) uint64 { return l.Origin.Failed }},
	{"hearth_origin_unchanged_total", "counter", "Loads that the origin answered with \"not modified\".", true, func(l *gateway.Loading) uint64 { return l.Origin.Unchanged }},
	{"hearth_origin_discarded_total", "counter", "Loads that a write of the same key has overtaken.", true, func(l *gateway.Loading) uint64 { return l.Origin.Discarded }},
	{"hearth_origin_stale_total", "counter", "Reads answered with an item past its fresh time.", true, func(l *gateway.Loading) uint64 { return l.Origin.Stale }},
	{"hearth_origin_early_total", "counter", "Reads that had a fresh item loaded again ahead of time.", true, func(l *gateway.Loading) uint64 { return l.Origin.Early }},
	{"hearth_origin_request_milliseconds", "gauge", "How long a request to the origin takes: a moving average.", true, func(l *gateway.Loading) uint64 { return uint64(l.Origin.LoadMillis) }},
	{"hearth_origin_queued", "gauge", "Loads that wait for their turn at the origin.", true, func(l *gateway.Loading) uint64 { return uint64(l.Origin.Queued) }},
	{"hearth_origin_open", "gauge", "1 while the origin is left alone because it has failed too often.", true, func(l *gateway.Loading) uint64 {
		if l.Origin.Broken {
			return 1
		}
		return 0
	}},
}

// writeLoading writes why reads missed, and what became of that.
func (m *Metrics) writeLoading(w io.Writer, shown map[string]bool) {
	all := together(m.Gateway.Loadings(), shown)
	fmt.Fprint(w, "# HELP hearth_missed_total Reads that missed, by why.\n# TYPE hearth_missed_total counter\n")
	for i := range all {
		for cause := range op.Causes {
			if n := all[i].Misses[cause]; n != 0 {
				fmt.Fprintf(w, "hearth_missed_total{cache=%s,cause=%q} %d\n", label(all[i].Cache), cause, n)
			}
		}
	}
	for _, c := range loadings {
		fmt.Fprintf(w, "# HELP %s %s\n# TYPE %s %s\n", c.name, c.help, c.name, c.kind)
		for i := range all {
			if c.origin && all[i].Origin == nil {
				continue
			}
			if n := c.of(&all[i]); n != 0 || c.origin {
				fmt.Fprintf(w, "%s{cache=%s} %d\n", c.name, label(all[i].Cache), n)
			}
		}
	}
}

// together adds up the caches that have no series of their own.
func together(all []gateway.Loading, shown map[string]bool) (out []gateway.Loading) {
	rest := gateway.Loading{Cache: otherCaches}
	for i := range all {
		l := &all[i]
		if shown[l.Cache] {
			out = append(out, *l)
			continue
		}
		for cause, n := range l.Misses {
			rest.Misses[cause] += n
		}
		rest.Waited, rest.GaveUp, rest.Waiting = rest.Waited+l.Waited, rest.GaveUp+l.GaveUp, rest.Waiting+l.Waiting
		rest.Led, rest.Crowded = rest.Led+l.Led, rest.Crowded+l.Crowded
		if l.Origin == nil {
			continue
		}
		if rest.Origin == nil {
			rest.Origin = &gateway.OriginLoading{}
		}
		rest.Origin.Add(l.Origin)
	}
	if len(out) < len(all) {
		out = append(out, rest)
	}
	return out
}
