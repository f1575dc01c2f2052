package auth

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/hearthcache/hearth"
)

func TestUnwrap(t *testing.T) {
	check := func(shown, want string) {
		t.Helper()
		if got := Unwrap(shown); got != want {
			t.Errorf("Unwrap(%q) = %q, want %q", shown, got, want)
		}
	}

	check("", "")
	check("abc", "abc")
	check("Bearer abc", "abc")
	check("BEARER abc", "abc")
	check("Bearer", "Bearer")
	check("Bearer  abc ", "abc")
	v1 := WrapV1("cell.example.com", "abc")
	check(v1, "abc")
	check(strings.TrimRight(v1, "="), "abc")
	check("Bearer "+v1, "abc")
	check("eyJ.eyJ.x", "eyJ.eyJ.x") // a JWT
	check("eyJhIjoxfQ==", "eyJhIjoxfQ==")
	check("ey!!", "ey!!")
}

func TestWrapV1IsWhatClientsRead(t *testing.T) {
	b, err := base64.StdEncoding.DecodeString(WrapV1("e", "k"))
	if err != nil || string(b) != `{"endpoint":"e","api_key":"k"}` {
		t.Errorf("%s, %v", b, err)
	}
}

func TestFormsOfKeys(t *testing.T) {
	now := time.UnixMilli(1_800_000_000_000)
	signer := NewSigningKey(now.UnixMilli(), 0)
	claims := func(f Form) map[string]any {
		t.Helper()
		made, err := New(KeyRequest{Form: f, Seconds: 90}, "base.example.com", "", now, signer)
		if err != nil {
			t.Fatal(err)
		}
		h := HashOf(made.Token)
		if made.ValidUntil != now.Unix()+90 || made.Key.Hash != h || made.Key.ID != h.ID() || made.Refresh == "" {
			t.Errorf("%v: %+v", f, made)
		}
		parts := strings.Split(made.Token, ".")
		if len(parts) != 3 {
			return nil
		}
		b, err := base64.RawURLEncoding.DecodeString(parts[1])
		if err != nil {
			t.Fatal(err)
		}
		var c map[string]any
		if err := json.Unmarshal(b, &c); err != nil {
			t.Fatal(err)
		}
		return c
	}
	if c := claims(Opaque); c != nil {
		t.Errorf("an opaque key says %v", c)
	}
	if c := claims(V2); c["t"] != "g" || c["c"] != nil {
		t.Errorf("a v2 key says %v", c)
	}
	if c := claims(Legacy); c["c"] != "cache.base.example.com" || c["cp"] != "control.base.example.com" || c["t"] != nil {
		t.Errorf("a legacy key says %v", c)
	}
	if c := claims(Session); c["c"] != nil || c["t"] != nil || c["exp"] == nil {
		t.Errorf("a session token says %v", c)
	}
	for f := Opaque; f <= Session; f++ {
		if got, err := ParseForm(f.String()); err != nil || got != f {
			t.Errorf("ParseForm(%v) = %v, %v", f, got, err)
		}
	}
	if _, err := ParseForm("v3"); err == nil {
		t.Error("there is a form v3")
	}
}

func TestKeysDiffer(t *testing.T) {
	seen := map[string]bool{}
	for range 1000 {
		made, err := New(KeyRequest{Never: true}, "e", "", time.Now(), nil)
		if err != nil || seen[made.Token] || seen[made.Refresh] || made.ValidUntil != 0 {
			t.Fatalf("%+v, %v", made, err)
		}
		seen[made.Token], seen[made.Refresh] = true, true
	}
}

func TestHashAsText(t *testing.T) {
	h := HashOf("x")
	b, err := json.Marshal(h)
	if err != nil {
		t.Fatal(err)
	}
	var back Hash
	if err := json.Unmarshal(b, &back); err != nil || back != h {
		t.Errorf("%s came back as %v, %v", b, back, err)
	}
	for _, bad := range []string{`"short"`, `"!!"`, `""`, `"` + strings.Repeat("A", 60) + `"`} {
		if json.Unmarshal([]byte(bad), &back) == nil {
			t.Errorf("%s is a hash", bad)
		}
	}
}

func TestRequests(t *testing.T) {
	rule := []Rule{{Access: Read}}
	key := func(r KeyRequest, ok bool) {
		t.Helper()
		if err := r.Check(); (err == nil) != ok || err != nil && hearth.KindOf(err) != hearth.Invalid {
			t.Errorf("%+v: %v, want ok %v", r, err, ok)
		}
	}
	super := Permissions{Super: true}
	key(KeyRequest{Never: true, Permissions: super}, true)
	key(KeyRequest{Seconds: 1, Permissions: Permissions{Rules: rule}}, true)
	key(KeyRequest{Never: true, Role: "viewer"}, true)
	key(KeyRequest{Permissions: super}, false)
	key(KeyRequest{Seconds: -1, Permissions: super}, false)
	key(KeyRequest{Seconds: 1 << 33, Permissions: super}, false)
	key(KeyRequest{Never: true}, false)
	key(KeyRequest{Never: true, Permissions: super, Form: 9}, false)
	key(KeyRequest{Never: true, Permissions: super, TokenID: strings.Repeat("x", 65)}, false)
	key(KeyRequest{Never: true, Permissions: Permissions{Rules: append(rule, rule...)}}, false)

	token := func(r TokenRequest, ok bool) {
		t.Helper()
		if err := r.Check(); (err == nil) != ok || err != nil && hearth.KindOf(err) != hearth.Invalid {
			t.Errorf("%+v: %v, want ok %v", r, err, ok)
		}
	}
	token(TokenRequest{Seconds: DisposableSecondsMax, Rules: rule, TokenID: strings.Repeat("x", 64)}, true)
	token(TokenRequest{Seconds: DisposableSecondsMax + 1, Rules: rule}, false)
	token(TokenRequest{Rules: rule}, false)
	token(TokenRequest{Seconds: 1}, false)
	token(TokenRequest{Seconds: 1, Rules: rule, TokenID: "\xff"}, false)
	many := []Rule{}
	for i := range TokenRulesMax + 1 {
		many = append(many, Rule{Access: Read, Item: Only(strings.Repeat("x", i+1))})
	}
	token(TokenRequest{Seconds: 1, Rules: many[1:]}, true)
	token(TokenRequest{Seconds: 1, Rules: many}, false)
}

func TestCovers(t *testing.T) {
	rules := func(rs ...Rule) Permissions { return Permissions{Rules: rs} }
	check := func(p, o Permissions, want bool) {
		t.Helper()
		if got := p.Covers(&o); got != want {
			t.Errorf("%+v covers %+v: %v", p, o, got)
		}
	}
	owner, super := Permissions{Owner: true}, Permissions{Super: true}
	check(owner, owner, true)
	check(owner, super, true)
	check(super, super, false)
	check(super, owner, false)
	check(super, rules(Rule{Resource: Account, Access: Full}), true)
	all := rules(Rule{Access: ReadWrite})
	check(all, super, false)
	check(all, rules(Rule{Access: Read, Cache: Only("c")}), true)
	check(all, rules(Rule{Access: List}), false)
	check(all, rules(Rule{Resource: Topics, Access: Read}), false)
	check(all, rules(Rule{Resource: Topics}), true) // permits nothing
	prefix := rules(Rule{Access: Read, Cache: Only("c"), Item: StartingWith("ab")})
	check(prefix, rules(Rule{Access: Read, Cache: Only("c"), Item: StartingWith("abc")}), true)
	check(prefix, rules(Rule{Access: Read, Cache: Only("c"), Item: Only("ab")}), true)
	check(prefix, rules(Rule{Access: Read, Cache: Only("c"), Item: StartingWith("a")}), false)
	check(prefix, rules(Rule{Access: Read, Cache: Only("c")}), false)
	check(prefix, rules(Rule{Access: Read, Item: StartingWith("ab")}), false)
	check(prefix, rules(Rule{Access: ReadWrite, Cache: Only("c"), Item: StartingWith("ab")}), false)
}

func TestVerifyTellsExpiredFromWrong(t *testing.T) {
	now := time.Now()
	k := NewSigningKey(now.UnixMilli(), now.Add(time.Hour).UnixMilli())
	find := func(id string) *SigningKey {
		if id == k.ID {
			return k
		}
		return nil
	}
	token, err := k.SignDisposable(Claims{}, now, now.Add(time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	at := func(after time.Duration, want string) {
		t.Helper()
		var c Claims
		_, err := Verify(token, AudienceCredential, &c, now.Add(after), find)
		if want == "" && err == nil {
			return
		}
		if hearth.KindOf(err) != hearth.Unauthenticated || !strings.HasPrefix(err.Error(), want) || want == "" {
			t.Errorf("after %v: %v, want %q", after, err, want)
		}
	}
	at(0, "")
	at(2*time.Minute, "the token has expired")
	at(2*time.Hour, "the token is not valid") // the signing key itself is over
}

func TestJWK(t *testing.T) {
	k := NewSigningKey(0, 0)
	var m map[string]string
	if err := json.Unmarshal([]byte(k.JWK()), &m); err != nil || m["kid"] != k.ID || m["kty"] != "OKP" || m["d"] == "" {
		t.Errorf("%s, %v", k.JWK(), err)
	}
}

func TestSelectors(t *testing.T) {
	check := func(s Selector, name string, want bool) {
		t.Helper()
		if got := s.Matches([]byte(name)); got != want {
			t.Errorf("%+v matches %q: %v", s, name, got)
		}
	}
	check(Selector{}, "", true)
	check(Selector{}, "x", true)
	check(Only("x"), "x", true)
	check(Only("x"), "xx", false)
	check(Only(""), "x", false)
	check(StartingWith("x"), "xx", true)
	check(StartingWith("x"), "yx", false)
	check(StartingWith(""), "x", true)
	check(Selector{Kind: 9}, "x", false) // written by a version to come
}
