package gateway

import (
	"context"
	"time"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/auth"
	"github.com/hearthcache/hearth/control"
)

// How long hearth signs with one key, and how long after that tokens signed by it are accepted.
const (
	signingFor    = 30 * 24 * time.Hour
	signingExtent = signingFor + max(auth.DisposableSecondsMax*time.Second, hearth.ClaimTTLMax) + time.Hour
)

// CreateKey issues a key. Only owners create super users, only super users and owners create keys with more than they
// may do themselves.
func (g *Gateway) CreateKey(ctx context.Context, c *Caller, r auth.KeyRequest) (auth.Issued, error) {
	if err := c.May(auth.Authorization, auth.Write); err != nil {
		return auth.Issued{}, err
	}
	if err := r.Check(); err != nil {
		return auth.Issued{}, err
	}
	wanted := r.Permissions
	if r.Role != "" {
		role := g.View().Role(r.Role)
		if role == nil {
			return auth.Issued{}, &hearth.Error{Kind: hearth.NotFound, Msg: "there is no role " + r.Role}
		}
		wanted = role.Permissions
	}
	if err := c.mayGive(&wanted); err != nil {
		return auth.Issued{}, err
	}
	return g.issue(ctx, r, c.who.key)
}

// mayGive lets callers give away no more than they have.
func (c *Caller) mayGive(wanted *auth.Permissions) error {
	own := c.who.permissions(c.gateway.View())
	if !own.Covers(wanted) {
		return &hearth.Error{Kind: hearth.Denied, Msg: "this credential may not give permissions that it does not have, nor create super users unless it is the owner's"}
	}
	return nil
}

// issue makes and keeps a key.
func (g *Gateway) issue(ctx context.Context, r auth.KeyRequest, creator string) (auth.Issued, error) {
	return g.issueOnce(ctx, r, creator, false)
}

// issueOnce is issue; with first it is Exists where an owner has a key.
func (g *Gateway) issueOnce(ctx context.Context, r auth.KeyRequest, creator string, first bool) (auth.Issued, error) {
	var signer *auth.SigningKey
	if r.Form != auth.Opaque {
		var err error
		if signer, err = g.signer(ctx); err != nil {
			return auth.Issued{}, err
		}
	}
	made, err := auth.New(r, g.endpoint, creator, g.now(), signer)
	if err != nil {
		return auth.Issued{}, err
	}
	_, err = g.plane.Change(ctx, control.AddKey{Key: made.Key, First: first})
	return made, err
}

// CreateRoot issues the owner's first key, Exists where there is one: package cmd/hearth shows it once. It asks for no
// permission.
func (g *Gateway) CreateRoot(ctx context.Context) (auth.Issued, error) {
	return g.issueOnce(ctx, auth.KeyRequest{Permissions: auth.Permissions{Owner: true}, Never: true, Description: "root key"}, "", true)
}

// RefreshKey issues a key like the one shown, valid as long as that was at first; both are valid until they expire. The
// caller shows no other credential. An expired key is Invalid, everything else that is wrong Unauthenticated.
func (g *Gateway) RefreshKey(ctx context.Context, token, refresh string) (auth.Issued, error) {
	k := g.View().KeyOf(auth.Unwrap(token))
	if k == nil {
		return auth.Issued{}, &hearth.Error{Kind: hearth.Unauthenticated, Msg: "the key is unknown or was revoked"}
	}
	if k.Expired(g.now().UnixMilli()) {
		return auth.Issued{}, &hearth.Error{Kind: hearth.Invalid, Msg: "the key has expired: it cannot be refreshed"}
	}
	if h := auth.HashOf(refresh); !h.Equal(&k.Refresh) {
		return auth.Issued{}, &hearth.Error{Kind: hearth.Unauthenticated, Msg: "the refresh token is not that of the key"}
	}
	r := auth.KeyRequest{Form: k.Form, Permissions: k.Permissions, Role: k.Role, Description: k.Description, TokenID: k.TokenID,
		Never: k.Expires == 0, Seconds: (k.Expires - k.Issued) / 1000}
	return g.issue(ctx, r, k.Creator)
}

// CreateToken issues a disposable token. It lives no longer than the key that asks for it is not revoked.
func (g *Gateway) CreateToken(ctx context.Context, c *Caller, r auth.TokenRequest) (auth.Issued, error) {
	if err := c.May(auth.Authorization, auth.Write); err != nil {
		return auth.Issued{}, err
	}
	if err := r.Check(); err != nil {
		return auth.Issued{}, err
	}
	if err := c.mayGive(&auth.Permissions{Rules: r.Rules}); err != nil {
		return auth.Issued{}, err
	}
	signer, err := g.signer(ctx)
	if err != nil {
		return auth.Issued{}, err
	}
	return auth.NewDisposable(r, g.endpoint, c.who.name, g.now(), signer)
}

// PutRole creates or replaces a role for a caller who has all that it permits.
func (g *Gateway) PutRole(ctx context.Context, c *Caller, change control.PutRole) error {
	if err := c.authorizeChange(change); err != nil {
		return err
	}
	if err := c.mayGive(&change.Role.Permissions); err != nil {
		return err
	}
	_, err := g.plane.Change(ctx, change)
	return err
}

// CreateSigningKey makes a key with which a super user signs disposable tokens without asking hearth. Only its public
// half is kept.
func (g *Gateway) CreateSigningKey(ctx context.Context, c *Caller, valid time.Duration) (*auth.SigningKey, error) {
	if valid <= 0 || valid > 10*365*24*time.Hour {
		return nil, &hearth.Error{Kind: hearth.Invalid, Msg: "a signing key is valid for 1 minute to 10 years"}
	}
	now := g.now().UnixMilli()
	made := auth.NewSigningKey(now, now+valid.Milliseconds())
	made.Creator = c.who.key
	kept := *made
	kept.Seed = nil
	return made, g.Change(ctx, c, control.AddSigningKey{Key: &kept})
}

// signer returns the key that hearth signs with now; it makes one where there is none, or where it is time.
func (g *Gateway) signer(ctx context.Context) (*auth.SigningKey, error) {
	return g.signerUntil(ctx, g.now())
}

// signerUntil is signer for what is to be accepted until a time.
func (g *Gateway) signerUntil(ctx context.Context, until time.Time) (*auth.SigningKey, error) {
	now := g.now()
	if k := g.View().Signer(); k != nil && now.UnixMilli() < k.Created+signingFor.Milliseconds() && (k.Expires == 0 || until.UnixMilli() <= k.Expires) {
		return k, nil
	}
	made := auth.NewSigningKey(now.UnixMilli(), now.Add(signingExtent).UnixMilli())
	_, err := g.plane.Change(ctx, control.AddSigningKey{Key: made})
	return made, err
}
