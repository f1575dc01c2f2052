package client

import "context"

const webhookService = "/webhook.Webhook/"

// Webhook posts every message of a topic to a URL.
type Webhook struct {
	Name  string `json:"name"`
	Topic string `json:"topic"`
	URL   string `json:"url"`
}

// PutWebhook creates a webhook of the cache, or points one elsewhere, and returns the secret that signs its deliveries.
func (c *Cache) PutWebhook(ctx context.Context, w Webhook) (secret string, err error) {
	hook := message(nil).bytes(1, c.webhookID(w.Name)).string(2, w.Topic).bytes(3, message(nil).string(1, w.URL))
	return c.webhook(ctx, "PutWebhook", message(nil).bytes(1, hook), 1)
}

// Webhooks lists the webhooks of the cache.
func (c *Cache) Webhooks(ctx context.Context) ([]Webhook, error) {
	out, err := c.client.call(ctx, c.client.control, webhookService+"ListWebhooks", "", message(nil).string(1, c.name))
	if err != nil {
		return nil, err
	}
	all := []Webhook{}
	err = read(out, func(f field) { all = append(all, readWebhook(f.bytes)) })
	return all, err
}

func readWebhook(in []byte) Webhook {
	var w Webhook
	_ = read(in, func(f field) {
		switch f.number {
		case 1:
			name, _, _ := member(f.bytes, 2)
			w.Name = string(name)
		case 2:
			w.Topic = string(f.bytes)
		case 3:
			url, _, _ := member(f.bytes, 1)
			w.URL = string(url)
		}
	})
	return w
}

// DeleteWebhook deletes a webhook of the cache.
func (c *Cache) DeleteWebhook(ctx context.Context, name string) error {
	_, err := c.webhook(ctx, "DeleteWebhook", message(nil).bytes(1, c.webhookID(name)), 0)
	return err
}

// WebhookSecret returns the secret that signs a webhook's deliveries.
func (c *Cache) WebhookSecret(ctx context.Context, name string) (string, error) {
	return c.webhook(ctx, "GetWebhookSecret", message(nil).string(1, c.name).string(2, name), 3)
}

// RotateWebhookSecret gives a webhook a new secret and returns it. The old one signs deliveries too for a day.
func (c *Cache) RotateWebhookSecret(ctx context.Context, name string) (string, error) {
	return c.webhook(ctx, "RotateWebhookSecret", message(nil).bytes(1, c.webhookID(name)), 1)
}

// webhook calls a method and returns the text in field at of its answer.
func (c *Cache) webhook(ctx context.Context, method string, in message, at int32) (string, error) {
	out, err := c.client.call(ctx, c.client.control, webhookService+method, "", in)
	if err != nil {
		return "", err
	}
	text := ""
	err = read(out, func(f field) {
		if int32(f.number) == at {
			text = string(f.bytes)
		}
	})
	return text, err
}

func (c *Cache) webhookID(name string) message { return message(nil).string(1, c.name).string(2, name) }
