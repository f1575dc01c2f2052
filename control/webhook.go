package control

import (
	"fmt"
	"maps"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/auth"
)

// Webhook posts every message of one topic to a URL.
type Webhook struct {
	Name    string `json:"name"`
	Topic   string `json:"topic"`
	URL     string `json:"url"`
	Secret  string `json:"secret"` // signs deliveries, so it is kept as it is
	Created int64  `json:"created"`

	OldSecret string `json:"old_secret,omitempty"` // signs too, until OldUntil
	OldUntil  int64  `json:"old_until,omitempty"`  // milliseconds
}

// NoWebhook is the error about a webhook that does not exist.
func NoWebhook(name string) error {
	return &hearth.Error{Kind: hearth.NotFound, Msg: "webhook not found: " + name}
}

// PutWebhook creates a webhook of a cache, or points one elsewhere; then its secret stays. The URL was checked.
type PutWebhook struct {
	Cache, Name, Topic, URL string
	Secret                  string // of a new webhook
}

// Apply implements Change.
func (p PutWebhook) Apply(s *State, now int64) (*State, error) {
	c := s.Caches[p.Cache]
	if c == nil {
		return nil, NoCache(p.Cache)
	}
	if err := hearth.CheckWebhookName(p.Name); err != nil {
		return nil, err
	}
	if err := hearth.CheckTopicName(p.Topic); err != nil {
		return nil, err
	}
	made := &Webhook{Secret: p.Secret, Created: now}
	if old := c.Webhooks[p.Name]; old != nil {
		*made = *old
	} else if len(c.Webhooks) >= hearth.WebhooksMax {
		return nil, &hearth.Error{Kind: hearth.Limited, Msg: fmt.Sprintf("a cache has at most %d webhooks", hearth.WebhooksMax)}
	}
	made.Name, made.Topic, made.URL = p.Name, p.Topic, p.URL
	return s.webhooks(c, with(c.Webhooks, p.Name, made)), nil
}

// Needs implements Needer.
func (PutWebhook) Needs() (auth.Resource, auth.Access) { return auth.Management, auth.Write }

// RotateWebhook gives a webhook a new secret; the old one signs too for hearth.WebhookRotationOverlap.
type RotateWebhook struct{ Cache, Name, Secret string }

// Apply implements Change.
func (r RotateWebhook) Apply(s *State, now int64) (*State, error) {
	c, old, err := s.webhook(r.Cache, r.Name)
	if err != nil {
		return nil, err
	}
	n := *old
	n.Secret, n.OldSecret, n.OldUntil = r.Secret, old.Secret, now+hearth.WebhookRotationOverlap.Milliseconds()
	return s.webhooks(c, with(c.Webhooks, r.Name, &n)), nil
}

// Needs implements Needer.
func (RotateWebhook) Needs() (auth.Resource, auth.Access) { return auth.Management, auth.Write }

// DeleteWebhook deletes a webhook; NotFound if there is none of that name.
type DeleteWebhook struct{ Cache, Name string }

// Apply implements Change.
func (d DeleteWebhook) Apply(s *State, now int64) (*State, error) {
	c, _, err := s.webhook(d.Cache, d.Name)
	if err != nil {
		return nil, err
	}
	left := maps.Clone(c.Webhooks)
	delete(left, d.Name)
	return s.webhooks(c, left), nil
}

// Needs implements Needer.
func (DeleteWebhook) Needs() (auth.Resource, auth.Access) { return auth.Management, auth.Write }

func (s *State) webhook(cache, name string) (*Cache, *Webhook, error) {
	c := s.Caches[cache]
	if c == nil {
		return nil, nil, NoCache(cache)
	}
	w := c.Webhooks[name]
	if w == nil {
		return nil, nil, NoWebhook(name)
	}
	return c, w, nil
}

// webhooks returns the state with other webhooks of a cache.
func (s *State) webhooks(c *Cache, all map[string]*Webhook) *State {
	n, changed := s.clone(), *c
	changed.Webhooks = all
	n.Caches = with(s.Caches, c.Name, &changed)
	return n
}
