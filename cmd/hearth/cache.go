package main

import (
	"context"
	"fmt"
	"io"

	"github.com/alecthomas/kong"
	"github.com/hearthcache/hearth/client"
)

type cacheCommands struct {
	Create cacheCreate   `cmd:"" help:"Create a cache."`
	List   cacheList     `cmd:"" help:"List the caches and their limits."`
	Show   cacheShow     `cmd:"" help:"Show a cache's settings and what it holds."`
	Set    cacheSet      `cmd:"" help:"Change settings of a cache: limits, default TTL, memory and more."`
	Known  cacheSettings `cmd:"" name:"settings" help:"Explain every setting of a cache."`
	Flush  cacheFlush    `cmd:"" help:"Remove every item of a cache; its settings stay."`
	Delete cacheDelete   `cmd:"" help:"Delete a cache with all its items and topics."`
}

// named is a command on one cache.
type named struct {
	remote
	Name string `arg:"" help:"Name of the cache."`
}

func (n *named) change(k *kong.Context, done string, f func(*client.Client) error) error {
	return n.do(func(c *client.Client) error {
		if err := f(c); err != nil {
			return err
		}
		return n.print(k.Stdout, map[string]string{"cache": n.Name, "done": done}, func(w io.Writer) { fmt.Fprintln(w, done, n.Name) })
	})
}

type cacheCreate struct{ named }

// Run creates the cache.
func (c *cacheCreate) Run(ctx context.Context, k *kong.Context) error {
	return c.change(k, "created", func(h *client.Client) error { return h.CreateCache(ctx, c.Name) })
}

type cacheFlush struct{ named }

// Run flushes the cache.
func (c *cacheFlush) Run(ctx context.Context, k *kong.Context) error {
	return c.change(k, "flushed", func(h *client.Client) error { return h.FlushCache(ctx, c.Name) })
}

type cacheDelete struct{ named }

// Run deletes the cache.
func (c *cacheDelete) Run(ctx context.Context, k *kong.Context) error {
	return c.change(k, "deleted", func(h *client.Client) error { return h.DeleteCache(ctx, c.Name) })
}

type cacheList struct{ remote }

// Run lists the caches.
func (c *cacheList) Run(ctx context.Context, k *kong.Context) error {
	return c.do(func(h *client.Client) error {
		caches, err := h.Caches(ctx)
		if err != nil {
			return err
		}
		if caches == nil {
			caches = []client.Info{}
		}
		return c.print(k.Stdout, caches, func(w io.Writer) {
			table(w, "NAME\tMAX ITEM KB\tMAX TTL S", func(w io.Writer) {
				for _, i := range caches {
					fmt.Fprintf(w, "%s\t%d\t%d\n", i.Name, i.ItemKilobytes, i.TTLSeconds)
				}
			})
		})
	})
}
