package gateway

import (
	"context"
	"net/netip"
	"testing"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/auth"
	"github.com/hearthcache/hearth/control"
)

// Callers share a binding where nothing that it depends on differs, and only there.
func TestCallersShareBindings(t *testing.T) {
	ctx := context.Background()
	g := newGateway(t, false)
	root, err := g.CreateRoot(ctx)
	if err != nil {
		t.Fatal(err)
	}
	signIn := func(cred Credential, cache string) *Caller {
		t.Helper()
		c, err := g.SignIn(cred, cache)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	owner := signIn(Credential{Token: root.Token}, "")
	for _, name := range []string{"c", "d"} {
		if err := g.Change(ctx, owner, control.CreateCache{Name: name}); err != nil {
			t.Fatal(err)
		}
	}
	reader, err := g.CreateKey(ctx, owner, auth.KeyRequest{Never: true, Permissions: auth.Permissions{Super: true}})
	if err != nil {
		t.Fatal(err)
	}
	cred := Credential{Token: root.Token, Peer: netip.MustParseAddr("192.0.2.1"), Door: RESP}
	one := signIn(cred, "c")
	if other := signIn(cred, "c"); one.bind() != other.bind() {
		t.Error("two callers of one key and cache do not share what they come to")
	}
	elsewhere, otherwise, another := cred, cred, cred
	elsewhere.Peer = netip.MustParseAddr("192.0.2.2")
	otherwise.Door = HTTP
	another.Token = reader.Token
	for what, c := range map[string]*Caller{"cache": signIn(cred, "d"), "address": signIn(elsewhere, "c"), "door": signIn(otherwise, "c"), "key": signIn(another, "c")} {
		if c.bind() == one.bind() {
			t.Errorf("callers share what they come to across a difference of %s", what)
		}
	}
	remembered := len(g.bindings.m)
	signIn(cred, "none")
	if n := len(g.bindings.m); n != remembered {
		t.Errorf("%d bindings are remembered after somebody named a cache that does not exist; want %d", n, remembered)
	}
	old := one.bind()
	if err := g.Change(ctx, owner, control.DeleteCache{Name: "c"}); err != nil {
		t.Fatal(err)
	}
	if one.bind() == old || hearth.KindOf(one.bind().exists("c")) != hearth.NoCache {
		t.Error("a caller still comes to a cache that was deleted")
	}
}
