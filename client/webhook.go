package client

import (
	"context"

	"github.com/hearthcache/hearth/pb"
)

const webhookService = "/webhook.Webhook/"

// Webhook posts every message of a topic to a URL.
type Webhook struct {
	Name  string `json:"name"`
	Topic string `json:"topic"`
	URL   string `json:"url"`
}

// PutWebhook creates a webhook of the cache, or points one elsewhere, and returns the secret that signs its deliveries.
func (c *Cache) PutWebhook(ctx context.Context, w Webhook) (secret string, err error) {
	in := &pb.XPutWebhookRequest{Webhook: &pb.XWebhook{WebhookId: c.webhookID(w.Name), TopicName: w.Topic,
		Destination: &pb.XWebhookDestination{Kind: &pb.XWebhookDestination_PostUrl{PostUrl: w.URL}}}}
	var out pb.XPutWebhookResponse
	err = c.client.call(ctx, c.client.control, webhookService+"PutWebhook", "", in, &out)
	return out.SecretString, err
}

// Webhooks lists the webhooks of the cache.
func (c *Cache) Webhooks(ctx context.Context) ([]Webhook, error) {
	var out pb.XListWebhooksResponse
	if err := c.client.call(ctx, c.client.control, webhookService+"ListWebhooks", "", &pb.XListWebhookRequest{CacheName: c.name}, &out); err != nil {
		return nil, err
	}
	all := []Webhook{}
	for _, w := range out.Webhook {
		all = append(all, Webhook{Name: w.GetWebhookId().GetWebhookName(), Topic: w.TopicName, URL: w.GetDestination().GetPostUrl()})
	}
	return all, nil
}

// DeleteWebhook deletes a webhook of the cache.
func (c *Cache) DeleteWebhook(ctx context.Context, name string) error {
	in := &pb.XDeleteWebhookRequest{WebhookId: c.webhookID(name)}
	return c.client.call(ctx, c.client.control, webhookService+"DeleteWebhook", "", in, &pb.XDeleteWebhookResponse{})
}

// WebhookSecret returns the secret that signs a webhook's deliveries.
func (c *Cache) WebhookSecret(ctx context.Context, name string) (string, error) {
	var out pb.XGetWebhookSecretResponse
	in := &pb.XGetWebhookSecretRequest{CacheName: c.name, WebhookName: name}
	err := c.client.call(ctx, c.client.control, webhookService+"GetWebhookSecret", "", in, &out)
	return out.SecretString, err
}

// RotateWebhookSecret gives a webhook a new secret and returns it. The old one signs deliveries too for a day.
func (c *Cache) RotateWebhookSecret(ctx context.Context, name string) (string, error) {
	var out pb.XRotateWebhookSecretResponse
	in := &pb.XRotateWebhookSecretRequest{WebhookId: c.webhookID(name)}
	err := c.client.call(ctx, c.client.control, webhookService+"RotateWebhookSecret", "", in, &out)
	return out.SecretString, err
}

func (c *Cache) webhookID(name string) *pb.XWebhookId {
	return &pb.XWebhookId{CacheName: c.name, WebhookName: name}
}
