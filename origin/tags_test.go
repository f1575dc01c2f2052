package origin

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestTags has an origin name tags by each of the headers that there are for that.
func TestTags(t *testing.T) {
	answers := map[string]http.Header{
		"/none":  {},
		"/ours":  {"Hearth-Tags": {"a, b"}},
		"/cdn":   {"Cache-Tag": {"a,b", " c "}},
		"/surro": {"Surrogate-Key": {"a b  c"}},
		"/all":   {"Hearth-Tags": {"a"}, "Cache-Tag": {"b, a"}, "Surrogate-Key": {"c b"}},
	}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for name, values := range answers[r.URL.Path] {
			w.Header()[name] = values
		}
		if r.URL.Path == "/ours" && r.Header.Get("If-None-Match") != "" {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		io.WriteString(w, "v")
	}))
	defer srv.Close()
	o := open(t, Options{Allow: local}, srv.URL+"/{key}")
	check := func(key, validator, want string) {
		t.Helper()
		a, err := o.Ask(t.Context(), []byte(key), validator)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, tag := range a.Tags {
			got = append(got, string(tag))
		}
		if s := strings.Join(got, " "); s != want {
			t.Errorf("%s has the tags %q, want %q", key, s, want)
		}
	}

	check("none", "", "")
	check("ours", "", "a b")
	check("ours", `"1"`, "a b")
	check("cdn", "", "a b c")
	check("surro", "", "a b c")
	check("all", "", "a b c")
}

func TestWhere(t *testing.T) {
	check := func(template, key, want string, ok bool) {
		t.Helper()
		if got, err := Where(template, key); got != want || (err == nil) != ok {
			t.Errorf("%s of %s: %q, %v; want %q", key, template, got, err, want)
		}
	}
	check("https://host/items/{key}", "a b/c", "https://host/items/a%20b/c", true)
	check("https://host/items?id={key}", "a&b", "https://host/items?id=a%26b", true)
	check("https://host/items/{key}", "../x", "", false)
	check("s3://bucket/{key}", "k", "s3://bucket/k", true)
	check("dynamodb://table/id/item#{key}", "k", "dynamodb://table/id/item#k", true)
}
