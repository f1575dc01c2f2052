package httpapi

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/control"
	"github.com/hearthcache/hearth/gateway"
)

// guarded is a server that wants credentials, with the cache "c".
type guarded struct {
	*httptest.Server
	t    *testing.T
	root string
}

func newGuarded(t *testing.T) *guarded {
	t.Helper()
	return newGuardedWith(t, Options{})
}

// newGuardedWith is newGuarded with options of the test.
func newGuardedWith(t *testing.T, o Options) *guarded {
	t.Helper()
	gs := gateways(t, gateway.Options{Endpoint: "hearth.test"})
	root, err := gs[0].CreateRoot(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	untilEvery(t, gs, "the root key is known", func(g *gateway.Gateway) bool {
		_, err := g.SignIn(gateway.Credential{Token: root.Token}, "c")
		return err == nil
	})
	prices, err := control.ParsePriceBook("price 1 per 2 operations")
	if err != nil {
		t.Fatal(err)
	}
	handler := byTurns(gs, func(g *gateway.Gateway) http.Handler {
		o := o
		o.Gateway, o.Prices = g, prices
		return New(o)
	})
	s := &guarded{httptest.NewServer(handler), t, root.Token}
	t.Cleanup(s.Close)
	s.ok(http.StatusCreated, "POST", "/admin/caches", `{"name":"c"}`)
	untilEvery(t, gs, "the cache is known", func(g *gateway.Gateway) bool { return g.View().Caches["c"] != nil })
	return s
}

// booked fails unless the books hold something: at once, or in a fleet once the gateways have handed over what they counted.
func (s *guarded) booked(holds func() bool, what string) {
	s.t.Helper()
	for end := time.Now().Add(30 * time.Second); !holds(); time.Sleep(5 * time.Millisecond) {
		if !inFleet(s.t) || time.Now().After(end) {
			s.t.Fatalf("usage has no %s: %s", what, s.ok(http.StatusOK, "GET", "/admin/usage?by=verb", ""))
		}
	}
}

// ask makes a request and returns its status line and body.
func (s *guarded) ask(token, method, path, body string) (string, string) {
	s.t.Helper()
	r, err := http.NewRequest(method, s.URL+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	if token != "" {
		r.Header.Set("Authorization", token)
	}
	resp, err := s.Client().Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	conforms(s.t, r, body, resp, string(b))
	return resp.Status, strings.TrimSuffix(string(b), "\n")
}

// want asks with a token and fails unless the status begins as wanted; it returns the body.
func (s *guarded) want(code int, token, method, path, body string) string {
	s.t.Helper()
	status, got := s.ask(token, method, path, body)
	if status != strconv.Itoa(code)+" "+http.StatusText(code) {
		s.t.Errorf("%s %s = %s %s; want %d", method, path, status, got, code)
	}
	return got
}

// ok asks as the owner.
func (s *guarded) ok(code int, method, path, body string) string {
	s.t.Helper()
	return s.want(code, s.root, method, path, body)
}

// member returns a member of a JSON object, by a path of names.
func member(t *testing.T, body string, names ...string) string {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(body), &v); err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	for _, n := range names {
		m, ok := v.(map[string]any)
		if !ok {
			t.Fatalf("%s has no %v", body, names)
		}
		v = m[n]
	}
	text, ok := v.(string)
	if !ok {
		b, _ := json.Marshal(v)
		return string(b)
	}
	return text
}

func TestItems(t *testing.T) {
	s := newGuarded(t)
	s.ok(http.StatusNoContent, "PUT", "/cache/c?key=k&ttl_seconds=60&value=ignored", "some bytes")
	if got := s.ok(http.StatusOK, "GET", "/cache/c?key=k", ""); got != "some bytes" {
		t.Errorf("GET = %q", got)
	}
	if got := s.want(http.StatusOK, "", "GET", "/cache/c?key=k&token="+s.root, ""); got != "some bytes" {
		t.Errorf("GET with the credential in the address = %q", got)
	}
	if got := s.want(http.StatusOK, "Bearer "+s.root, "GET", "/cache/c?key_base64=aw", ""); got != "some bytes" {
		t.Errorf("GET by key_base64 = %q", got)
	}
	s.ok(http.StatusOK, "GET", "/cache/c?key_base64=aw==", "")
	s.ok(http.StatusNoContent, "POST", "/cache/c?key=a%2Fb&ttl_seconds=60", "")
	s.ok(http.StatusOK, "GET", "/cache/c?key=a/b", "")
	s.ok(http.StatusNoContent, "DELETE", "/cache/c?key=k", "")
	s.ok(http.StatusNoContent, "DELETE", "/cache/c?key=k", "")
	if got := s.ok(http.StatusNotFound, "GET", "/cache/c?key=k", ""); !strings.Contains(got, "Key Not Found") {
		t.Errorf("GET of a missing key = %s", got)
	}
	for _, method := range []string{"GET", "PUT", "DELETE"} {
		if got := s.ok(http.StatusNotFound, method, "/cache/none?key=k&ttl_seconds=1", ""); !strings.Contains(got, "Cache Not Found") {
			t.Errorf("%s on no cache = %s", method, got)
		}
		s.ok(http.StatusBadRequest, method, "/cache/c?ttl_seconds=1", "")
		s.ok(http.StatusBadRequest, method, "/cache/c?key=k&key_base64=aw&ttl_seconds=1", "")
		s.ok(http.StatusBadRequest, method, "/cache/c?key=k&ttl_seconds=1&token="+s.root, "")
		s.want(http.StatusUnauthorized, "", method, "/cache/c?key=k&ttl_seconds=1", "")
		s.want(http.StatusUnauthorized, "hearth_x", method, "/cache/c?key=k&ttl_seconds=1", "")
	}
	for _, ttl := range []string{"", "0", "-1", "x", "1.5", "99999999999999999999", "86401"} {
		s.ok(http.StatusBadRequest, "PUT", "/cache/c?key=k&ttl_seconds="+ttl, "v")
	}
	s.ok(http.StatusTooManyRequests, "PUT", "/cache/c?key=k&ttl_seconds=1", strings.Repeat("x", hearth.ItemBytesDefault+1))
}

func TestRolesAndKeys(t *testing.T) {
	s := newGuarded(t)
	s.ok(http.StatusBadRequest, "POST", "/roles", `{"role_name":"r","permissions":{"rules":[]}}`)
	s.ok(http.StatusBadRequest, "POST", "/roles", `{"role_name":"r","permissions":{"rules":[{"type":"nothing","permissions":["read"]}]}}`)
	s.ok(http.StatusBadRequest, "POST", "/roles", `{"role_name":"r","permissions":{"rules":[{"type":"cache","permissions":["invoke"]}]}}`)
	s.ok(http.StatusBadRequest, "POST", "/roles", `{"role_name":"r","permissions":{"rules":[{"type":"cache","permissions":["read"],"topics":"*"}]}}`)
	s.ok(http.StatusBadRequest, "POST", "/roles", `{"role_name":"r","permissions":{"rules":[{"type":"cache","permissions":["read"]}],"conditions":[{"ip_filter":{"allowed_cidr_ranges":["10.0.0.1"]}}]}}`)

	const rules = `{"rules":[{"caches":{"name":"c"},"items":{"key_prefix":"in/"},"permissions":["read"],"type":"cache"}]}`
	made := s.ok(http.StatusOK, "POST", "/roles", `{"role_name":"reader","description":"reads","permissions":`+rules+`}`)
	if got := member(t, made, "permissions"); got != rules {
		t.Errorf("the role permits %s, want %s", got, rules)
	}
	s.ok(http.StatusConflict, "POST", "/roles", `{"role_name":"Reader","permissions":`+rules+`}`)
	s.ok(http.StatusConflict, "POST", "/roles", `{"role_name":"viewer","permissions":`+rules+`}`)
	role := member(t, made, "role_id")

	s.ok(http.StatusNotFound, "POST", "/api-keys", `{"role_id":"none","description":"","expiry":"never"}`)
	s.ok(http.StatusBadRequest, "POST", "/api-keys", `{"role_id":"`+role+`","expiry":"never"}`)
	s.ok(http.StatusBadRequest, "POST", "/api-keys", `{"role_id":"`+role+`","description":"","expiry":1}`)
	body := s.ok(http.StatusOK, "POST", "/api-keys", `{"role_id":"`+role+`","description":"d","expiry":4000000000}`)
	key, id := member(t, body, "api_key"), member(t, body, "key_info", "key_id")
	if member(t, body, "key_info", "expires_at_epoch_seconds") == "null" || strings.Count(key, ".") != 2 {
		t.Errorf("POST /api-keys = %s", body)
	}
	s.want(http.StatusNotFound, key, "GET", "/cache/c?key=in/k", "")
	s.want(http.StatusForbidden, key, "GET", "/cache/c?key=out/k", "")
	s.want(http.StatusForbidden, key, "PUT", "/cache/c?key=in/k&ttl_seconds=1", "")
	s.want(http.StatusForbidden, key, "GET", "/roles", "")
	s.want(http.StatusForbidden, key, "POST", "/api-keys", "")
	s.want(http.StatusForbidden, key, "GET", "/admin/caches", "")
	s.want(http.StatusForbidden, key, "GET", "/admin/usage", "")

	// A changed role changes what its keys may do, at once; a missing description is left alone.
	changed := s.ok(http.StatusOK, "PUT", "/roles/"+role, `{"role_name":"reader","permissions":{"rules":[{"type":"cache","permissions":["read","write"]}],"conditions":[{"ip_filter":{"allowed_cidr_ranges":["127.0.0.0/8","::1/128"]}}]}}`)
	if member(t, changed, "description") != "reads" {
		t.Errorf("PUT /roles = %s", changed)
	}
	s.want(http.StatusNoContent, key, "PUT", "/cache/c?key=out/k&ttl_seconds=1", "")
	s.ok(http.StatusOK, "PUT", "/roles/"+role, `{"role_name":"reader","permissions":{"rules":[{"type":"cache","permissions":["read"]}],"conditions":[{"ip_filter":{"allowed_cidr_ranges":["10.0.0.0/8"]}}]}}`)
	s.want(http.StatusForbidden, key, "GET", "/cache/c?key=k", "")

	if got := s.ok(http.StatusOK, "DELETE", "/roles/"+role, ""); member(t, got, "status") != "blocked" || !strings.Contains(got, id) {
		t.Errorf("DELETE of a role in use = %s", got)
	}
	s.ok(http.StatusOK, "DELETE", "/api-keys/"+id, "")
	s.want(http.StatusUnauthorized, key, "GET", "/cache/c?key=k", "")
	s.ok(http.StatusNotFound, "DELETE", "/api-keys/"+id, "")
	if got := s.ok(http.StatusOK, "DELETE", "/roles/"+role, ""); member(t, got, "status") != "deleted" {
		t.Errorf("DELETE /roles = %s", got)
	}
	s.ok(http.StatusNotFound, "DELETE", "/roles/"+role, "")
	s.ok(http.StatusPreconditionFailed, "DELETE", "/roles/owner", "")
	s.ok(http.StatusPreconditionFailed, "PUT", "/roles/owner", `{"role_name":"x","permissions":`+rules+`}`)
}

func TestPages(t *testing.T) {
	s := newGuarded(t)
	seen := map[string]bool{}
	for range 7 {
		s.ok(http.StatusOK, "POST", "/api-keys", `{"role_id":"viewer","description":"","expiry":"never"}`)
	}
	next := ""
	for pages := 1; ; pages++ {
		got := s.ok(http.StatusOK, "GET", "/api-keys?limit=3&next_token="+url.QueryEscape(next), "")
		var out struct {
			Keys []key  `json:"key_info"`
			Next string `json:"next_token"`
		}
		if err := json.Unmarshal([]byte(got), &out); err != nil {
			t.Fatal(err)
		}
		for _, k := range out.Keys {
			seen[k.ID] = true
		}
		if next = out.Next; next == "" {
			if pages != 3 || len(seen) != 8 { // the root key is the eighth
				t.Errorf("%d pages, %d keys", pages, len(seen))
			}
			break
		}
	}
	s.ok(http.StatusBadRequest, "GET", "/api-keys?limit=0", "")
	s.ok(http.StatusBadRequest, "GET", "/api-keys?limit=101", "")
	s.ok(http.StatusBadRequest, "GET", "/roles?type=other", "")
	if got := s.ok(http.StatusOK, "GET", "/roles?type=system", ""); !strings.Contains(got, "Operator") {
		t.Errorf("GET /roles = %s", got)
	}
}

func TestSettingsOverHTTP(t *testing.T) {
	s := newGuarded(t)
	got := s.ok(http.StatusOK, "PATCH", "/admin/caches/c", `{"settings":{"item-bytes":"1KiB","ttl-max":"1m"}}`)
	if member(t, got, "settings", "item-bytes") != "1024" || member(t, got, "effective_settings", "memory-weight") != "1" {
		t.Errorf("PATCH = %s", got)
	}
	s.ok(http.StatusTooManyRequests, "PUT", "/cache/c?key=k&ttl_seconds=1", strings.Repeat("x", 1024))
	s.ok(http.StatusBadRequest, "PUT", "/cache/c?key=k&ttl_seconds=61", "v")
	if got := s.ok(http.StatusBadRequest, "PATCH", "/admin/caches/c", `{"settings":{"no-such":"1"}}`); !strings.Contains(got, "request-rate") {
		t.Errorf("the error does not say what is allowed: %s", got)
	}
	s.ok(http.StatusBadRequest, "PATCH", "/admin/caches/c", `{"settings":{"memory-weight":"0"}}`)
	s.ok(http.StatusBadRequest, "PATCH", "/admin/caches/c", `{"seting":{}}`)
	s.ok(http.StatusNotFound, "PATCH", "/admin/caches/none", `{"settings":{}}`)
	s.ok(http.StatusConflict, "POST", "/admin/caches", `{"name":"c"}`)
	s.ok(http.StatusOK, "PATCH", "/admin/account", `{"settings":{"memory-weight":"7"}}`)
	if got := s.ok(http.StatusOK, "GET", "/admin/caches/c", ""); member(t, got, "effective_settings", "memory-weight") != "7" {
		t.Errorf("GET = %s", got)
	}
	s.ok(http.StatusNoContent, "POST", "/admin/caches/c/flush", "")
	s.ok(http.StatusNoContent, "DELETE", "/admin/caches/c", "")
	s.ok(http.StatusNotFound, "GET", "/admin/caches/c", "")
	s.ok(http.StatusBadRequest, "GET", "/admin/caches?token="+s.root, "")
}

func TestIssuedOverHTTP(t *testing.T) {
	s := newGuarded(t)
	super := member(t, s.ok(http.StatusCreated, "POST", "/admin/keys", `{"super_user":true,"never_expires":true,"form":"session"}`), "token")
	s.want(http.StatusForbidden, super, "POST", "/admin/keys", `{"super_user":true,"never_expires":true}`)
	s.want(http.StatusForbidden, super, "POST", "/api-keys", `{"role_id":"owner","description":"","expiry":"never"}`)
	s.want(http.StatusBadRequest, super, "POST", "/admin/keys", `{"super_user":true,"role":"viewer","never_expires":true}`)
	s.want(http.StatusBadRequest, super, "POST", "/admin/keys", `{"role":"viewer"}`)
	operator := member(t, s.want(http.StatusCreated, super, "POST", "/admin/keys", `{"role":"operator","valid_for_seconds":60}`), "v1")
	// Whoever manages keys gives no more than they have.
	s.want(http.StatusForbidden, operator, "POST", "/admin/keys", `{"super_user":true,"never_expires":true}`)
	s.want(http.StatusForbidden, operator, "POST", "/roles", `{"role_name":"all","permissions":{"rules":[{"type":"store","permissions":["read"]}]}}`)
	s.want(http.StatusCreated, operator, "POST", "/admin/keys", `{"rules":[{"type":"cache","permissions":["read"]}],"never_expires":true}`)
	token := member(t, s.want(http.StatusCreated, operator, "POST", "/admin/tokens", `{"rules":[{"type":"cache","permissions":["write"]}],"valid_for_seconds":60}`), "token")
	s.want(http.StatusNoContent, token, "PUT", "/cache/c?key=k&ttl_seconds=1", "v")
	s.want(http.StatusForbidden, token, "GET", "/cache/c?key=k", "")
	if got := s.ok(http.StatusOK, "GET", "/admin/keys", ""); strings.Contains(got, operator) || !strings.Contains(got, `"form":"session"`) {
		t.Errorf("GET /admin/keys = %s", got)
	}
}

func TestUsageOverHTTP(t *testing.T) {
	s := newGuarded(t)
	s.ok(http.StatusNoContent, "PUT", "/cache/c?key=key&ttl_seconds=60", "value")
	s.ok(http.StatusOK, "GET", "/cache/c?key=key", "")
	s.ok(http.StatusNotFound, "GET", "/cache/c?key=no", "")
	for _, want := range []string{
		`"verb":"Set","operations":1,"bytes_in":8,"units":1,"cost":"0.500000"`,
		`"verb":"Get","operations":2,"bytes_in":5,"bytes_out":5,"hits":1,"misses":1,"units":2,"cost":"1.000000"`,
	} {
		s.booked(func() bool { return strings.Contains(s.ok(http.StatusOK, "GET", "/admin/usage?by=verb", ""), want) }, want)
	}
	if got := s.ok(http.StatusOK, "GET", "/admin/usage?format=csv", ""); !strings.Contains(got, ",c,,,3,13,5,1,1,0,3,") {
		t.Errorf("usage as CSV: %s", got)
	}
	for _, query := range []string{"by=hour", "format=xml", "from=yesterday"} {
		s.ok(http.StatusBadRequest, "GET", "/admin/usage?"+query, "")
	}
}

func TestEveryKindOfErrorHasARow(t *testing.T) {
	for k := hearth.Internal; k < hearth.KindCount; k++ {
		if status[k] == 0 || codes[k] == "" {
			t.Errorf("kind %d has no row", k)
		}
	}
}
