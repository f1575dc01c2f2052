package httpapi

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/hearthcache/hearth/auth"
)

// payload returns bytes that are the same each time.
func payload(size int) []byte {
	b := make([]byte, size)
	r := rand.NewChaCha8([32]byte{1})
	_, _ = r.Read(b)
	return b
}

// bring stores a payload as the owner and returns what hearth says of it.
func (s *guarded) bring(query string, body io.Reader, headers ...string) madeClaim {
	s.t.Helper()
	resp, got := s.send("PUT", "/claims/c"+query, body, headers...)
	if resp.StatusCode != http.StatusCreated {
		s.t.Fatalf("PUT /claims/c%s = %s %s", query, resp.Status, got)
	}
	var m madeClaim
	if err := json.Unmarshal([]byte(got), &m); err != nil {
		s.t.Fatal(err)
	}
	return m
}

// redeem asks as nobody.
func (s *guarded) redeem(method, ticket string, headers ...string) (*http.Response, string) {
	s.t.Helper()
	return s.send(method, "/tickets/"+ticket, nil, append(headers, "Authorization: ")...)
}

func (s *guarded) refused(code int, says, ticket string) {
	s.t.Helper()
	resp, got := s.redeem("GET", ticket)
	if resp.StatusCode != code || !strings.Contains(member(s.t, got, "message"), says) {
		s.t.Errorf("GET = %s %s; want %d with %q", resp.Status, got, code, says)
	}
}

func TestClaims(t *testing.T) {
	s := newGuarded(t)
	for _, size := range []int{0, 1, 20_000, 256 << 10, 256<<10 + 1, 3_000_000} {
		for _, known := range []bool{true, false} {
			want := payload(size)
			var body io.Reader = bytes.NewReader(want)
			if !known {
				body = struct{ io.Reader }{body}
			}
			m := s.bring("", body, "Content-Type: text/plain")
			sum := sha256.Sum256(want)
			if m.Size != int64(size) || m.SHA256 != hex.EncodeToString(sum[:]) || m.Pinned == inFleet(t) || m.Cache != "c" || m.Type != "text/plain" || len(m.Ticket) != 100 {
				t.Errorf("PUT of %d bytes = %+v", size, m)
			}
			if m.URL != s.URL+"/tickets/"+m.Ticket {
				t.Errorf("the URL is %s", m.URL)
			}
			resp, got := s.redeem("GET", m.Ticket)
			if resp.StatusCode != http.StatusOK || got != string(want) || resp.Header.Get("ETag") != `"`+m.SHA256+`"` || resp.Header.Get("Content-Type") != "text/plain" {
				t.Errorf("GET of %d bytes = %s, %d bytes, %v", size, resp.Status, len(got), resp.Header)
			}
			resp, _ = s.redeem("HEAD", m.Ticket)
			if resp.ContentLength != int64(size) || resp.StatusCode != http.StatusOK {
				t.Errorf("HEAD of %d bytes = %s, %d bytes", size, resp.Status, resp.ContentLength)
			}
		}
	}
}

func TestClaimParts(t *testing.T) {
	s := newGuarded(t)
	want := payload(1_000_000)
	m := s.bring("?reads=3", bytes.NewReader(want))
	check := func(code int, body []byte, headers ...string) {
		t.Helper()
		resp, got := s.redeem("GET", m.Ticket, headers...)
		if resp.StatusCode != code || code < 400 && got != string(body) {
			t.Errorf("GET with %v = %s, %d bytes; want %d, %d bytes", headers, resp.Status, len(got), code, len(body))
		}
	}
	check(206, want[262_000:262_200], "Range: bytes=262000-262199")
	check(206, want[999_990:], "Range: bytes=-10")
	// These take no redemption.
	check(304, nil, `If-None-Match: "`+m.SHA256+`"`)
	check(412, nil, `If-Match: "x"`)
	check(416, nil, "Range: bytes=1000000-")
	check(200, want, `If-Range: "x"`, "Range: bytes=0-1")
	check(404, nil, "Range: bytes=0-1")
}

func TestClaimRefusals(t *testing.T) {
	s := newGuarded(t)
	one, other := s.bring("?key=one&reads=1", strings.NewReader("1")), s.bring("?key=other", strings.NewReader("2"))
	for i := range len(one.Ticket) * 8 {
		b := []byte(one.Ticket)
		b[i/8] ^= 1 << (i % 8)
		if bytes.ContainsAny(b[i/8:i/8+1], "/?#%") || b[i/8] <= ' ' || b[i/8] >= 0x7f {
			continue // it would not be the same address
		}
		s.refused(403, "not valid", string(b))
	}
	s.refused(403, "not valid", one.Ticket[:40]+other.Ticket[40:])
	s.refused(403, "not valid", "hct_")
	s.refused(403, "another key", one.Ticket+"?key=other")
	if resp, got := s.redeem("GET", one.Ticket+"?key=one"); resp.StatusCode != 200 || got != "1" {
		t.Errorf("with its own key = %s %s", resp.Status, got)
	}
	s.refused(404, "nothing to redeem", one.Ticket)
	if resp, _ := s.redeem("HEAD", one.Ticket); resp.StatusCode != 404 {
		t.Errorf("HEAD of what is used up = %s", resp.Status)
	}

	s.ok(http.StatusNoContent, "DELETE", "/claims/c?key=other", "")
	s.refused(404, "nothing to redeem", other.Ticket)
	replaced := s.bring("?key=k", strings.NewReader("old"))
	again := s.bring("?key=k", strings.NewReader("new"))
	s.refused(404, "nothing to redeem", replaced.Ticket)
	s.ok(http.StatusNoContent, "DELETE", "/tickets/"+replaced.Ticket, "")
	if _, got := s.redeem("GET", again.Ticket); got != "new" {
		t.Errorf("GET = %q", got)
	}
	if got := s.ok(http.StatusOK, "GET", "/claims/c?key=k", ""); got != "new" {
		t.Errorf("GET by key = %q", got)
	}
	s.want(http.StatusUnauthorized, "", "DELETE", "/tickets/"+again.Ticket, "")
	s.ok(http.StatusNoContent, "DELETE", "/tickets/"+again.Ticket, "")
	s.refused(404, "nothing to redeem", again.Ticket)
	s.ok(http.StatusNotFound, "GET", "/claims/c?key=k", "")

	flushed := s.bring("", strings.NewReader("f"))
	s.ok(http.StatusNoContent, "POST", "/admin/caches/c/flush", "")
	s.refused(404, "nothing to redeem", flushed.Ticket)
}

func TestClaimLimits(t *testing.T) {
	s := newGuarded(t)
	s.ok(http.StatusOK, "PATCH", "/admin/caches/c", `{"settings":{"claim-bytes":"1000000","claim-ttl":"1m","claim-reserve":"600000"}}`)
	check := func(code int, query string, body io.Reader, headers ...string) {
		t.Helper()
		if resp, got := s.send("PUT", "/claims/"+query, body, headers...); resp.StatusCode != code {
			t.Errorf("PUT /claims/%s = %s %s; want %d", query, resp.Status, got, code)
		}
	}
	large := payload(1_000_001)
	check(413, "c", bytes.NewReader(large))
	check(413, "c", struct{ io.Reader }{bytes.NewReader(large)})
	check(400, "c?ttl_seconds=61", strings.NewReader(""))
	check(400, "c?ttl_seconds=x", strings.NewReader(""))
	check(400, "c?ttl_seconds=0", strings.NewReader(""))
	check(400, "c?reads=-1", strings.NewReader(""))
	check(400, "c?key=", strings.NewReader(""))
	check(404, "none", strings.NewReader(""))
	check(401, "c", strings.NewReader(""), "Authorization: nonsense")
	sum := sha256.Sum256([]byte("x"))
	check(201, "c", strings.NewReader("x"), "Repr-Digest: sha-256=:"+base64.StdEncoding.EncodeToString(sum[:])+":")
	check(400, "c?key=bad", strings.NewReader("y"), "Repr-Digest: sha-256=:"+base64.StdEncoding.EncodeToString(sum[:])+":")
	for _, text := range []string{"abc", ":abc:", base64.StdEncoding.EncodeToString(sum[:]), ":" + base64.StdEncoding.EncodeToString(sum[:])} {
		check(400, "c?key=bad", strings.NewReader("x"), "Repr-Digest: sha-256="+text)
	}
	check(400, "c?key=bad", strings.NewReader("y"), "Repr-Digest: md5=:abc=:", "Repr-Digest: sha-256=:"+base64.StdEncoding.EncodeToString(sum[:])+":")
	check(201, "c", strings.NewReader("y"), "Repr-Digest: md5=:abc=:")
	s.ok(http.StatusNotFound, "GET", "/claims/c?key=bad", "")

	for i, pinned := range []bool{true, false, true} {
		size := []int{500_000, 500_000, 50_000}[i]
		if m := s.bring("", bytes.NewReader(large[:size])); m.Pinned != (pinned && !inFleet(t)) {
			t.Errorf("payload %d: pinned is %v", i, m.Pinned)
		}
	}
}

// TestClaimWriters holds who may make a claim check against permissions on keys.
func TestClaimWriters(t *testing.T) {
	s := newGuarded(t)
	token := func(rule string) string {
		return member(t, s.ok(http.StatusCreated, "POST", "/admin/tokens", `{"valid_for_seconds":60,"rules":[`+rule+`]}`), "token")
	}
	team := token(`{"type":"cache","permissions":["write"],"caches":"*","items":{"key_prefix":"team/"}}`)
	reader := token(`{"type":"cache","permissions":["read"],"caches":"*","items":"*"}`)
	s.want(http.StatusCreated, team, "PUT", "/claims/c?key=team/1", "x")
	s.want(http.StatusForbidden, team, "PUT", "/claims/c?key=other/1", "x")
	s.want(http.StatusForbidden, team, "PUT", "/claims/c", "x")
	s.want(http.StatusForbidden, team, "GET", "/claims/c?key=team/1", "")
	s.want(http.StatusForbidden, reader, "PUT", "/claims/c?key=team/1", "x")
	s.want(http.StatusForbidden, reader, "POST", "/claims/c/tickets", `{"key":"team/1"}`)
	s.want(http.StatusForbidden, reader, "DELETE", "/claims/c?key=team/1", "")
	if got := s.want(http.StatusOK, reader, "GET", "/claims/c?key=team/1", ""); got != "x" {
		t.Errorf("GET = %q", got)
	}
}

func TestClaimPermissions(t *testing.T) {
	s := newGuarded(t)
	permit := func(body string) madePermit {
		t.Helper()
		var p madePermit
		if err := json.Unmarshal([]byte(s.ok(http.StatusCreated, "POST", "/claims/c/tickets", body)), &p); err != nil {
			t.Fatal(err)
		}
		return p
	}
	use := func(code int, ticket string, body io.Reader, headers ...string) string {
		t.Helper()
		resp, got := s.send("PUT", "/tickets/"+ticket, body, append(headers, "Authorization: ")...)
		if resp.StatusCode != code {
			t.Errorf("PUT = %s %s; want %d", resp.Status, got, code)
		}
		return got
	}
	p := permit(`{"key":"in","bytes_max":10,"valid_seconds":60,"ttl_seconds":60,"reads":1,"content_type":"text/csv"}`)
	use(413, p.Ticket, strings.NewReader("12345678901"), "Content-Type: text/csv")
	use(413, p.Ticket, struct{ io.Reader }{strings.NewReader("12345678901")}, "Content-Type: text/csv")
	use(400, p.Ticket, strings.NewReader("x"), "Content-Type: text/plain")
	s.refused(403, "redeems nothing", p.Ticket)
	got := use(201, p.Ticket, strings.NewReader("1234567890"), "Content-Type: text/csv")
	use(403, p.Ticket, strings.NewReader("again"), "Content-Type: text/csv")
	ticket := member(t, got, "ticket")
	if member(t, got, "key") != "in" || member(t, got, "reads") != "1" {
		t.Errorf("PUT = %s", got)
	}
	use(403, ticket, strings.NewReader("x"))
	if _, got := s.redeem("GET", ticket); got != "1234567890" {
		t.Errorf("GET = %q", got)
	}
	s.refused(404, "nothing to redeem", ticket)

	withdrawn := permit(`{}`)
	s.ok(http.StatusNoContent, "DELETE", "/tickets/"+withdrawn.Ticket, "")
	use(403, withdrawn.Ticket, strings.NewReader("x"))

	var key struct{ Token, ID string }
	_ = json.Unmarshal([]byte(s.ok(http.StatusCreated, "POST", "/admin/keys", `{"rules":[{"type":"cache","permissions":["write"],"caches":"*","items":"*"}],"never_expires":true}`)), &key)
	var theirs madePermit
	_ = json.Unmarshal([]byte(s.want(http.StatusCreated, key.Token, "POST", "/claims/c/tickets", `{}`)), &theirs)
	h := auth.HashOf(key.Token)
	s.ok(http.StatusOK, "DELETE", "/admin/keys/"+h.ID(), "")
	if got := use(403, theirs.Ticket, strings.NewReader("x")); !strings.Contains(got, "revoked") {
		t.Errorf("PUT = %s", got)
	}
}

// TestClaimReadsTogether redeems from many sides at once: exactly as often as the ticket allows.
func TestClaimReadsTogether(t *testing.T) {
	s := newGuarded(t)
	want := payload(600_000)
	m := s.bring("?reads=5", bytes.NewReader(want))
	p := member(t, s.ok(http.StatusCreated, "POST", "/claims/c/tickets", `{}`), "ticket")
	var hits, uploads atomic.Int32
	var wg sync.WaitGroup
	for range 40 {
		wg.Go(func() {
			switch resp, got := s.redeem("GET", m.Ticket); {
			case resp.StatusCode == 200 && got == string(want):
				hits.Add(1)
			case resp.StatusCode != 404:
				t.Errorf("GET = %s, %d bytes", resp.Status, len(got))
			}
			switch resp, got := s.send("PUT", "/tickets/"+p, strings.NewReader("x"), "Authorization: "); {
			case resp.StatusCode == 201:
				uploads.Add(1)
			case resp.StatusCode != 403:
				t.Errorf("PUT = %s %s", resp.Status, got)
			}
		})
	}
	wg.Wait()
	if hits.Load() != 5 || uploads.Load() != 1 {
		t.Errorf("%d redemptions of 5, %d uploads of 1", hits.Load(), uploads.Load())
	}
}

// TestClaimHeld deletes a payload while it is being sent: what has begun ends whole.
func TestClaimHeld(t *testing.T) {
	s := newGuarded(t)
	want := payload(20_000_000)
	m := s.bring("?key=k", bytes.NewReader(want))
	resp, err := http.Get(m.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	got := make([]byte, 100)
	if _, err := io.ReadFull(resp.Body, got); err != nil {
		t.Fatal(err)
	}
	s.ok(http.StatusNoContent, "DELETE", "/claims/c?key=k", "")
	s.refused(404, "nothing to redeem", m.Ticket)
	rest, err := io.ReadAll(resp.Body)
	if err != nil || !bytes.Equal(append(got, rest...), want) {
		t.Errorf("%d bytes, %v", len(got)+len(rest), err)
	}
}

// TestCutBodies cuts bodies off, in chunks and with a length: nothing of them can be read, and the next one is whole.
func TestCutBodies(t *testing.T) {
	s := newGuarded(t)
	for _, path := range []string{"/claims/c?key=k", "/cache/c?key=k&ttl_seconds=60"} {
		for _, size := range []int{0, 10, 700_000} {
			for _, head := range []string{"Content-Length: 1000000", "Transfer-Encoding: chunked"} {
				conn, err := net.Dial("tcp", s.Listener.Addr().String())
				if err != nil {
					t.Fatal(err)
				}
				fmt.Fprintf(conn, "PUT %s HTTP/1.1\r\nHost: x\r\nAuthorization: %s\r\n%s\r\n\r\n", path, s.root, head)
				if strings.HasSuffix(head, "chunked") {
					fmt.Fprintf(conn, "%x\r\n%s\r\n", max(size, 1), payload(max(size, 1)))
				} else {
					_, _ = conn.Write(payload(size))
				}
				_ = conn.(*net.TCPConn).CloseWrite()
				// The answer comes once the server has seen the end.
				answer, _ := io.ReadAll(conn)
				conn.Close()
				if bytes.HasPrefix(answer, []byte("HTTP/1.1 2")) {
					t.Errorf("PUT %s with %s cut off after %d bytes = %.60q", path, head, size, answer)
				}
				s.ok(http.StatusNotFound, "GET", path, "")
			}
		}
		s.send("PUT", path, strings.NewReader("whole"))
		if got := s.ok(http.StatusOK, "GET", path, ""); got != "whole" {
			t.Errorf("GET = %q", got)
		}
	}
}

func TestClaimBrowsers(t *testing.T) {
	s := newGuarded(t)
	for _, path := range []string{"/tickets/x", "/claims/c?key=k", "/cache/c?key=k", "/cache/c/batch"} {
		resp, _ := s.send("OPTIONS", path, nil, "Authorization: ", "Origin: https://example.com", "Access-Control-Request-Method: PUT")
		if resp.StatusCode != http.StatusNoContent || resp.Header.Get("Access-Control-Allow-Origin") != "*" || !strings.Contains(resp.Header.Get("Access-Control-Allow-Methods"), "PUT") {
			t.Errorf("OPTIONS %s = %s %v", path, resp.Status, resp.Header)
		}
		if resp, _ := s.send("GET", path, nil, "Authorization: nonsense"); resp.StatusCode != 405 && resp.Header.Get("Access-Control-Allow-Origin") != "*" {
			t.Errorf("GET %s = %s %v", path, resp.Status, resp.Header)
		}
	}
	m := s.bring("", strings.NewReader("<script>"), "Content-Type: text/html")
	resp, _ := s.redeem("GET", m.Ticket)
	if h := resp.Header; h.Get("Access-Control-Allow-Origin") != "*" || h.Get("X-Content-Type-Options") != "nosniff" || !strings.Contains(h.Get("Content-Security-Policy"), "sandbox") {
		t.Errorf("GET = %v", h)
	}
}

// TestClaimUsage holds the books against what came and went.
func TestClaimUsage(t *testing.T) {
	s := newGuarded(t)
	m := s.bring("?key=k", bytes.NewReader(payload(10_000)))
	s.redeem("GET", m.Ticket)
	s.redeem("GET", m.Ticket, "Range: bytes=0-99")
	s.redeem("HEAD", m.Ticket)
	s.booked(func() bool {
		var u usageAnswer
		if err := json.Unmarshal([]byte(s.ok(http.StatusOK, "GET", "/admin/usage?by=verb", "")), &u); err != nil {
			t.Fatal(err)
		}
		right := 0
		for _, l := range u.Lines {
			switch l.Verb {
			case "ClaimPut":
				if l.Operations == 1 && l.In == 10_001 && l.Out == 0 {
					right++
				}
			case "ClaimGet":
				if l.Operations == 2 && l.In == 2 && l.Out == 10_100 && l.Hits == 2 {
					right++
				}
			}
		}
		return right == 2
	}, "ClaimPut of 10,001 bytes, two ClaimGets of 10,100")
}
