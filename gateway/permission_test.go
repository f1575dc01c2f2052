package gateway

import (
	"context"
	"testing"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/auth"
	"github.com/hearthcache/hearth/control"
	"github.com/hearthcache/hearth/op"
	"github.com/hearthcache/hearth/respwire"
	"github.com/hearthcache/hearth/value"
)

// What the protocol's descriptions say that each call is: it reads, it writes without telling anything, or it does
// both, so that a credential that may only write may not make it.
const (
	reads  = "reads"
	writes = "writes"
	both   = "both"
)

// described says it of every call of Momento's services, by hand: the other side of the flags in op.
var described = map[string]string{
	"Get": reads, "GetWithHash": reads, "Exists": reads, "ItemGetTtl": reads, "ItemGetType": reads,
	"DictionaryGet": reads, "DictionaryFetch": reads, "DictionaryLength": reads,
	"ListFetch": reads, "ListLength": reads,
	"SetFetch": reads, "SetContains": reads, "SetLength": reads, "SetSample": reads,
	"SortedSetFetch": reads, "SortedSetGetScore": reads, "SortedSetGetRank": reads, "SortedSetLength": reads, "SortedSetLengthByScore": reads,
	"GetByRank": reads, "GetByScore": reads, "GetRank": reads, "GetCompetitionRank": reads, "GetLeaderboardLength": reads,

	"Set": writes, "Delete": writes, "DictionarySet": writes, "DictionaryDelete": writes, "SetUnion": writes, "SetDifference": writes,
	"ListRemove": writes, "ListRetain": writes, "ListErase": writes,
	"SortedSetRemove": writes, "UpsertElements": writes, "RemoveElements": writes, "DeleteLeaderboard": writes,

	"SetIf": both, "SetIfHash": both, "UpdateTTL": both, "Increment": both, "DictionaryIncrement": both, "SortedSetIncrement": both,
	"ListPop": both, "SetPop": both, "SortedSetUnionStore": both,
}

// probe is a command of any kind on a key: permission is a matter of its Spec and keys alone.
type probe struct {
	op.Op
	spec *op.Spec
	key  string
}

func (p *probe) Spec() *op.Spec { return p.spec }
func (p *probe) Key() []byte    { return []byte(p.key) }

// probes is a command on several keys.
type probes struct {
	probe
	keys []string
}

func (p *probes) Keys() (keys [][]byte) {
	for _, k := range p.keys {
		keys = append(keys, []byte(k))
	}
	return keys
}

func (p *probes) ApplyAll([]*value.Entry, int64, *op.Reply) error { return nil }
func (p *probes) SendAll(*respwire.Batch, [][]byte)               {}
func (p *probes) RecvAll([]respwire.Value, *op.Reply) error       { return nil }

func TestEveryPermissionOnEveryCommand(t *testing.T) {
	grants := []struct {
		access auth.Access
		may    map[string]bool
	}{
		{0, map[string]bool{}},
		{auth.Read, map[string]bool{reads: true}},
		{auth.Write, map[string]bool{writes: true}},
		{auth.ReadWrite, map[string]bool{reads: true, writes: true, both: true}},
	}
	scopes := []struct {
		cache, item auth.Selector
		keys        map[string]bool // which keys it is about
	}{
		{auth.Selector{}, auth.Selector{}, map[string]bool{"a": true, "ab": true, "b": true, "": true}},
		{auth.Only("c"), auth.Selector{}, map[string]bool{"a": true, "ab": true, "b": true, "": true}},
		{auth.Only("c"), auth.Only("a"), map[string]bool{"a": true}},
		{auth.Selector{}, auth.StartingWith("a"), map[string]bool{"a": true, "ab": true}},
		{auth.Only("d"), auth.Selector{}, nil},
		{auth.StartingWith("ca"), auth.Selector{}, nil},
	}
	for _, s := range op.All {
		class := classOf(t, s)
		for _, g := range grants {
			for i, scope := range scopes {
				b := bound(auth.Permissions{Rules: []auth.Rule{
					{Resource: auth.Topics, Access: auth.Full}, // says nothing about items
					{Resource: auth.Items, Access: g.access, Cache: scope.cache, Item: scope.item},
				}})
				for _, key := range []string{"a", "ab", "b", ""} {
					want := g.may[class] && scope.keys[key]
					if got := b.authorize(&probe{spec: s, key: key}, s) == nil; got != want {
						t.Errorf("%s on %q with access %d, scope %d: permitted %v, want %v", s.Name, key, g.access, i, got, want)
					}
				}
			}
		}
		for _, p := range []auth.Permissions{{Super: true}, {Owner: true}} {
			if err := bound(p).authorize(&probe{spec: s, key: "k"}, s); err != nil {
				t.Errorf("%s by %+v: %v", s.Name, p, err)
			}
		}
	}
}

// classOf returns what a command is: as described by hand where it is a call of Momento's, else by its flags.
func classOf(t *testing.T, s *op.Spec) string {
	t.Helper()
	flags := writes
	switch {
	case s.Access&op.Writes == 0:
		flags = reads
	case s.Access != op.Writes:
		flags = both
	}
	if class := described[s.Name]; class != "" && class != flags {
		t.Errorf("%s is flagged as one that %s; it %s", s.Name, flags, class)
		return class
	}
	return flags
}

// TestWritesThatAskNothing runs commands that may have a condition, with one and without, as somebody who may only write.
func TestWritesThatAskNothing(t *testing.T) {
	b := bound(auth.Permissions{Rules: []auth.Rule{{Access: auth.Write}}})
	may := func(want bool, os ...op.Op) {
		t.Helper()
		for _, o := range os {
			if got := b.authorize(o, o.Spec()) == nil; got != want {
				t.Errorf("%+v by one who may only write: permitted %v", o, got)
			}
		}
	}
	guard := op.Guard{Given: true, CAS: 1}
	may(true, &op.ListPush{}, &op.ListPush{Front: true, Truncate: 3}, &op.UpdateTTL{}, &op.DictExpire{}, &op.DictSetEx{}, &op.SetIf{}, &op.SetIf{KeepTTL: true},
		&op.SetIfHash{}, &op.SortedPut{}, &op.MetaSet{}, &op.MetaDelete{}, &op.MetaDelete{Stale: true})
	may(false, &op.ListPush{IfExists: true}, &op.UpdateTTL{When: op.IfLonger}, &op.DictExpire{When: op.IfNone}, &op.DictSetEx{Condition: op.Absent},
		&op.SetIf{Condition: op.Present}, &op.SetIf{Old: true}, &op.SetIfHash{Condition: op.Equal}, &op.SortedPut{Only: op.IfNew}, &op.MetaSet{Mode: op.StoreNew}, &op.MetaSet{Mode: op.StoreAfter},
		&op.MetaSet{Guard: guard}, &op.MetaDelete{Guard: guard})
	// Whoever implements Asker is flagged as one that may have a condition.
	for _, o := range []op.Op{&op.ListPush{}, &op.UpdateTTL{}, &op.DictExpire{}, &op.DictSetEx{}, &op.SetIf{}, &op.SetIfHash{}, &op.SortedPut{},
		&op.MetaSet{}, &op.MetaDelete{}} {
		if o.Spec().Access != op.Writes|op.Conditional {
			t.Errorf("%s has access %d", o.Spec().Name, o.Spec().Access)
		}
	}
}

func TestDescribedCommandsExist(t *testing.T) {
	names := map[string]bool{}
	for _, s := range op.All {
		names[s.Name] = true
	}
	for name := range described {
		if !names[name] {
			t.Errorf("there is no command %s", name)
		}
	}
}

func bound(p auth.Permissions) *binding {
	return &binding{items: p.Grant(auth.Items, "c"), topics: p.Grant(auth.Topics, "c")}
}

func TestRulesAreAUnionButNotASum(t *testing.T) {
	b := bound(auth.Permissions{Rules: []auth.Rule{
		{Access: auth.Read, Item: auth.Only("k")},
		{Access: auth.Write, Item: auth.StartingWith("k")},
	}})
	get, set := op.All[(&op.Get{}).Spec().ID], op.All[(&op.Set{}).Spec().ID]
	may := func(s *op.Spec, key string, want bool) {
		t.Helper()
		if got := b.authorize(&probe{spec: s, key: key}, s) == nil; got != want {
			t.Errorf("%s %s: %v", s.Name, key, got)
		}
	}
	may(get, "k", true)
	may(set, "k", true)
	may(set, "kk", true)
	may(get, "kk", false)
	may((&op.Increment{}).Spec(), "k", false) // no one rule permits both
}

func TestEveryKeyOfACommandIsAuthorised(t *testing.T) {
	b := bound(auth.Permissions{Rules: []auth.Rule{{Access: auth.ReadWrite, Item: auth.StartingWith("in/")}}})
	s := (&op.SortedUnionStore{}).Spec()
	for _, c := range []struct {
		keys []string
		want bool
	}{{[]string{"in/a", "in/b"}, true}, {[]string{"in/a", "out"}, false}, {[]string{"out", "in/a"}, false}, {nil, true}} {
		o := &probes{probe{spec: s}, c.keys}
		if got := b.authorize(o, s) == nil; got != c.want {
			t.Errorf("keys %q: %v", c.keys, got)
		}
	}
}

func TestPermissionComesBeforeTheCache(t *testing.T) {
	ctx := context.Background()
	g := newGateway(t, false)
	c := signIn(t, g, "nowhere", auth.Rule{Access: auth.Read, Item: auth.Only("k")})
	kind := func(want hearth.Kind, err error) {
		t.Helper()
		if hearth.KindOf(err) != want {
			t.Errorf("%v, want kind %d", err, want)
		}
	}
	r := &op.Reply{}
	kind(hearth.NoCache, g.Do(ctx, c, &op.Get{K: []byte("k")}, r))
	kind(hearth.Denied, g.Do(ctx, c, &op.Get{K: []byte("x")}, r))
	kind(hearth.Denied, g.Do(ctx, c, &op.Set{K: []byte("k")}, r)) // ahead of its missing time to live
	kind(hearth.NoCache, c.Check(op.Reads))
	kind(hearth.Denied, c.Check(op.Writes))
	kind(hearth.Denied, g.Change(ctx, c, control.CreateCache{Name: "c"}))
	kind(hearth.Denied, g.Change(ctx, c, control.DeleteCache{Name: "none"}))
	kind(hearth.Denied, g.Change(ctx, c, control.FlushCache{Name: "none"}))
	kind(hearth.Denied, g.Change(ctx, c, control.SetAccount{}))
	_, err := g.Inspect(c)
	kind(hearth.Denied, err)
	_, err = g.Usage(ctx, c, "2026-01-01", "2026-01-01")
	kind(hearth.Denied, err)
	_, err = g.CreateKey(ctx, c, auth.KeyRequest{Never: true, Permissions: auth.Permissions{Super: true}})
	kind(hearth.Denied, err)
	_, err = g.CreateSigningKey(ctx, c, 1e9)
	kind(hearth.Denied, err)
	_, err = g.Reserve(c, []byte("k"), 1, 0)
	kind(hearth.Denied, err)
}

// signIn issues a key with rules, and signs in with it.
func signIn(t testing.TB, g *Gateway, cache string, rules ...auth.Rule) *Caller {
	t.Helper()
	made, err := g.issue(context.Background(), auth.KeyRequest{Never: true, Permissions: auth.Permissions{Super: rules == nil, Rules: rules}}, "")
	if err != nil {
		t.Fatal(err)
	}
	c, err := g.SignIn(Credential{Token: made.Token}, cache)
	if err != nil {
		t.Fatal(err)
	}
	return c
}
