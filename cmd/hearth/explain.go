package main

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/alecthomas/kong"

	"github.com/hearthcache/hearth/client"
	"github.com/hearthcache/hearth/gateway"
)

type explainCommand struct {
	remote
	Cache string `arg:"" help:"Name of the cache."`
	Key   string `arg:"" help:"Key of the item."`
}

// Run prints what would happen to a read of the key, and why.
func (e *explainCommand) Run(ctx context.Context, k *kong.Context) error {
	query := url.Values{"key_base64": {base64.RawURLEncoding.EncodeToString([]byte(e.Key))}}
	return e.do(func(c *client.Client) error {
		var x gateway.Explanation
		if err := c.HTTP(ctx, http.MethodGet, "/admin/caches/"+url.PathEscape(e.Cache)+"/explain", query, nil, &x); err != nil {
			return err
		}
		return e.print(k.Stdout, x, func(w io.Writer) {
			t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
			for _, line := range explained(&x) {
				fmt.Fprintf(t, "%s\t%s\n", line[0], line[1])
			}
			t.Flush()
		})
	})
}

// explained returns what an explanation says, as lines of a name and a text.
func explained(x *gateway.Explanation) (lines [][2]string) {
	say := func(name, format string, args ...any) {
		lines = append(lines, [2]string{name, fmt.Sprintf(format, args...)})
	}
	say("answer", "%s: %s", x.Answer, x.Why)
	switch {
	case x.Item == nil && x.FlushedAgo != nil:
		say("item", "none: %s; the cache was flushed %s ago", x.Cause, millis(*x.FlushedAgo))
	case x.Item == nil:
		say("item", "none: %s", x.Cause)
	default:
		say("item", "%s", explainedItem(x.Item))
	}
	if m := x.LastMiss; m != nil {
		say("last miss", "%s, %s ago", m.Cause, millis(m.Ago))
	}
	switch c := &x.Collapse; {
	case c.On && c.Loading:
		say("collapse", "on: being loaded, %d wait, at most %s", c.Waiters, millis(c.Wait))
	case c.On:
		say("collapse", "on: callers wait at most %s for another one's set", millis(c.Wait))
	case c.Loading:
		say("loading", "by hearth, %d wait", c.Waiters)
	default:
		say("collapse", "off")
	}
	if o := x.Origin; o != nil {
		say("origin", "%s", explainedOrigin(o))
	}
	rate := "no request rate"
	if x.Limits.RequestRate != 0 {
		rate = fmt.Sprintf("%d requests a second", x.Limits.RequestRate)
	}
	say("limits", "items of %d bytes, %s", x.Limits.ItemBytes, rate)
	if p := x.Permission; p != nil {
		say("may read", "%s", explainedAccess(p))
	}
	return lines
}

func explainedItem(it *gateway.ExplainedItem) string {
	parts := []string{it.Type}
	if it.Bytes != nil {
		parts = append(parts, fmt.Sprintf("%d bytes", *it.Bytes))
	}
	switch {
	case it.FreshFor != nil && *it.FreshFor > 0:
		parts = append(parts, "fresh for "+millis(*it.FreshFor))
	case it.FreshFor != nil:
		parts = append(parts, it.State+" for "+millis(-*it.FreshFor))
	}
	if it.ExpiresIn != nil {
		parts = append(parts, "gone in "+millis(*it.ExpiresIn))
	} else {
		parts = append(parts, "stays until it is evicted")
	}
	if len(it.Tags) > 0 {
		parts = append(parts, "tags "+strings.Join(it.Tags, " "))
	}
	return strings.Join(parts, ", ")
}

func explainedOrigin(o *gateway.ExplainedOrigin) string {
	if !o.Covers {
		return "does not load this key (origin-keys)"
	}
	parts := []string{o.Asks}
	if o.Problem != "" {
		parts = []string{o.Problem}
	}
	if o.Breaker == "open" {
		parts = append(parts, "left alone for "+millis(o.OpenFor))
	}
	if o.Verdict != "" {
		parts = append(parts, fmt.Sprintf("%s, believed for %s", o.Verdict, millis(o.VerdictFor)))
	}
	if o.Load != 0 {
		parts = append(parts, "takes about "+millis(o.Load))
	}
	if o.Queued != 0 {
		parts = append(parts, fmt.Sprintf("%d loads wait for their turn", o.Queued))
	}
	return strings.Join(parts, ", ")
}

func explainedAccess(p *gateway.ExplainedAccess) string {
	switch {
	case p.Open:
		return "everybody who reaches this hearth"
	case p.Of == 0:
		return "no key"
	case p.Of > len(p.Keys):
		return fmt.Sprintf("%d keys, among them %s", p.Of, strings.Join(p.Keys, " "))
	}
	return "keys " + strings.Join(p.Keys, " ")
}

// millis writes a time as people do: with no more than it is worth.
func millis(n int64) string {
	d := time.Duration(n) * time.Millisecond
	if d >= 10*time.Second {
		d = d.Round(time.Second)
	}
	return d.String()
}
