package main

import (
	"context"
	"fmt"
	"io"

	"github.com/alecthomas/kong"

	"github.com/hearthcache/hearth/client"
)

type hookCommands struct {
	Put    hookPut    `cmd:"" help:"Create a webhook, or point one elsewhere, and print its secret."`
	List   hookList   `cmd:"" help:"List the webhooks of a cache."`
	Secret hookSecret `cmd:"" help:"Print the secret that signs a webhook's deliveries."`
	Rotate hookRotate `cmd:"" help:"Give a webhook a new secret and print it; the old one signs too for a day."`
	Delete hookDelete `cmd:"" help:"Delete a webhook."`
}

// onHook is a command on one webhook.
type onHook struct {
	remote
	Cache string `arg:"" help:"Name of the cache."`
	Name  string `arg:"" help:"Name of the webhook."`
}

// secret runs f and prints the secret that it returns.
func (h *onHook) secret(k *kong.Context, f func(*client.Cache) (string, error)) error {
	return h.do(func(c *client.Client) error {
		secret, err := f(c.Cache(h.Cache))
		if err != nil {
			return err
		}
		return h.print(k.Stdout, map[string]string{"webhook": h.Name, "secret": secret}, func(w io.Writer) { fmt.Fprintln(w, secret) })
	})
}

type hookPut struct {
	onHook
	Topic string `arg:"" help:"Name of the topic."`
	URL   string `arg:"" name:"url" help:"Where its messages are posted: https://… or http://…"`
}

// Run creates or changes the webhook.
func (p *hookPut) Run(ctx context.Context, k *kong.Context) error {
	return p.secret(k, func(c *client.Cache) (string, error) {
		return c.PutWebhook(ctx, client.Webhook{Name: p.Name, Topic: p.Topic, URL: p.URL})
	})
}

type hookSecret struct{ onHook }

// Run prints the secret.
func (s *hookSecret) Run(ctx context.Context, k *kong.Context) error {
	return s.secret(k, func(c *client.Cache) (string, error) { return c.WebhookSecret(ctx, s.Name) })
}

type hookRotate struct{ onHook }

// Run rotates the secret.
func (r *hookRotate) Run(ctx context.Context, k *kong.Context) error {
	return r.secret(k, func(c *client.Cache) (string, error) { return c.RotateWebhookSecret(ctx, r.Name) })
}

type hookDelete struct{ onHook }

// Run deletes the webhook.
func (d *hookDelete) Run(ctx context.Context, k *kong.Context) error {
	return d.do(func(c *client.Client) error {
		if err := c.Cache(d.Cache).DeleteWebhook(ctx, d.Name); err != nil {
			return err
		}
		return d.print(k.Stdout, map[string]string{"webhook": d.Name, "done": "deleted"}, func(w io.Writer) { fmt.Fprintln(w, "deleted", d.Name) })
	})
}

type hookList struct {
	remote
	Cache string `arg:"" help:"Name of the cache."`
}

// Run lists the webhooks.
func (l *hookList) Run(ctx context.Context, k *kong.Context) error {
	return l.do(func(c *client.Client) error {
		all, err := c.Cache(l.Cache).Webhooks(ctx)
		if err != nil {
			return err
		}
		return l.print(k.Stdout, all, func(w io.Writer) {
			table(w, "WEBHOOK\tTOPIC\tURL", func(w io.Writer) {
				for _, h := range all {
					fmt.Fprintf(w, "%s\t%s\t%s\n", h.Name, h.Topic, h.URL)
				}
			})
		})
	})
}
