package control

import (
	"strings"
	"unicode/utf8"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/auth"
)

// Role is a name for permissions that several keys share.
type Role struct {
	ID          string           `json:"id"`
	Name        string           `json:"name"`
	System      bool             `json:"system,omitempty"` // it cannot be changed
	Description string           `json:"description,omitempty"`
	Permissions auth.Permissions `json:"permissions"`
}

// RolesMax bounds the number of custom roles.
const RolesMax = 1000

// SystemRoles are there from the start.
var SystemRoles = []*Role{
	{ID: "owner", Name: "Owner", System: true, Description: "Everything.", Permissions: auth.Permissions{Super: true}},
	{ID: "operator", Name: "Operator", System: true, Description: "Read and write everything but the account.",
		Permissions: auth.Permissions{Rules: everything(auth.Full, auth.Full)}},
	{ID: "viewer", Name: "Viewer", System: true, Description: "Read only.",
		Permissions: auth.Permissions{Rules: everything(auth.Read|auth.List, auth.Read|auth.List)}},
}

func everything(manage, data auth.Access) []auth.Rule {
	return []auth.Rule{
		{Resource: auth.Account, Access: auth.Read | auth.List},
		{Resource: auth.Authorization, Access: manage},
		{Resource: auth.Management, Access: manage},
		{Resource: auth.Items, Access: data},
		{Resource: auth.Topics, Access: data},
		{Resource: auth.Databases, Access: data},
	}
}

// Role returns a role by its ID, nil if there is none.
func (s *State) Role(id string) *Role {
	for _, r := range SystemRoles {
		if r.ID == id {
			return r
		}
	}
	return s.Roles[id]
}

// PutRole creates a role, or replaces the one with its ID.
type PutRole struct {
	Role *Role
	New  bool // there must not be one with its ID
}

// Apply implements Change.
func (c PutRole) Apply(s *State, now int64) (*State, error) {
	old := s.Role(c.Role.ID)
	switch {
	case old == nil && !c.New:
		return nil, noRole(c.Role.ID)
	case old != nil && old.System:
		return nil, systemRole(old)
	case old == nil && len(s.Roles) >= RolesMax:
		return nil, &hearth.Error{Kind: hearth.Limited, Msg: "there are 1000 custom roles already"}
	case strings.TrimSpace(c.Role.Name) == "" || len(c.Role.Name) > 255 || !utf8.ValidString(c.Role.Name):
		return nil, invalid("role_name: a text of 1 to 255 bytes")
	}
	for _, list := range []map[string]*Role{s.Roles, systemByID()} {
		for id, r := range list {
			if id != c.Role.ID && strings.EqualFold(r.Name, c.Role.Name) {
				return nil, &hearth.Error{Kind: hearth.Exists, Msg: "a role named " + r.Name + " exists already"}
			}
		}
	}
	n := s.clone()
	n.Roles = with(s.Roles, c.Role.ID, c.Role)
	return n, nil
}

// Needs implements Needer.
func (PutRole) Needs() (auth.Resource, auth.Access) { return auth.Authorization, auth.Write }

// DeleteRole deletes a role; Precondition if a key has it still.
type DeleteRole struct{ ID string }

// Apply implements Change.
func (c DeleteRole) Apply(s *State, now int64) (*State, error) {
	old := s.Role(c.ID)
	switch {
	case old == nil:
		return nil, noRole(c.ID)
	case old.System:
		return nil, systemRole(old)
	case len(s.KeysOfRole(c.ID)) > 0:
		return nil, &hearth.Error{Kind: hearth.Precondition, Msg: "keys have the role " + old.Name + " still"}
	}
	n := s.clone()
	n.Roles = without(s.Roles, c.ID)
	return n, nil
}

// Needs implements Needer.
func (DeleteRole) Needs() (auth.Resource, auth.Access) { return auth.Authorization, auth.Write }

// KeysOfRole returns the keys that have a role.
func (s *State) KeysOfRole(id string) []*auth.Key {
	var keys []*auth.Key
	for _, k := range s.Keys {
		if k.Role == id {
			keys = append(keys, k)
		}
	}
	return keys
}

func systemByID() map[string]*Role {
	m := map[string]*Role{}
	for _, r := range SystemRoles {
		m[r.ID] = r
	}
	return m
}

func noRole(id string) error {
	return &hearth.Error{Kind: hearth.NotFound, Msg: "there is no role " + id}
}

func systemRole(r *Role) error {
	return &hearth.Error{Kind: hearth.Precondition, Msg: r.Name + " is a system role: it cannot be changed"}
}
