package momento

import (
	"context"

	"github.com/hearthcache/hearth/control"
	"github.com/hearthcache/hearth/gateway"
)

// webhookRows are the methods of webhook.Webhook.
func (h *Handler) webhookRows() []row {
	return []row{
		h.later("/webhook.Webhook/PutWebhook", h.putWebhook),
		h.later("/webhook.Webhook/DeleteWebhook", h.deleteWebhook),
		h.later("/webhook.Webhook/ListWebhooks", h.listWebhooks),
		h.later("/webhook.Webhook/GetWebhookSecret", h.webhookSecret),
		h.later("/webhook.Webhook/RotateWebhookSecret", h.rotateWebhook),
	}
}

func (h *Handler) putWebhook(ctx context.Context, caller *gateway.Caller, m, b []byte) ([]byte, error) {
	var put control.PutWebhook
	f := scan(m)
	for f.next() {
		if f.tag != 1<<3|bytesType {
			continue
		}
		hook := scan(f.data)
		for hook.next() {
			switch hook.tag {
			case 1<<3 | bytesType:
				put.Cache, put.Name = webhookID(&hook, hook.data)
			case 2<<3 | bytesType:
				put.Topic = string(hook.text())
			case 3<<3 | bytesType:
				put.URL = string(hook.blob())
			}
		}
		f.bad = f.bad || hook.bad
	}
	if err := f.err(); err != nil {
		return nil, err
	}
	secret, err := h.gateway.PutWebhook(ctx, caller, put)
	return appendBytes(b, 1, secret), err
}

// webhookID reads the strings in fields 1 and 2 of a message: cache and webhook. f hears of what is malformed.
func webhookID(f *fields, m []byte) (cache, name string) {
	id := scan(m)
	for id.next() {
		switch id.tag {
		case 1<<3 | bytesType:
			cache = string(id.text())
		case 2<<3 | bytesType:
			name = string(id.text())
		}
	}
	f.bad = f.bad || id.bad
	return cache, name
}

// inField1 reads the _WebhookId in field 1 of a request that has no other field.
func inField1(m []byte) (cache, name string, err error) {
	f := scan(m)
	for f.next() {
		if f.tag == 1<<3|bytesType {
			cache, name = webhookID(&f, f.data)
		}
	}
	return cache, name, f.err()
}

func (h *Handler) deleteWebhook(ctx context.Context, caller *gateway.Caller, m, b []byte) ([]byte, error) {
	cache, name, err := inField1(m)
	if err != nil {
		return nil, err
	}
	return h.change(ctx, caller, b, control.DeleteWebhook{Cache: cache, Name: name})
}

func (h *Handler) listWebhooks(ctx context.Context, caller *gateway.Caller, m, b []byte) ([]byte, error) {
	cache, err := text1(m)
	if err != nil {
		return nil, err
	}
	all, err := h.gateway.Webhooks(caller, cache)
	for _, w := range all {
		var hook, part int
		b, hook = begin(b, 1)
		b, part = begin(b, 1)
		b = appendBytes(b, 1, cache)
		b = end(appendBytes(b, 2, w.Name), part)
		b = appendBytes(b, 2, w.Topic)
		b, part = begin(b, 3)
		b = end(appendPresent(b, 1, w.URL), part)
		b = end(b, hook)
	}
	return b, err
}

func (h *Handler) webhookSecret(ctx context.Context, caller *gateway.Caller, m, b []byte) ([]byte, error) {
	var f fields
	cache, name := webhookID(&f, m)
	if err := f.err(); err != nil {
		return nil, err
	}
	w, err := h.gateway.Webhook(caller, cache, name)
	if err != nil {
		return nil, err
	}
	return appendBytes(appendBytes(appendBytes(b, 1, cache), 2, name), 3, w.Secret), nil
}

func (h *Handler) rotateWebhook(ctx context.Context, caller *gateway.Caller, m, b []byte) ([]byte, error) {
	cache, name, err := inField1(m)
	if err != nil {
		return nil, err
	}
	secret, err := h.gateway.RotateWebhook(ctx, caller, cache, name)
	return appendBytes(b, 1, secret), err
}
