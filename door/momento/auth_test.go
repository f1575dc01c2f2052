package momento_test

import (
	"context"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"github.com/hearthcache/hearth/control"
	"github.com/hearthcache/hearth/door/momento"
	"github.com/hearthcache/hearth/engine/local"
	"github.com/hearthcache/hearth/gateway"
	"github.com/hearthcache/hearth/pb"
)

// closed is a server that wants credentials, with one cache.
type closed struct {
	t    *testing.T
	h    *momento.Handler
	root string
}

func newClosed(t *testing.T) *closed {
	t.Helper()
	plane, err := control.NewPlane(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	g := gateway.New(gateway.Options{Engine: local.New(local.Options{}), Plane: plane, Endpoint: "hearth.test"})
	root, err := g.CreateRoot(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	s := &closed{t: t, h: momento.New(g), root: root.Token}
	s.call(codes.OK, root.Token, "", "/control_client.ScsControl/CreateCache", &pb.XCreateCacheRequest{CacheName: cacheName}, nil)
	return s
}

func (s *closed) call(want codes.Code, token, cache, method string, in, out proto.Message) {
	s.t.Helper()
	a := direct(s.h, method, cache, marshal(s.t, in), "authorization", token)
	if codes.Code(a.status.Code) != want {
		s.t.Errorf("%s = %v %q, want %v", method, codes.Code(a.status.Code), a.status.Message, want)
		return
	}
	if out != nil && want == codes.OK {
		unmarshal(s.t, a.messages[0], out)
	}
}

const (
	generateKey   = "/auth.Auth/GenerateApiToken"
	refreshKey    = "/auth.Auth/RefreshApiToken"
	generateToken = "/token.Token/GenerateDisposableToken"
	getMethod     = "/cache_client.Scs/Get"
	setMethod     = "/cache_client.Scs/Set"
)

func keyRequest(token string, p *pb.Permissions) *pb.XGenerateApiTokenRequest {
	return &pb.XGenerateApiTokenRequest{AuthToken: token, Permissions: p,
		Expiry: &pb.XGenerateApiTokenRequest_Expires_{Expires: &pb.XGenerateApiTokenRequest_Expires{ValidForSeconds: 60}}}
}

func superUser() *pb.Permissions {
	return &pb.Permissions{Kind: &pb.Permissions_SuperUser{}}
}

func explicit(ps ...*pb.PermissionsType) *pb.Permissions {
	return &pb.Permissions{Kind: &pb.Permissions_Explicit{Explicit: &pb.ExplicitPermissions{Permissions: ps}}}
}

func onCache(role pb.CacheRole, name string) *pb.PermissionsType {
	return &pb.PermissionsType{Kind: &pb.PermissionsType_CachePermissions_{CachePermissions: &pb.PermissionsType_CachePermissions{
		Role: role, Cache: &pb.PermissionsType_CachePermissions_CacheSelector{CacheSelector: &pb.PermissionsType_CacheSelector{
			Kind: &pb.PermissionsType_CacheSelector_CacheName{CacheName: name}}}}}}
}

func TestWhoMayGenerateKeys(t *testing.T) {
	s := newClosed(t)
	var super, scoped pb.XGenerateApiTokenResponse
	// As Node.js does it: the credential stands in the message alone.
	s.call(codes.OK, "", "", generateKey, keyRequest(s.root, superUser()), &super)
	s.call(codes.PermissionDenied, "", "", generateKey, keyRequest(super.ApiKey, superUser()), nil)
	s.call(codes.OK, "", "", generateKey, keyRequest(super.ApiKey, explicit(onCache(pb.CacheRole_CacheReadOnly, cacheName))), &scoped)
	s.call(codes.PermissionDenied, "", "", generateKey, keyRequest(scoped.ApiKey, explicit(onCache(pb.CacheRole_CacheReadOnly, cacheName))), nil)
	s.call(codes.Unauthenticated, "", "", generateKey, keyRequest("", superUser()), nil)
	s.call(codes.Unauthenticated, "", "", generateKey, keyRequest("hearth_nobody", superUser()), nil)

	s.call(codes.InvalidArgument, "", "", generateKey, keyRequest(super.ApiKey, explicit()), nil)
	s.call(codes.InvalidArgument, "", "", generateKey, keyRequest(super.ApiKey, explicit(onCache(pb.CacheRole_CacheReadOnly, "a"), onCache(pb.CacheRole_CacheReadWrite, "a"))), nil)
	s.call(codes.InvalidArgument, "", "", generateKey, &pb.XGenerateApiTokenRequest{AuthToken: super.ApiKey, Permissions: superUser()}, nil)

	if super.Endpoint != "hearth.test" || super.ValidUntil == 0 || super.RefreshToken == "" {
		t.Errorf("response %v", &super)
	}
	s.call(codes.OK, scoped.ApiKey, cacheName, getMethod, &pb.XGetRequest{CacheKey: []byte("k")}, nil)
	s.call(codes.PermissionDenied, scoped.ApiKey, cacheName, setMethod, &pb.XSetRequest{CacheKey: []byte("k"), TtlMilliseconds: 1}, nil)
	s.call(codes.PermissionDenied, scoped.ApiKey, "other", getMethod, &pb.XGetRequest{CacheKey: []byte("k")}, nil)
	s.call(codes.PermissionDenied, scoped.ApiKey, "", "/control_client.ScsControl/DeleteCache", &pb.XDeleteCacheRequest{CacheName: "nowhere"}, nil)
}

func TestRefresh(t *testing.T) {
	s := newClosed(t)
	var made, again pb.XGenerateApiTokenResponse
	s.call(codes.OK, "", "", generateKey, keyRequest(s.root, explicit(onCache(pb.CacheRole_CacheReadWrite, cacheName))), &made)
	var fresh pb.XRefreshApiTokenResponse
	s.call(codes.OK, "", "", refreshKey, &pb.XRefreshApiTokenRequest{ApiKey: made.ApiKey, RefreshToken: made.RefreshToken}, &fresh)
	s.call(codes.OK, fresh.ApiKey, cacheName, getMethod, &pb.XGetRequest{CacheKey: []byte("k")}, nil)
	if fresh.ApiKey == made.ApiKey || fresh.ValidUntil < made.ValidUntil {
		t.Errorf("refreshed %v from %v", &fresh, &made)
	}
	s.call(codes.OK, "", "", generateKey, keyRequest(s.root, superUser()), &again)
	s.call(codes.Unauthenticated, "", "", refreshKey, &pb.XRefreshApiTokenRequest{ApiKey: made.ApiKey, RefreshToken: again.RefreshToken}, nil)
	s.call(codes.Unauthenticated, "", "", refreshKey, &pb.XRefreshApiTokenRequest{ApiKey: "x", RefreshToken: "y"}, nil)
}

func TestDisposableTokens(t *testing.T) {
	s := newClosed(t)
	request := func(token string, seconds uint32, p *pb.Permissions) *pb.XGenerateDisposableTokenRequest {
		return &pb.XGenerateDisposableTokenRequest{AuthToken: token, Permissions: p, TokenId: "who",
			Expires: &pb.XGenerateDisposableTokenRequest_Expires{ValidForSeconds: seconds}}
	}
	prefix := onCache(pb.CacheRole_CacheWriteOnly, cacheName)
	prefix.GetCachePermissions().CacheItem = &pb.PermissionsType_CachePermissions_ItemSelector{ItemSelector: &pb.PermissionsType_CacheItemSelector{
		Kind: &pb.PermissionsType_CacheItemSelector_KeyPrefix{KeyPrefix: []byte("in/")}}}
	var made pb.XGenerateDisposableTokenResponse
	s.call(codes.OK, "", "", generateToken, request(s.root, 60, explicit(prefix)), &made)
	s.call(codes.OK, made.ApiKey, cacheName, setMethod, &pb.XSetRequest{CacheKey: []byte("in/k"), TtlMilliseconds: 1000}, nil)
	s.call(codes.PermissionDenied, made.ApiKey, cacheName, setMethod, &pb.XSetRequest{CacheKey: []byte("out/k"), TtlMilliseconds: 1000}, nil)
	s.call(codes.PermissionDenied, made.ApiKey, cacheName, getMethod, &pb.XGetRequest{CacheKey: []byte("in/k")}, nil)
	s.call(codes.PermissionDenied, "", "", generateToken, request(made.ApiKey, 60, explicit(prefix)), nil)

	s.call(codes.InvalidArgument, "", "", generateToken, request(s.root, 60, superUser()), nil)
	s.call(codes.InvalidArgument, "", "", generateToken, request(s.root, 60, explicit()), nil)
	s.call(codes.InvalidArgument, "", "", generateToken, request(s.root, 0, explicit(prefix)), nil)
	s.call(codes.InvalidArgument, "", "", generateToken, request(s.root, 25*3600+1, explicit(prefix)), nil)
	long := request(s.root, 60, explicit(prefix))
	long.TokenId = string(make([]byte, 66))
	s.call(codes.InvalidArgument, "", "", generateToken, long, nil)
	s.call(codes.Unauthenticated, "", "", generateToken, request("", 60, explicit(prefix)), nil)
}
