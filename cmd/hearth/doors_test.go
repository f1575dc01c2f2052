package main

import (
	"strings"
	"testing"
)

// TestBanner holds what the server tells people to type.
func TestBanner(t *testing.T) {
	says := func(o opened, want, never string) {
		t.Helper()
		var b strings.Builder
		o.say(&b)
		if got := b.String(); !strings.Contains(got, want) || strings.Contains(got, never) {
			t.Errorf("%+v: want %q and never %q in\n%s", o, want, never, got)
		}
	}

	says(opened{what: "main", addr: "127.0.0.1:8080"}, "MomentoLocalProvider({ hostname: '127.0.0.1', port: 8080 })", "API_KEY")
	says(opened{what: "main", addr: "[::]:8080", key: true}, `curl -H "Authorization: $MOMENTO_API_KEY" http://127.0.0.1:8080/`, "MomentoLocalProvider")
	says(opened{what: "main", addr: "0.0.0.0:443", tls: true, key: true}, "TLS on 127.0.0.1:443", "0.0.0.0")
	says(opened{what: "resp", addr: "[::]:6379"}, "redis-cli -h 127.0.0.1 -p 6379\n", "--pass")
	says(opened{what: "resp", addr: "127.0.0.1:6379", key: true}, "-p 6379 --user CACHE --pass KEY", "--tls")
}
