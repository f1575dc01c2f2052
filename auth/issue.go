package auth

import (
	"errors"
	"math"
	"time"
	"unicode/utf8"

	"github.com/golang-jwt/jwt/v5"

	"github.com/hearthcache/hearth"
)

// KeyRequest asks for a key.
type KeyRequest struct {
	Form        Form
	Permissions Permissions // ignored where a role is named
	Role        string
	Seconds     int64 // how long it is valid; 0 with Never
	Never       bool  // it does not expire
	Description string
	TokenID     string
}

// TokenRequest asks for a disposable token.
type TokenRequest struct {
	Rules   []Rule
	Seconds int64
	TokenID string
}

// Issued is a fresh credential: the only time that its text is seen.
type Issued struct {
	Token      string // what clients send as authorization
	Refresh    string // empty for disposable tokens
	Endpoint   string // the base host that clients derive theirs from
	ValidUntil int64  // epoch seconds; 0 is for ever
	Key        *Key   // nil for disposable tokens
}

// V1 returns the token as the v1 key that SDKs read.
func (i *Issued) V1() string { return WrapV1(i.Endpoint, i.Token) }

// Check returns an Invalid error unless a key can be made as asked.
func (r *KeyRequest) Check() error {
	switch {
	case !r.Never && r.Seconds <= 0:
		return invalid("expiry: a key is valid for at least 1 second, or never expires")
	case r.Seconds > math.MaxUint32:
		return invalid("expiry: a key is valid for at most 4294967295 seconds, or never expires")
	case int(r.Form) >= len(formNames):
		return invalid("unknown form of key")
	case r.Role == "" && !r.Permissions.Everything():
		return errors.Join(checkTokenID(r.TokenID), CheckExplicit(r.Permissions.Rules))
	}
	return checkTokenID(r.TokenID)
}

// Check returns an Invalid error unless a token can be made as asked.
func (r *TokenRequest) Check() error {
	switch {
	case r.Seconds <= 0:
		return invalid("expiry: a disposable token is valid for at least 1 second")
	case r.Seconds > DisposableSecondsMax:
		return invalid("expiry: a disposable token is valid for at most 25 hours (90000 seconds)")
	case len(r.Rules) > TokenRulesMax:
		return invalid("a disposable token has at most 20 permissions")
	}
	if err := checkTokenID(r.TokenID); err != nil {
		return err
	}
	return CheckExplicit(r.Rules)
}

func checkTokenID(id string) error {
	if len(id) > TokenIDBytesMax || !utf8.ValidString(id) {
		return invalid("token id: at most 64 bytes of UTF-8")
	}
	return nil
}

// New makes a key and the text that its holder will show.
func New(r KeyRequest, endpoint, creator string, now time.Time, signer *SigningKey) (Issued, error) {
	var expires int64
	if !r.Never {
		expires = now.UnixMilli() + r.Seconds*1000
	}
	token, err := keyToken(r.Form, endpoint, expires, now, signer)
	if err != nil {
		return Issued{}, err
	}
	refresh := opaqueToken()
	h := HashOf(token)
	k := &Key{ID: h.ID(), Hash: h, Refresh: HashOf(refresh), Form: r.Form, Issued: now.UnixMilli(), Expires: expires,
		Description: r.Description, TokenID: r.TokenID, Role: r.Role, Permissions: r.Permissions, Creator: creator}
	return Issued{Token: token, Refresh: refresh, Endpoint: endpoint, ValidUntil: expires / 1000, Key: k}, nil
}

// NewDisposable makes a disposable token.
func NewDisposable(r TokenRequest, endpoint, creator string, now time.Time, signer *SigningKey) (Issued, error) {
	until := now.Add(time.Duration(r.Seconds) * time.Second)
	token, err := signer.SignDisposable(Claims{Creator: creator, TokenID: r.TokenID, Rules: r.Rules}, now, until)
	return Issued{Token: token, Endpoint: endpoint, ValidUntil: until.Unix()}, err
}

func invalid(msg string) error { return &hearth.Error{Kind: hearth.Invalid, Msg: msg} }

func isExpired(err error) bool { return errors.Is(err, jwt.ErrTokenExpired) }
