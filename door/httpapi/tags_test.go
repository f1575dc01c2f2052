package httpapi

import (
	"net/http"
	"strings"
	"testing"
)

func TestTagsOfItems(t *testing.T) {
	s := newGuarded(t)
	put := func(code int, key string, headers ...string) {
		t.Helper()
		if resp, body := s.send("PUT", "/cache/c?key="+key+"&ttl_seconds=60", strings.NewReader("v"), headers...); resp.StatusCode != code {
			t.Errorf("PUT %s with %q = %s %s", key, headers, resp.Status, body)
		}
	}
	status := func(key, want string) {
		t.Helper()
		if resp, _ := s.send("GET", "/cache/c?key="+key, nil); !strings.HasPrefix(resp.Header.Get("Cache-Status"), want) {
			t.Errorf("%s: %q, want %q", key, resp.Header.Get("Cache-Status"), want)
		}
	}

	put(http.StatusNoContent, "a", "Hearth-Tags: product/1, sale")
	put(http.StatusNoContent, "b", "Hearth-Tags: ,sale,, ")
	put(http.StatusBadRequest, "c", "Hearth-Tags: on sale")
	put(http.StatusBadRequest, "c", "Hearth-Tags: "+strings.Repeat("x", 256))
	put(http.StatusBadRequest, "c", "Hearth-Tags: sale", "If-None-Match: *")
	s.ok(http.StatusOK, "POST", "/cache/c/batch", `{"sets":[{"key":"d","value":"v","ttl_seconds":60,"tags":["sale"]}]}`)
	if got := s.ok(http.StatusOK, "POST", "/cache/c/batch", `{"sets":[{"key":"e","value":"v","ttl_seconds":60,"tags":["on sale"]}]}`); !strings.Contains(got, "comma or a space") {
		t.Error(got)
	}
	s.ok(http.StatusNoContent, "DELETE", "/cache/c/tags/product%2F1", "")
	status("a", "hearth; fwd=uri-miss; detail=invalidated")
	status("b", "hearth; hit")
	s.ok(http.StatusNoContent, "DELETE", "/cache/c/tags/sale", "")
	status("b", "hearth; fwd=uri-miss; detail=invalidated")
	status("c", "hearth; fwd=uri-miss; detail="+cause(t, "never-seen"))
	status("d", "hearth; fwd=uri-miss; detail=invalidated")
	s.ok(http.StatusBadRequest, "DELETE", "/cache/c/tags/on%20sale", "")
	s.ok(http.StatusNotFound, "DELETE", "/cache/none/tags/sale", "")
	s.want(http.StatusUnauthorized, "", "DELETE", "/cache/c/tags/sale", "")
}

func TestExplained(t *testing.T) {
	s := newGuarded(t)
	s.ok(http.StatusNoContent, "PUT", "/cache/c?key=k&ttl_seconds=60", "0123456789")
	if got := s.ok(http.StatusOK, "GET", "/admin/caches/c/explain?key=k", ""); member(t, got, "answer") != `hit` || member(t, got, "item", "bytes") != "10" ||
		member(t, got, "permission", "keys_in_all") != "1" {
		t.Error(got)
	}
	s.ok(http.StatusNotFound, "GET", "/cache/c?key=none", "")
	if got := s.ok(http.StatusOK, "GET", "/admin/caches/c/explain?key_base64=bm9uZQ", ""); member(t, got, "cause") != cause(t, `never-seen`) || !inFleet(t) && member(t, got, "last_miss", "cause") != `never-seen` {
		t.Error(got)
	}
	s.ok(http.StatusNoContent, "POST", "/admin/caches/c/flush", "")
	if got := s.ok(http.StatusOK, "GET", "/admin/caches/c/explain?key=k", ""); member(t, got, "cause") != cause(t, `flushed`) || member(t, got, "flushed_ago_milliseconds") == "" {
		t.Error(got)
	}
	s.ok(http.StatusBadRequest, "GET", "/admin/caches/c/explain", "")
	s.ok(http.StatusNotFound, "GET", "/admin/caches/none/explain?key=k", "")
	s.want(http.StatusUnauthorized, "", "GET", "/admin/caches/c/explain?key=k", "")
}
