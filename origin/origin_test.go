package origin

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hearthcache/hearth"
)

var local = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}

func open(t *testing.T, o Options, template string) *Origin {
	t.Helper()
	p := New(o)
	t.Cleanup(func() { p.Close() })
	opened, err := p.Open(template)
	if err != nil {
		t.Fatal(err)
	}
	return opened
}

func zip(text string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = io.WriteString(w, text) // it is memory
	_ = w.Close()
	return b.String()
}

func TestHTTP(t *testing.T) {
	var conditional atomic.Int64
	packed := map[string]string{"/items/packed": zip("value"), "/items/half": zip("value")[:20], "/items/unpackable": "value",
		"/items/bomb": zip(strings.Repeat("0", hearth.ValueBytesMax+1))}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/items/a/b c":
			w.Header().Set("ETag", `"1"`)
			w.Header().Set("Cache-Control", "public, max-age=60, s-maxage=90")
			if r.Header.Get("If-None-Match") == `"1"` {
				conditional.Add(1)
				w.WriteHeader(http.StatusNotModified)
				return
			}
			io.WriteString(w, "value")
		case "/items/old":
			w.Header().Set("Last-Modified", "Mon, 02 Jan 2006 15:04:05 GMT")
			if r.Header.Get("If-Modified-Since") == "Mon, 02 Jan 2006 15:04:05 GMT" {
				w.WriteHeader(http.StatusNotModified)
				return
			}
			io.WriteString(w, "old")
		case "/items/uncacheable":
			w.Header().Set("Cache-Control", "no-store")
		case "/items/gone":
			w.WriteHeader(http.StatusGone)
		case "/items/denied":
			w.WriteHeader(http.StatusForbidden)
		case "/items/busy":
			w.WriteHeader(http.StatusTooManyRequests)
		case "/items/broken":
			w.WriteHeader(http.StatusBadGateway)
		case "/items/cut":
			w.Header().Set("Content-Length", "10")
			io.WriteString(w, "short")
		case "/items/packed", "/items/bomb", "/items/unpackable", "/items/half":
			w.Header().Set("Content-Encoding", "gzip")
			io.WriteString(w, packed[r.URL.Path])
		case "/items/brotli":
			w.Header().Set("Content-Encoding", "br")
		case "/items/plain":
			w.Header().Set("Content-Encoding", "identity")
			io.WriteString(w, "plain")
		case "/items/elsewhere":
			http.Redirect(w, r, "http://localhost:1/", http.StatusFound)
		case "/items/slow":
			<-r.Context().Done()
		case "/q":
			fmt.Fprint(w, r.URL.Query().Get("k"))
		default:
			http.NotFound(w, r)
		}
	}))
	defer srv.Close()
	o := open(t, Options{Allow: local}, srv.URL+"/items/{key}")

	t.Run("value, time to live and validator", func(t *testing.T) {
		a, err := o.Ask(t.Context(), []byte("a/b c"), "")
		if err != nil || string(a.Value) != "value" || a.TTL != 90*time.Second || a.Validator != `"1"` {
			t.Errorf("got %+v, %v", a, err)
		}
		if a, err = o.Ask(t.Context(), []byte("a/b c"), a.Validator); err != nil || !a.Unchanged || conditional.Load() != 1 {
			t.Errorf("revalidated: %+v, %v", a, err)
		}
	})
	t.Run("by time of modification", func(t *testing.T) {
		a, err := o.Ask(t.Context(), []byte("old"), "")
		if err != nil || string(a.Value) != "old" {
			t.Fatalf("got %+v, %v", a, err)
		}
		if a, err = o.Ask(t.Context(), []byte("old"), a.Validator); err != nil || !a.Unchanged {
			t.Errorf("revalidated: %+v, %v", a, err)
		}
	})
	t.Run("answers", func(t *testing.T) {
		for key, kind := range map[string]hearth.Kind{
			"nothing": hearth.NotFound, "gone": hearth.NotFound, "denied": hearth.Denied, "busy": hearth.Unavailable,
			"broken": hearth.Unavailable, "cut": hearth.Unavailable, "elsewhere": hearth.Denied,
			"brotli": hearth.Denied, "bomb": hearth.Limited, "unpackable": hearth.Unavailable, "half": hearth.Unavailable,
			"../q": hearth.Denied, "a/./b": hearth.Denied, "a//b": hearth.Denied, "": hearth.Denied, "a\x00b": hearth.Denied, `a\b`: hearth.Denied,
		} {
			if _, _, err := o.Load(t.Context(), []byte(key)); err == nil || hearth.KindOf(err) != kind {
				t.Errorf("%q: %v (kind %d), want kind %d", key, err, hearth.KindOf(err), kind)
			}
		}
	})
	t.Run("packed", func(t *testing.T) {
		for key, want := range map[string]string{"packed": "value", "plain": "plain"} {
			if v, _, err := o.Load(t.Context(), []byte(key)); err != nil || string(v) != want {
				t.Errorf("%s: %q, %v", key, v, err)
			}
		}
	})
	t.Run("slow", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		if _, _, err := o.Load(ctx, []byte("slow")); hearth.KindOf(err) != hearth.Unavailable {
			t.Errorf("got %v", err)
		}
	})
	t.Run("not to be kept", func(t *testing.T) {
		if a, err := o.Ask(t.Context(), []byte("uncacheable"), ""); err != nil || a.TTL != ttlMin {
			t.Errorf("got %+v, %v", a, err)
		}
	})
	t.Run("key in the query", func(t *testing.T) {
		q := open(t, Options{Allow: local}, srv.URL+"/q?k={key}")
		if v, _, err := q.Load(t.Context(), []byte("a&k=b/../c")); err != nil || string(v) != "a&k=b/../c" {
			t.Errorf("got %q, %v", v, err)
		}
	})
}

func TestForbiddenDestinations(t *testing.T) {
	var connected atomic.Int64
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { connected.Add(1) }))
	defer srv.Close()
	p := New(Options{})
	if _, err := p.Open(srv.URL + "/{key}"); hearth.KindOf(err) != hearth.Invalid {
		t.Errorf("an address of loopback: %v", err)
	}
	// A name is looked up when it is connected to.
	port := srv.URL[len("http://127.0.0.1"):]
	o := open(t, Options{}, "http://localhost"+port+"/{key}")
	if _, _, err := o.Load(t.Context(), []byte("k")); err == nil || connected.Load() != 0 {
		t.Errorf("a name of loopback: %v, %d requests", err, connected.Load())
	}
	for _, template := range []string{"ftp://example.com/{key}", "http://169.254.169.254/{key}", "http://[::1]/{key}", "https://u:p@example.com/{key}"} {
		if _, err := p.Open(template); err == nil {
			t.Errorf("%s is taken", template)
		}
	}
}
