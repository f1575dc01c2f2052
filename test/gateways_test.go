package test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/hearthcache/hearth/fleet"
	"github.com/hearthcache/hearth/test/await"
)

// Keys, revocation on an open connection, settings and usage through two gateways that ask for credentials.
func TestGatewaysShareKeysAndBooks(t *testing.T) {
	servers, err := fleet.Start(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer servers.Kill()
	args := []string{"--engine", "valkey", "--valkey-addrs", servers.Addr, "--auth"}
	one := start(t, args...)
	root := one.rootKey(t)
	two := start(t, args...)
	if strings.Contains(two.log.String(), "MOMENTO_API_KEY=") {
		t.Error("the second gateway made a root key of its own")
	}
	owner := func(s *server, args ...string) string {
		t.Helper()
		out, errs, code := hearth(t, []string{"HEARTH_ENDPOINT=" + s.Listen, "MOMENTO_API_KEY=" + root}, args...)
		if code != 0 {
			t.Fatalf("hearth %v: %d %s", args, code, errs)
		}
		return strings.TrimSpace(out)
	}
	owner(one, "cache", "create", "shop")
	var made struct {
		ID    string `json:"key_id"`
		Token string `json:"token"`
	}
	if err := json.Unmarshal([]byte(owner(one, "key", "create", "--cache", "shop", "-o", "json")), &made); err != nil {
		t.Fatal(err)
	}

	ctx := t.Context()
	client := redis.NewClient(&redis.Options{Addr: two.RESP, Username: "shop", Password: made.Token, MaxRetries: -1, PoolSize: 1})
	defer client.Close()
	await.That(t, "the key is known to the other gateway", func() bool { return client.Set(ctx, "k", "v", 0).Err() == nil })
	if got := client.Get(ctx, "k").Val(); got != "v" {
		t.Errorf("GET: %q", got)
	}
	owner(one, "key", "revoke", made.ID)
	took := await.That(t, "the revocation reaches an open connection of the other gateway", func() bool { return client.Get(ctx, "k").Err() != nil })
	t.Logf("an open connection of the other gateway was refused %v after the revocation was acknowledged", took)

	owner(two, "cache", "set", "shop", "request-rate=77")
	await.That(t, "a setting", func() bool { return strings.Contains(owner(one, "cache", "show", "shop"), "77") })

	// Both gateways answer with the books of both.
	owner(one, "item", "set", "shop", "a", "1")
	owner(two, "item", "set", "shop", "b", "2")
	for _, s := range []*server{one, two} {
		await.That(t, "usage of both", func() bool { return sets(t, owner(s, "usage", "--by", "verb", "-o", "json")) == 3 })
	}
}

// A gateway that starts before its servers waits for them; one whom they refuse ends at once and says why. Its user has
// the permissions that the docs ask for, no more.
func TestGatewayWaitsForItsServers(t *testing.T) {
	servers, err := fleet.Start(t.TempDir(), "--user", "gate", "on", ">right", "~h:*", "&h:*", "+@all", "-@admin")
	if err != nil {
		t.Fatal(err)
	}
	defer servers.Kill()
	args := []string{"--engine", "valkey", "--valkey-addrs", servers.Addr, "--valkey-user", "gate", "--valkey-password"}
	_, errs, code := hearth(t, nil, append([]string{"serve", "--listen", freeAddress(t), "--resp", "off", "--memcache", "off", "--admin", "off"},
		append(args, "wrong")...)...)
	if code == 0 || !strings.Contains(errs, "WRONGPASS") || strings.Contains(errs, "trying again") {
		t.Errorf("with a wrong password: exit %d: %s", code, errs)
	}

	servers.Stop()
	restarted := make(chan error)
	go func() {
		time.Sleep(500 * time.Millisecond) // the gateway has met servers that are down
		restarted <- servers.Restart()
	}()
	gate := start(t, append(args, "right")...)
	if out, errs, code := hearth(t, []string{"HEARTH_ENDPOINT=" + gate.Listen}, "cache", "create", "c"); code != 0 {
		t.Errorf("%s %s", out, errs)
	}
	if err := <-restarted; err != nil {
		t.Error(err)
	}
}

// sets returns how many Sets the books have.
func sets(t *testing.T, books string) (n int) {
	t.Helper()
	var out struct {
		Lines []struct {
			Verb       string `json:"verb"`
			Operations int    `json:"operations"`
		} `json:"lines"`
	}
	if err := json.Unmarshal([]byte(books), &out); err != nil {
		t.Fatalf("%v in %s", err, books)
	}
	for _, l := range out.Lines {
		if l.Verb == "Set" {
			n += l.Operations
		}
	}
	return n
}
