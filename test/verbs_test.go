package test

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/hearthcache/hearth/pb"
)

// need is what a verb asks of whoever says it.
type need string

// The needs. Those of items are about the key "k" of the cache "a", those of topics about its topic "t".
const (
	nothing need = "nothing" // strangers may
	signIn  need = "signIn"  // whoever has a good credential
	looks   need = "looks"   // to read some key of the cache; the answer shows no others
	reads   need = "reads"
	writes  need = "writes"
	both    need = "both"   // to read and to write, by one rule
	sweeps  need = "sweeps" // to write to the whole cache
	listens need = "listens"
	speaks  need = "speaks"
	hears   need = "hears"   // to read some topic of the cache; the answer shows no others
	lists   need = "lists"   // to read all topics
	manages need = "manages" // caches, keys and webhooks: a super user
	owns    need = "owns"    // to make super users: the owner
	secret  need = "secret"  // a secret that nobody here has
)

// visitor is somebody with a credential and what they may.
type visitor struct {
	name, token string
	may         map[need]bool
}

func who(name, token string, may ...need) visitor {
	v := visitor{name, token, map[need]bool{nothing: true}}
	for _, n := range may {
		v.may[n] = true
	}
	return v
}

// visitors returns everybody with a good credential, each of which permits something.
func (g *guarded) visitors() []visitor {
	token := func(args ...string) string {
		return g.cli(append([]string{"token", "create", "--ttl", "10m", "--bare"}, args...)...)
	}
	return []visitor{
		who("one who reads", token("--cache", "a", "--role", "readonly"), signIn, looks, reads, listens, hears, lists),
		who("one who writes", token("--cache", "a", "--role", "writeonly"), signIn, writes, sweeps, speaks),
		who("one who reads and writes", token("--cache", "a"), signIn, looks, reads, writes, both, sweeps, listens, hears, speaks, lists),
		who("one with the key k", token("--cache", "a", "--item", "k"), signIn, looks, reads, writes, both),
		who("one who reads other keys", token("--cache", "a", "--prefix", "in/", "--role", "readonly"), signIn, looks),
		who("one with other keys", token("--cache", "a", "--prefix", "in/"), signIn, looks),
		who("one with another key", token("--cache", "a", "--item", "kk"), signIn, looks),
		who("one of another cache", token("--cache", "b"), signIn),
		who("one with the topics", token("--cache", "a", "--topic", "*"), signIn, listens, hears, speaks, lists),
		who("one who listens", token("--cache", "a", "--topic", "t", "--role", "readonly"), signIn, listens, hears),
		who("one who speaks", token("--cache", "a", "--topic", "t", "--role", "writeonly"), signIn, speaks),
		who("one with another topic", token("--cache", "a", "--topic", "tt"), signIn, hears),
		who("one with topics of another cache", token("--cache", "b", "--topic", "*"), signIn),
		who("a super user", g.bare(g.cli("key", "create", "--super")), signIn, looks, reads, writes, both, sweeps, listens, hears, speaks, lists, manages),
		who("the owner", g.bare(g.root), signIn, looks, reads, writes, both, sweeps, listens, hears, speaks, lists, manages, owns),
	}
}

// bare returns the part of a v1 key that goes into a header.
func (g *guarded) bare(v1 string) string {
	g.t.Helper()
	var key struct {
		Token string `json:"api_key"`
	}
	b, err := base64.StdEncoding.DecodeString(v1)
	if err == nil {
		err = json.Unmarshal(b, &key)
	}
	if err != nil {
		g.t.Fatalf("%s is no v1 key: %v", v1, err)
	}
	return key.Token
}

// strangers returns everybody whose credential is no good. A good one of theirs worked before.
func (g *guarded) strangers() []visitor {
	good := g.cli("token", "create", "--cache", "a", "--ttl", "10m", "--bare")
	revoked := g.cli("key", "create", "--super")
	child := g.as(revoked, "token", "create", "--cache", "a", "--ttl", "10m", "--bare")
	for _, token := range []string{good, g.bare(revoked), child} {
		if got := g.resp(token, "a", "PING"); got != "+PONG\r\n" {
			g.t.Fatalf("a credential that is still good: %q", got)
		}
	}
	for _, line := range strings.Split(g.cli("key", "list"), "\n") {
		if id := regexp.MustCompile(`^\S{20}`).FindString(line); id != "" && !strings.Contains(line, "root") {
			g.cli("key", "revoke", id)
		}
	}
	expired := g.cli("token", "create", "--cache", "a", "--ttl", "1s", "--bare")
	expiredKey := g.bare(g.cli("key", "create", "--super", "--ttl", "1s"))
	time.Sleep(1100 * time.Millisecond)
	foreign := startGuarded(g.t, start)
	middle := len(good) / 2
	all := []visitor{
		who("nobody", ""),
		who("one with a word", "garbage"),
		who("one whose token has expired", expired),
		who("one whose key has expired", expiredKey),
		who("one whose key was revoked", g.bare(revoked)),
		who("one with a token of a revoked key", child),
		who("one who altered a token", good[:middle]+flip(good[middle])+good[middle+1:]),
		who("one who altered a signature", good[:len(good)-4]+flip(good[len(good)-4])+good[len(good)-3:]),
		who("one who cut a token", good[:len(good)-8]),
		who("one with a token of another hearth", foreign.cli("token", "create", "--cache", "a", "--ttl", "10m", "--bare")),
		who("the owner of another hearth", g.bare(foreign.root)),
	}
	for _, name := range slices.Sorted(maps.Keys(g.forged())) {
		all = append(all, who(name, g.forged()[name]))
	}
	return all
}

// flip returns another letter of URL-safe base64, with another value.
func flip(b byte) string {
	if b == 'A' {
		return "Q"
	}
	return "A"
}

// forged returns tokens that are signed with the wrong algorithm, for the wrong audience or without one, or by nobody. A
// signing key of the owner's shows that the right ones would do.
func (g *guarded) forged() map[string]string {
	g.t.Helper()
	made := &pb.XCreateSigningKeyResponse{}
	call(g.t, g, "control_client.ScsControl/CreateSigningKey", &pb.XCreateSigningKeyRequest{TtlMinutes: 10}, made)
	var jwk struct{ Kid, X, D string }
	if err := json.Unmarshal([]byte(made.Key), &jwk); err != nil {
		g.t.Fatal(err)
	}
	seed, err := base64.RawURLEncoding.DecodeString(jwk.D)
	if err != nil {
		g.t.Fatal(err)
	}
	private := ed25519.NewKeyFromSeed(seed)
	sign := func(method jwt.SigningMethod, key any, change func(jwt.MapClaims)) string {
		claims := jwt.MapClaims{"iss": "hearth", "aud": "hearth", "exp": time.Now().Add(time.Minute).Unix(), "p": []any{map[string]any{"resource": 0, "access": 7}}}
		change(claims)
		t := jwt.NewWithClaims(method, claims)
		t.Header["kid"] = jwk.Kid
		s, err := t.SignedString(key)
		if err != nil {
			g.t.Fatal(err)
		}
		return s
	}
	right := func(jwt.MapClaims) {}
	if got := g.resp(sign(jwt.SigningMethodEdDSA, private, right), "a", "SET k v"); got != "+OK\r\n" {
		g.t.Fatalf("a token that is signed as it should be: %q", got)
	}
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		g.t.Fatal(err)
	}
	_, other, _ := ed25519.GenerateKey(nil)
	return map[string]string{
		"one with a token for another audience": sign(jwt.SigningMethodEdDSA, private, func(c jwt.MapClaims) { c["aud"] = "ticket" }),
		"one with a token for no audience":      sign(jwt.SigningMethodEdDSA, private, func(c jwt.MapClaims) { delete(c, "aud") }),
		"one with a token that never ends":      sign(jwt.SigningMethodEdDSA, private, func(c jwt.MapClaims) { delete(c, "exp") }),
		"one with a token without a signature":  sign(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, right),
		"one who signs with the public key":     sign(jwt.SigningMethodHS256, []byte(private.Public().(ed25519.PublicKey)), right),
		"one who signs with RSA":                sign(jwt.SigningMethodRS256, rsaKey, right),
		"one who signs with a key of their own": sign(jwt.SigningMethodEdDSA, other, right),
	}
}

// verb is one request of a door, and what it needs.
type verb struct {
	name string
	need need
	say  func(token string) (refused bool, answer string)
}

// check has everybody say every verb, and fails where somebody is refused who may, or served who may not. The owner
// comes last: what they delete is gone.
func (g *guarded) check(visitors []visitor, verbs []verb) {
	g.t.Helper()
	for _, v := range visitors {
		for _, b := range verbs {
			refused, answer := b.say(v.token)
			if refused == v.may[b.need] {
				g.t.Errorf("%s says %s, which needs %q: refused %v: %.200q", v.name, b.name, b.need, refused, answer)
			}
		}
	}
}

// everybody are those with a good credential and those without, in an order in which nobody takes away what others need.
func (g *guarded) everybody() []visitor {
	strangers := g.strangers()
	return append(strangers, g.visitors()...)
}

// table reads "need: verb, verb" lines, several of which may have one need.
func table(t *testing.T, text, separator string) map[string]need {
	t.Helper()
	needs := map[string]need{}
	for line := range strings.Lines(text) {
		what, rest, ok := strings.Cut(strings.TrimSpace(line), ":")
		if !ok {
			continue
		}
		for word := range strings.SplitSeq(rest, separator) {
			word = strings.TrimSpace(word)
			if needs[word] != "" {
				t.Errorf("%s stands twice in the table", word)
			}
			needs[word] = need(what)
		}
	}
	return needs
}

// whole fails unless the cases are of exactly the verbs that there are.
func whole(t *testing.T, what string, there, cases []string) {
	t.Helper()
	for _, v := range there {
		if !slices.Contains(cases, v) {
			t.Errorf("%s: %s has no case: say what it needs", what, v)
		}
	}
	for _, v := range cases {
		if !slices.Contains(there, v) {
			t.Errorf("%s: there is no %s", what, v)
		}
	}
}
