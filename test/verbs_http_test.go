package test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

// httpCase is a request, and what it needs.
type httpCase struct {
	need              need
	method, path, row string // row is the address in /openapi.json, where it is not that of another case
	body              string
}

// httpCases has every address that the server has: those of /openapi.json, and those for operators.
var httpCases = []httpCase{
	{nothing, "GET", "/healthz", "", ""},
	{nothing, "GET", "/readyz", "", ""},
	{nothing, "GET", "/openapi.json", "/openapi.json", ""},
	{manages, "GET", "/metrics", "", ""},

	{reads, "GET", "/cache/a?key=k", "/cache/{cache}", ""},
	{reads, "HEAD", "/cache/a?key=k", "/cache/{cache}", ""},
	{writes, "PUT", "/cache/a?key=k&ttl_seconds=9", "/cache/{cache}", "v"},
	{writes, "POST", "/cache/a?key_base64=aw&ttl_seconds=9", "/cache/{cache}", "v"},
	{writes, "DELETE", "/cache/a?key=k", "/cache/{cache}", ""},
	{reads, "POST", "/cache/a/batch", "/cache/{cache}/batch", `{"gets":[{"key":"k"}]}`},
	{writes, "POST", "/cache/a/batch", "", `{"sets":[{"key":"k","value":"v","ttl_seconds":9}]}`},
	{writes, "POST", "/cache/a/batch", "", `{"deletes":[{"key":"k"}]}`},
	{reads, "GET", "/cache/get/a/k", "/cache/get/{cache}/{key}", ""},
	{reads, "HEAD", "/cache/get/a/k", "/cache/get/{cache}/{key}", ""},
	{writes, "PUT", "/cache/set/a/k?ttl_milliseconds=9000", "/cache/set/{cache}/{key}", "v"},
	{writes, "POST", "/cache/set/a/k?ttl_milliseconds=9000", "/cache/set/{cache}/{key}", "v"},

	{writes, "PUT", "/claims/a?key=k", "/claims/{cache}", "v"},
	{writes, "POST", "/claims/a?key=k", "/claims/{cache}", "v"},
	{reads, "GET", "/claims/a?key=k", "/claims/{cache}", ""},
	{reads, "HEAD", "/claims/a?key=k", "/claims/{cache}", ""},
	{writes, "DELETE", "/claims/a?key=k", "/claims/{cache}", ""},
	{writes, "POST", "/claims/a/tickets", "/claims/{cache}/tickets", `{"key":"k"}`},
	{secret, "GET", "/tickets/x", "/tickets/{ticket}", ""},
	{secret, "HEAD", "/tickets/x", "/tickets/{ticket}", ""},
	{secret, "PUT", "/tickets/x", "/tickets/{ticket}", "v"},
	{secret, "POST", "/tickets/x", "/tickets/{ticket}", "v"},
	{secret, "DELETE", "/tickets/x", "/tickets/{ticket}", ""},
	{sweeps, "DELETE", "/cache/a/tags/tag", "/cache/{cache}/tags/{tag}", ""},

	{hears, "GET", "/topics/a", "/topics/{cache}", ""},
	{listens, "GET", "/topics/a/t?wait_seconds=0", "/topics/{cache}/{topic}", ""},
	{speaks, "POST", "/topics/a/t", "/topics/{cache}/{topic}", "m"},

	{manages, "GET", "/admin/settings", "/admin/settings", ""},
	{manages, "GET", "/admin/account", "/admin/account", ""},
	{manages, "PATCH", "/admin/account", "/admin/account", `{}`},
	{manages, "GET", "/admin/caches", "/admin/caches", ""},
	{manages, "POST", "/admin/caches", "/admin/caches", `{"name":"new"}`},
	{manages, "GET", "/admin/caches/a", "/admin/caches/{cache}", ""},
	{manages, "GET", "/admin/caches/a/explain?key=k", "/admin/caches/{cache}/explain", ""},
	{manages, "PATCH", "/admin/caches/a", "/admin/caches/{cache}", `{}`},
	{manages, "DELETE", "/admin/caches/new", "/admin/caches/{cache}", ""},
	{manages, "POST", "/admin/caches/a/flush", "/admin/caches/{cache}/flush", ""},
	{manages, "GET", "/admin/keys", "/admin/keys", ""},
	{manages, "POST", "/admin/keys", "/admin/keys", `{"rules":[{"type":"cache","caches":"*","items":"*","permissions":["read"]}],"never_expires":true}`},
	{owns, "POST", "/admin/keys", "", `{"super_user":true,"never_expires":true}`},
	{manages, "DELETE", "/admin/keys/x", "/admin/keys/{key}", ""},
	{manages, "POST", "/admin/tokens", "/admin/tokens", `{"rules":[{"type":"cache","caches":"*","items":"*","permissions":["read"]}],"valid_for_seconds":9}`},
	{manages, "GET", "/admin/usage", "/admin/usage", ""},
	{manages, "GET", "/api-keys", "/api-keys", ""},
	{manages, "POST", "/api-keys", "/api-keys", `{"role_id":"x","description":"","expiry":"never"}`},
	{manages, "DELETE", "/api-keys/x", "/api-keys/{key}", ""},
	{manages, "GET", "/roles", "/roles", ""},
	{manages, "POST", "/roles", "/roles", `{"role_name":"x","permissions":{"rules":[]}}`},
	{manages, "PUT", "/roles/x", "/roles/{role}", `{"role_name":"x","permissions":{"rules":[]}}`},
	{manages, "DELETE", "/roles/x", "/roles/{role}", ""},
}

func TestEveryAddressOfHTTP(t *testing.T) { everywhere(t, everyAddressOfHTTP) }

func everyAddressOfHTTP(t *testing.T, start starter) {
	g := startGuarded(t, start)
	var cases []string
	var verbs []verb
	for _, c := range httpCases {
		if c.row != "" {
			cases = append(cases, c.method+" "+c.row)
		}
		verbs = append(verbs, verb{c.method + " " + c.path + " " + c.body, c.need, func(token string) (bool, string) {
			return g.httpSay(c, token, "")
		}})
	}
	whole(t, "HTTP", g.addresses(), cases)
	everybody := g.everybody()
	g.check(everybody, verbs)

	// Where the credential may stand in the address it does as much as in the header, and is refused in both.
	for _, v := range everybody {
		for _, c := range httpCases {
			if !strings.HasPrefix(c.path, "/cache/") && !strings.HasPrefix(c.path, "/claims/") && !strings.HasPrefix(c.path, "/topics/") || v.token == "" {
				continue
			}
			if refused, answer := g.httpSay(c, "", v.token); refused == v.may[c.need] {
				t.Errorf("%s says %s %s with the token in the address: refused %v: %s", v.name, c.method, c.path, refused, answer)
			}
			if _, answer := g.httpSay(c, v.token, v.token); !strings.HasPrefix(answer, "400") {
				t.Errorf("%s says %s %s with the token in header and address: %s", v.name, c.method, c.path, answer)
			}
		}
	}
}

// addresses returns every method and address of the OpenAPI document.
func (g *guarded) addresses() (all []string) {
	g.t.Helper()
	resp, err := http.Get(g.url("/openapi.json"))
	if err != nil {
		g.t.Fatal(err)
	}
	defer resp.Body.Close()
	var doc struct {
		Paths map[string]map[string]json.RawMessage
	}
	if err := json.NewDecoder(resp.Body).Decode(&doc); err != nil {
		g.t.Fatal(err)
	}
	for path, methods := range doc.Paths {
		for method := range methods {
			if method != "parameters" {
				all = append(all, strings.ToUpper(method)+" "+path)
			}
		}
	}
	return all
}

// inBatch finds the refusal of an item of a batch.
var inBatch = regexp.MustCompile(`"(permission_denied|unauthenticated)"`)

// httpSay makes a request with a token in the header, in the address, or both.
func (g *guarded) httpSay(c httpCase, header, query string) (refused bool, answer string) {
	g.t.Helper()
	path := c.path
	if query != "" {
		sign := "?"
		if strings.Contains(path, "?") {
			sign = "&"
		}
		path += sign + "token=" + url.QueryEscape(query)
	}
	r, err := http.NewRequest(c.method, g.url(path), strings.NewReader(c.body))
	if err != nil {
		g.t.Fatal(err)
	}
	if header != "" {
		r.Header.Set("Authorization", header)
	}
	if strings.HasPrefix(c.body, "{") {
		r.Header.Set("Content-Type", "application/json")
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		g.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, _ := io.ReadAll(resp.Body)
	refused = resp.StatusCode == http.StatusUnauthorized || resp.StatusCode == http.StatusForbidden
	if strings.HasSuffix(c.path, "/batch") {
		refused = refused || inBatch.Match(b)
	}
	return refused, resp.Status + " " + string(b)
}
