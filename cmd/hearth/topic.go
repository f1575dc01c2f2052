package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/alecthomas/kong"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/client"
)

type topicCommands struct {
	Publish   topicPublish   `cmd:"" help:"Publish a message."`
	Subscribe topicSubscribe `cmd:"" help:"Print messages as they come, until interrupted."`
	List      topicList      `cmd:"" help:"List the topics in use."`
}

// onTopic is a command on one topic.
type onTopic struct {
	remote
	Cache string `arg:"" help:"Name of the cache."`
	Topic string `arg:"" help:"Name of the topic."`
}

type topicPublish struct {
	onTopic
	Message string `arg:"" help:"The message, or - for standard input."`
}

// Run publishes the message: as text where it is UTF-8, else as binary.
func (p *topicPublish) Run(ctx context.Context) error {
	message := []byte(p.Message)
	if p.Message == "-" {
		var err error
		if message, err = io.ReadAll(os.Stdin); err != nil {
			return err
		}
	}
	return p.do(func(c *client.Client) error {
		if utf8.Valid(message) {
			return c.Cache(p.Cache).PublishText(ctx, p.Topic, string(message))
		}
		return c.Cache(p.Cache).Publish(ctx, p.Topic, message)
	})
}

type topicSubscribe struct {
	onTopic
	Count int    `short:"n" help:"End after so many messages."`
	From  uint64 `help:"Begin with the message of this number, if it can still be had; needs --page."`
	Page  uint64 `help:"The page that --from is of."`
}

// Run prints each message on a line of its own; what was lost is said on standard error.
func (s *topicSubscribe) Run(ctx context.Context, k *kong.Context) error {
	if (s.From == 0) != (s.Page == 0) {
		return &hearth.Error{Kind: hearth.Invalid, Msg: "--from and --page go together: both stand in the JSON output of each message"}
	}
	return s.do(func(c *client.Client) error {
		sub, err := c.Cache(s.Cache).Subscribe(ctx, s.Topic, client.Position{Sequence: s.From, Page: s.Page})
		if err != nil {
			return err
		}
		defer sub.Close()
		for n := 0; s.Count == 0 || n < s.Count; {
			m, gap, err := sub.Next()
			if ctx.Err() != nil && errors.Is(ctx.Err(), context.Canceled) {
				return nil
			}
			if err != nil {
				return err
			}
			if gap != nil {
				fmt.Fprintf(k.Stderr, "hearth: messages %d to %d were lost\n", gap.Last+1, gap.Next-1)
				continue
			}
			n++
			if err := s.message(k.Stdout, m); err != nil {
				return err
			}
		}
		return nil
	})
}

func (s *topicSubscribe) message(w io.Writer, m *client.Message) error {
	v := map[string]any{"sequence": m.Sequence, "page": m.Page, "publisher": m.Publisher, "binary": m.Bytes}
	if m.Text {
		delete(v, "binary")
		v["text"] = string(m.Bytes)
	}
	return s.print(w, v, func(w io.Writer) { fmt.Fprintf(w, "%s\n", m.Bytes) })
}

type topicList struct {
	remote
	Cache   string `arg:"" help:"Name of the cache."`
	Pattern string `arg:"" optional:"" help:"Only names that match, such as 'orders.*'."`
}

// Run lists topics by name.
func (l *topicList) Run(ctx context.Context, k *kong.Context) error {
	return l.do(func(c *client.Client) error {
		type topic struct {
			Name        string `json:"name"`
			Page        uint64 `json:"sequence_page"`
			Next        uint64 `json:"next_sequence_number"`
			Messages    int    `json:"messages"`
			Bytes       int64  `json:"bytes"`
			Subscribers int    `json:"subscribers"`
		}
		var out struct {
			Topics []topic `json:"topics"`
		}
		if err := c.HTTP(ctx, http.MethodGet, "/topics/"+url.PathEscape(l.Cache), url.Values{"pattern": {l.Pattern}}, nil, &out); err != nil {
			return err
		}
		slices.SortFunc(out.Topics, func(a, b topic) int { return strings.Compare(a.Name, b.Name) })
		return l.print(k.Stdout, out.Topics, func(w io.Writer) {
			table(w, "TOPIC\tNEXT\tKEPT\tBYTES\tSUBSCRIBERS", func(w io.Writer) {
				for _, t := range out.Topics {
					fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\n", t.Name, t.Next, t.Messages, t.Bytes, t.Subscribers)
				}
			})
		})
	})
}
