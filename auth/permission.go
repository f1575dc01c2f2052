// Package auth says who may do what: permissions as data, and credentials that are issued and verified. It knows
// nothing of commands, of requests or of where keys are kept.
package auth

import (
	"bytes"
	"net/netip"
	"slices"

	"github.com/hearthcache/hearth"
)

// Resource is a kind of thing that a rule is about.
type Resource uint8

// The resources. Items are the items and leaderboards of caches; Management is creating, deleting and setting caches;
// Authorization is keys, tokens and roles. The last three are accepted in roles, and hearth has none of them.
const (
	Items Resource = iota
	Topics
	Management
	Authorization
	Account
	Functions
	Stores
	Databases
	resourceCount
)

// Access is what a rule permits, or what a request needs: all of its bits from one rule.
type Access uint8

// The bits of Access. List is for the names of caches, keys and roles.
const (
	Read Access = 1 << iota
	Write
	List
	ReadWrite = Read | Write
	Full      = Read | Write | List
)

// Selector chooses names or keys: all of them, one, or those with a prefix. The zero Selector chooses all.
type Selector struct {
	Kind  SelectorKind `json:"kind,omitempty"`
	Value []byte       `json:"value,omitempty"`
}

// SelectorKind says how a Selector chooses.
type SelectorKind uint8

// The kinds of selectors.
const (
	All SelectorKind = iota
	Exactly
	Prefix
)

// Only returns a Selector for one name or key.
func Only(name string) Selector { return Selector{Exactly, []byte(name)} }

// StartingWith returns a Selector for names or keys with a prefix.
func StartingWith(prefix string) Selector { return Selector{Prefix, []byte(prefix)} }

// Matches reports whether s chooses the name or key.
func (s *Selector) Matches(name []byte) bool {
	switch s.Kind {
	case All:
		return true
	case Exactly:
		return bytes.Equal(s.Value, name)
	case Prefix:
		return bytes.HasPrefix(name, s.Value)
	}
	return false // a kind that this version does not know
}

func (s *Selector) equal(o *Selector) bool { return s.Kind == o.Kind && bytes.Equal(s.Value, o.Value) }

// Rule permits access to what its selectors choose. A rule without Access permits nothing.
type Rule struct {
	Resource Resource `json:"resource"`
	Access   Access   `json:"access"`
	Cache    Selector `json:"cache,omitzero"` // of items and topics: which caches
	Item     Selector `json:"item,omitzero"`  // which keys, or which topics
}

// Permissions is what a credential may do: the union of its rules.
type Permissions struct {
	Owner    bool           `json:"owner,omitempty"` // everything, and it may create super users
	Super    bool           `json:"super,omitempty"` // everything but creating super users and owners
	Rules    []Rule         `json:"rules,omitempty"`
	Networks []netip.Prefix `json:"networks,omitempty"` // where requests must come from; empty is anywhere
}

// Everything reports whether every request is permitted.
func (p *Permissions) Everything() bool { return p.Owner || p.Super }

// Allows reports whether one rule permits the access to something that has no name: Management, Authorization, Account.
func (p *Permissions) Allows(r Resource, need Access) bool {
	if p.Everything() {
		return true
	}
	for i := range p.Rules {
		if rule := &p.Rules[i]; rule.Resource == r && rule.Access&need == need && need != 0 {
			return true
		}
	}
	return false
}

// From reports whether requests may come from the address. An unknown address is within no network.
func (p *Permissions) From(a netip.Addr) bool {
	if len(p.Networks) == 0 {
		return true
	}
	a = a.Unmap()
	for _, n := range p.Networks {
		if n.Contains(a) {
			return true
		}
	}
	return false
}

// Grant is what permissions come to on the items, or the topics, of one cache, made ready for many questions.
type Grant struct {
	whole [Full + 1]bool // by need: one rule on all names has it
	rules []Rule         // on some names
}

// Grant returns what p permits on the items or topics of a cache.
func (p *Permissions) Grant(r Resource, cache string) Grant {
	var g Grant
	for _, rule := range p.Rules {
		switch {
		case rule.Resource != r || !rule.Cache.Matches([]byte(cache)) || rule.Access == 0:
		case rule.Item.Kind == All:
			g.fill(rule.Access)
		default:
			g.rules = append(g.rules, rule)
		}
	}
	if p.Everything() {
		g.fill(Full)
		g.whole[0] = true
	}
	return g
}

func (g *Grant) fill(a Access) {
	for need := range g.whole {
		if need != 0 && a&Access(need) == Access(need) {
			g.whole[need] = true
		}
	}
}

// Whole reports whether one rule permits the access on every name.
func (g *Grant) Whole(need Access) bool { return g.whole[need&Full] }

// Allows reports whether one rule permits the access on a name.
func (g *Grant) Allows(need Access, name []byte) bool {
	if g.whole[need&Full] {
		return true
	}
	if need == 0 {
		return false
	}
	for i := range g.rules {
		if r := &g.rules[i]; r.Access&need == need && r.Item.Matches(name) {
			return true
		}
	}
	return false
}

// Any reports whether the access is permitted on some name.
func (g *Grant) Any(need Access) bool {
	if g.whole[need&Full] {
		return true
	}
	for i := range g.rules {
		if g.rules[i].Access&need == need && need != 0 {
			return true
		}
	}
	return false
}

// CheckExplicit returns an Invalid error unless the rules can be those of a scoped key or a token: at least one, and
// no two about the same caches and names.
func CheckExplicit(rules []Rule) error {
	if len(rules) == 0 {
		return &hearth.Error{Kind: hearth.Invalid, Msg: "permissions are empty: name at least one"}
	}
	for i := range rules {
		for j := range rules[:i] {
			a, b := &rules[i], &rules[j]
			if a.Resource == b.Resource && a.Cache.equal(&b.Cache) && a.Item.equal(&b.Item) {
				return &hearth.Error{Kind: hearth.Invalid, Msg: "two permissions are about the same cache and the same keys or topics"}
			}
		}
	}
	return nil
}

// DataRules returns the rules that are about items and topics: all that a disposable token can permit.
func DataRules(rules []Rule) []Rule {
	return slices.DeleteFunc(slices.Clone(rules), func(r Rule) bool { return r.Resource != Items && r.Resource != Topics })
}

// Covers reports whether whoever has p may give o away: each of o's rules is part of one of p's, owners alone give
// super users, and what is bound to networks gives nothing.
func (p *Permissions) Covers(o *Permissions) bool {
	switch {
	case p.Owner:
		return true
	case o.Owner || o.Super:
		return false
	case p.Super:
		return true
	case len(p.Networks) > 0:
		return false
	}
	for i := range o.Rules {
		if o.Rules[i].Access != 0 && !p.coversRule(&o.Rules[i]) {
			return false
		}
	}
	return true
}

func (p *Permissions) coversRule(o *Rule) bool {
	for i := range p.Rules {
		r := &p.Rules[i]
		if r.Resource == o.Resource && r.Access&o.Access == o.Access && r.Cache.covers(&o.Cache) && r.Item.covers(&o.Item) {
			return true
		}
	}
	return false
}

// covers reports whether s chooses everything that o chooses.
func (s *Selector) covers(o *Selector) bool {
	switch {
	case s.Kind == All:
		return true
	case s.Kind == Prefix:
		return o.Kind != All && bytes.HasPrefix(o.Value, s.Value)
	}
	return o.Kind == Exactly && bytes.Equal(s.Value, o.Value)
}
