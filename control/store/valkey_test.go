package store

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/valkey-io/valkey-go"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/auth"
	"github.com/hearthcache/hearth/control"
	"github.com/hearthcache/hearth/fleet"
	"github.com/hearthcache/hearth/test/await"
)

// servers starts a server, and returns a function that makes a plane over it, as another gateway would.
func servers(t *testing.T) (server *fleet.Server, gateway func() (*control.Plane, *Valkey)) {
	t.Helper()
	s, err := fleet.Start(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Kill)
	return s, func() (*control.Plane, *Valkey) {
		t.Helper()
		client, err := valkey.NewClient(valkey.ClientOption{InitAddress: []string{s.Addr}, DisableCache: true})
		if err != nil {
			t.Fatal(err)
		}
		v := NewValkey(client)
		p, err := control.NewPlane(t.Context(), v)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() { _ = p.Run(ctx) })
		t.Cleanup(func() {
			cancel()
			wg.Wait()
			_ = v.Close()
			client.Close()
		})
		return p, v
	}
}

func must(t *testing.T, p *control.Plane, c control.Change) {
	t.Helper()
	if _, err := p.Change(t.Context(), c); err != nil {
		t.Fatalf("%T: %v", c, err)
	}
}

func TestTwoGatewaysAreOne(t *testing.T) {
	_, gateway := servers(t)
	a, _ := gateway()
	b, _ := gateway()
	signer := auth.NewSigningKey(time.Now().UnixMilli(), 0)
	made, err := auth.New(auth.KeyRequest{Form: auth.V2, Seconds: 60, Role: "viewer"}, "e", "c", time.Now(), signer)
	if err != nil {
		t.Fatal(err)
	}
	must(t, a, control.CreateCache{Name: "a/б", Settings: map[string]string{"memory-ceiling": "64MiB"}})
	must(t, a, control.CreateCache{Name: "other"})
	must(t, a, control.AddSigningKey{Key: signer})
	must(t, a, control.AddKey{Key: made.Key})
	await.That(t, "the key", func() bool { return b.State().KeyOf(made.Token) != nil })
	if got, want := text(t, b.State()), text(t, a.State()); got != want {
		t.Errorf("the second gateway has\n%s, the first\n%s", got, want)
	}
	if _, err := b.Change(t.Context(), control.CreateCache{Name: "other"}); hearth.KindOf(err) != hearth.Exists {
		t.Errorf("a cache that the other gateway has made: %v", err)
	}

	seen := b.State().Caches["other"]
	space := seen.Space
	must(t, a, control.FlushCache{Name: "a/б"})
	await.That(t, "the flush", func() bool { return b.State().Caches["a/б"].Space == a.State().Caches["a/б"].Space })
	if b.State().Caches["other"] != seen || seen.Space != space {
		t.Error("a cache that nobody has changed is another one now")
	}

	must(t, a, control.RevokeKey{ID: made.Key.ID})
	took := await.That(t, "the revocation", func() bool { return b.State().KeyOf(made.Token) == nil })
	t.Logf("a revocation took %v", took)

	must(t, b, control.DeleteCache{Name: "other"})
	await.That(t, "the deletion", func() bool { return a.State().Caches["other"] == nil })
	c, _ := gateway()
	if got, want := text(t, c.State()), text(t, a.State()); got != want {
		t.Errorf("a third gateway begins with\n%s, the first has\n%s", got, want)
	}
}

func TestConflictsAreResolved(t *testing.T) {
	_, gateway := servers(t)
	const gateways, each = 3, 20
	planes := make([]*control.Plane, gateways)
	for i := range planes {
		planes[i], _ = gateway()
	}
	var wg sync.WaitGroup
	for i, p := range planes {
		wg.Go(func() {
			for n := range each {
				if _, err := p.Change(t.Context(), control.CreateCache{Name: fmt.Sprintf("%d-%d", i, n)}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	fresh, _ := gateway()
	spaces := map[hearth.Space]string{}
	for name, c := range fresh.State().Caches {
		for _, s := range []hearth.Space{c.Space, c.Boards, c.Topics} {
			if spaces[s] != "" {
				t.Errorf("space %d belongs to %s and to %s", s, name, spaces[s])
			}
			spaces[s] = name
		}
	}
	if len(fresh.State().Caches) != gateways*each {
		t.Errorf("%d caches, want %d", len(fresh.State().Caches), gateways*each)
	}
	if v := fresh.State().Version; v != gateways*each {
		t.Errorf("version %d after %d changes", v, gateways*each)
	}
}

func TestOneOwner(t *testing.T) {
	_, gateway := servers(t)
	a, _ := gateway()
	b, _ := gateway()
	made := 0
	for _, p := range []*control.Plane{a, b} {
		k, err := auth.New(auth.KeyRequest{Permissions: auth.Permissions{Owner: true}, Never: true}, "e", "", time.Now(), nil)
		if err != nil {
			t.Fatal(err)
		}
		_, err = p.Change(t.Context(), control.AddKey{Key: k.Key, First: true})
		if err == nil {
			made++
		} else if hearth.KindOf(err) != hearth.Exists {
			t.Error(err)
		}
	}
	if made != 1 {
		t.Errorf("%d first keys", made)
	}
}

// A change is seen also where no message tells of it.
func TestChangesAreFoundWithoutMessages(t *testing.T) {
	server, gateway := servers(t)
	a, _ := gateway()
	b, listener := gateway()
	must(t, a, control.CreateCache{Name: "first"})
	await.That(t, "the first", func() bool { return b.State().Caches["first"] != nil })
	if _, err := server.Command("CLIENT", "KILL", "TYPE", "pubsub"); err != nil {
		t.Fatal(err)
	}
	must(t, a, control.CreateCache{Name: "second"})
	took := await.That(t, "the second", func() bool { return b.State().Caches["second"] != nil })
	t.Logf("without a message it took %v", took)
	await.That(t, "a new subscription", func() bool {
		listener.mu.Lock()
		defer listener.mu.Unlock()
		return listener.ear != nil && len(listener.ear.ended) == 0
	})
}

func TestEmptiedServersGetTheStateBack(t *testing.T) {
	server, gateway := servers(t)
	a, _ := gateway()
	b, _ := gateway()
	must(t, a, control.CreateCache{Name: "kept"})
	await.That(t, "the cache", func() bool { return b.State().Caches["kept"] != nil })
	if _, err := server.Command("FLUSHALL"); err != nil {
		t.Fatal(err)
	}
	await.That(t, "the state", func() bool {
		n, _ := server.Command("EXISTS", stateHash)
		return n == ":1"
	})
	must(t, b, control.CreateCache{Name: "after"})
	await.That(t, "the change after", func() bool { return a.State().Caches["after"] != nil })
	if a.State().Caches["kept"] == nil || b.State().Caches["kept"] == nil {
		t.Error("the cache is gone")
	}
}

// TestAnsweredChangesAreKnownEverywhere makes changes by turns: each is known to the other gateway when it is answered. A
// gateway that says nothing more holds up nobody.
func TestAnsweredChangesAreKnownEverywhere(t *testing.T) {
	server, gateway := servers(t)
	var planes []*control.Plane
	var stores []*Valkey
	for range 3 {
		p, v := gateway()
		planes, stores = append(planes, p), append(stores, v)
	}
	follow := func(n string) func() bool {
		return func() bool {
			got, _ := server.Command("HLEN", seenHash)
			return got == n
		}
	}
	await.That(t, "all gateways follow", follow(":3"))
	for i := range 60 {
		name := fmt.Sprint("c", i)
		must(t, planes[i%3], control.CreateCache{Name: name})
		for j, p := range planes {
			if p.State().Caches[name] == nil {
				t.Errorf("%s was made by gateway %d and is not known to gateway %d", name, i%3, j)
			}
		}
	}
	if _, err := server.Command("HSET", seenHash, "dead", "1 1", "hangs", "1 99999999999999"); err != nil {
		t.Fatal(err)
	}
	must(t, planes[0], control.CreateCache{Name: "after"})
	if got, _ := server.Command("HEXISTS", seenHash, "dead"); got != ":0" {
		t.Error("a gateway that has died is remembered")
	}
	_ = stores[2].Close()
	await.That(t, "one that ends is waited for no more", follow(":3")) // of five, less dead and this one
}

func TestDamageInValkeyIsNamed(t *testing.T) {
	server, gateway := servers(t)
	a, _ := gateway()
	must(t, a, control.CreateCache{Name: "c"})
	client, err := valkey.NewClient(valkey.ClientOption{InitAddress: []string{server.Addr}, DisableCache: true})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	check := func(field, value string) {
		t.Helper()
		before, _ := server.Command("HGET", stateHash, field)
		if _, err := server.Command("HSET", stateHash, field, value); err != nil {
			t.Fatal(err)
		}
		if _, err := NewValkey(client).Load(t.Context()); err == nil {
			t.Errorf("%s %s was read", field, value)
		}
		_, _ = server.Command("HSET", stateHash, field, before)
	}
	check(metaField, "x")
	check(metaField, `{"format":99}`)
	check("caches/c", "x")
	check("keys/k", `{"hash":"none"}`)
}

func TestUsageAddsUp(t *testing.T) {
	_, gateway := servers(t)
	_, one := gateway()
	_, two := gateway()
	day := control.Day(time.Now())
	u := control.Usage{Cache: "c", Credential: "k", Verb: "Get", Counts: control.Counts{Operations: 3, Hits: 2, Misses: 1, In: 1 << 40}}
	first, second := control.NewSharedLedger(one), control.NewSharedLedger(two)
	for _, l := range []*control.Ledger{first, second, first} {
		if err := l.Add(t.Context(), day, []control.Usage{u, {Cache: "d", Verb: "Set", Counts: control.Counts{Operations: 1}}}); err != nil {
			t.Fatal(err)
		}
	}
	// What cannot be saved is kept and counted, and saved with the next.
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if err := second.Add(gone, day, []control.Usage{u}); err == nil {
		t.Error("saved without a server")
	}
	check := func(l *control.Ledger, from, to string, operations ...uint64) {
		t.Helper()
		lines, err := l.Query(t.Context(), from, to)
		if err != nil || len(lines) != len(operations) {
			t.Fatalf("%v, %v", lines, err)
		}
		for i, n := range operations {
			if lines[i].Operations != n {
				t.Errorf("line %d has %d operations, want %d: %+v", i, lines[i].Operations, n, lines[i])
			}
		}
	}
	check(second, day, day, 12, 3)
	check(first, day, day, 9, 3)
	if err := second.Add(t.Context(), day, nil); err != nil {
		t.Fatal(err)
	}
	check(first, "0001-01-01", "9999-12-31", 12, 3)
	check(first, "2025-01-01", "2025-01-02")
	lines, _ := first.Query(t.Context(), day, day)
	if lines[0].In != 4<<40 || lines[0].Hits != 8 || lines[0].Misses != 4 {
		t.Errorf("%+v", lines[0])
	}
}
