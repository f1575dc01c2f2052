package httpapi

import (
	"encoding/json"
	"net/netip"
	"slices"
	"strings"

	"github.com/hearthcache/hearth/auth"
)

// permissions is what a role or a key permits, as JSON: {"rules": [...], "conditions": [...]}.
type permissions struct {
	Rules      []rule      `json:"rules"`
	Conditions []condition `json:"conditions,omitempty"`
}

type condition struct {
	IPFilter *ipFilter `json:"ip_filter,omitempty"`
}

type ipFilter struct {
	Ranges []string `json:"allowed_cidr_ranges"`
}

// rule is one rule. Which of its selectors are there follows from its type.
type rule struct {
	Type        string          `json:"type"`
	Permissions []string        `json:"permissions"`
	Caches      json.RawMessage `json:"caches,omitempty"`
	Items       json.RawMessage `json:"items,omitempty"`
	Topics      json.RawMessage `json:"topics,omitempty"`
	Resources   json.RawMessage `json:"resources,omitempty"`
	Stores      json.RawMessage `json:"stores,omitempty"`
	Functions   json.RawMessage `json:"functions,omitempty"`
	Databases   json.RawMessage `json:"databases,omitempty"`
}

// field returns the place of a selector by its name.
func (r *rule) field(name string) *json.RawMessage {
	return map[string]*json.RawMessage{"caches": &r.Caches, "items": &r.Items, "topics": &r.Topics, "resources": &r.Resources,
		"stores": &r.Stores, "functions": &r.Functions, "databases": &r.Databases}[name]
}

// ruleType says what rules of one type are like: what they permit, and their selectors with the members that each may
// have, an exact one and a prefix.
type ruleType struct {
	name     string
	resource auth.Resource
	words    []string
	outer    selectorType // goes to Rule.Cache
	inner    selectorType // goes to Rule.Item
}

type selectorType struct{ field, exact, prefix string }

var ruleTypes = []ruleType{
	{name: "account_management", resource: auth.Account, words: []string{"read", "list"}},
	{name: "auth_management", resource: auth.Authorization, words: []string{"read", "write", "list"}, inner: selectorType{field: "items"}},
	{name: "resource_management", resource: auth.Management, words: []string{"read", "write", "list"}, inner: selectorType{field: "resources"}},
	{name: "cache", resource: auth.Items, words: []string{"read", "write", "list"}, outer: selectorType{"caches", "name", ""}, inner: selectorType{"items", "key", "key_prefix"}},
	{name: "topic", resource: auth.Topics, words: []string{"read", "write", "list"}, outer: selectorType{"caches", "name", ""}, inner: selectorType{"topics", "name", "prefix"}},
	{name: "store", resource: auth.Stores, words: []string{"read", "write", "list"}, outer: selectorType{"stores", "name", ""}, inner: selectorType{"items", "key", "key_prefix"}},
	{name: "function", resource: auth.Functions, words: []string{"invoke"}, outer: selectorType{"caches", "name", ""}, inner: selectorType{"functions", "name", "prefix"}},
	{name: "database", resource: auth.Databases, words: []string{"read", "write"}, outer: selectorType{"databases", "name", ""}},
}

// words is what each word of "permissions" comes to.
var words = []struct {
	word   string
	access auth.Access
}{{"read", auth.Read}, {"write", auth.Write}, {"list", auth.List}, {"invoke", auth.Write}}

const rulesMax = 100

// parse returns the permissions that the JSON says.
func (p *permissions) parse() (auth.Permissions, error) {
	var out auth.Permissions
	if len(p.Rules) == 0 || len(p.Rules) > rulesMax {
		return out, invalidf("rules: 1 to %d of them", rulesMax)
	}
	for i := range p.Rules {
		r, err := p.Rules[i].parse()
		if err != nil {
			return out, err
		}
		out.Rules = append(out.Rules, r)
	}
	for _, c := range p.Conditions {
		if c.IPFilter == nil || out.Networks != nil || len(c.IPFilter.Ranges) == 0 {
			return out, invalid("conditions: at most one ip_filter with at least one of allowed_cidr_ranges")
		}
		for _, text := range c.IPFilter.Ranges {
			n, err := netip.ParsePrefix(text)
			if err != nil {
				return out, invalidf("allowed_cidr_ranges: %q is not a network such as 10.0.0.0/8", text)
			}
			out.Networks = append(out.Networks, n.Masked())
		}
	}
	return out, nil
}

func (r *rule) parse() (auth.Rule, error) {
	i := slices.IndexFunc(ruleTypes, func(t ruleType) bool { return t.name == r.Type })
	if i < 0 {
		return auth.Rule{}, invalidf("a rule's type is %q; it is one of account_management, auth_management, resource_management, cache, topic, store, function and database", r.Type)
	}
	t := &ruleTypes[i]
	out := auth.Rule{Resource: t.resource}
	for _, w := range r.Permissions {
		if !slices.Contains(t.words, w) {
			return out, invalidf("a rule of type %s permits %q; it can permit %s", t.name, w, strings.Join(t.words, ", "))
		}
		for _, known := range words {
			if known.word == w {
				out.Access |= known.access
			}
		}
	}
	if out.Access == 0 {
		return out, invalidf("a rule of type %s has no permissions; it can permit %s", t.name, strings.Join(t.words, ", "))
	}
	for _, name := range []string{"caches", "items", "topics", "resources", "stores", "functions", "databases"} {
		text := *r.field(name)
		if text == nil {
			continue
		}
		var to *auth.Selector
		s := &t.inner
		switch name {
		case t.outer.field:
			to, s = &out.Cache, &t.outer
		case t.inner.field:
			to = &out.Item
		default:
			return out, invalidf("a rule of type %s has no %s", t.name, name)
		}
		var err error
		if *to, err = s.parse(text); err != nil {
			return out, err
		}
	}
	return out, nil
}

func (s *selectorType) parse(text json.RawMessage) (auth.Selector, error) {
	if string(text) == `"*"` {
		return auth.Selector{}, nil
	}
	var members map[string]string
	if json.Unmarshal(text, &members) == nil && len(members) == 1 {
		for member, v := range members {
			switch {
			case member == s.exact && s.exact != "":
				return auth.Only(v), nil
			case member == s.prefix && s.prefix != "":
				return auth.StartingWith(v), nil
			}
		}
	}
	allowed := `"*"`
	for _, m := range []string{s.exact, s.prefix} {
		if m != "" {
			allowed += ` or {"` + m + `": ...}`
		}
	}
	return auth.Selector{}, invalidf("%s is %s; it is %s", s.field, text, allowed)
}

// show returns permissions as JSON says them.
func show(p *auth.Permissions) permissions {
	out := permissions{Rules: []rule{}}
	rules := p.Rules
	if p.Everything() {
		rules = nil
		for _, t := range ruleTypes {
			rules = append(rules, auth.Rule{Resource: t.resource, Access: auth.Full})
		}
	}
	for i := range rules {
		out.Rules = append(out.Rules, showRule(&rules[i]))
	}
	if len(p.Networks) > 0 {
		f := &ipFilter{}
		for _, n := range p.Networks {
			f.Ranges = append(f.Ranges, n.String())
		}
		out.Conditions = []condition{{f}}
	}
	return out
}

func showRule(r *auth.Rule) rule {
	t := &ruleTypes[slices.IndexFunc(ruleTypes, func(t ruleType) bool { return t.resource == r.Resource })]
	out := rule{Type: t.name, Permissions: []string{}}
	for _, w := range words {
		if slices.Contains(t.words, w.word) && r.Access&w.access != 0 {
			out.Permissions = append(out.Permissions, w.word)
		}
	}
	for _, s := range []struct {
		t *selectorType
		v *auth.Selector
	}{{&t.outer, &r.Cache}, {&t.inner, &r.Item}} {
		if s.t.field != "" {
			*out.field(s.t.field) = s.t.show(s.v)
		}
	}
	return out
}

func (s *selectorType) show(v *auth.Selector) json.RawMessage {
	member := ""
	switch v.Kind {
	case auth.Exactly:
		member = s.exact
	case auth.Prefix:
		member = s.prefix
	}
	if member == "" {
		return json.RawMessage(`"*"`)
	}
	b, _ := json.Marshal(map[string]string{member: string(v.Value)})
	return b
}
