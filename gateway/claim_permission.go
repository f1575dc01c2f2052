package gateway

import (
	"context"
	"encoding/json"
	"time"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/auth"
	"github.com/hearthcache/hearth/op"
)

// PermissionRequest asks for a ticket that permits somebody else one upload.
type PermissionRequest struct {
	Claim ClaimRequest  // what may be brought: Size is its most bytes, 0 the cache's most; an empty Type is any
	Valid time.Duration // from now on; 0 is hearth.ClaimTTLDefault
}

// Permission is a ticket that permits one upload.
type Permission struct {
	Ticket  string
	Key     string
	Expires time.Time
	SizeMax int64 // bytes
}

// permission is what is kept of a Permission until it is used.
type permission struct {
	Key     []byte        `json:"k"`
	SizeMax int64         `json:"s"`
	TTL     time.Duration `json:"t,omitempty"`
	Reads   int           `json:"r,omitempty"`
	Type    string        `json:"c,omitempty"`
	Name    string        `json:"w,omitempty"` // whom the upload is metered under
	By      string        `json:"b,omitempty"` // the key that asked for it: revoking it revokes the permission
}

// PermitClaim makes a ticket for a caller who may write the key.
func (g *Gateway) PermitClaim(ctx context.Context, c *Caller, r PermissionRequest) (Permission, error) {
	if r.Claim.Key == nil {
		r.Claim.Key = []byte("claim-" + auth.NewID())
	}
	if err := checkClaim(&r.Claim); err != nil {
		return Permission{}, err
	}
	p, err := g.claimPlace(ctx, c, r.Claim.Key, auth.Write)
	if err != nil {
		return Permission{}, err
	}
	if err := p.admit(verbClaimPut); err != nil {
		return Permission{}, err
	}
	if _, err := p.ttl(r.Claim.TTL); err != nil {
		return Permission{}, err
	}
	expires, err := p.ttl(r.Valid)
	if err != nil {
		return Permission{}, err
	}
	kept := permission{Key: r.Claim.Key, SizeMax: p.claimSizeMax(r.Claim.Size), TTL: r.Claim.TTL, Reads: r.Claim.Reads, Type: r.Claim.Type,
		Name: c.who.name, By: c.who.key}
	if c.who.creator != "" {
		kept.By = c.who.creator
	}
	text, err := json.Marshal(kept)
	if err != nil {
		return Permission{}, err
	}
	nonce := newNonce()
	ticket, err := p.ticket(ctx, auth.TicketPut, itemOf(kept.Key), nonce, expires)
	if err != nil {
		return Permission{}, err
	}
	defer g.claims.lock()()
	space, _ := p.room(int64(len(text)), 1)
	if err := p.write(ctx, space, permissionKey(nonce), text, expires); err != nil {
		return Permission{}, err
	}
	return Permission{Ticket: ticket, Key: string(kept.Key), Expires: time.UnixMilli(expires), SizeMax: kept.SizeMax}, nil
}

// BringPermitted begins the upload that a ticket permits; size is -1 where it is not known. The permission is used when
// the upload is committed: one that fails may be tried again.
func (g *Gateway) BringPermitted(ctx context.Context, ticket string, size int64, contentType string) (*Upload, error) {
	p, t, err := g.ticketPlace(ticket, auth.TicketPut, "")
	if err != nil {
		return nil, err
	}
	var kept permission
	space, err := p.find(ctx, permissionKey(t.Nonce), &kept)
	switch {
	case err != nil:
		return nil, err
	case space == 0:
		return nil, errClaimUsed
	case kept.By != "" && p.state.Keys[kept.By] == nil:
		return nil, &hearth.Error{Kind: hearth.Denied, Msg: "the credential that gave this ticket was revoked"}
	case kept.Type != "" && contentType != kept.Type:
		return nil, &hearth.Error{Kind: hearth.Invalid, Msg: "the ticket permits a payload of the type " + kept.Type}
	case len(contentType) > hearth.ClaimTypeBytesMax:
		return nil, &hearth.Error{Kind: hearth.Invalid, Msg: "the content type is longer than 255 bytes"}
	}
	p.meter = g.meters.of(p.cache.Name, kept.Name)
	u, err := p.bring(ClaimRequest{Key: kept.Key, Size: size, TTL: kept.TTL, Reads: kept.Reads, Type: contentType}, kept.Name, kept.SizeMax)
	if err == nil {
		u.permission, u.permitted = t.Nonce, space
	}
	return u, err
}

// withdraw deletes the permission of a ticket.
func (p *claimPlace) withdraw(ctx context.Context, t auth.Ticket) error {
	for _, s := range p.spaces() {
		if err := p.gateway.engine.Do(ctx, s, &op.Delete{K: permissionKey(t.Nonce)}, &op.Reply{}); err != nil {
			return err
		}
	}
	return nil
}
