package control

import (
	"fmt"
	"testing"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/auth"
)

func TestKeysAreForgottenLongAfterTheyExpire(t *testing.T) {
	key := func(id string, expires int64) AddKey { return AddKey{Key: &auth.Key{ID: id, Expires: expires}} }
	s := &State{}
	add := func(c AddKey, now int64) {
		t.Helper()
		var err error
		if s, err = c.Apply(s, now); err != nil {
			t.Fatal(err)
		}
	}
	add(key("a", 1000), 0)
	add(key("for ever", 0), 0)
	add(key("b", 0), 1000+keptMillis-1)
	if s.Keys["a"] == nil {
		t.Error("a key is forgotten while tokens that it asked for may live")
	}
	add(key("c", 0), 1000+keptMillis)
	if s.Keys["a"] != nil || len(s.Keys) != 3 {
		t.Errorf("%d keys are left", len(s.Keys))
	}
	if _, err := key("c", 0).Apply(s, 0); hearth.KindOf(err) != hearth.Exists {
		t.Errorf("the same key again: %v", err)
	}
	if _, err := (AddKey{Key: &auth.Key{ID: "d", Role: "none"}}).Apply(s, 0); hearth.KindOf(err) != hearth.NotFound {
		t.Errorf("a key with no such role: %v", err)
	}
}

func TestThereIsAnEndOfKeys(t *testing.T) {
	s := &State{Keys: map[string]*auth.Key{}}
	for i := range KeysMax {
		s.Keys[fmt.Sprint(i)] = &auth.Key{}
	}
	if _, err := (AddKey{Key: &auth.Key{ID: "one more"}}).Apply(s, 0); hearth.KindOf(err) != hearth.Limited {
		t.Errorf("one key too many: %v", err)
	}
}

func TestRoles(t *testing.T) {
	s := &State{}
	apply := func(c Change, want hearth.Kind) {
		t.Helper()
		n, err := c.Apply(s, 0)
		if err != nil && hearth.KindOf(err) == want {
			return
		}
		if err != nil || want != hearth.KindCount {
			t.Errorf("%+v: %v", c, err)
			return
		}
		s = n
	}
	const ok = hearth.KindCount
	apply(PutRole{Role: &Role{ID: "r", Name: "R"}}, hearth.NotFound)
	apply(PutRole{Role: &Role{ID: "r", Name: "R"}, New: true}, ok)
	apply(PutRole{Role: &Role{ID: "q", Name: "r"}, New: true}, hearth.Exists)
	apply(PutRole{Role: &Role{ID: "q", Name: " "}, New: true}, hearth.Invalid)
	apply(PutRole{Role: &Role{ID: "r", Name: "Renamed"}}, ok)
	apply(PutRole{Role: &Role{ID: "owner", Name: "x"}}, hearth.Precondition)
	apply(AddKey{Key: &auth.Key{ID: "k", Role: "r"}}, ok)
	apply(DeleteRole{"r"}, hearth.Precondition)
	apply(RevokeKey{"k"}, ok)
	apply(RevokeKey{"k"}, hearth.NotFound)
	apply(DeleteRole{"r"}, ok)
	apply(DeleteRole{"r"}, hearth.NotFound)
	apply(DeleteRole{"viewer"}, hearth.Precondition)
	apply(RevokeSigningKey{"x"}, hearth.NotFound)
	if p := s.PermissionsOf(&auth.Key{Role: "r"}); len(p.Rules) != 0 || p.Everything() {
		t.Errorf("a key whose role is gone may %+v", p)
	}
}
