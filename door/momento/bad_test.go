package momento_test

import (
	"bytes"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/hearthcache/hearth/pb"
)

// Bad input gets its proper error and changes nothing.
func TestBadInput(t *testing.T) {
	h := newHandler(t)
	const scs = "/cache_client.Scs/"
	const hour = 3_600_000
	set := func(key, body string, ttl uint64) *pb.XSetRequest {
		return &pb.XSetRequest{CacheKey: []byte(key), CacheBody: []byte(body), TtlMilliseconds: ttl}
	}
	mustOK(t, direct(h, scs+"Set", cacheName, marshal(t, set("k", "text", hour))))
	mustOK(t, direct(h, scs+"ListPushBack", cacheName, marshal(t, &pb.XListPushBackRequest{ListName: []byte("l"), Value: []byte("v"), TtlMilliseconds: hour})))
	kept := func() string {
		a := mustOK(t, direct(h, scs+"Get", cacheName, []byte("\x0a\x01k")))
		b := mustOK(t, direct(h, scs+"ListFetch", cacheName, []byte("\x0a\x01l")))
		return string(a.messages[0]) + "|" + string(b.messages[0])
	}
	before := kept()
	raw := func(method, cache string, request []byte, code uint32, err, says string) {
		t.Helper()
		a := direct(h, method, cache, request)
		if a.status.Code != code || a.status.Err != err || !strings.Contains(a.status.Message, says) || len(a.messages) > 0 {
			t.Errorf("%s: %+v; want %d %q %q", method, a.status, code, err, says)
		}
		if after := kept(); after != before {
			t.Errorf("%s: what was stored has changed from %q to %q", method, before, after)
		}
	}
	check := func(method, cache string, m proto.Message, code uint32, err, says string) {
		t.Helper()
		raw(scs+method, cache, marshal(t, m), code, err, says)
	}
	const invalid, notFound, exhausted, precondition = 3, 5, 8, 9

	// The cache comes before the arguments.
	check("Get", "no", &pb.XGetRequest{}, notFound, "", "no")
	check("Set", "no", set("", "", 0), notFound, "", "cache")
	check("SetIf", "no", &pb.XSetIfRequest{}, notFound, "", "cache")
	check("GetBatch", "no", &pb.XGetBatchRequest{}, notFound, "", "cache")
	check("SetBatch", "no", &pb.XSetBatchRequest{}, notFound, "", "cache")
	check("KeysExist", "no", &pb.XKeysExistRequest{}, notFound, "", "cache")
	check("DictionarySet", "no", &pb.XDictionarySetRequest{}, notFound, "", "cache")
	check("Get", "", &pb.XGetRequest{CacheKey: []byte("k")}, invalid, "", "cache")
	check("GetBatch", "", &pb.XGetBatchRequest{}, invalid, "", "cache")

	// Keys.
	check("Get", cacheName, &pb.XGetRequest{}, invalid, "", "key")
	check("Set", cacheName, set("", "v", hour), invalid, "", "key")
	check("KeysExist", cacheName, &pb.XKeysExistRequest{CacheKeys: [][]byte{{}}}, invalid, "", "key")
	check("GetBatch", cacheName, &pb.XGetBatchRequest{Items: []*pb.XGetRequest{{}}}, invalid, "", "key")

	// Times to live.
	check("Set", cacheName, set("k", "v", 0), invalid, "", "time to live")
	check("Set", cacheName, set("k", "v", 24*hour+1), invalid, "", "time to live")
	check("Set", cacheName, set("k", "v", 1<<63), invalid, "", "time to live")
	check("UpdateTtl", cacheName, &pb.XUpdateTtlRequest{CacheKey: []byte("k"), UpdateTtl: &pb.XUpdateTtlRequest_OverwriteToMilliseconds{}}, invalid, "", "time to live")
	check("Increment", cacheName, &pb.XIncrementRequest{CacheKey: []byte("k")}, invalid, "", "time to live")

	// Sizes.
	large := string(bytes.Repeat([]byte("x"), 5_300_000))
	check("Set", cacheName, set("k", large, hour), exhausted, "request_size_limit_exceeded", "request")
	check("SetIf", cacheName, &pb.XSetIfRequest{CacheKey: []byte("k"), CacheBody: []byte(large), TtlMilliseconds: hour,
		Condition: &pb.XSetIfRequest_Present{}}, exhausted, "request_size_limit_exceeded", "request")

	// Types.
	check("Increment", cacheName, &pb.XIncrementRequest{CacheKey: []byte("k"), TtlMilliseconds: hour}, precondition, "", "")
	check("Get", cacheName, &pb.XGetRequest{CacheKey: []byte("l")}, precondition, "", "")
	check("Increment", cacheName, &pb.XIncrementRequest{CacheKey: []byte("l"), TtlMilliseconds: hour}, precondition, "", "")
	check("ListPushBack", cacheName, &pb.XListPushBackRequest{ListName: []byte("k"), TtlMilliseconds: hour}, precondition, "", "")
	check("SetUnion", cacheName, &pb.XSetUnionRequest{SetName: []byte("l"), Elements: [][]byte{{1}}, TtlMilliseconds: hour}, precondition, "", "")
	check("SortedSetFetch", cacheName, &pb.XSortedSetFetchRequest{SetName: []byte("l")}, precondition, "", "")
	check("DictionaryDelete", cacheName, &pb.XDictionaryDeleteRequest{DictionaryName: []byte("l"), Delete: &pb.XDictionaryDeleteRequest_All_{}}, precondition, "", "")

	// Oneofs that are not set.
	check("SetIf", cacheName, &pb.XSetIfRequest{CacheKey: []byte("k"), TtlMilliseconds: hour}, invalid, "", "condition")
	check("SetIfHash", cacheName, &pb.XSetIfHashRequest{CacheKey: []byte("k"), TtlMilliseconds: hour}, invalid, "", "condition")
	check("UpdateTtl", cacheName, &pb.XUpdateTtlRequest{CacheKey: []byte("k")}, invalid, "", "update_ttl")
	check("DictionaryDelete", cacheName, &pb.XDictionaryDeleteRequest{DictionaryName: []byte("d")}, invalid, "", "delete")
	check("SetDifference", cacheName, &pb.XSetDifferenceRequest{SetName: []byte("s")}, invalid, "", "difference")
	check("ListErase", cacheName, &pb.XListEraseRequest{ListName: []byte("l")}, invalid, "", "erase")
	check("ListRemove", cacheName, &pb.XListRemoveRequest{ListName: []byte("l")}, invalid, "", "remove")
	check("SortedSetRemove", cacheName, &pb.XSortedSetRemoveRequest{SetName: []byte("z")}, invalid, "", "remove_elements")
	check("SortedSetUnionStore", cacheName, &pb.XSortedSetUnionStoreRequest{SetName: []byte("k"), TtlMilliseconds: hour}, invalid, "", "source")

	// What is no message, and half of one.
	whole := marshal(t, set("k", "other", hour))
	for n := range whole {
		if n == 0 || n == 3 || n == 3+7 { // between fields, where less is a message too
			continue
		}
		raw(scs+"Set", cacheName, whole[:n], invalid, "", "well-formed")
	}
	raw(scs+"Delete", cacheName, []byte("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"), invalid, "", "well-formed")
	raw(scs+"SetBatch", cacheName, append([]byte{0x0a, byte(len(whole))}, append(whole, 0x0a, 9)...), invalid, "", "well-formed")
	raw("/leaderboard.Leaderboard/GetRank", cacheName, []byte("\x12\x01\xff"), invalid, "", "well-formed")
}

func TestTheLargestValueIsAccepted(t *testing.T) {
	h := newHandler(t)
	body := bytes.Repeat([]byte("x"), 5_000_000)
	in := &pb.XSetRequest{CacheKey: []byte("k"), CacheBody: body, TtlMilliseconds: 1000}
	conn := dial(t, h)
	a, err := remote(t.Context(), conn, "/cache_client.Scs/Set", cacheName, marshal(t, in))
	if err != nil {
		t.Fatal(err)
	}
	mustOK(t, a)
	a, err = remote(t.Context(), conn, "/cache_client.Scs/Get", cacheName, []byte("\x0a\x01k"))
	if err != nil {
		t.Fatal(err)
	}
	var r pb.XGetResponse
	unmarshal(t, mustOK(t, a).messages[0], &r)
	if !bytes.Equal(r.CacheBody, body) {
		t.Errorf("%d bytes came back", len(r.CacheBody))
	}
	in.CacheBody = make([]byte, 7<<20)
	a, err = remote(t.Context(), conn, "/cache_client.Scs/Set", cacheName, marshal(t, in))
	if err == nil && (a.status.Code != 8 || a.status.Err != "request_size_limit_exceeded") {
		t.Errorf("a message of 7 MiB: %+v", a.status)
	}
}

// Momento's Java SDK says no time to live with ListRetain, which then leaves the list's alone.
func TestListRetainWithoutTTL(t *testing.T) {
	h := newHandler(t)
	const scs = "/cache_client.Scs/"
	mustOK(t, direct(h, scs+"ListConcatenateBack", cacheName, marshal(t, &pb.XListConcatenateBackRequest{ListName: []byte("l"),
		Values: [][]byte{[]byte("a"), []byte("b")}, TtlMilliseconds: 3_600_000})))
	mustOK(t, direct(h, scs+"ListRetain", cacheName, marshal(t, &pb.XListRetainRequest{ListName: []byte("l"),
		StartIndex: &pb.XListRetainRequest_InclusiveStart{InclusiveStart: 1}, EndIndex: &pb.XListRetainRequest_UnboundedEnd{}})))
	a := mustOK(t, direct(h, scs+"ItemGetTtl", cacheName, marshal(t, &pb.XItemGetTtlRequest{CacheKey: []byte("l")})))
	var left pb.XItemGetTtlResponse
	if err := proto.Unmarshal(a.messages[0], &left); err != nil || left.GetFound().GetRemainingTtlMillis() == 0 {
		t.Error(&left, err)
	}
	refresh := direct(h, scs+"ListRetain", cacheName, marshal(t, &pb.XListRetainRequest{ListName: []byte("l"), RefreshTtl: true}))
	if refresh.status.Code != 3 {
		t.Errorf("a refresh to no time to live: %+v", refresh.status)
	}
}
