package httpapi

import (
	"bytes"
	"crypto/sha1"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hearthcache/hearth/op"
)

// send makes a request with headers as "Name: value" and returns the response with its body read.
func (s *guarded) send(method, path string, body io.Reader, headers ...string) (*http.Response, string) {
	s.t.Helper()
	r, err := http.NewRequest(method, s.URL+path, body)
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("Authorization", s.root)
	for _, h := range headers {
		name, text, _ := strings.Cut(h, ": ")
		r.Header.Set(name, text)
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
	return resp, string(b)
}

func TestHeadAndHeaders(t *testing.T) {
	s := newGuarded(t)
	s.ok(http.StatusNoContent, "PUT", "/cache/c?key=k&ttl_seconds=60", "0123456789")
	tag := fmt.Sprintf(`"%x"`, sha1.Sum([]byte("0123456789")))
	for _, method := range []string{"GET", "HEAD"} {
		resp, body := s.send(method, "/cache/c?key=k", nil)
		if resp.StatusCode != http.StatusOK || resp.ContentLength != 10 || (body == "") != (method == "HEAD") {
			t.Errorf("%s = %s, length %d, %q", method, resp.Status, resp.ContentLength, body)
		}
		h := resp.Header
		if got := h.Get("Cache-Status"); got != "hearth; hit; ttl=59" && got != "hearth; hit; ttl=60" {
			t.Errorf("%s: Cache-Status = %q", method, got)
		}
		if got := h.Get("Cache-Control"); got != "private, max-age=59" && got != "private, max-age=60" {
			t.Errorf("%s: Cache-Control = %q", method, got)
		}
		if h.Get("ETag") != tag {
			t.Errorf("%s: ETag = %s, want %s", method, h.Get("ETag"), tag)
		}
	}
	resp, body := s.send("HEAD", "/cache/c?key=none", nil)
	if resp.Status != "404 Not Found" || body != "" || resp.Header.Get("Cache-Status") != "hearth; fwd=uri-miss; detail="+cause(t, "never-seen") {
		t.Errorf("HEAD of a missing key = %s %q %v", resp.Status, body, resp.Header)
	}
	s.ok(http.StatusNoContent, "DELETE", "/cache/c?key=k", "")
	if resp, _ := s.send("GET", "/cache/c?key=k", nil); resp.Header.Get("Cache-Status") != "hearth; fwd=uri-miss; detail="+cause(t, "deleted") {
		t.Errorf("Cache-Status of a deleted key = %q", resp.Header.Get("Cache-Status"))
	}
}

func TestConditionsAndRanges(t *testing.T) {
	s := newGuarded(t)
	s.ok(http.StatusNoContent, "PUT", "/cache/c?key=k&ttl_seconds=60", "0123456789")
	tag := fmt.Sprintf(`"%x"`, sha1.Sum([]byte("0123456789")))
	check := func(method string, code int, body string, headers ...string) *http.Response {
		t.Helper()
		resp, got := s.send(method, "/cache/c?key=k", nil, headers...)
		if want := fmt.Sprintf("%d %s", code, http.StatusText(code)); resp.Status != want || got != body && code < 400 {
			t.Errorf("%s with %v = %s %q; want %d %q", method, headers, resp.Status, got, code, body)
		}
		if code >= 400 && method == "GET" && member(t, got, "code") == "null" {
			t.Errorf("%s with %v: the error is %q", method, headers, got)
		}
		return resp
	}

	check("GET", 304, "", "If-None-Match: "+tag)
	check("HEAD", 304, "", "If-None-Match: "+tag)
	check("GET", 304, "", `If-None-Match: "x", W/`+tag)
	check("GET", 304, "", `If-None-Match: "x"`, "If-None-Match: "+tag)
	check("GET", 200, "0123456789", `If-Match: "x"`, "If-Match: "+tag)
	check("GET", 304, "", "If-None-Match: *")
	check("GET", 200, "0123456789", `If-None-Match: "x"`)
	check("GET", 200, "0123456789", "If-Match: "+tag)
	check("GET", 412, "", `If-Match: "x"`)

	if got := check("GET", 206, "234", "Range: bytes=2-4").Header.Get("Content-Range"); got != "bytes 2-4/10" {
		t.Errorf("Content-Range = %q", got)
	}
	check("GET", 206, "789", "Range: bytes=-3")
	check("GET", 206, "789", "Range: bytes=7-")
	check("GET", 206, "0123456789", "Range: bytes=0-99")
	check("GET", 206, "0", "Range: bytes=0-0", "If-Range: "+tag)
	check("GET", 200, "0123456789", "Range: bytes=0-0", `If-Range: "x"`)
	check("GET", 200, "0123456789", "Range: lines=1-2", "If-Range: "+`"x"`)
	if got := check("GET", 416, "", "Range: bytes=10-").Header.Get("Content-Range"); got != "bytes */10" {
		t.Errorf("Content-Range of a refusal = %q", got)
	}
	check("GET", 416, "", "Range: bytes=x")
	if got := check("GET", 416, "", "Range: bytes=-0").Header.Get("Content-Range"); got != "bytes */10" {
		t.Errorf("Content-Range of no bytes at all = %q", got)
	}
	check("GET", 206, "01", "Range: bytes=0-1,-0")
	check("GET", 206, "89", "Range: BYTES=-2")
	check("GET", 200, "0123456789", "Range: lines=1-2")
	check("GET", 200, "0123456789", "Range: 1-2")
	if resp := check("HEAD", 200, "", "Range: bytes=0-1"); resp.ContentLength != 10 {
		t.Errorf("HEAD with a range: length %d", resp.ContentLength)
	}
	for _, header := range []string{`If-Match: "x"`, "If-None-Match: *"} {
		check("DELETE", 400, "", header)
	}
	s.ok(http.StatusNoContent, "PUT", "/cache/c?key=empty&ttl_seconds=60", "")
	for _, some := range []string{"bytes=0-", "bytes=-1", "bytes=-0", "bytes=0-0"} {
		if resp, body := s.send("GET", "/cache/c?key=empty", nil, "Range: "+some); resp.StatusCode != http.StatusOK || body != "" {
			t.Errorf("%s of an empty value: %s %q %v", some, resp.Status, body, resp.Header)
		}
	}
	resp, body := s.send("GET", "/cache/c?key=k", nil, "Range: bytes=0-1,8-9")
	if resp.StatusCode != 206 || !strings.HasPrefix(resp.Header.Get("Content-Type"), "multipart/byteranges") || !strings.Contains(body, "bytes 8-9/10") {
		t.Errorf("two ranges = %s %v %q", resp.Status, resp.Header, body)
	}
}

// TestConditionalPut puts under conditions, small values and ones that have a place of their own.
func TestConditionalPut(t *testing.T) {
	s := newGuarded(t)
	for _, size := range []int{1, blockBytes, 300_000} {
		path := fmt.Sprintf("/cache/c?key=k%d", size)
		first, second := strings.Repeat("1", size), strings.Repeat("2", size)
		put := func(code int, body string, headers ...string) {
			t.Helper()
			resp, got := s.send("PUT", path+"&ttl_seconds=60", strings.NewReader(body), headers...)
			if resp.StatusCode != code {
				t.Errorf("PUT of %d bytes with %v = %s %s; want %d", size, headers, resp.Status, got, code)
			}
		}
		holds := func(want string) string {
			t.Helper()
			resp, got := s.send("GET", path, nil)
			if got != want {
				t.Errorf("GET of %d bytes is another value, %s", size, resp.Status)
			}
			return resp.Header.Get("ETag")
		}
		put(412, first, "If-Match: *")
		put(204, first, "If-None-Match: *")
		put(412, second, "If-None-Match: *")
		tag := holds(first)
		put(412, second, "If-None-Match: "+tag)
		put(204, second, "If-Match: "+tag)
		put(412, first, "If-Match: "+tag)
		holds(second)
		put(204, first, "If-None-Match: "+tag)
		put(204, second, "If-Match: *")
		holds(second)
		other := `"` + strings.Repeat("0", 40) + `"`
		put(412, first, `If-Match: "x"`)
		put(412, first, `If-Match: "x", `+other)
		put(412, first, "If-None-Match: "+other+", "+holds(second))
		put(412, first, "If-None-Match: "+other, "If-None-Match: W/"+holds(second))
		put(412, first, "If-Match: W/"+holds(second))
		put(204, first, `If-Match: "a,b" , `+other+","+holds(second))
		put(204, second, `If-None-Match: "x",,`+other)
		for _, bad := range []string{"nonsense", "", `"x" "y"`, `"x`, other + `, *`, `"x"y`} {
			put(400, first, "If-Match: "+bad)
		}
		put(400, first, "If-Match: "+tag, "If-None-Match: *")
		holds(second)
	}
}

// TestBodies puts bodies of lengths around every bound, with a length and without one.
func TestBodies(t *testing.T) {
	s := newGuarded(t)
	const most = 1 << 20
	s.ok(http.StatusOK, "PATCH", "/admin/caches/c", fmt.Sprintf(`{"settings":{"item-bytes":"%d","request-rate":"0","throughput":"0"}}`, most+1))
	whole := make([]byte, most+1)
	for i := range whole {
		whole[i] = byte(rand.Uint32())
	}
	for _, n := range []int{0, 1, blockBytes/2 - 1, blockBytes / 2, blockBytes/2 + 1, blockBytes - 1, blockBytes, blockBytes + 1, 3 * blockBytes, most - 1, most, most + 1} {
		for name, body := range map[string]io.Reader{"sized": bytes.NewReader(whole[:n]), "chunked": io.MultiReader(bytes.NewReader(whole[:n]))} {
			code := http.StatusNoContent
			if n > most {
				code = http.StatusTooManyRequests
			}
			if resp, got := s.send("PUT", "/cache/c?key=k&ttl_seconds=60", body); resp.StatusCode != code {
				t.Errorf("PUT of %d bytes, %s = %s %s", n, name, resp.Status, got)
			}
			if n > most {
				continue
			}
			if _, got := s.send("GET", "/cache/c?key=k", nil); got != string(whole[:n]) {
				t.Errorf("GET after a PUT of %d bytes, %s, has %d bytes", n, name, len(got))
			}
		}
	}
}

func TestCollapsedStatus(t *testing.T) {
	s := newGuarded(t)
	s.ok(http.StatusOK, "PATCH", "/admin/caches/c", `{"settings":{"collapse":"on","collapse-wait":"5s"}}`)
	s.ok(http.StatusNotFound, "GET", "/cache/c?key=k", "") // this caller loads
	status := make(chan string)
	go func() {
		resp, body := s.send("GET", "/cache/c?key=k", nil)
		status <- body + " " + resp.Header.Get("Cache-Status")
	}()
	time.Sleep(50 * time.Millisecond) // however long it takes, the second caller finds the value
	s.ok(http.StatusNoContent, "PUT", "/cache/c?key=k&ttl_seconds=60", "v")
	if got := <-status; !strings.HasPrefix(got, "v hearth; fwd=uri-miss; collapsed; ttl=") {
		t.Errorf("the second caller got %q", got)
	}
}

func TestCacheStatus(t *testing.T) {
	check := func(r op.Reply, want string) {
		t.Helper()
		if got := cacheStatus(&r); got != want {
			t.Errorf("Cache-Status = %q, want %q", got, want)
		}
	}
	check(op.Reply{Status: op.Hit, Int: -1}, "hearth; hit")
	check(op.Reply{Status: op.Hit, Int: 1999}, "hearth; hit; ttl=1")
	check(op.Reply{Status: op.Miss, Cause: op.Evicted, Waited: true}, "hearth; fwd=uri-miss; collapsed; detail=evicted")
	stale := op.Reply{Status: op.Hit, Int: 5000}
	stale.Attrs.Stale = true
	check(stale, "hearth; fwd=stale; ttl=5")
	fresh := func(life, grace int64, why op.Cause, want, control string) {
		t.Helper()
		r := op.Reply{Status: op.Hit, Int: life, Grace: grace, Cause: why}
		check(r, want)
		if got := cacheControl(&r); got != control {
			t.Errorf("Cache-Control = %q, want %q", got, control)
		}
	}
	fresh(65_000, 60_000, op.Unknown, "hearth; hit; ttl=5", "private, max-age=5")
	fresh(60_000, 60_000, op.Unknown, "hearth; hit; ttl=0", "private, max-age=0")
	fresh(59_999, 60_000, op.Unknown, "hearth; hit; ttl=-1; detail=stale", "private, max-age=0")
	fresh(50_000, 60_000, op.OriginFailed, "hearth; hit; ttl=-10; detail=origin-failed", "private, max-age=0")
	fresh(-1, 60_000, op.Unknown, "hearth; hit", "private")
	for cause := range op.Causes {
		if cause.String() == "" {
			t.Errorf("cause %d has no name", cause)
		}
	}
}

func TestOldAddresses(t *testing.T) {
	s := newGuarded(t)
	for _, method := range []string{"PUT", "POST"} {
		s.want(http.StatusNoContent, "", method, "/cache/set/c/a%2Fb?ttl_milliseconds=60000&token="+s.root, method)
		if got := s.want(http.StatusOK, "", "GET", "/cache/get/c/a/b?token="+s.root, ""); got != method {
			t.Errorf("GET after %s = %q", method, got)
		}
	}
	s.ok(http.StatusBadRequest, "PUT", "/cache/set/c/k?ttl_seconds=1", "v")
	s.ok(http.StatusNotFound, "GET", "/cache/get/c/none", "")
	s.ok(http.StatusNotFound, "GET", "/cache/get/none/k", "")
	s.want(http.StatusUnauthorized, "", "GET", "/cache/get/c/k", "")
}

func TestNowhere(t *testing.T) {
	s := newGuarded(t)
	if got := s.ok(http.StatusNotFound, "GET", "/none", ""); member(t, got, "code") != "not_found" {
		t.Errorf("GET /none = %s", got)
	}
	resp, body := s.send("PATCH", "/cache/c?key=k", nil)
	if resp.Status != "405 Method Not Allowed" || resp.Header.Get("Allow") != "GET, HEAD, POST, PUT, DELETE" || member(t, body, "code") != "unimplemented" {
		t.Errorf("PATCH = %s %v %s", resp.Status, resp.Header, body)
	}
}
