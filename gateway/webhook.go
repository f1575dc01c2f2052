package gateway

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"maps"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/auth"
	"github.com/hearthcache/hearth/control"
	"github.com/hearthcache/hearth/topics"
	"github.com/hearthcache/hearth/topics/webhook"
)

// DeadTopic is the topic of each cache on which messages are published that no receiver of a webhook took.
const DeadTopic = ReservedTopics + "dead-letters"

// PutWebhook creates a webhook of a cache, or points one elsewhere, and returns its secret.
func (g *Gateway) PutWebhook(ctx context.Context, c *Caller, p control.PutWebhook) (secret string, err error) {
	if err := c.authorizeChange(p); err != nil {
		return "", err
	}
	if g.View().Caches[p.Cache] == nil {
		return "", control.NoCache(p.Cache)
	}
	if err := g.sender.Guard().CheckURL(p.URL); err != nil {
		return "", err
	}
	if p.Topic == DeadTopic {
		return "", &hearth.Error{Kind: hearth.Invalid, Msg: "the topic of dead letters has no webhooks: what they fail to deliver comes there"}
	}
	p.Secret = rand.Text()
	if err := g.Change(ctx, c, p); err != nil {
		return "", err
	}
	w, err := g.Webhook(c, p.Cache, p.Name)
	if err != nil {
		return "", err
	}
	return w.Secret, nil
}

// RotateWebhook gives a webhook a new secret and returns it.
func (g *Gateway) RotateWebhook(ctx context.Context, c *Caller, cache, name string) (secret string, err error) {
	secret = rand.Text()
	return secret, g.Change(ctx, c, control.RotateWebhook{Cache: cache, Name: name, Secret: secret})
}

// Webhook returns a webhook with its secrets.
func (g *Gateway) Webhook(c *Caller, cache, name string) (*control.Webhook, error) {
	if err := c.May(auth.Management, auth.Write); err != nil {
		return nil, err
	}
	at := g.View().Caches[cache]
	if at == nil {
		return nil, control.NoCache(cache)
	}
	if w := at.Webhooks[name]; w != nil {
		return w, nil
	}
	return nil, control.NoWebhook(name)
}

// Webhooks returns the webhooks of a cache, by name, for a caller who may list caches. They hold secrets, which are not
// for this caller.
func (g *Gateway) Webhooks(c *Caller, cache string) ([]*control.Webhook, error) {
	s, err := g.Inspect(c)
	if err != nil {
		return nil, err
	}
	at := s.Caches[cache]
	if at == nil {
		return nil, control.NoCache(cache)
	}
	var all []*control.Webhook
	for _, name := range slices.Sorted(maps.Keys(at.Webhooks)) {
		all = append(all, at.Webhooks[name])
	}
	return all, nil
}

// followWebhooks tells the sender which webhooks there are, where a change has touched some.
func (g *Gateway) followWebhooks(old, new *control.State) {
	touched := false
	for name, c := range old.Caches {
		touched = touched || len(c.Webhooks) > 0 && new.Caches[name] != c
	}
	for name, c := range new.Caches {
		touched = touched || len(c.Webhooks) > 0 && old.Caches[name] != c
	}
	if !touched {
		return
	}
	var hooks []webhook.Hook
	for _, c := range new.Caches {
		for _, w := range c.Webhooks {
			hooks = append(hooks, webhook.Hook{Space: c.Topics, Cache: c.Name, Name: w.Name, Topic: w.Topic, URL: w.URL, Secret: w.Secret,
				OldSecret: w.OldSecret, OldUntil: time.UnixMilli(w.OldUntil)})
		}
	}
	g.sender.Set(hooks)
}

// deadLetter is a message that was given up, as its subscribers read it.
type deadLetter struct {
	Webhook   string  `json:"webhook"`
	Topic     string  `json:"topic"`
	Sequence  uint64  `json:"topic_sequence_number"`
	Page      uint64  `json:"topic_sequence_page"`
	Published int64   `json:"event_timestamp"`
	Publisher string  `json:"token_id"`
	Attempts  int     `json:"attempts"`
	Reason    string  `json:"reason"`
	Text      *string `json:"text,omitempty"`
	Binary    *[]byte `json:"binary,omitempty"`
}

// bury publishes a message that was given up.
func (g *Gateway) bury(d webhook.Dead) {
	m := &d.Message
	l := deadLetter{Webhook: d.Hook.Name, Topic: m.Topic, Sequence: m.Sequence, Page: m.Page, Published: m.Time, Publisher: m.Publisher,
		Attempts: d.Attempts, Reason: d.Reason}
	if m.Text && utf8.Valid(m.Bytes) {
		text := string(m.Bytes)
		l.Text = &text
	} else if m.Bytes != nil {
		l.Binary = &m.Bytes
	}
	body, err := json.Marshal(l)
	if err == nil {
		_, err = g.topics.Publish(context.Background(), d.Hook.Space, DeadTopic, topics.Body{Bytes: body, Text: true})
	}
	if err != nil {
		g.log.Error("a message that was given up could not be published", "cache", d.Hook.Cache, "webhook", d.Hook.Name, "err", err)
	}
}
