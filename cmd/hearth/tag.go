package main

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/alecthomas/kong"

	"github.com/hearthcache/hearth/client"
)

type tagCommands struct {
	Invalidate tagInvalidate `cmd:"" help:"Make every item that has a tag a miss, at once."`
}

type tagInvalidate struct {
	remote
	Cache string   `arg:"" help:"Name of the cache."`
	Tags  []string `arg:"" name:"tag" help:"The tags."`
}

// Run invalidates one tag after another.
func (t *tagInvalidate) Run(ctx context.Context, k *kong.Context) error {
	return t.do(func(c *client.Client) error {
		for _, tag := range t.Tags {
			path := "/cache/" + url.PathEscape(t.Cache) + "/tags/" + url.PathEscape(tag)
			if err := c.HTTP(ctx, http.MethodDelete, path, nil, nil, nil); err != nil {
				return err
			}
		}
		return t.print(k.Stdout, map[string]any{"cache": t.Cache, "invalidated": t.Tags}, func(w io.Writer) {
			for _, tag := range t.Tags {
				fmt.Fprintln(w, "invalidated", tag)
			}
		})
	})
}

// setTagged stores an item with tags, which travels over HTTP: Momento's calls know no tags.
func setTagged(ctx context.Context, c *client.Client, cache, key string, value []byte, ttl time.Duration, tags []string) error {
	type set struct {
		Key     string   `json:"key_base64"`
		Value   []byte   `json:"value_base64"`
		Seconds int64    `json:"ttl_seconds"`
		Tags    []string `json:"tags"`
	}
	if ttl < time.Second || ttl%time.Second != 0 {
		return fmt.Errorf("the time to live of an item with tags is %v; it must be whole seconds", ttl)
	}
	in := map[string][]set{"sets": {{Key: base64.RawURLEncoding.EncodeToString([]byte(key)), Value: value, Seconds: int64(ttl / time.Second), Tags: tags}}}
	var out struct {
		Sets []struct {
			Error *struct {
				Message string `json:"message"`
			} `json:"error"`
		} `json:"sets"`
	}
	if err := c.HTTP(ctx, http.MethodPost, "/cache/"+url.PathEscape(cache)+"/batch", nil, in, &out); err != nil {
		return err
	}
	if len(out.Sets) == 1 && out.Sets[0].Error != nil {
		return fmt.Errorf("%s", out.Sets[0].Error.Message)
	}
	return nil
}
