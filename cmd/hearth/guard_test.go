package main

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestGuard(t *testing.T) {
	h := guard("", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {}))
	check := func(host, origin string, want int) {
		t.Helper()
		r := httptest.NewRequest("GET", "/cache/c?key=k", nil)
		r.Host = host
		if origin != "" {
			r.Header.Set("Origin", origin)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("Host %q, Origin %q: %d, want %d", host, origin, w.Code, want)
		}
	}

	check("127.0.0.1:8080", "", 200)
	check("localhost:8080", "http://localhost:3000", 200)
	check("[::1]:8080", "http://[::1]", 200)
	check("app.localhost", "https://127.0.0.1", 200)
	check("evil.example:8080", "", 403)
	check("127.0.0.1:8080", "https://evil.example", 403)
	check("127.0.0.1:8080", "null", 403)
	check("127.0.0.1.evil.example", "", 403)
	check("localhost.evil.example", "", 403)
	check("", "", 403)

	h = guard("hearth.test", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {}))
	check("cache.hearth.test", "", 200)
	check("API.Cache.Hearth.Test:443", "https://web.hearth.test", 200)
	check("127.0.0.1:443", "", 200)
	check("evil.example", "", 403)
	check("evilhearth.test", "", 403)
	check("hearth.test.evil.example", "", 403)
	check("cache.hearth.test", "https://evil.example", 403)
	check("cache.hearth.test", "null", 403)
}
