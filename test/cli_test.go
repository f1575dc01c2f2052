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
	check(0, "flushed prices", "cache", "flush", "prices")
	check(1, "", "item", "get", "prices", "n")
	check(0, "deleted prices", "cache", "delete", "prices")
	check(3, "not found", "cache", "flush", "prices")

	check(2, "unknown flag", "cache", "create", "--nmae", "x")
	check(2, "", "item", "get", "prices")
	check(0, "hearth serve", "help")
	check(0, "Time to live", "help", "item", "set")
	check(0, "HEARTH_MAX_MEMORY", "serve", "--help")
	check(0, "hearth 0.", "version")
}
