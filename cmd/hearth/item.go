package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"
	"unicode/utf8"

	"github.com/alecthomas/kong"
	"github.com/hearthcache/hearth/client"
)

type itemCommands struct {
	Get    itemGet    `cmd:"" help:"Read an item. Exit code 0 is a hit, 1 a miss."`
	Set    itemSet    `cmd:"" help:"Store an item."`
	Delete itemDelete `cmd:"" help:"Remove an item."`
	Incr   itemIncr   `cmd:"" help:"Add to a number and print the sum."`
	TTL    itemTTL    `cmd:"" name:"ttl" help:"Print how long an item has to live, or set it. Exit code 1 is a miss."`
}

// keyed is a command on one item.
type keyed struct {
	remote
	Cache string `arg:"" help:"Name of the cache."`
	Key   string `arg:"" help:"Key of the item."`
}

func (i *keyed) on(f func(c *client.Cache) error) error {
	return i.do(func(c *client.Client) error { return f(c.Cache(i.Cache)) })
}

type itemGet struct{ keyed }

// Run prints the value as it is; as JSON, with base64 where it is not UTF-8.
func (i *itemGet) Run(ctx context.Context, k *kong.Context) error {
	return i.on(func(c *client.Cache) error {
		v, ok, err := c.Get(ctx, []byte(i.Key))
		if err != nil {
			return err
		}
		if !ok {
			_ = i.print(k.Stdout, map[string]any{"hit": false}, func(io.Writer) {})
			return errMiss
		}
		result := map[string]any{"hit": true, "value": string(v)}
		if !utf8.Valid(v) {
			result = map[string]any{"hit": true, "value_base64": v}
		}
		return i.print(k.Stdout, result, func(w io.Writer) {
			_, _ = w.Write(v)
			if isTerminal(w) {
				fmt.Fprintln(w)
			}
		})
	})
}

// isTerminal reports whether w is a terminal, where a value without a newline would spoil the prompt.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

type itemSet struct {
	keyed
	Value string        `arg:"" help:"The value; - reads it from standard input."`
	TTL   time.Duration `name:"ttl" default:"1h" help:"Time to live."`
	Tags  []string      `name:"tag" placeholder:"TAG" help:"A tag of the item, by which it can be invalidated; may be given several times."`
}

// Run stores the item.
func (i *itemSet) Run(ctx context.Context, k *kong.Context) error {
	value := []byte(i.Value)
	if i.Value == "-" {
		var err error
		if value, err = io.ReadAll(os.Stdin); err != nil {
			return err
		}
	}
	return i.do(func(c *client.Client) error {
		var err error
		if len(i.Tags) > 0 {
			err = setTagged(ctx, c, i.Cache, i.Key, value, i.TTL, i.Tags)
		} else {
			err = c.Cache(i.Cache).Set(ctx, []byte(i.Key), value, i.TTL)
		}
		if err != nil {
			return err
		}
		return i.print(k.Stdout, map[string]any{"stored": len(value)}, func(io.Writer) {})
	})
}

type itemDelete struct{ keyed }

// Run removes the item; there need not be one.
func (i *itemDelete) Run(ctx context.Context, k *kong.Context) error {
	return i.on(func(c *client.Cache) error {
		if err := c.Delete(ctx, []byte(i.Key)); err != nil {
			return err
		}
		return i.print(k.Stdout, map[string]any{"deleted": i.Key}, func(io.Writer) {})
	})
}

type itemIncr struct {
	keyed
	Amount int64         `arg:"" default:"1" help:"What to add; may be negative (after --)."`
	TTL    time.Duration `name:"ttl" default:"1h" help:"Time to live from now on."`
}

// Run adds and prints the sum.
func (i *itemIncr) Run(ctx context.Context, k *kong.Context) error {
	return i.on(func(c *client.Cache) error {
		sum, err := c.Increment(ctx, []byte(i.Key), i.Amount, i.TTL)
		if err != nil {
			return err
		}
		return i.print(k.Stdout, map[string]any{"value": sum}, func(w io.Writer) { fmt.Fprintln(w, sum) })
	})
}

type itemTTL struct {
	keyed
	Set time.Duration `placeholder:"DURATION" help:"Give the item this time to live, from now on."`
}

// Run prints or sets the time to live.
func (i *itemTTL) Run(ctx context.Context, k *kong.Context) error {
	return i.on(func(c *client.Cache) error {
		if i.Set != 0 {
			if ok, err := c.SetTTL(ctx, []byte(i.Key), i.Set); err != nil || !ok {
				return missOr(err)
			}
		}
		ttl, ok, err := c.TTL(ctx, []byte(i.Key))
		if err != nil || !ok {
			return missOr(err)
		}
		return i.print(k.Stdout, map[string]any{"ttl_ms": ttl.Milliseconds()}, func(w io.Writer) { fmt.Fprintln(w, ttl) })
	})
}

// missOr is the error of a call that found nothing, unless it failed.
func missOr(err error) error {
	if err != nil {
		return err
	}
	return errMiss
}
