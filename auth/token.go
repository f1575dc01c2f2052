package auth

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/hearthcache/hearth"
)

// What tokens are for: a token for one purpose is refused for another.
const (
	AudienceCredential = "hearth"
	issuer             = "hearth"
)

// Bounds of tokens.
const (
	DisposableSecondsMax = 25 * 3600 // the longest life of a disposable token
	TokenIDBytesMax      = 64
	TokenRulesMax        = 20
	tokenBytesMax        = 16 << 10 // longer texts are not looked at
)

// SigningKey signs tokens (Ed25519), or verifies those that somebody else signs with the private half.
type SigningKey struct {
	ID      string            `json:"id"`
	Created int64             `json:"created"`           // milliseconds
	Expires int64             `json:"expires,omitempty"` // tokens are not accepted from then on; 0 is never
	Public  ed25519.PublicKey `json:"public"`
	Seed    []byte            `json:"seed,omitempty"` // of the private key, where hearth signs with it
	Creator string            `json:"creator,omitempty"`
}

// NewSigningKey returns a fresh key.
func NewSigningKey(now, expires int64) *SigningKey {
	public, private, _ := ed25519.GenerateKey(rand.Reader) // never fails
	h := HashOf(string(public))
	return &SigningKey{ID: h.ID(), Created: now, Expires: expires, Public: public, Seed: private.Seed()}
}

// JWK returns the private key as a JSON Web Key.
func (k *SigningKey) JWK() string {
	enc := base64.RawURLEncoding.EncodeToString
	b, _ := json.Marshal(map[string]string{"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig",
		"kid": k.ID, "x": enc(k.Public), "d": enc(k.Seed)})
	return string(b)
}

// Claims is what a disposable token says.
type Claims struct {
	jwt.RegisteredClaims
	Creator string `json:"by,omitempty"`  // the key that asked for the token: revoking it revokes the token
	TokenID string `json:"tid,omitempty"` // shown as the publisher of messages
	Rules   []Rule `json:"p"`
}

// Sign signs claims of any shape for the audience they name.
func (k *SigningKey) Sign(claims jwt.Claims) (string, error) {
	t := jwt.NewWithClaims(jwt.SigningMethodEdDSA, claims)
	t.Header["kid"] = k.ID
	return t.SignedString(ed25519.NewKeyFromSeed(k.Seed))
}

// Validate implements jwt.ClaimsValidator: what hearth refuses to issue it refuses to accept.
func (c Claims) Validate() error { return checkTokenID(c.TokenID) }

// SignDisposable returns a disposable token.
func (k *SigningKey) SignDisposable(c Claims, now, expires time.Time) (string, error) {
	c.Issuer, c.Audience = issuer, jwt.ClaimStrings{AudienceCredential}
	c.IssuedAt, c.ExpiresAt = jwt.NewNumericDate(now), jwt.NewNumericDate(expires)
	c.ID = NewID()
	return k.Sign(c)
}

// Verify reads a token into claims: its signature by one of the keys (find returns nil for an unknown one), its
// algorithm, audience and expiry. Errors are Unauthenticated and tell an expired token from a wrong one.
func Verify(token, audience string, claims jwt.Claims, now time.Time, find func(kid string) *SigningKey) (*SigningKey, error) {
	if len(token) > tokenBytesMax {
		return nil, &hearth.Error{Kind: hearth.Unauthenticated, Msg: "the token is too long to be one of ours"}
	}
	var used *SigningKey
	parser := jwt.NewParser(
		jwt.WithValidMethods([]string{jwt.SigningMethodEdDSA.Alg()}),
		jwt.WithAudience(audience),
		jwt.WithExpirationRequired(),
		jwt.WithTimeFunc(func() time.Time { return now }),
		jwt.WithStrictDecoding(),
	)
	_, err := parser.ParseWithClaims(token, claims, func(t *jwt.Token) (any, error) {
		kid, _ := t.Header["kid"].(string)
		if used = find(kid); used == nil || used.Expires != 0 && now.UnixMilli() >= used.Expires {
			return nil, jwt.ErrTokenUnverifiable
		}
		return used.Public, nil
	})
	if err != nil {
		return nil, refused(err)
	}
	return used, nil
}

// refused is the error about a token that the library did not accept.
func refused(err error) error {
	msg := "the token is not valid"
	if isExpired(err) {
		msg = "the token has expired"
	}
	return &hearth.Error{Kind: hearth.Unauthenticated, Msg: msg, Err: err}
}

// identityClaims is what the JWT forms of keys say. Their signature is never trusted: the whole text is a secret of
// which the hash is kept. They are signed all the same, for clients that look.
type identityClaims struct {
	jwt.RegisteredClaims
	Type    string `json:"t,omitempty"`
	Cache   string `json:"c,omitempty"`
	Control string `json:"cp,omitempty"`
}

// keyToken returns the text of a new key in a form.
func keyToken(f Form, endpoint string, expires int64, now time.Time, signer *SigningKey) (string, error) {
	if f == Opaque {
		return opaqueToken(), nil
	}
	c := identityClaims{RegisteredClaims: jwt.RegisteredClaims{Issuer: issuer, ID: NewID(), IssuedAt: jwt.NewNumericDate(now)}}
	if expires != 0 {
		c.ExpiresAt = jwt.NewNumericDate(time.UnixMilli(expires))
	}
	switch f {
	case V2:
		c.Type = "g"
	case Legacy:
		c.Cache, c.Control = "cache."+endpoint, "control."+endpoint
	}
	return signer.Sign(c)
}

// NewID returns a fresh name of 160 random bits.
func NewID() string {
	var b [20]byte
	rand.Read(b[:])
	return keyIDs.EncodeToString(b[:])
}

// issuedByUs reports whether a token is a JWT that names hearth as its issuer.
func issuedByUs(token string) bool {
	_, rest, ok := strings.Cut(token, ".")
	payload, _, ok2 := strings.Cut(rest, ".")
	if !ok || !ok2 || len(token) > tokenBytesMax {
		return false
	}
	b, err := base64.RawURLEncoding.DecodeString(payload)
	if err != nil {
		return false
	}
	var c struct {
		Issuer string `json:"iss"`
	}
	return json.Unmarshal(b, &c) == nil && c.Issuer == issuer
}
