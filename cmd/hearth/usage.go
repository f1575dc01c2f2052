package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/hearthcache/hearth/client"
)

type usageCommand struct {
	remote
	From string   `placeholder:"DAY" help:"First day, as 2026-01-31 in UTC. Default: today."`
	To   string   `placeholder:"DAY" help:"Last day, included. Default: today."`
	By   []string `enum:"day,credential,verb" placeholder:"day,credential,verb" help:"What is kept apart beside caches: any of day, credential, verb."`
	CSV  bool     `name:"csv" help:"Print CSV."`
}

// usageLine is a line of the books.
type usageLine struct {
	Day        string  `json:"day,omitempty"`
	Cache      string  `json:"cache"`
	Credential string  `json:"credential,omitempty"`
	Verb       string  `json:"verb,omitempty"`
	Operations uint64  `json:"operations"`
	In         uint64  `json:"bytes_in"`
	Out        uint64  `json:"bytes_out"`
	Hits       uint64  `json:"hits"`
	Misses     uint64  `json:"misses"`
	Refused    uint64  `json:"refused"`
	Units      uint64  `json:"units"`
	ByteHours  float64 `json:"byte_hours"`
	Evicted    uint64  `json:"evicted"`
	Expired    uint64  `json:"expired"`
	Cost       string  `json:"cost,omitempty"`
}

// Run prints what was used, and what it costs where the server has a price book.
func (c *usageCommand) Run(ctx context.Context, k *kong.Context) error {
	query := url.Values{}
	for name, v := range map[string]string{"from": c.From, "to": c.To, "by": strings.Join(c.By, ",")} {
		if v != "" {
			query.Set(name, v)
		}
	}
	return c.do(func(h *client.Client) error {
		if c.CSV {
			query.Set("format", "csv")
			return h.HTTP(ctx, http.MethodGet, "/admin/usage", query, nil, k.Stdout)
		}
		var out struct {
			From     string      `json:"from"`
			To       string      `json:"to"`
			Currency string      `json:"currency,omitempty"`
			Lines    []usageLine `json:"lines"`
		}
		if err := h.HTTP(ctx, http.MethodGet, "/admin/usage", query, nil, &out); err != nil {
			return err
		}
		return c.print(k.Stdout, out, func(w io.Writer) {
			table(w, c.header(out.Currency), func(w io.Writer) {
				for i := range out.Lines {
					c.line(w, &out.Lines[i])
				}
			})
		})
	})
}

func (c *usageCommand) header(currency string) string {
	columns := []string{"CACHE"}
	for _, by := range c.By {
		columns = append(columns, strings.ToUpper(by))
	}
	columns = append(columns, "OPERATIONS", "IN", "OUT", "HITS", "MISSES", "REFUSED", "UNITS", "BYTE HOURS", "EVICTED", "EXPIRED")
	if currency != "" {
		columns = append(columns, currency)
	}
	return strings.Join(columns, "\t")
}

func (c *usageCommand) line(w io.Writer, u *usageLine) {
	fmt.Fprint(w, u.Cache)
	for _, by := range c.By {
		fmt.Fprint(w, "\t", map[string]string{"day": u.Day, "credential": u.Credential, "verb": u.Verb}[by])
	}
	fmt.Fprintf(w, "\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%.0f\t%d\t%d", u.Operations, u.In, u.Out, u.Hits, u.Misses, u.Refused, u.Units,
		u.ByteHours, u.Evicted, u.Expired)
	if u.Cost != "" {
		fmt.Fprint(w, "\t", u.Cost)
	}
	fmt.Fprintln(w)
}
