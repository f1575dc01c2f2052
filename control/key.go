package control

import (
	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/auth"
)

// KeysMax bounds the number of keys.
const KeysMax = 100_000

// keptMillis is how long expired keys are kept: past the end of every disposable token that they asked for.
const keptMillis = (auth.DisposableSecondsMax + 3600) * 1000

// AddKey keeps an issued key, and forgets those that expired long ago.
type AddKey struct {
	Key   *auth.Key
	First bool // Exists where an owner has a key already: of gateways that start together, one makes it
}

// Apply implements Change.
func (c AddKey) Apply(s *State, now int64) (*State, error) {
	if s.Keys[c.Key.ID] != nil {
		return nil, &hearth.Error{Kind: hearth.Exists, Msg: "this key exists already"}
	}
	if c.First && s.HasOwner() {
		return nil, &hearth.Error{Kind: hearth.Exists, Msg: "the owner has a key already"}
	}
	if c.Key.Role != "" && s.Role(c.Key.Role) == nil {
		return nil, noRole(c.Key.Role)
	}
	n := s.clone()
	n.Keys = map[string]*auth.Key{c.Key.ID: c.Key}
	for id, k := range s.Keys {
		if !k.Expired(now - keptMillis) {
			n.Keys[id] = k
		}
	}
	if len(n.Keys) > KeysMax {
		return nil, &hearth.Error{Kind: hearth.Limited, Msg: "there are 100000 keys already: revoke some"}
	}
	return n, nil
}

// Needs implements Needer.
func (AddKey) Needs() (auth.Resource, auth.Access) { return auth.Authorization, auth.Write }

// RevokeKey forgets a key, at once, and with it every disposable token that it asked for; NotFound if there is none.
type RevokeKey struct{ ID string }

// Apply implements Change.
func (c RevokeKey) Apply(s *State, now int64) (*State, error) {
	if s.Keys[c.ID] == nil {
		return nil, &hearth.Error{Kind: hearth.NotFound, Msg: "there is no key " + c.ID}
	}
	n := s.clone()
	n.Keys = without(s.Keys, c.ID)
	return n, nil
}

// Needs implements Needer.
func (RevokeKey) Needs() (auth.Resource, auth.Access) { return auth.Authorization, auth.Write }

// AddSigningKey keeps a signing key, and forgets those that have expired.
type AddSigningKey struct{ Key *auth.SigningKey }

// Apply implements Change.
func (c AddSigningKey) Apply(s *State, now int64) (*State, error) {
	n := s.clone()
	n.Signing = map[string]*auth.SigningKey{c.Key.ID: c.Key}
	for id, k := range s.Signing {
		if k.Expires == 0 || now < k.Expires {
			n.Signing[id] = k
		}
	}
	return n, nil
}

// RevokeSigningKey forgets a signing key, and with it every token that it signed; NotFound if there is none.
type RevokeSigningKey struct{ ID string }

// Apply implements Change.
func (c RevokeSigningKey) Apply(s *State, now int64) (*State, error) {
	if s.Signing[c.ID] == nil {
		return nil, &hearth.Error{Kind: hearth.NotFound, Msg: "there is no signing key " + c.ID}
	}
	n := s.clone()
	n.Signing = without(s.Signing, c.ID)
	return n, nil
}

// KeyOf returns the key that a token is the text of, nil if there is none. It may have expired.
func (s *State) KeyOf(token string) *auth.Key {
	h := auth.HashOf(token)
	if k := s.Keys[h.ID()]; k != nil && k.Hash.Equal(&h) {
		return k
	}
	return nil
}

// Signer returns the newest key that hearth signs with, nil if there is none.
func (s *State) Signer() *auth.SigningKey {
	var newest *auth.SigningKey
	for _, k := range s.Signing {
		if k.Seed != nil && (newest == nil || k.Created > newest.Created) {
			newest = k
		}
	}
	return newest
}

// HasOwner reports whether some key is the owner's, so that no root key needs to be made.
func (s *State) HasOwner() bool {
	for _, k := range s.Keys {
		if k.Permissions.Owner {
			return true
		}
	}
	return false
}

// PermissionsOf returns what a key may do: what its role permits, where it has one. A key whose role is gone may do
// nothing.
func (s *State) PermissionsOf(k *auth.Key) auth.Permissions {
	if k.Role == "" {
		return k.Permissions
	}
	if r := s.Role(k.Role); r != nil {
		return r.Permissions
	}
	return auth.Permissions{}
}
