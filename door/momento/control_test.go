package momento_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"google.golang.org/grpc/codes"

	"github.com/hearthcache/hearth/pb"
)

func TestCachesAreCreatedFlushedAndDeleted(t *testing.T) {
	conn := dial(t, newHandler(t))
	check := func(method, name string, want codes.Code) {
		t.Helper()
		in := &pb.XCreateCacheRequest{CacheName: name} // all three requests have the same one field
		if got := call(t, conn, "", "/control_client.ScsControl/"+method, in, &pb.XCreateCacheResponse{}); got != want {
			t.Errorf("%s(%q) = %v, want %v", method, name, got, want)
		}
	}

	check("CreateCache", "a", codes.OK)
	check("CreateCache", "a", codes.AlreadyExists)
	check("FlushCache", "a", codes.OK)
	check("DeleteCache", "a", codes.OK)
	check("DeleteCache", "a", codes.NotFound)
	check("FlushCache", "a", codes.NotFound)
	check("CreateCache", " ", codes.InvalidArgument)
	check("CreateIndex", "a", codes.Unimplemented)
}

func TestListCachesPagesWithLimits(t *testing.T) {
	conn := dial(t, newHandler(t))
	for i := range 1200 {
		in := &pb.XCreateCacheRequest{CacheName: fmt.Sprintf("cache-%04d", i)}
		if got := call(t, conn, "", "/control_client.ScsControl/CreateCache", in, &pb.XCreateCacheResponse{}); got != codes.OK {
			t.Fatal(got)
		}
	}
	seen, token := map[string]bool{}, ""
	for page := 0; page == 0 || token != ""; page++ {
		var r pb.XListCachesResponse
		if got := call(t, conn, "", "/control_client.ScsControl/ListCaches", &pb.XListCachesRequest{NextToken: token}, &r); got != codes.OK {
			t.Fatal(got)
		}
		for _, c := range r.Cache {
			seen[c.CacheName] = true
			l, u := c.CacheLimits, c.TopicLimits
			if l.MaxThroughputKbps != 10240 || l.MaxItemSizeKb != 4883 || l.MaxTrafficRate != 500 || l.MaxTtlSeconds != 86400 ||
				u.MaxPublishRate != 100 || u.MaxSubscriptionCount != 100 || u.MaxPublishMessageSizeKb != 100 {
				t.Fatalf("limits %v %v", l, u)
			}
		}
		token = r.NextToken
	}
	if len(seen) != 1201 {
		t.Errorf("listed %d caches, want 1201", len(seen))
	}
	for _, bad := range []string{"?", "AA"} {
		if got := call(t, conn, "", "/control_client.ScsControl/ListCaches", &pb.XListCachesRequest{NextToken: bad}, &pb.XListCachesResponse{}); got != codes.InvalidArgument {
			t.Errorf("ListCaches(%q) = %v", bad, got)
		}
	}
}

func TestSigningKeys(t *testing.T) {
	conn := dial(t, newHandler(t))
	const service = "/control_client.ScsControl/"
	var made pb.XCreateSigningKeyResponse
	if got := call(t, conn, "", service+"CreateSigningKey", &pb.XCreateSigningKeyRequest{TtlMinutes: 10}, &made); got != codes.OK {
		t.Fatal(got)
	}
	var jwk struct{ Kid string }
	if err := json.Unmarshal([]byte(made.Key), &jwk); err != nil || jwk.Kid == "" {
		t.Fatal(made.Key, err)
	}
	keys := func(want int) {
		t.Helper()
		var r pb.XListSigningKeysResponse
		if got := call(t, conn, "", service+"ListSigningKeys", &pb.XListSigningKeysRequest{}, &r); got != codes.OK || len(r.SigningKey) != want {
			t.Fatalf("%v, %v; want %d keys", got, &r, want)
		}
		if want == 1 && (r.SigningKey[0].KeyId != jwk.Kid || r.SigningKey[0].ExpiresAt != made.ExpiresAt) {
			t.Errorf("listed %v, made %v", &r, &made)
		}
	}
	keys(1)
	revoke := &pb.XRevokeSigningKeyRequest{KeyId: jwk.Kid}
	if got := call(t, conn, "", service+"RevokeSigningKey", revoke, &pb.XRevokeSigningKeyResponse{}); got != codes.OK {
		t.Error(got)
	}
	keys(0)
	if got := call(t, conn, "", service+"CreateSigningKey", &pb.XCreateSigningKeyRequest{}, &made); got != codes.InvalidArgument {
		t.Error(got)
	}
}

func TestPingAndHealthNeedNoCredential(t *testing.T) {
	h := newHandler(t)
	check := func(method string, request []byte, code uint32, response string) {
		t.Helper()
		a := direct(h, method, "", request, "authorization", "rubbish")
		if a.status.Code != code || code == 0 && string(a.messages[0]) != response {
			t.Errorf("%s: %+v", method, a)
		}
	}

	check("/cache_client.Ping/Ping", nil, 0, "")
	check("/grpc.health.v1.Health/Check", nil, 0, "\x08\x01")
	check("/grpc.health.v1.Health/Check", []byte("\x0a\x10cache_client.Scs"), 0, "\x08\x01")
	check("/grpc.health.v1.Health/Check", []byte("\x0a\x01x"), 5, "")
	check("/cache_client.Scs/Nonsense", nil, 12, "")
}
