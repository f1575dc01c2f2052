package gateway

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/auth"
	"github.com/hearthcache/hearth/control"
	"github.com/hearthcache/hearth/engine/local"
	"github.com/hearthcache/hearth/op"
)

// clock is a clock that a test turns.
type clock struct{ t time.Time }

func (c *clock) now() time.Time { return c.t }

func newClock() *clock { return &clock{time.UnixMilli(1_800_000_000_000)} }

// newTimed returns a gateway that wants credentials, on a clock, with the cache "c".
func newTimed(t testing.TB, settings map[string]string) (*Gateway, *clock) {
	t.Helper()
	plane, err := control.NewPlane(context.Background(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := plane.Change(context.Background(), control.CreateCache{Name: "c", Settings: settings}); err != nil {
		t.Fatal(err)
	}
	c := newClock()
	e := local.New(local.Options{Now: func() int64 { return c.t.UnixMilli() }})
	t.Cleanup(func() { _ = e.Close() })
	return New(Options{Engine: e, Plane: plane, Endpoint: "hearth.test", Now: c.now}), c
}

// refused fails unless a token is refused as one that is not authentic.
func refused(t *testing.T, g *Gateway, what, token string) {
	t.Helper()
	if _, err := g.SignIn(Credential{Token: token}, "c"); hearth.KindOf(err) != hearth.Unauthenticated {
		t.Errorf("%s: %v", what, err)
	}
}

func TestStrangers(t *testing.T) {
	ctx := context.Background()
	g, clock := newTimed(t, nil)
	super := signIn(t, g, "")
	made, err := g.CreateToken(ctx, super, auth.TokenRequest{Seconds: 60, Rules: []auth.Rule{{Access: auth.Read}}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := g.SignIn(Credential{Token: made.Token}, "c"); err != nil {
		t.Fatal(err)
	}
	head, rest, _ := strings.Cut(made.Token, ".")
	payload, signature, _ := strings.Cut(rest, ".")

	refused(t, g, "no credential", "")
	refused(t, g, "a word", "secret")
	refused(t, g, "Bearer and nothing", "Bearer ")
	refused(t, g, "a v1 key of nobody's", auth.WrapV1("hearth.test", "nobody"))
	refused(t, g, "a very long token", strings.Repeat("a", 1<<20))
	refused(t, g, "a very long JWT", head+"."+strings.Repeat("a", 1<<20)+"."+signature)
	for i := range len(made.Token) {
		refused(t, g, "a truncated token", made.Token[:i])
	}
	for i := range len(made.Token) {
		altered := []byte(made.Token)
		altered[i] = flip(altered[i])
		refused(t, g, "an altered token", string(altered))
	}
	refused(t, g, "a token with a tail", made.Token+"A")
	refused(t, g, "a token without a signature", head+"."+payload+".")

	clock.t = clock.t.Add(61 * time.Second)
	refused(t, g, "an expired token", made.Token)
}

// flip returns another character of base64 that differs in a bit that counts.
func flip(b byte) byte {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	i := strings.IndexByte(alphabet, b)
	return alphabet[(i+32)%64]
}

func TestForgedTokens(t *testing.T) {
	ctx := context.Background()
	g, clock := newTimed(t, nil)
	signer, err := g.signer(ctx)
	if err != nil {
		t.Fatal(err)
	}
	claims := func(audience string) auth.Claims {
		return auth.Claims{Rules: []auth.Rule{{Access: auth.Full}}, RegisteredClaims: jwt.RegisteredClaims{Issuer: "hearth",
			Audience: jwt.ClaimStrings{audience}, ExpiresAt: jwt.NewNumericDate(clock.t.Add(time.Minute))}}
	}
	forge := func(method jwt.SigningMethod, key any, c jwt.Claims) string {
		t.Helper()
		token := jwt.NewWithClaims(method, c)
		token.Header["kid"] = signer.ID
		s, err := token.SignedString(key)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	private := ed25519.NewKeyFromSeed(signer.Seed)
	if _, err := g.SignIn(Credential{Token: forge(jwt.SigningMethodEdDSA, private, claims("hearth"))}, "c"); err != nil {
		t.Fatalf("a proper token: %v", err)
	}
	refused(t, g, "no algorithm", forge(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, claims("hearth")))
	refused(t, g, "HMAC with the public key", forge(jwt.SigningMethodHS256, []byte(signer.Public), claims("hearth")))
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	refused(t, g, "RSA", forge(jwt.SigningMethodRS256, rsaKey, claims("hearth")))
	_, other, _ := ed25519.GenerateKey(nil)
	refused(t, g, "another's key", forge(jwt.SigningMethodEdDSA, other, claims("hearth")))
	refused(t, g, "another audience", forge(jwt.SigningMethodEdDSA, private, claims("ticket")))
	endless := claims("hearth")
	endless.ExpiresAt = nil
	refused(t, g, "no expiry", forge(jwt.SigningMethodEdDSA, private, endless))
	early := claims("hearth")
	early.NotBefore = jwt.NewNumericDate(clock.t.Add(time.Minute))
	refused(t, g, "not valid yet", forge(jwt.SigningMethodEdDSA, private, early))
	none := claims("hearth")
	none.Audience = nil
	refused(t, g, "no audience", forge(jwt.SigningMethodEdDSA, private, none))
	unsigned := base64.RawURLEncoding.EncodeToString([]byte(`{"t":"g","iss":"hearth"}`))
	refused(t, g, "a v2 key of nobody's", "eyJhbGciOiJFZERTQSJ9."+unsigned+".x")

	// Another hearth's tokens are another's.
	foreign, _ := newTimed(t, nil)
	made, err := foreign.CreateToken(ctx, signIn(t, foreign, ""), auth.TokenRequest{Seconds: 60, Rules: []auth.Rule{{Access: auth.Read}}})
	if err != nil {
		t.Fatal(err)
	}
	refused(t, g, "another hearth's token", made.Token)
}

func TestEveryFormOfKey(t *testing.T) {
	ctx := context.Background()
	g, clock := newTimed(t, nil)
	for f := auth.Opaque; f <= auth.Session; f++ {
		made, err := g.issue(ctx, auth.KeyRequest{Form: f, Seconds: 60, Permissions: auth.Permissions{Super: true}}, "")
		if err != nil {
			t.Fatal(err)
		}
		for _, shown := range []string{made.Token, "Bearer " + made.Token, "bearer " + made.Token, made.V1()} {
			if _, err := g.SignIn(Credential{Token: shown}, "c"); err != nil {
				t.Errorf("%v shown as %.20q: %v", f, shown, err)
			}
		}
		for i := range len(made.Token) {
			refused(t, g, f.String()+" truncated", made.Token[:i])
		}
		c, err := g.SignIn(Credential{Token: made.Token}, "c")
		if err != nil {
			t.Fatal(err)
		}
		clock.t = clock.t.Add(61 * time.Second)
		refused(t, g, f.String()+" expired", made.Token)
		if err := g.Do(ctx, c, &op.Get{K: []byte("k")}, &op.Reply{}); hearth.KindOf(err) != hearth.Unauthenticated || c.Fresh() {
			t.Errorf("a caller whose %v key has expired: %v", f, err)
		}
		for _, k := range g.View().Keys {
			if strings.Contains(k.ID+k.Description, made.Token) {
				t.Error("the state holds the text of a key")
			}
		}
	}
}

func TestRevocation(t *testing.T) {
	ctx := context.Background()
	g, _ := newTimed(t, nil)
	made, err := g.issue(ctx, auth.KeyRequest{Never: true, Permissions: auth.Permissions{Super: true}}, "")
	if err != nil {
		t.Fatal(err)
	}
	parent, err := g.SignIn(Credential{Token: made.Token}, "c")
	if err != nil {
		t.Fatal(err)
	}
	token, err := g.CreateToken(ctx, parent, auth.TokenRequest{Seconds: 60, Rules: []auth.Rule{{Access: auth.ReadWrite}}})
	if err != nil {
		t.Fatal(err)
	}
	child, err := g.SignIn(Credential{Token: token.Token}, "c")
	if err != nil {
		t.Fatal(err)
	}
	get := func(c *Caller) hearth.Kind {
		if err := g.Do(ctx, c, &op.Get{K: []byte("k")}, &op.Reply{}); err != nil {
			return hearth.KindOf(err)
		}
		return hearth.KindCount
	}
	if get(parent) != hearth.KindCount || get(child) != hearth.KindCount {
		t.Fatal("a good credential is refused")
	}
	if err := g.Change(ctx, parent, control.RevokeKey{ID: made.Key.ID}); err != nil {
		t.Fatal(err)
	}
	if get(parent) != hearth.Unauthenticated || get(child) != hearth.Unauthenticated || parent.Fresh() || child.Fresh() {
		t.Error("a revoked key, or a token that it asked for, still works")
	}
	refused(t, g, "a revoked key", made.Token)
	refused(t, g, "a token of a revoked key", token.Token)
	if err := g.Change(ctx, parent, control.CreateCache{Name: "x"}); hearth.KindOf(err) != hearth.Unauthenticated {
		t.Errorf("a change by a revoked key: %v", err)
	}
}

func TestSigningKeysOfUsers(t *testing.T) {
	ctx := context.Background()
	g, clock := newTimed(t, nil)
	super := signIn(t, g, "")
	k, err := g.CreateSigningKey(ctx, super, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if kept := g.View().Signing[k.ID]; kept.Seed != nil || len(k.Seed) == 0 {
		t.Error("the private half is kept, or not given out")
	}
	token, err := k.SignDisposable(auth.Claims{Creator: "somebody", Rules: []auth.Rule{
		{Access: auth.Read}, {Resource: auth.Management, Access: auth.Full}, {Resource: auth.Authorization, Access: auth.Full},
	}}, clock.t, clock.t.Add(time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	c, err := g.SignIn(Credential{Token: token}, "c")
	if err != nil {
		t.Fatal(err)
	}
	if c.who.name != super.who.key {
		t.Errorf("what the token does is counted as %q's", c.who.name)
	}
	if c.May(auth.Management, auth.Write) == nil || c.May(auth.Authorization, auth.Write) == nil {
		t.Error("a token that a user signed manages caches or keys")
	}
	if err := g.Do(ctx, c, &op.Get{K: []byte("k")}, &op.Reply{}); err != nil {
		t.Error(err)
	}
	for what, bad := range map[string]auth.Claims{
		"a long token id":           {TokenID: strings.Repeat("x", 65), Rules: []auth.Rule{{Access: auth.Read}}},
		"longer than its key lives": {Rules: []auth.Rule{{Access: auth.Read}}},
	} {
		forged, err := k.SignDisposable(bad, clock.t, clock.t.Add(3*time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		began := clock.t
		if bad.TokenID == "" {
			if _, err := g.SignIn(Credential{Token: forged}, "c"); err != nil {
				t.Error(err)
			}
			clock.t = clock.t.Add(2 * time.Hour)
		}
		refused(t, g, what, forged)
		clock.t = began
	}
	if err := g.Change(ctx, super, control.RevokeSigningKey{ID: k.ID}); err != nil {
		t.Fatal(err)
	}
	refused(t, g, "a token of a revoked signing key", token)
	if c.Fresh() {
		t.Error("a caller whose signing key was revoked is fresh")
	}
	if g.View().Signer() != nil {
		t.Error("a user's key became hearth's own")
	}
}

func TestSigningKeysRotate(t *testing.T) {
	ctx := context.Background()
	g, clock := newTimed(t, nil)
	super := signIn(t, g, "")
	request := auth.TokenRequest{Seconds: auth.DisposableSecondsMax, Rules: []auth.Rule{{Access: auth.Read}}}
	first, err := g.signer(ctx)
	if err != nil {
		t.Fatal(err)
	}
	clock.t = clock.t.Add(signingFor - time.Second)
	late, err := g.CreateToken(ctx, super, request)
	if err != nil {
		t.Fatal(err)
	}
	clock.t = clock.t.Add(2 * time.Second)
	second, err := g.signer(ctx)
	if err != nil || second.ID == first.ID {
		t.Fatalf("the signing key did not rotate: %v", err)
	}
	clock.t = clock.t.Add((auth.DisposableSecondsMax - 10) * time.Second)
	if _, err := g.SignIn(Credential{Token: late.Token}, "c"); err != nil {
		t.Errorf("a token that the old key signed last: %v", err)
	}
}

func TestNetworks(t *testing.T) {
	g, _ := newTimed(t, nil)
	p := auth.Permissions{Rules: []auth.Rule{{Access: auth.Read}}, Networks: []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16"), netip.MustParsePrefix("fd00::/8")}}
	made, err := g.issue(context.Background(), auth.KeyRequest{Never: true, Permissions: p}, "")
	if err != nil {
		t.Fatal(err)
	}
	from := func(addr string, want hearth.Kind) {
		t.Helper()
		var a netip.Addr
		if addr != "" {
			a = netip.MustParseAddr(addr)
		}
		_, err := g.SignIn(Credential{Token: made.Token, Peer: a}, "c")
		if (err == nil) != (want == hearth.KindCount) || err != nil && hearth.KindOf(err) != want {
			t.Errorf("from %q: %v", addr, err)
		}
	}
	from("10.1.2.3", hearth.KindCount)
	from("::ffff:10.1.2.3", hearth.KindCount)
	from("fd12::1", hearth.KindCount)
	from("10.2.0.1", hearth.Denied)
	from("::1", hearth.Denied)
	from("", hearth.Denied)
}

func TestOpen(t *testing.T) {
	ctx := context.Background()
	g := newGateway(t, true)
	for _, token := range []string{"", "another server's key", auth.WrapV1("elsewhere", "x"), "eyJhbGciOiJIUzI1NiJ9.e30.x"} {
		c, err := g.SignIn(Credential{Token: token}, "c")
		if err != nil {
			t.Errorf("%q in the open: %v", token, err)
			continue
		}
		if err := c.May(auth.Management, auth.Write); err != nil {
			t.Error(err)
		}
	}
	// A token that hearth issued means what it says even then, so that permissions can be tried out.
	anyone, _ := g.SignIn(Credential{}, "")
	made, err := g.CreateToken(ctx, anyone, auth.TokenRequest{Seconds: 60, Rules: []auth.Rule{{Access: auth.Read}}})
	if err != nil {
		t.Fatal(err)
	}
	c, err := g.SignIn(Credential{Token: made.Token}, "c")
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Check(op.Writes); hearth.KindOf(err) != hearth.Denied {
		t.Errorf("a token that only reads writes: %v", err)
	}
	refused(t, g, "an altered token of hearth's in the open", made.Token[:len(made.Token)-2])
	refused(t, g, "a key of hearth's that is unknown", "hearth_unknown")
}
