package auth

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base32"
	"encoding/base64"
	"encoding/json"
	"strings"

	"github.com/hearthcache/hearth"
)

// Form is how the text of a key looks. Every form is one secret that only its hash is kept of.
type Form uint8

// The forms of keys, as Momento's clients know them.
const (
	Opaque  Form = iota // v1: random text, which clients carry in base64 with the endpoint
	V2                  // a JWT with "t":"g"; the endpoint is given apart
	Legacy              // a JWT that names its hosts
	Session             // a JWT that names no hosts
)

// String returns the form's name in flags and in HTTP.
func (f Form) String() string {
	if int(f) < len(formNames) {
		return formNames[f]
	}
	return "unknown"
}

var formNames = [...]string{"v1", "v2", "legacy", "session"}

// ParseForm returns the form of a name.
func ParseForm(name string) (Form, error) {
	for i, n := range formNames {
		if n == name {
			return Form(i), nil
		}
	}
	return 0, &hearth.Error{Kind: hearth.Invalid, Msg: "unknown form of key " + name + ": it is one of " + strings.Join(formNames[:], ", ")}
}

// Hash is the SHA-256 of a secret of at least 128 random bits, so that it needs no salt and no slow function.
type Hash [sha256.Size]byte

// MarshalText implements encoding.TextMarshaler.
func (h Hash) MarshalText() ([]byte, error) {
	return base64.RawStdEncoding.AppendEncode(nil, h[:]), nil
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (h *Hash) UnmarshalText(b []byte) error {
	if base64.RawStdEncoding.DecodedLen(len(b)) != len(h) {
		return invalid("a hash has 32 bytes")
	}
	_, err := base64.RawStdEncoding.Decode(h[:], b)
	return err
}

// HashOf returns the hash of a token.
func HashOf(token string) Hash { return sha256.Sum256([]byte(token)) }

// Equal compares in constant time.
func (h *Hash) Equal(o *Hash) bool { return subtle.ConstantTimeCompare(h[:], o[:]) == 1 }

// ID returns the name that a key with this hash goes by: the hash's first 100 bits, which tell nothing of the secret.
func (h *Hash) ID() string { return keyIDs.EncodeToString(h[:13])[:20] }

var keyIDs = base32.NewEncoding("abcdefghijkmnpqrstuvwxyz23456789").WithPadding(base32.NoPadding)

// Key is an issued key as it is kept. A Key is never changed in place.
type Key struct {
	ID          string      `json:"id"` // Hash.ID()
	Hash        Hash        `json:"hash"`
	Refresh     Hash        `json:"refresh,omitzero"` // of the refresh token
	Form        Form        `json:"form,omitempty"`
	Issued      int64       `json:"issued"`            // milliseconds
	Expires     int64       `json:"expires,omitempty"` // milliseconds; 0 is never
	Description string      `json:"description,omitempty"`
	TokenID     string      `json:"token_id,omitempty"` // shown as the publisher of messages
	Role        string      `json:"role,omitempty"`     // its permissions are the role's
	Permissions Permissions `json:"permissions,omitzero"`
	Creator     string      `json:"creator,omitempty"` // the key that asked for it
}

// Expired reports whether the key is past its time, in milliseconds.
func (k *Key) Expired(now int64) bool { return k.Expires != 0 && now >= k.Expires }

// opaquePrefix begins hearth's own opaque keys, so that scanners for leaked secrets can find them.
const opaquePrefix = "hearth_"

// opaqueToken returns a fresh secret of 256 bits.
func opaqueToken() string {
	var b [32]byte
	rand.Read(b[:]) // never fails
	return opaquePrefix + base64.RawURLEncoding.EncodeToString(b[:])
}

// WrapV1 returns the v1 key that Momento's SDKs read: endpoint and key in base64.
func WrapV1(endpoint, token string) string {
	b, _ := json.Marshal(struct {
		Endpoint string `json:"endpoint"`
		APIKey   string `json:"api_key"`
	}{endpoint, token})
	return base64.StdEncoding.EncodeToString(b)
}

// Unwrap returns the token in what a client showed: without the scheme word Bearer, and out of a whole v1 key.
func Unwrap(shown string) string {
	if len(shown) > 7 && strings.EqualFold(shown[:7], "bearer ") {
		shown = strings.TrimSpace(shown[7:])
	}
	if !strings.HasPrefix(shown, "ey") || strings.ContainsRune(shown, '.') {
		return shown
	}
	b, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(shown, "="))
	if err != nil {
		return shown
	}
	var v1 struct {
		APIKey string `json:"api_key"`
	}
	if json.Unmarshal(b, &v1) != nil || v1.APIKey == "" {
		return shown
	}
	return v1.APIKey
}

// Ours reports whether a token looks like one that hearth issued, whether or not it is valid.
func Ours(token string) bool {
	return strings.HasPrefix(token, opaquePrefix) || issuedByUs(token)
}
