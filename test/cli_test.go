package test

import (
	"strings"
	"testing"
)

func TestCommandLine(t *testing.T) {
	s := start(t)
	env := []string{"HEARTH_ENDPOINT=" + s.Listen}
	check := func(code int, want string, args ...string) {
		t.Helper()
		stdout, stderr, got := hearth(t, env, args...)
		if got != code || !strings.Contains(stdout+stderr, want) {
			t.Errorf("hearth %s: exit %d, want %d with %q; it said:\n%s%s", strings.Join(args, " "), got, code, want, stdout, stderr)
		}
	}

	check(0, "created prices", "cache", "create", "prices")
	check(3, "exists", "cache", "create", "prices")
	check(0, "prices", "cache", "list")
	check(0, `"name":"prices"`, "cache", "list", "-o", "json")
	check(1, "", "item", "get", "prices", "apple")
	check(1, `{"hit":false}`, "item", "get", "prices", "apple", "-o", "json")
	check(0, "", "item", "set", "prices", "apple", "1.20", "--ttl", "10m")
	check(0, "1.20", "item", "get", "prices", "apple")
	check(0, "9m", "item", "ttl", "prices", "apple")
	check(0, "2h", "item", "ttl", "prices", "apple", "--set", "2h0m1s")
	check(1, "", "item", "ttl", "prices", "pear")
	check(0, "", "item", "delete", "prices", "apple")
	check(1, "", "item", "get", "prices", "apple")
	check(0, "1", "item", "incr", "prices", "n")
	check(0, "42", "item", "incr", "prices", "n", "41")
	check(0, "40", "item", "incr", "prices", "n", "--", "-2")
	check(3, "not found", "item", "get", "nowhere", "k")
	check(0, "hit: the item is there", "explain", "prices", "n")
	check(0, `"answer":"miss","why":"there is no item","cause":"deleted"`, "explain", "prices", "apple", "-o", "json")
	check(3, "not found", "explain", "nowhere", "k")
	check(0, "", "item", "set", "prices", "fig", "3", "--tag", "fruit", "--tag", "sale")
	check(0, "tags fruit sale", "explain", "prices", "fig")
	check(3, "comma or a space", "item", "set", "prices", "fig", "3", "--tag", "on sale")
	check(3, "whole seconds", "item", "set", "prices", "fig", "3", "--tag", "sale", "--ttl", "1500ms")
	check(0, "invalidated sale", "tag", "invalidate", "prices", "sale")
	check(1, "", "item", "get", "prices", "fig")
	check(3, "comma or a space", "tag", "invalidate", "prices", "on sale")
	check(0, "flushed prices", "cache", "flush", "prices")
	check(1, "", "item", "get", "prices", "n")
	check(0, "none: flushed", "explain", "prices", "n")
	check(0, "last miss  flushed", "explain", "prices", "n")
	check(0, "none: never-seen", "explain", "prices", "grape")
	check(0, "deleted prices", "cache", "delete", "prices")
	check(3, "not found", "cache", "flush", "prices")

	check(2, "unknown flag", "cache", "create", "--nmae", "x")
	check(2, "comes behind --", "item", "incr", "prices", "n", "-5")
	check(2, "-5s is less than 0s", "item", "set", "prices", "k", "v", "--ttl", "-5s")
	check(2, "not key=value", "cache", "set", "prices", "ttl-max")
	check(2, "--gateways -1: allowed are 1 to 16", "fleet", "up", "--gateways", "-1")
	check(2, "", "item", "get", "prices")
	check(0, "hearth serve", "help")
	check(0, "Time to live", "help", "item", "set")
	check(0, "HEARTH_MAX_MEMORY", "serve", "--help")
	check(0, "hearth 0.", "version")
}

func TestKeysAndUsage(t *testing.T) {
	s := start(t, "--auth", "--data", t.TempDir())
	root := s.rootKey(t)
	as := func(key string) func(code int, want string, args ...string) string {
		env := []string{"HEARTH_ENDPOINT=" + s.Listen, "MOMENTO_API_KEY=" + key}
		return func(code int, want string, args ...string) string {
			t.Helper()
			stdout, stderr, got := hearth(t, env, args...)
			if got != code || !strings.Contains(stdout+stderr, want) {
				t.Errorf("hearth %s: exit %d, want %d with %q; it said:\n%s%s", strings.Join(args, " "), got, code, want, stdout, stderr)
			}
			return strings.TrimSpace(stdout)
		}
	}
	owner, stranger := as(root), as("")

	owner(0, "created", "cache", "create", "prices")
	stranger(3, "no credential", "cache", "list")
	stranger(3, "no credential", "item", "get", "prices", "k")
	stranger(3, "no credential", "key", "list")

	reader := as(owner(0, "", "token", "create", "--cache", "prices", "--role", "readonly", "--prefix", "public/"))
	writer := as(owner(0, "", "key", "create", "--cache", "prices", "--description", "the shop"))
	writer(0, "", "item", "set", "prices", "public/a", "1")
	writer(0, "", "item", "set", "prices", "secret/a", "2")
	reader(0, "1", "item", "get", "prices", "public/a")
	reader(3, "", "item", "get", "prices", "secret/a")
	reader(3, "", "item", "set", "prices", "public/a", "3")
	reader(3, "", "key", "list")
	writer(3, "", "cache", "delete", "prices")

	owner(3, "would not narrow it", "key", "create", "--super", "--cache", "prices")
	owner(3, "would not narrow it", "key", "create", "--named-role", "r", "--role", "readonly")
	owner(3, "exclude each other", "key", "create", "--super", "--named-role", "r")

	id := ""
	for _, line := range strings.Split(owner(0, "the shop", "key", "list"), "\n") {
		if strings.HasSuffix(line, "the shop") {
			id = strings.Fields(line)[0]
		}
	}
	owner(0, "revoked", "key", "revoke", id)
	writer(3, "", "item", "get", "prices", "public/a")

	owner(0, "request-rate", "cache", "settings")
	owner(0, "1m0s", "cache", "set", "prices", "ttl-default=60s", "request-rate=1000")
	owner(0, "1000", "cache", "show", "prices")
	owner(3, "request-rat", "cache", "set", "prices", "request-rat=1")
	owner(0, "prices", "usage", "--by", "verb")
	owner(0, `"verb":"Set"`, "usage", "--by", "verb", "-o", "json")
	owner(0, "cache,credential,verb", "usage", "--csv")
}
