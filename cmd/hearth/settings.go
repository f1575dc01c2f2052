package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/hearthcache/hearth/client"
)

// settings are the settings of a cache by name, as texts.
type settings map[string]string

type cacheSet struct {
	remote
	Name     string   `arg:"" help:"Name of the cache."`
	Settings []string `arg:"" name:"key=value" help:"Settings; an empty value takes one back. hearth cache settings lists them."`
}

// Run changes settings of a cache.
func (c *cacheSet) Run(ctx context.Context, k *kong.Context) error {
	body := map[string]settings{"settings": {}}
	for _, s := range c.Settings {
		name, v, ok := strings.Cut(s, "=")
		if !ok {
			return usageError{fmt.Errorf("%q is not key=value, such as ttl-default=10m; hearth cache settings lists the keys", s)}
		}
		body["settings"][name] = v
	}
	return c.do(func(h *client.Client) error {
		var out cacheState
		if err := h.HTTP(ctx, http.MethodPatch, cachePath(c.Name), nil, body, &out); err != nil {
			return err
		}
		return out.print(&c.remote, k.Stdout)
	})
}

type cacheShow struct{ named }

// Run prints a cache's settings and what it holds.
func (c *cacheShow) Run(ctx context.Context, k *kong.Context) error {
	return c.do(func(h *client.Client) error {
		var out cacheState
		if err := h.HTTP(ctx, http.MethodGet, cachePath(c.Name), nil, nil, &out); err != nil {
			return err
		}
		return out.print(&c.remote, k.Stdout)
	})
}

func cachePath(name string) string { return "/admin/caches/" + url.PathEscape(name) }

// cacheState is what the server says of one cache.
type cacheState struct {
	Name      string   `json:"name"`
	Settings  settings `json:"settings"`
	Effective settings `json:"effective_settings"`
	Items     int64    `json:"items"`
	Bytes     int64    `json:"bytes"`
	Evicted   int64    `json:"evicted"`
	Expired   int64    `json:"expired"`
}

func (s *cacheState) print(r *remote, w io.Writer) error {
	return r.print(w, s, func(w io.Writer) {
		fmt.Fprintf(w, "%s: %s, %d bytes, %d evicted, %d expired\n", s.Name, count(s.Items, "item", "items"), s.Bytes, s.Evicted, s.Expired)
		table(w, "SETTING\tVALUE\tFROM", func(w io.Writer) {
			for _, name := range slices.Sorted(maps.Keys(s.Effective)) {
				from := "default"
				if _, ok := s.Settings[name]; ok {
					from = "cache"
				}
				fmt.Fprintf(w, "%s\t%s\t%s\n", name, s.Effective[name], from)
			}
		})
	})
}

type cacheSettings struct{ remote }

// Run explains every setting of a cache.
func (c *cacheSettings) Run(ctx context.Context, k *kong.Context) error {
	return c.do(func(h *client.Client) error {
		var out struct {
			Settings []struct{ Name, Unit, Default, Doc string } `json:"settings"`
		}
		if err := h.HTTP(ctx, http.MethodGet, "/admin/settings", nil, nil, &out); err != nil {
			return err
		}
		return c.print(k.Stdout, out.Settings, func(w io.Writer) {
			table(w, "SETTING\tDEFAULT\tWHAT IT DOES", func(w io.Writer) {
				for _, s := range out.Settings {
					fmt.Fprintf(w, "%s\t%s\t%s\n", s.Name, s.Default, s.Doc)
				}
			})
		})
	})
}
