package main

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestGuard(t *testing.T) {
	h := guard(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {}))
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
}
