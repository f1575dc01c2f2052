package momento

import (
	"bytes"

	"github.com/hearthcache/hearth/auth"
)

// roles is what the numbers of CacheRole and TopicRole permit.
var roles = [...]auth.Access{0, auth.ReadWrite, auth.Read, auth.Write}

// decodePermissions decodes permission_messages.Permissions; set is false where its oneof is.
func decodePermissions(m []byte) (p auth.Permissions, set bool, err error) {
	f := scan(m)
	for f.next() {
		switch f.tag {
		case 1<<3 | varintType:
			p, set = auth.Permissions{Super: true}, true
		case 2<<3 | bytesType:
			rules, err := decodeRules(f.data)
			if err != nil {
				return p, false, err
			}
			p, set = auth.Permissions{Rules: append(p.Rules, rules...)}, true
		}
	}
	return p, set, f.err()
}

// decodeRules decodes ExplicitPermissions.
func decodeRules(m []byte) ([]auth.Rule, error) {
	var rules []auth.Rule
	f := scan(m)
	for f.next() {
		if f.tag == 1<<3|bytesType {
			r, err := decodeRule(f.data)
			if err != nil {
				return nil, err
			}
			rules = append(rules, r)
		}
	}
	return rules, f.err()
}

// decodeRule decodes PermissionsType: a oneof of which the last member holds.
func decodeRule(m []byte) (auth.Rule, error) {
	var r auth.Rule
	set := false
	f := scan(m)
	for f.next() {
		var resource auth.Resource
		switch f.tag {
		case 1<<3 | bytesType:
			resource = auth.Items
		case 2<<3 | bytesType:
			resource = auth.Topics
		case 3<<3 | bytesType:
			resource = auth.Functions
		default:
			continue
		}
		var err error
		if r, err = decodeScope(f.data, resource); err != nil {
			return r, err
		}
		set = true
	}
	if err := f.err(); err != nil || set {
		return r, err
	}
	return r, invalid("a permission is empty: it is for a cache, a topic or a function")
}

// decodeScope decodes CachePermissions, TopicPermissions and FunctionPermissions, which are of one shape. All is the
// meaning of a selector that is not set.
func decodeScope(m []byte, resource auth.Resource) (auth.Rule, error) {
	r := auth.Rule{Resource: resource}
	role := uint64(0)
	f := scan(m)
	for f.next() {
		switch f.tag {
		case 1<<3 | varintType:
			role = f.num
		case 2<<3 | bytesType:
			r.Cache = auth.Selector{}
			f.empty()
		case 3<<3 | bytesType:
			r.Cache = auth.Selector{Kind: auth.Exactly, Value: bytes.Clone(f.blob())}
		case 4<<3 | bytesType:
			r.Item = auth.Selector{}
			f.empty()
		case 5<<3 | bytesType:
			r.Item = f.selector()
		}
	}
	switch {
	case f.bad:
		return r, f.err()
	case resource == auth.Functions && role <= 1:
		r.Access = auth.Access(role) * auth.Write
	case role < uint64(len(roles)) && resource != auth.Functions:
		r.Access = roles[role]
	default:
		return r, invalid("a permission has an unknown role")
	}
	return r, nil
}

// selector decodes the sub-message in the present field: an exact name or key in field 1, or a prefix in field 2.
func (f *fields) selector() auth.Selector {
	s := auth.Selector{Kind: auth.Exactly}
	sub := scan(f.data)
	for sub.next() {
		switch sub.tag {
		case 1<<3 | bytesType:
			s = auth.Selector{Kind: auth.Exactly, Value: bytes.Clone(sub.data)}
		case 2<<3 | bytesType:
			s = auth.Selector{Kind: auth.Prefix, Value: bytes.Clone(sub.data)}
		}
	}
	f.bad = f.bad || sub.bad
	return s
}
