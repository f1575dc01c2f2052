package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"github.com/hearthcache/hearth/client"
)

type keyCommands struct {
	Create keyCreate `cmd:"" help:"Create an API key and print it, the only time that it is seen."`
	List   keyList   `cmd:"" help:"List the keys; their text is not kept."`
	Revoke keyRevoke `cmd:"" help:"Revoke a key: within a second nobody can use it."`
}

type tokenCommands struct {
	Create tokenCreate `cmd:"" help:"Create a disposable token for one cache, or a part of it, and print it."`
}

// rights are the flags that say what a key or token may do.
type rights struct {
	Cache  string `placeholder:"NAME" help:"The cache that it is for; * is every cache."`
	Prefix string `placeholder:"PREFIX" help:"Only keys that begin so."`
	ItemIs string `name:"item" placeholder:"KEY" help:"Only this key."`
	Topic  string `placeholder:"NAME" help:"Only topics: this one, or * for all."`
	Role   string `default:"readwrite" enum:"readwrite,readonly,writeonly" help:"readwrite, readonly or writeonly."`
}

// rules says the rights as the HTTP API takes them.
func (r *rights) rules() ([]map[string]any, error) {
	switch {
	case r.Cache == "":
		return nil, errors.New("--cache says what it is for: give a cache's name, or * for every cache")
	case r.Prefix != "" && r.ItemIs != "":
		return nil, errors.New("--prefix and --item exclude each other")
	case r.Topic != "" && r.Prefix+r.ItemIs != "":
		return nil, errors.New("--topic is about topics, --prefix and --item are about items: make two tokens")
	}
	words := map[string][]string{"readwrite": {"read", "write"}, "readonly": {"read"}, "writeonly": {"write"}}[r.Role]
	cache := selector(r.Cache, "name")
	if r.Topic != "" {
		return []map[string]any{{"type": "topic", "permissions": words, "caches": cache, "topics": selector(r.Topic, "name")}}, nil
	}
	items := any("*")
	switch {
	case r.Prefix != "":
		items = map[string]string{"key_prefix": r.Prefix}
	case r.ItemIs != "":
		items = map[string]string{"key": r.ItemIs}
	}
	rules := []map[string]any{{"type": "cache", "permissions": words, "caches": cache, "items": items}}
	if items == "*" {
		rules = append(rules, map[string]any{"type": "topic", "permissions": words, "caches": cache, "topics": "*"})
	}
	return rules, nil
}

func selector(name, member string) any {
	if name == "*" {
		return name
	}
	return map[string]string{member: name}
}

// issued is a fresh credential.
type issued struct {
	ID         string `json:"key_id,omitempty"`
	Token      string `json:"token"`
	V1         string `json:"v1"`
	Endpoint   string `json:"endpoint"`
	ValidUntil int64  `json:"valid_until_epoch_seconds,omitempty"`
}

// show prints a credential: on its own on standard output, so that $(...) takes it, the rest beside it.
func (r *remote) show(k *kong.Context, made issued, text string) error {
	return r.print(k.Stdout, made, func(w io.Writer) {
		fmt.Fprintln(w, text)
		until := "for ever"
		if made.ValidUntil != 0 {
			until = "until " + time.Unix(made.ValidUntil, 0).Format(time.DateTime)
		}
		if made.ID != "" {
			fmt.Fprintf(k.Stderr, "Key %s, valid %s. It is not shown again.\n", made.ID, until)
			return
		}
		fmt.Fprintf(k.Stderr, "Valid %s.\n", until)
	})
}

type keyCreate struct {
	remote
	rights
	Super       bool          `help:"It may do everything but create other such keys."`
	NamedRole   string        `name:"named-role" placeholder:"ID" help:"It may do what this role permits, also after the role changes."`
	Form        string        `default:"v1" enum:"v1,v2,legacy" help:"v1 carries its endpoint, v2 is a JWT used with MOMENTO_ENDPOINT, legacy a JWT with hosts."`
	TTL         time.Duration `name:"ttl" placeholder:"DURATION" help:"How long it is valid. Default: for ever."`
	Description string        `placeholder:"TEXT" help:"What it is for."`
	TokenID     string        `placeholder:"ID" help:"What its messages to topics carry as their publisher."`
}

// Run creates the key.
func (c *keyCreate) Run(ctx context.Context, k *kong.Context) error {
	body := map[string]any{"form": c.Form, "description": c.Description, "token_id": c.TokenID,
		"valid_for_seconds": int64(c.TTL.Seconds()), "never_expires": c.TTL == 0}
	narrow := c.Cache+c.Prefix+c.ItemIs+c.Topic != "" || c.Role != "readwrite"
	switch {
	case c.Super && c.NamedRole != "":
		return errors.New("--super and --named-role exclude each other")
	case narrow && (c.Super || c.NamedRole != ""):
		return errors.New("--super and --named-role say all that the key may do: --cache, --prefix, --item, --topic and --role would not narrow it")
	case c.Super:
		body["super_user"] = true
	case c.NamedRole != "":
		body["role"] = c.NamedRole
	default:
		rules, err := c.rules()
		if err != nil {
			return fmt.Errorf("%w; or give --super or --named-role", err)
		}
		body["rules"] = rules
	}
	return c.do(func(h *client.Client) error {
		var made issued
		if err := h.HTTP(ctx, http.MethodPost, "/admin/keys", nil, body, &made); err != nil {
			return err
		}
		text := made.V1
		if c.Form != "v1" {
			text = made.Token
		}
		return c.show(k, made, text)
	})
}

type keyList struct{ remote }

// Run lists the keys.
func (c *keyList) Run(ctx context.Context, k *kong.Context) error {
	return c.do(func(h *client.Client) error {
		var out struct {
			Keys []struct {
				ID          string `json:"key_id"`
				Form        string `json:"form"`
				Role        string `json:"role_id"`
				Description string `json:"description"`
				Expires     int64  `json:"expires_at_epoch_seconds"`
				Super       bool   `json:"super_user"`
				Owner       bool   `json:"owner"`
			} `json:"keys"`
		}
		if err := h.HTTP(ctx, http.MethodGet, "/admin/keys", nil, nil, &out); err != nil {
			return err
		}
		return c.print(k.Stdout, out.Keys, func(w io.Writer) {
			table(w, "KEY\tFORM\tMAY\tEXPIRES\tDESCRIPTION", func(w io.Writer) {
				for _, key := range out.Keys {
					may, expires := "its rules", "never"
					switch {
					case key.Owner:
						may = "everything"
					case key.Super:
						may = "super user"
					case key.Role != "":
						may = "role " + key.Role
					}
					if key.Expires != 0 {
						expires = time.Unix(key.Expires, 0).Format(time.DateTime)
					}
					fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", key.ID, key.Form, may, expires, key.Description)
				}
			})
		})
	})
}

type keyRevoke struct {
	remote
	ID string `arg:"" help:"The key's ID, as key list shows it."`
}

// Run revokes the key.
func (c *keyRevoke) Run(ctx context.Context, k *kong.Context) error {
	return c.do(func(h *client.Client) error {
		if err := h.HTTP(ctx, http.MethodDelete, "/admin/keys/"+url.PathEscape(c.ID), nil, nil, nil); err != nil {
			return err
		}
		return c.print(k.Stdout, map[string]string{"revoked": c.ID}, func(w io.Writer) { fmt.Fprintln(w, "revoked", c.ID) })
	})
}

type tokenCreate struct {
	remote
	rights
	TTL     time.Duration `name:"ttl" default:"5m" help:"How long it is valid, at most 25h."`
	TokenID string        `placeholder:"ID" help:"What its messages to topics carry as their publisher."`
	Bare    bool          `help:"Print the token as it goes into a header or a URL, not as the key that SDKs read."`
}

// Run creates the token.
func (c *tokenCreate) Run(ctx context.Context, k *kong.Context) error {
	rules, err := c.rules()
	if err != nil {
		return err
	}
	return c.do(func(h *client.Client) error {
		var made issued
		body := map[string]any{"rules": rules, "valid_for_seconds": int64(c.TTL.Seconds()), "token_id": c.TokenID}
		if err := h.HTTP(ctx, http.MethodPost, "/admin/tokens", nil, body, &made); err != nil {
			return err
		}
		text := made.V1
		if c.Bare {
			text = made.Token
		}
		return c.show(k, made, strings.TrimSpace(text))
	})
}
