package momento_test

import (
	"fmt"
	"testing"

	"google.golang.org/grpc/codes"

	"github.com/hearthcache/hearth/pb"
)

func TestScalars(t *testing.T) {
	conn := dial(t, newHandler(t))
	get := func(key string, want pb.ECacheResult, body string) {
		t.Helper()
		var r pb.XGetResponse
		code := call(t, conn, cacheName, "/cache_client.Scs/Get", &pb.XGetRequest{CacheKey: []byte(key)}, &r)
		if code != codes.OK || r.Result != want || string(r.CacheBody) != body {
			t.Errorf("Get(%q) = %v, %v", key, code, &r)
		}
	}
	set := func(key, body string, ttl uint64, want codes.Code) {
		t.Helper()
		var r pb.XSetResponse
		in := &pb.XSetRequest{CacheKey: []byte(key), CacheBody: []byte(body), TtlMilliseconds: ttl}
		if code := call(t, conn, cacheName, "/cache_client.Scs/Set", in, &r); code != want {
			t.Errorf("Set(%q) = %v, want %v", key, code, want)
		}
	}

	get("k", pb.ECacheResult_Miss, "")
	set("k", "v", 1000, codes.OK)
	get("k", pb.ECacheResult_Hit, "v")
	set("empty", "", 1000, codes.OK)
	get("empty", pb.ECacheResult_Hit, "")
	call(t, conn, cacheName, "/cache_client.Scs/Delete", &pb.XDeleteRequest{CacheKey: []byte("k")}, &pb.XDeleteResponse{})
	get("k", pb.ECacheResult_Miss, "")
}

func TestBatchAnswersInOrder(t *testing.T) {
	h := newHandler(t)
	conn := dial(t, h)
	set, get := &pb.XSetBatchRequest{}, &pb.XGetBatchRequest{}
	for i := range 500 {
		key := fmt.Appendf(nil, "k%d", i)
		if i%2 == 0 {
			set.Items = append(set.Items, &pb.XSetRequest{CacheKey: key, CacheBody: fmt.Appendf(nil, "v%d", i), TtlMilliseconds: 5000})
		}
		get.Items = append(get.Items, &pb.XGetRequest{CacheKey: key})
	}
	a, err := remote(t.Context(), conn, "/cache_client.Scs/SetBatch", cacheName, marshal(t, set))
	if err != nil || len(mustOK(t, a).messages) != 250 {
		t.Fatal(err, len(a.messages))
	}
	a, err = remote(t.Context(), conn, "/cache_client.Scs/GetBatch", cacheName, marshal(t, get))
	if err != nil || len(mustOK(t, a).messages) != 500 {
		t.Fatal(err, len(a.messages))
	}
	for i, m := range a.messages {
		var r pb.XGetResponse
		unmarshal(t, m, &r)
		want := fmt.Sprintf("v%d", i)
		if hit := r.Result == pb.ECacheResult_Hit; hit != (i%2 == 0) || hit && string(r.CacheBody) != want {
			t.Fatalf("item %d: %v", i, &r)
		}
	}
}
