package gateway

import (
	"context"
	"testing"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/auth"
	"github.com/hearthcache/hearth/control"
	"github.com/hearthcache/hearth/engine/local"
	"github.com/hearthcache/hearth/op"
)

func TestOpenGatewayServesAnyone(t *testing.T) {
	g := newGateway(t, true)
	c, err := g.SignIn(Credential{}, "c")
	if err != nil {
		t.Fatal(err)
	}
	r := &op.Reply{}
	if err := g.Do(context.Background(), c, &op.Get{K: []byte("k")}, r); hearth.KindOf(err) != hearth.NoCache {
		t.Fatalf("Get on no cache = %v", err)
	}
	if err := g.Change(context.Background(), c, control.CreateCache{Name: "c"}); err != nil {
		t.Fatal(err)
	}
	if _, err := g.Try(c, &op.Set{K: []byte("k"), Value: []byte("v"), Expiry: op.Expiry{TTL: 1000}}, r); err != nil {
		t.Fatal(err)
	}
	if _, err := g.Try(c, &op.Get{K: []byte("k")}, r); err != nil || string(r.Value()) != "v" {
		t.Fatalf("Get = %q, %v", r.Value(), err)
	}
}

func TestRevokedKeyFailsAtOnce(t *testing.T) {
	ctx := context.Background()
	g := newGateway(t, false)
	root, err := g.CreateRoot(ctx)
	if err != nil {
		t.Fatal(err)
	}
	owner, err := g.SignIn(Credential{Token: root.Token}, "")
	if err != nil {
		t.Fatal(err)
	}
	made, err := g.CreateKey(ctx, owner, auth.KeyRequest{Never: true, Permissions: auth.Permissions{Super: true}})
	if err != nil {
		t.Fatal(err)
	}
	c, err := g.SignIn(Credential{Token: made.V1()}, "c")
	if err != nil || !c.Fresh() {
		t.Fatal(err)
	}
	if err := g.Change(ctx, owner, control.RevokeKey{ID: made.Key.ID}); err != nil {
		t.Fatal(err)
	}
	if c.Fresh() {
		t.Error("a Caller with a revoked key is fresh")
	}
	if _, err := g.SignIn(Credential{Token: made.Token}, "c"); hearth.KindOf(err) != hearth.Unauthenticated {
		t.Errorf("SignIn with a revoked key = %v", err)
	}
}

func newGateway(t *testing.T, open bool) *Gateway {
	t.Helper()
	plane, err := control.NewPlane(context.Background(), nil)
	if err != nil {
		t.Fatal(err)
	}
	return New(Options{Engine: local.New(local.Options{}), Plane: plane, Open: open, Endpoint: "hearth.test"})
}
