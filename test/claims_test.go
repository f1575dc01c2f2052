package test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/hearthcache/hearth/client"
	"github.com/hearthcache/hearth/fleet"
	"github.com/hearthcache/hearth/test/await"
)

// stream is a payload of so many bytes that differs from those of other seeds.
func stream(seed byte, size int64) io.Reader {
	return io.LimitReader(&pattern{next: uint32(seed) + 1}, size)
}

type pattern struct{ next uint32 }

// Read implements io.Reader.
func (p *pattern) Read(b []byte) (int, error) {
	for i := range b {
		p.next = p.next*1664525 + 1013904223
		b[i] = byte(p.next >> 24)
	}
	return len(b), nil
}

// putClaim brings a payload over plain HTTP and returns the status and what was answered.
func putClaim(t *testing.T, c *http.Client, s *server, query string, body io.Reader, size int64) (int, client.Claim) {
	t.Helper()
	req, err := http.NewRequest("PUT", s.url("/claims/c"+query), body)
	if err != nil {
		t.Fatal(err)
	}
	req.ContentLength = size
	resp, err := c.Do(req)
	if err != nil {
		t.Error(err)
		return 0, client.Claim{}
	}
	defer resp.Body.Close()
	var made client.Claim
	text, _ := io.ReadAll(resp.Body)
	if err := json.Unmarshal(text, &made); err != nil {
		t.Errorf("%s %s: %v", resp.Status, text, err)
	}
	return resp.StatusCode, made
}

// getClaim redeems a ticket over plain HTTP and returns the status, the length and the hash of what came.
func getClaim(t *testing.T, c *http.Client, s *server, ticket string) (int, int64, string) {
	t.Helper()
	resp, err := c.Get(s.url("/tickets/" + ticket))
	if err != nil {
		t.Error(err)
		return 0, 0, ""
	}
	defer resp.Body.Close()
	h := sha256.New()
	n, err := io.Copy(h, resp.Body)
	if err != nil {
		t.Error(err)
	}
	return resp.StatusCode, n, hex.EncodeToString(h.Sum(nil))
}

// A gigabyte of payloads arrives at once, over HTTP/1.1 and HTTP/2, at a hearth that may hold a quarter of it. Memory
// stays within the bound; each payload is stored whole or refused; what was said to be pinned is there at the end.
func TestClaimsWithinMemory(t *testing.T) {
	const bound, size, uploads = 256 << 20, 32 << 20, 32
	s := start(t, "--max-memory", "256MiB")
	hearthOK(t, s, "cache", "create", "c")
	two := new(http.Protocols)
	two.SetUnencryptedHTTP2(true)
	clients := []*http.Client{{Transport: &http.Transport{}}, {Transport: &http.Transport{Protocols: two}}}
	made := make([]client.Claim, uploads)
	var stored, refused atomic.Int32
	var wg sync.WaitGroup
	for i := range uploads {
		wg.Go(func() {
			length := int64(size)
			if i%3 == 0 {
				length = -1 // chunked
			}
			switch code, m := putClaim(t, clients[i%2], s, "", stream(byte(i), size), length); code {
			case http.StatusCreated:
				stored.Add(1)
				made[i] = m
			case http.StatusInsufficientStorage:
				refused.Add(1)
			default:
				t.Errorf("upload %d: %d", i, code)
			}
		})
	}
	wg.Wait()
	t.Logf("%d stored, %d refused; RSS at most %d MiB", stored.Load(), refused.Load(), s.rss(t, "VmHWM")>>20)
	if stored.Load() == 0 {
		t.Error("nothing was stored")
	}
	// One after another there is room for each: those that are not pinned make room.
	for i := range 10 {
		if code, m := putClaim(t, clients[0], s, "", stream(byte(i), size), size); code != http.StatusCreated {
			t.Errorf("alone: %d", code)
		} else {
			made = append(made, m)
		}
	}
	whole, pinned := 0, 0
	for _, m := range made {
		if m.Ticket == "" {
			continue
		}
		code, n, sum := getClaim(t, clients[0], s, m.Ticket)
		switch {
		case code == http.StatusOK && n == size && sum == m.SHA256:
			whole++
		case code != http.StatusNotFound || m.Pinned:
			t.Errorf("pinned %v: %d, %d bytes", m.Pinned, code, n)
		}
		if m.Pinned {
			pinned++
		}
	}
	if pinned == 0 || whole <= pinned {
		t.Errorf("%d whole, %d pinned", whole, pinned)
	}
	if most := s.rss(t, "VmHWM"); most > bound+allowance {
		t.Errorf("RSS was %d MiB", most>>20)
	}
	if code, _ := putClaim(t, clients[0], s, "", stream(0, bound), bound); code != http.StatusInsufficientStorage {
		t.Errorf("a payload as large as all memory: %d", code)
	}
}

// hearthOK runs the command line against a server and returns what it printed.
func hearthOK(t *testing.T, s *server, args ...string) string {
	t.Helper()
	out, errs, code := hearth(t, []string{"HEARTH_ENDPOINT=" + s.Listen}, args...)
	if code != 0 {
		t.Fatalf("hearth %v: %d %s", args, code, errs)
	}
	return strings.TrimSpace(out)
}

func TestClaimCommands(t *testing.T) {
	s := start(t)
	hearthOK(t, s, "cache", "create", "c")
	dir := t.TempDir()
	in, out := filepath.Join(dir, "in"), filepath.Join(dir, "out")
	want, _ := io.ReadAll(stream(1, 3_000_000))
	if err := os.WriteFile(in, want, 0o600); err != nil {
		t.Fatal(err)
	}
	same := func(from string) {
		t.Helper()
		hearthOK(t, s, "claim", "get", from, "-o", out)
		if got, err := os.ReadFile(out); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%d bytes, %v", len(got), err)
		}
		_ = os.Remove(out)
	}
	ticket := hearthOK(t, s, "claim", "put", in, "--cache", "c", "--ttl", "1m", "--reads", "2")
	if len(ticket) != 100 {
		t.Errorf("the ticket is %q", ticket)
	}
	same(ticket)
	same("http://" + s.Listen + "/tickets/" + ticket)
	_, errs, code := hearth(t, []string{"HEARTH_ENDPOINT=" + s.Listen}, "claim", "get", ticket, "-o", out)
	if _, err := os.Stat(out); code == 0 || !strings.Contains(errs, "nothing to redeem") || err == nil {
		t.Errorf("a third time: %d %s, %v", code, errs, err)
	}

	url := hearthOK(t, s, "claim", "presign", "--cache", "c", "--max-bytes", "3000000", "--url")
	if got := program(t, dir, "curl", "-sS", "-f", "-T", in, url); !strings.Contains(got, `"size":3000000`) {
		t.Errorf("curl -T says %s", got)
	}
	permit := hearthOK(t, s, "claim", "presign", "--cache", "c", "--item-key", "k")
	ticket = hearthOK(t, s, "claim", "put", in, "--to", permit)
	same(ticket)
	hearthOK(t, s, "claim", "delete", ticket)
	if _, errs, code := hearth(t, []string{"HEARTH_ENDPOINT=" + s.Listen}, "claim", "get", ticket); code == 0 || !strings.Contains(errs, "nothing to redeem") {
		t.Errorf("a deleted one: %d %s", code, errs)
	}
}

// Two gateways over one cluster: a ticket of one is good at the other, is counted by both together, and dies at both.
func TestClaimsAcrossGateways(t *testing.T) {
	servers, err := fleet.Start(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer servers.Kill()
	args := []string{"--engine", "valkey", "--valkey-addrs", servers.Addr}
	both := []*server{start(t, args...), start(t, args...)}
	one, two := both[0], both[1]
	hearthOK(t, one, "cache", "create", "c")
	await.That(t, "the cache at the other gateway", func() bool { return strings.Contains(hearthOK(t, two, "cache", "list"), "c") })

	const size = 2_000_001
	code, m := putClaim(t, http.DefaultClient, one, "?reads=3&key=k", stream(1, size), -1)
	if code != http.StatusCreated || m.Pinned || m.Size != size {
		t.Fatalf("PUT = %d %+v", code, m)
	}
	await.That(t, "the signing key and the cache's place at the other gateway", func() bool {
		resp, err := http.Head(two.url("/tickets/" + m.Ticket))
		return err == nil && resp.StatusCode == http.StatusOK
	})
	var hits atomic.Int32
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			switch code, n, sum := getClaim(t, http.DefaultClient, both[i%2], m.Ticket); {
			case code == http.StatusOK && n == size && sum == m.SHA256:
				hits.Add(1)
			case code != http.StatusNotFound:
				t.Errorf("GET = %d, %d bytes", code, n)
			}
		})
	}
	wg.Wait()
	if hits.Load() != 3 {
		t.Errorf("%d redemptions of 3", hits.Load())
	}

	permit := hearthOK(t, one, "claim", "presign", "--cache", "c", "--item-key", "k")
	var uploads atomic.Int32
	for i := range 8 {
		wg.Go(func() {
			req, _ := http.NewRequest("PUT", both[i%2].url("/tickets/"+permit), stream(byte(i), 500_000))
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Error(err)
				return
			}
			resp.Body.Close()
			switch resp.StatusCode {
			case http.StatusCreated:
				uploads.Add(1)
			case http.StatusForbidden:
			default:
				t.Errorf("PUT = %s", resp.Status)
			}
		})
	}
	wg.Wait()
	if uploads.Load() != 1 {
		t.Errorf("%d uploads of 1", uploads.Load())
	}

	_, m = putClaim(t, http.DefaultClient, one, "", stream(2, size), size)
	hearthOK(t, two, "cache", "flush", "c")
	for i, s := range both {
		await.That(t, fmt.Sprintf("the flush at gateway %d", i), func() bool {
			code, _, _ := getClaim(t, http.DefaultClient, s, m.Ticket)
			return code == http.StatusNotFound
		})
	}
}
