package momento_test

import (
	"testing"

	"google.golang.org/grpc/codes"

	"github.com/hearthcache/hearth/pb"
)

func TestWebhooks(t *testing.T) {
	conn := dial(t, newHandler(t))
	const service = "/webhook.Webhook/"
	id := &pb.XWebhookId{CacheName: cacheName, WebhookName: "w"}
	put := func(cache, name, topic, url string, want codes.Code) string {
		t.Helper()
		var r pb.XPutWebhookResponse
		in := &pb.XPutWebhookRequest{Webhook: &pb.XWebhook{WebhookId: &pb.XWebhookId{CacheName: cache, WebhookName: name}, TopicName: topic,
			Destination: &pb.XWebhookDestination{Kind: &pb.XWebhookDestination_PostUrl{PostUrl: url}}}}
		if got := call(t, conn, "", service+"PutWebhook", in, &r); got != want {
			t.Errorf("PutWebhook(%q, %q, %q, %q) = %v, want %v", cache, name, topic, url, got, want)
		}
		return r.SecretString
	}
	secret := func(want string, code codes.Code) {
		t.Helper()
		var r pb.XGetWebhookSecretResponse
		in := &pb.XGetWebhookSecretRequest{CacheName: cacheName, WebhookName: "w"}
		if got := call(t, conn, "", service+"GetWebhookSecret", in, &r); got != code || r.SecretString != want || code == codes.OK && (r.CacheName != cacheName || r.WebhookName != "w") {
			t.Errorf("GetWebhookSecret = %v, %v; want %v, %q", got, &r, code, want)
		}
	}

	secret("", codes.NotFound)
	first := put(cacheName, "w", "t", "https://example.com/a", codes.OK)
	if len(first) < 20 {
		t.Fatalf("the secret is %q", first)
	}
	secret(first, codes.OK)
	if again := put(cacheName, "w", "u", "https://example.com/b", codes.OK); again != first {
		t.Error("pointing a webhook elsewhere has changed its secret")
	}
	put("nowhere", "w", "t", "https://example.com/", codes.NotFound)
	put(cacheName, "", "t", "https://example.com/", codes.InvalidArgument)
	put(cacheName, "x", "", "https://example.com/", codes.InvalidArgument)
	put(cacheName, "x", "t", "http://127.0.0.1/", codes.InvalidArgument)
	put(cacheName, "x", "t", "", codes.InvalidArgument)
	put(cacheName, "x", "$hearth/dead-letters", "https://example.com/", codes.InvalidArgument)

	var list pb.XListWebhooksResponse
	if got := call(t, conn, "", service+"ListWebhooks", &pb.XListWebhookRequest{CacheName: cacheName}, &list); got != codes.OK || len(list.Webhook) != 1 {
		t.Fatal(got, &list)
	}
	if w := list.Webhook[0]; w.WebhookId.CacheName != cacheName || w.WebhookId.WebhookName != "w" || w.TopicName != "u" || w.Destination.GetPostUrl() != "https://example.com/b" {
		t.Errorf("listed %v", w)
	}
	var rotated pb.XRotateWebhookSecretResponse
	if got := call(t, conn, "", service+"RotateWebhookSecret", &pb.XRotateWebhookSecretRequest{WebhookId: id}, &rotated); got != codes.OK || rotated.SecretString == first {
		t.Error(got, &rotated)
	}
	secret(rotated.SecretString, codes.OK)
	if got := call(t, conn, "", service+"DeleteWebhook", &pb.XDeleteWebhookRequest{WebhookId: id}, &pb.XDeleteWebhookResponse{}); got != codes.OK {
		t.Error(got)
	}
	for _, method := range []string{"DeleteWebhook", "RotateWebhookSecret"} {
		if got := call(t, conn, "", service+method, &pb.XDeleteWebhookRequest{WebhookId: id}, &pb.XDeleteWebhookResponse{}); got != codes.NotFound {
			t.Errorf("%s on a webhook that is gone = %v", method, got)
		}
	}
	secret("", codes.NotFound)
}
