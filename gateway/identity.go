package gateway

import (
	"sync"
	"time"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/auth"
	"github.com/hearthcache/hearth/control"
)

// identity is who a token stands for, verified once.
type identity struct {
	name      string // what its use is metered under: the key's ID; of a disposable token, that of the key that asked for it
	publisher string
	expires   int64  // milliseconds; 0 is never
	key       string // the ID of a stored key; empty for tokens and in the open
	signing   string // the ID of the signing key of a disposable token
	creator   string // the ID of the key that asked for a disposable token
	rules     auth.Permissions
}

// identify returns who a token stands for under a state, or an Unauthenticated error.
func (g *Gateway) identify(shown string, s *control.State) (*identity, error) {
	token := auth.Unwrap(shown)
	if token == "" {
		if g.open {
			return everybody, nil
		}
		return nil, &hearth.Error{Kind: hearth.Unauthenticated, Msg: "no credential was given"}
	}
	now := g.now()
	if k := s.KeyOf(token); k != nil {
		if k.Expired(now.UnixMilli()) {
			return nil, errExpired
		}
		return &identity{name: k.ID, key: k.ID, publisher: k.TokenID, expires: k.Expires}, nil
	}
	who, err := g.verify(token, s, now)
	if err != nil && g.open && !auth.Ours(token) {
		// Programs that were set up for another server bring a key of its own: in the open it does no harm.
		return everybody, nil
	}
	return who, err
}

// everybody is who calls without a credential while hearth is open.
var everybody = &identity{rules: auth.Permissions{Owner: true}}

// verify checks a disposable token, once for each text.
func (g *Gateway) verify(token string, s *control.State, now time.Time) (*identity, error) {
	h := auth.HashOf(token)
	who := g.verified.get(h)
	if who == nil {
		var c auth.Claims
		k, err := auth.Verify(token, auth.AudienceCredential, &c, now, func(kid string) *auth.SigningKey { return s.Signing[kid] })
		if err != nil {
			return nil, err
		}
		who = &identity{name: c.Creator, publisher: c.TokenID, expires: c.ExpiresAt.UnixMilli(), signing: k.ID,
			creator: c.Creator, rules: auth.Permissions{Rules: auth.DataRules(c.Rules)}}
		if k.Seed == nil {
			// Somebody else signed this: what it says of its origin is not known to be true.
			who.name, who.creator = k.Creator, k.Creator
		}
		if k.Expires != 0 {
			who.expires = min(who.expires, k.Expires)
		}
		g.verified.put(h, who)
	}
	if now.UnixMilli() >= who.expires {
		return nil, errExpired
	}
	return who, who.holds(s)
}

// holds reports whether the credential is still good under a state; the clock apart.
func (i *identity) holds(s *control.State) error {
	switch {
	case i.key != "" && s.Keys[i.key] == nil:
		return errRevoked
	case i.signing != "" && s.Signing[i.signing] == nil:
		return errRevoked
	case i.creator != "" && s.Keys[i.creator] == nil:
		return errRevoked
	}
	return nil
}

var errRevoked = &hearth.Error{Kind: hearth.Unauthenticated, Msg: "the credential was revoked"}

// permissions returns what the identity may do under a state that it holds under.
func (i *identity) permissions(s *control.State) auth.Permissions {
	if k := s.Keys[i.key]; k != nil {
		return s.PermissionsOf(k)
	}
	return i.rules
}

// verified remembers disposable tokens whose signature was checked.
type verified struct {
	mu sync.Mutex // guards m
	m  map[auth.Hash]*identity
}

// verifiedMax bounds how many tokens are remembered; any of them may be forgotten.
const verifiedMax = 16 << 10

func (v *verified) get(h auth.Hash) *identity {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.m[h]
}

func (v *verified) put(h auth.Hash, i *identity) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.m == nil {
		v.m = map[auth.Hash]*identity{}
	}
	for old := range v.m {
		if len(v.m) < verifiedMax {
			break
		}
		delete(v.m, old)
	}
	v.m[h] = i
}
