package test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/bradfitz/gomemcache/memcache"
	"github.com/redis/go-redis/v9"

	"github.com/hearthcache/hearth/fleet"
	"github.com/hearthcache/hearth/test/await"
)

// TestTags stores items with tags by one gateway, reads them by every door of another one, and invalidates them there: on
// one hearth that is both, and on two over a cluster.
func TestTags(t *testing.T) {
	t.Run("local", func(t *testing.T) {
		s := start(t)
		tagStory(t, s, s)
	})
	t.Run("valkey", func(t *testing.T) {
		args := []string{"--engine", "valkey", "--valkey-addrs", sharedCluster.empty(t)}
		tagStory(t, start(t, args...), start(t, args...))
	})
}

func tagStory(t *testing.T, one, two *server) {
	admin := one.dial(t)
	if err := admin.CreateCache(t.Context(), "default"); err != nil {
		t.Fatal(err)
	}
	await.That(t, "the cache is known to both", func() bool {
		known, err := two.dial(t).Caches(t.Context())
		return err == nil && len(known) == 1
	})
	rdb := redis.NewClient(&redis.Options{Addr: two.RESP})
	defer rdb.Close()
	mc := memcache.New(two.Memcache)
	defer mc.Close()
	cli := []string{"HEARTH_ENDPOINT=" + one.Listen}

	// Each round stores by another door and invalidates by another one.
	large := strings.Repeat("large", 40_000)
	for round, store := range []func(key, value string){
		func(key, value string) { one.put(t, "default", key, value, "product, sale") },
		func(key, value string) {
			other := redis.NewClient(&redis.Options{Addr: one.RESP})
			defer other.Close()
			if err := other.Do(t.Context(), "HEARTH.SET", key, value, "EX", "60", "TAGS", "sale", "product").Err(); err != nil {
				t.Error(err)
			}
		},
		func(key, value string) {
			if _, errs, code := hearth(t, cli, "item", "set", "default", key, value, "--tag", "sale", "--tag", "product"); code != 0 {
				t.Error(errs)
			}
		},
	} {
		store("apple", "1.20")
		store("{apple}2", large[:20_000*(1+round)])
		one.put(t, "default", "plain", "stays", "")
		if got := strings.Join(two.reads(t, rdb, mc, "apple"), " "); got != "1.20 1.20 1.20 1.20 1 4" {
			t.Errorf("round %d: every door reads %s", round, got)
		}
		switch round {
		case 0:
			if err := rdb.Do(t.Context(), "HEARTH.INVALIDATE", "other", "sale").Err(); err != nil {
				t.Error(err)
			}
		case 1:
			if code, _ := two.request(t, http.MethodDelete, "/cache/default/tags/product", nil, ""); code != http.StatusNoContent {
				t.Errorf("DELETE of a tag: %d", code)
			}
		default:
			if out, errs, code := hearth(t, cli, "tag", "invalidate", "default", "sale"); code != 0 || out != "invalidated sale\n" {
				t.Errorf("%d %s %s", code, out, errs)
			}
		}
		for _, s := range []*server{two, one} {
			if _, status := s.request(t, http.MethodGet, "/cache/default?key=apple", nil, ""); round == 0 && s == two && status != "hearth; fwd=uri-miss; detail=invalidated" {
				t.Errorf("Cache-Status: %q", status)
			}
		}
		if got := strings.Join(two.reads(t, rdb, mc, "apple"), " "); got != "- - - - 0 0" {
			t.Errorf("round %d: after the invalidation every door reads %s", round, got)
		}
		keys, err := rdb.Keys(t.Context(), "*").Result()
		if err != nil || len(keys) != 1 || keys[0] != "plain" {
			t.Errorf("round %d: KEYS has %q, %v", round, keys, err)
		}
	}
	await.That(t, "DBSIZE counts only what was not invalidated", func() bool { return rdb.DBSize(t.Context()).Val() == 1 })
}

// put stores an item over HTTP.
func (s *server) put(t *testing.T, cache, key, value, tags string) {
	t.Helper()
	path := fmt.Sprintf("/cache/%s?key=%s&ttl_seconds=60", cache, url.QueryEscape(key))
	if code, _ := s.request(t, http.MethodPut, path, []byte(value), tags); code != http.StatusNoContent {
		t.Errorf("PUT %s: %d", path, code)
	}
}

func (s *server) request(t *testing.T, method, path string, body []byte, tags string) (code int, status string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, s.url(path), bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if tags != "" {
		r.Header.Set("Hearth-Tags", tags)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode, resp.Header.Get("Cache-Status")
}

// reads returns what an item is by every door, - where it is a miss: gRPC, HTTP, RESP and memcached, then EXISTS and STRLEN.
func (s *server) reads(t *testing.T, rdb *redis.Client, mc *memcache.Client, key string) (got []string) {
	t.Helper()
	v, _, err := s.dial(t).Cache("default").Get(t.Context(), []byte(key))
	byHTTP, err2 := s.getByHTTP(key)
	if strings.Contains(byHTTP, "Not Found") {
		byHTTP = ""
	}
	byRESP := rdb.Get(t.Context(), key).Val()
	var byMemcache string
	if it, err := mc.Get(key); err == nil {
		byMemcache = string(it.Value)
	}
	if err != nil || err2 != nil {
		t.Fatal(err, err2)
	}
	for _, v := range []string{string(v), byHTTP, byRESP, byMemcache} {
		if v == "" {
			v = "-"
		}
		got = append(got, v)
	}
	return append(got, fmt.Sprint(rdb.Exists(t.Context(), key).Val()), fmt.Sprint(rdb.StrLen(t.Context(), key).Val()))
}

// TestWhoMayInvalidate: it takes the permission to write to the whole cache, since a tag may be that of any key.
func TestWhoMayInvalidate(t *testing.T) {
	g := startGuarded(t, start)
	check := func(want int, token string) {
		t.Helper()
		if code := g.http(token, http.MethodDelete, "/cache/a/tags/sale", ""); code != want {
			t.Errorf("DELETE of a tag: %d, want %d", code, want)
		}
		if got := g.resp(token, "a", "HEARTH.INVALIDATE sale"); (got == "+OK\r\n") != (want == http.StatusNoContent) {
			t.Errorf("HEARTH.INVALIDATE: %q", got)
		}
	}
	check(http.StatusNoContent, g.cli("token", "create", "--cache", "a", "--ttl", "10m"))
	check(http.StatusNoContent, g.cli("token", "create", "--cache", "a", "--ttl", "10m", "--role", "writeonly"))
	check(http.StatusForbidden, g.cli("token", "create", "--cache", "a", "--ttl", "10m", "--role", "readonly"))
	check(http.StatusForbidden, g.cli("token", "create", "--cache", "a", "--ttl", "10m", "--prefix", "public/"))
	check(http.StatusForbidden, g.cli("token", "create", "--cache", "b", "--ttl", "10m"))
}

// TestTagsOfAnOrigin has an origin tag what hearth loads: a tag that is invalidated by one gateway has another one load again.
func TestTagsOfAnOrigin(t *testing.T) {
	var loads atomic.Int64
	source := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Surrogate-Key", "products "+strings.TrimPrefix(r.URL.Path, "/"))
		fmt.Fprint(w, "load ", loads.Add(1))
	}))
	defer source.Close()
	servers, err := fleet.Start(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer servers.Kill()
	over := []string{"--engine", "valkey", "--valkey-addrs", servers.Addr, "--origin-allow", "127.0.0.0/8"}
	alone := start(t, "--origin-allow", "127.0.0.0/8")
	for name, pair := range map[string][2]*server{"local": {alone, alone}, "valkey": {start(t, over...), start(t, over...)}} {
		one, two := pair[0], pair[1]
		cli := []string{"HEARTH_ENDPOINT=" + one.Listen}
		for _, args := range [][]string{{"cache", "create", "default"}, {"cache", "set", "default", "origin=" + source.URL + "/{key}"}} {
			if _, errs, code := hearth(t, cli, args...); code != 0 {
				t.Fatal(errs)
			}
		}
		read := func(s *server, key string) string {
			t.Helper()
			v, err := s.getByHTTP(key)
			if err != nil {
				t.Fatal(err)
			}
			return v
		}
		var first string
		await.That(t, "the origin is known", func() bool { first = read(two, "apple"); return strings.HasPrefix(first, "load") })
		if got := read(one, "apple"); got != first {
			t.Errorf("%s: the other gateway has %q, want %q", name, got, first)
		}
		for _, tag := range []string{"apple", "products"} {
			before := loads.Load()
			if code, _ := one.request(t, http.MethodDelete, "/cache/default/tags/"+tag, nil, ""); code != http.StatusNoContent {
				t.Errorf("%s: DELETE of a tag: %d", name, code)
			}
			if got, want := read(two, "apple"), fmt.Sprint("load ", before+1); got != want {
				t.Errorf("%s: after %s was invalidated the item is %q, want %q", name, tag, got, want)
			}
		}
	}
}
