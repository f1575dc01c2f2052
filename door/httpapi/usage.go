package httpapi

import (
	"encoding/csv"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/hearthcache/hearth/auth"
	"github.com/hearthcache/hearth/control"
)

// usageRoutes are the requests on the books.
func (a *API) usageRoutes() []route {
	return []route{{"GET /admin/usage", a.usage, doc{summary: "Returns what was used, as JSON or CSV", query: "from to by format", answer: usageAnswer{}, also: "text/csv"}}}
}

// usageLine is a line of the books, with its cost where there is a price book.
type usageLine struct {
	control.Usage
	ByteHours float64 `json:"byte_hours,omitempty"`
	Cost      string  `json:"cost,omitempty"`
}

type usageAnswer struct {
	From     string      `json:"from"`
	To       string      `json:"to"`
	Currency string      `json:"currency,omitempty"`
	Lines    []usageLine `json:"lines"`
}

// usage answers with what was used on the days from and to (both included; today where they are missing), as JSON or
// format=csv. by says what is kept apart: any of day, credential and verb, with commas; caches always are.
func (a *API) usage(w http.ResponseWriter, r *http.Request) error {
	c, err := a.admin(r, auth.Account, auth.Read)
	if err != nil {
		return err
	}
	query := r.URL.Query()
	today := control.Day(time.Now())
	from, to := query.Get("from"), query.Get("to")
	if to == "" {
		to = today
	}
	if from == "" {
		from = to
	}
	by := map[string]bool{}
	for _, word := range strings.FieldsFunc(query.Get("by"), func(c rune) bool { return c == ',' }) {
		if word != "day" && word != "credential" && word != "verb" && word != "cache" {
			return invalidf("by has %q; it has any of day, cache, credential and verb", word)
		}
		by[word] = true
	}
	lines, err := a.gateway.Usage(r.Context(), c, from, to)
	if err != nil {
		return err
	}
	var out []usageLine
	for _, u := range control.Sum(lines, by["day"], by["credential"], by["verb"]) {
		line := usageLine{Usage: u, ByteHours: float64(u.ByteMillis) / 3_600_000}
		if a.prices != nil {
			line.Cost = a.prices.Cost(&u).FloatString(6)
		}
		out = append(out, line)
	}
	switch format := query.Get("format"); format {
	case "", "json":
		a.answerUsage(w, from, to, out)
		return nil
	case "csv":
		return answerCSV(w, out)
	default:
		return invalidf("format is %q; it is json or csv", format)
	}
}

func (a *API) answerUsage(w http.ResponseWriter, from, to string, lines []usageLine) {
	out := usageAnswer{From: from, To: to, Lines: append([]usageLine{}, lines...)}
	if a.prices != nil {
		out.Currency = a.prices.Currency
	}
	writeJSON(w, http.StatusOK, out)
}

func answerCSV(w http.ResponseWriter, lines []usageLine) error {
	w.Header().Set("Content-Type", "text/csv; charset=utf-8")
	c := csv.NewWriter(w)
	_ = c.Write([]string{"day", "cache", "credential", "verb", "operations", "bytes_in", "bytes_out", "hits", "misses",
		"refused", "units", "byte_hours", "evicted", "expired", "cost"})
	for i := range lines {
		u := &lines[i]
		row := []string{u.Day, u.Cache, u.Credential, u.Verb}
		for _, n := range []uint64{u.Operations, u.In, u.Out, u.Hits, u.Misses, u.Refused, u.Units} {
			row = append(row, strconv.FormatUint(n, 10))
		}
		row = append(row, strconv.FormatFloat(u.ByteHours, 'f', 3, 64), strconv.FormatUint(u.Evicted, 10),
			strconv.FormatUint(u.Expired, 10), u.Cost)
		_ = c.Write(row)
	}
	c.Flush()
	return c.Error()
}
