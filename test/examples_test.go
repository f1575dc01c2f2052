package test

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hearthcache/hearth/test/await"
)

// example builds a program of examples/ and returns its path.
func example(t *testing.T, dir string) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), "example")
	build := exec.Command("go", "build", "-o", out, ".")
	build.Dir = filepath.Join("../examples", dir)
	if text, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return out
}

// says runs a program in a folder of examples/ and returns what it printed and whether it succeeded.
func says(t *testing.T, dir, program string, args ...string) (stdout, stderr string, ok bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = filepath.Join("../examples", dir)
	var out, errs strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	return out.String(), errs.String(), err == nil
}

// A payload of 20 MB passes through states that may carry 256 KB as a claim check, and not without one.
func TestExampleStateMachine(t *testing.T) {
	s := start(t)
	hearthOK(t, s, "cache", "create", "reports")
	program := example(t, "statemachine")
	out, errs, ok := says(t, "statemachine", program, "-endpoint", s.url(""), "claimcheck.asl.json")
	if !ok {
		t.Fatalf("%s%s", out, errs)
	}
	var result struct {
		Report struct{ URL string }
		Counts []struct{ Bytes, Lines int }
	}
	if err := json.Unmarshal([]byte(out), &result); err != nil {
		t.Fatal(err)
	}
	bytes, lines := 0, 0
	for _, c := range result.Counts {
		bytes, lines = bytes+c.Bytes, lines+c.Lines
	}
	if bytes != 20_000_000 || lines != 20_000_000/53 || len(out) > 2000 {
		t.Errorf("%d bytes, %d lines: %s", bytes, lines, out)
	}
	if code, _, _ := getClaim(t, s.http(), s, result.Report.URL[strings.LastIndexByte(result.Report.URL, '/')+1:]); code != 404 {
		t.Errorf("after the state machine has cleaned up: %d", code)
	}
	if out, errs, ok := says(t, "statemachine", program, "-endpoint", s.url(""), "inline.asl.json"); ok || !strings.Contains(errs, "States.DataLimitExceeded") {
		t.Errorf("without a claim check: %s%s", out, errs)
	}
	if out, errs, ok := says(t, "statemachine", program, "-endpoint", s.url(""), "-bytes", "60000000", "claimcheck.asl.json"); ok || !strings.Contains(errs, "ReportFailed") {
		t.Errorf("with more than is permitted: %s%s", out, errs)
	}
}

// An event goes to a topic and into the cache, as an event bus delivers it by its definitions.
func TestExampleEventBus(t *testing.T) {
	s := start(t, "--auth")
	root := s.rootKey(t)
	owner := []string{"HEARTH_ENDPOINT=" + s.Listen, "HEARTH_KEY=" + root}
	cli := func(args ...string) string {
		t.Helper()
		out, errs, code := hearth(t, owner, args...)
		if code != 0 {
			t.Fatalf("hearth %v: %d %s", args, code, errs)
		}
		return strings.TrimSpace(out)
	}
	cli("cache", "create", "shop")
	heard := make(chan string, 1)
	go func() { heard <- poll(s.url("/topics/shop/prices?wait_seconds=30"), root) }()
	await.That(t, "a subscription to the topic", func() bool { return strings.Contains(cli("topic", "list", "shop"), "prices") })
	program := example(t, "eventbus")
	out, errs, ok := says(t, "eventbus", program, "-endpoint", s.url(""), "-key", root, "event.json")
	if !ok || !strings.Contains(out, "delivered to publish") || !strings.Contains(out, "delivered to keep") {
		t.Fatalf("%s%s", out, errs)
	}
	if got := <-heard; !strings.Contains(got, `{\"sku\": \"sneaker-42\", \"price\": 129}`) {
		t.Errorf("the topic has %s", got)
	}
	if got := cli("item", "get", "shop", "sneaker-42"); got != `{"currency":"EUR","price":129,"sku":"sneaker-42"}` {
		t.Errorf("the cache has %s", got)
	}
	other := filepath.Join(t.TempDir(), "other.json")
	if err := os.WriteFile(other, []byte(`{"source":"shop.catalogue","detail-type":"Price changed","detail":{"sku":"x","price":0}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, errs, ok := says(t, "eventbus", program, "-endpoint", s.url(""), "-key", root, other); !ok || !strings.Contains(out, "does not match") {
		t.Errorf("an event that the rule does not want: %s%s", out, errs)
	}
	if out, errs, ok := says(t, "eventbus", program, "-endpoint", s.url(""), "-key", "wrong", "event.json"); ok || !strings.Contains(errs, "401") {
		t.Errorf("a wrong key: %s%s", out, errs)
	}
}

func poll(address, key string) string {
	r, err := http.NewRequest("GET", address, nil)
	if err != nil {
		return err.Error()
	}
	r.Header.Set("Authorization", key)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return err.Error()
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(resp.Body)
	return string(text)
}

// Requests to an API gateway reach hearth as its document maps them.
func TestExampleAPIGateway(t *testing.T) {
	s := start(t, "--auth")
	root := s.rootKey(t)
	if _, errs, code := hearth(t, []string{"HEARTH_ENDPOINT=" + s.Listen, "HEARTH_KEY=" + root}, "cache", "create", "products"); code != 0 {
		t.Fatal(errs)
	}
	listen := freeAddress(t)
	gateway := exec.Command(example(t, "apigateway"), "-listen", listen, "-plain", "-var", "hearth="+s.Listen, "-var", "hearthKey="+root,
		"../examples/apigateway/openapi.json")
	if err := gateway.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = gateway.Process.Kill(); _ = gateway.Wait() }()
	await.That(t, "the API gateway", func() bool {
		conn, err := net.Dial("tcp", listen)
		if err == nil {
			conn.Close()
		}
		return err == nil
	})
	ask := func(code int, method, path, body string, headers ...string) (http.Header, string) {
		t.Helper()
		r, _ := http.NewRequest(method, "http://"+listen+path, strings.NewReader(body))
		for i := 0; i < len(headers); i += 2 {
			r.Header.Set(headers[i], headers[i+1])
		}
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		text, _ := io.ReadAll(resp.Body)
		if resp.StatusCode != code {
			t.Errorf("%s %s = %s %s; want %d", method, path, resp.Status, text, code)
		}
		return resp.Header, string(text)
	}
	ask(404, "GET", "/products/a%20b", "")
	if _, got := ask(200, "PUT", "/products/a%20b", `{"price":1}`); got != `{"stored": true}` {
		t.Errorf("PUT = %s", got)
	}
	h, got := ask(200, "GET", "/products/a%20b", "")
	if got != `{"price":1}` || !strings.HasPrefix(h.Get("Cache-Status"), "hearth; hit") {
		t.Errorf("GET = %s %v", got, h)
	}
	ask(304, "GET", "/products/a%20b", "", "If-None-Match", h.Get("ETag"))
	ask(204, "DELETE", "/products/a%20b", "")
	ask(404, "GET", "/products/a%20b", "")
	ask(204, "POST", "/products/42/views", "seen")
	ask(413, "PUT", "/products/large", strings.Repeat("x", 11<<20))
	var permit struct{ URL string }
	_, got = ask(201, "POST", "/uploads", `{"key":"large","bytes_max":20000000}`, "Content-Type", "application/json")
	if err := json.Unmarshal([]byte(got), &permit); err != nil {
		t.Fatal(err)
	}
	r, _ := http.NewRequest("PUT", permit.URL, strings.NewReader(strings.Repeat("x", 11<<20)))
	if resp, err := http.DefaultClient.Do(r); err != nil || resp.StatusCode != http.StatusCreated {
		t.Errorf("PUT to %s = %v %v", permit.URL, resp, err)
	}
}
