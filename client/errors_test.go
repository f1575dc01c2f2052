package client_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/client"
)

// kind holds the kind of an error and, where it is that of a limit, which.
func kind(t *testing.T, what string, err error, want hearth.Kind, limit ...hearth.Limit) {
	t.Helper()
	var e *hearth.Error
	if !errors.As(err, &e) || e.Kind != want || e.Msg == "" {
		t.Errorf("%s: %v (kind %d); want kind %d", what, err, hearth.KindOf(err), want)
		return
	}
	if len(limit) > 0 && e.Limit != limit[0] {
		t.Errorf("%s: %v says limit %d; want %d", what, err, e.Limit, limit[0])
	}
}

func TestErrorsOfItems(t *testing.T) {
	ctx := t.Context()
	c := dial(t, "")
	none, some := c.Cache("no such cache"), newCache(t, c, map[string]string{"item-bytes": "1000", "element-bytes": "100"})
	k := []byte("k")
	_, _, err := none.Get(ctx, k)
	kind(t, "get of no cache", err, hearth.NoCache)
	kind(t, "set in no cache", none.Set(ctx, k, nil, time.Hour), hearth.NoCache)
	_, err = none.List("l", time.Hour).Len(ctx)
	kind(t, "list of no cache", err, hearth.NoCache)
	_, err = none.PutClaim(ctx, strings.NewReader("x"), 1, client.ClaimOptions{})
	kind(t, "claim of no cache", err, hearth.NoCache)
	kind(t, "flush of no cache", c.FlushCache(ctx, "none"), hearth.NoCache)
	kind(t, "explanation of no cache", c.HTTP(ctx, http.MethodGet, "/admin/caches/none/explain?key=k", nil, nil, nil), hearth.NoCache)
	kind(t, "cache that is there", c.CreateCache(ctx, some.Name()), hearth.Exists)
	kind(t, "name of a cache", c.CreateCache(ctx, ""), hearth.Invalid)

	kind(t, "empty key", some.Set(ctx, nil, k, time.Hour), hearth.Invalid)
	kind(t, "time to live", some.Set(ctx, k, k, -time.Hour), hearth.Invalid)
	kind(t, "large value", some.Set(ctx, k, make([]byte, 1001), time.Hour), hearth.Limited, hearth.RequestSize)
	d := some.Dictionary("d", time.Hour)
	kind(t, "large element", d.Set(ctx, map[string][]byte{"f": make([]byte, 101)}), hearth.Limited, hearth.ElementSize)
	if err := d.Set(ctx, map[string][]byte{"f": k}); err != nil {
		t.Fatal(err)
	}
	_, _, err = some.Get(ctx, []byte("d"))
	kind(t, "get of a dictionary", err, hearth.WrongType)
	kind(t, "get of a dictionary over HTTP", c.HTTP(ctx, http.MethodGet, "/cache/"+some.Name()+"?key=d", nil, nil, io.Discard), hearth.WrongType)
	if err := some.Set(ctx, k, []byte("no number"), time.Hour); err != nil {
		t.Fatal(err)
	}
	_, err = some.Increment(ctx, k, 1, time.Hour)
	kind(t, "increment of a text", err, hearth.Precondition)

	kind(t, "item that is not there over HTTP", c.HTTP(ctx, http.MethodGet, "/cache/"+some.Name()+"?key=none", nil, nil, io.Discard), hearth.NotFound)
	kind(t, "address that is not there", c.HTTP(ctx, http.MethodGet, "/nowhere", nil, nil, nil), hearth.NotFound)
	kind(t, "method", c.HTTP(ctx, http.MethodPatch, "/cache/"+some.Name()+"?key=k", nil, nil, nil), hearth.Unimplemented)
}

func TestErrorsOfLimits(t *testing.T) {
	ctx := t.Context()
	c := dial(t, "")
	k := []byte("k")
	until := func(what string, limit hearth.Limit, do func() error) {
		t.Helper()
		for range 1000 {
			if err := do(); err != nil {
				kind(t, what, err, hearth.Limited, limit)
				return
			}
		}
		t.Errorf("%s: a thousand calls passed", what)
	}
	slow := newCache(t, c, map[string]string{"request-rate": "1"})
	until("rate", hearth.RequestRate, func() error { return slow.Set(ctx, k, k, time.Hour) })
	until("rate over HTTP", hearth.OtherLimit, func() error {
		return c.HTTP(ctx, http.MethodDelete, "/cache/"+slow.Name()+"?key=k", nil, nil, nil)
	})
	narrow := newCache(t, c, map[string]string{"throughput": "1000"})
	until("throughput", hearth.Throughput, func() error { return narrow.Set(ctx, k, make([]byte, 900), time.Hour) })
	few := newCache(t, c, map[string]string{"subscriptions": "1"})
	s, err := few.Subscribe(ctx, "news", client.Position{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	_, err = few.Subscribe(ctx, "news", client.Position{})
	kind(t, "subscriptions", err, hearth.Limited, hearth.Subscriptions)
	kind(t, "message", few.Publish(ctx, "news", make([]byte, hearth.MessageBytesMax+1)), hearth.Limited, hearth.RequestSize)
}

func TestErrorsOfClaims(t *testing.T) {
	ctx := t.Context()
	c := dial(t, "")
	cache := newCache(t, c, map[string]string{"claim-bytes": "1000"})
	large := bytes.Repeat([]byte("x"), 1001)
	_, err := cache.PutClaim(ctx, bytes.NewReader(large), 1001, client.ClaimOptions{})
	kind(t, "payload", err, hearth.Limited, hearth.RequestSize)
	_, err = cache.PutClaim(ctx, bytes.NewReader(large), -1, client.ClaimOptions{})
	kind(t, "payload of unknown length", err, hearth.Limited, hearth.RequestSize)
	_, err = c.GetClaim(ctx, "hct_nonsense")
	kind(t, "ticket that is none", err, hearth.Denied)
	claim, err := cache.PutClaim(ctx, strings.NewReader("once"), 4, client.ClaimOptions{Reads: 1, TTL: 500 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	if left := time.Until(time.Unix(claim.Expires, 0)); left > time.Minute {
		t.Errorf("half a second became %v", left)
	}
	claim, err = cache.PutClaim(ctx, strings.NewReader("once"), 4, client.ClaimOptions{Reads: 1})
	if err != nil {
		t.Fatal(err)
	}
	b, err := c.GetClaim(ctx, claim.Ticket)
	if err != nil {
		t.Fatal(err)
	}
	if text, err := io.ReadAll(b); string(text) != "once" || err != nil {
		t.Errorf("%q, %v", text, err)
	}
	b.Close()
	_, err = c.GetClaim(ctx, claim.Ticket)
	kind(t, "used ticket", err, hearth.NotFound)
	permit, err := cache.PermitClaim(ctx, 10, time.Minute, client.ClaimOptions{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.PutPermitted(ctx, permit.Ticket, bytes.NewReader(large[:11]), 11, "")
	kind(t, "more than is permitted", err, hearth.Limited, hearth.RequestSize)
	_, err = c.GetClaim(ctx, permit.URL)
	kind(t, "ticket for an upload", err, hearth.Denied)
}

func TestErrorsOfPermission(t *testing.T) {
	ctx := t.Context()
	s := own(t, "--auth", "--ephemeral")
	nobody := dial(t, s.addr)
	kind(t, "no key", nobody.CreateCache(ctx, "c"), hearth.Unauthenticated)
	kind(t, "no key over HTTP", nobody.HTTP(ctx, http.MethodGet, "/admin/caches", nil, nil, nil), hearth.Unauthenticated)
	as := func(key string) *client.Client {
		c, err := client.New(client.Options{Endpoint: s.addr, Key: key})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		return c
	}
	root := as(s.rootKey(t))
	if err := root.CreateCache(ctx, "c"); err != nil {
		t.Fatal(err)
	}
	kind(t, "key that is none", as("nonsense").Cache("c").Set(ctx, []byte("k"), nil, time.Hour), hearth.Unauthenticated)
	var made struct{ Token string }
	grants := map[string]any{"role": "viewer", "valid_for_seconds": 3600, "form": "session"}
	if err := root.HTTP(ctx, http.MethodPost, "/admin/keys", nil, grants, &made); err != nil {
		t.Fatal(err)
	}
	reader := as(made.Token)
	if _, ok, err := reader.Cache("c").Get(ctx, []byte("k")); ok || err != nil {
		t.Errorf("who may read: %v, %v", ok, err)
	}
	kind(t, "set by who may read", reader.Cache("c").Set(ctx, []byte("k"), nil, time.Hour), hearth.Denied)
	kind(t, "cache by who may read", reader.CreateCache(ctx, "other"), hearth.Denied)
	kind(t, "set by who may read, over HTTP", reader.HTTP(ctx, http.MethodDelete, "/cache/c?key=k", nil, nil, nil), hearth.Denied)
}

// TestErrorsOfTheConnection has a server that says nothing, one that is no hearth, and none.
func TestErrorsOfTheConnection(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	silent, err := client.New(client.Options{Endpoint: l.Addr().String(), Timeout: 50 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	call := func(ctx context.Context) error { _, _, err := silent.Cache("c").Get(ctx, []byte("k")); return err }
	list := func(ctx context.Context) error {
		return silent.HTTP(ctx, http.MethodGet, "/admin/caches", nil, nil, nil)
	}
	for _, do := range []func(context.Context) error{call, list} {
		err := do(t.Context())
		kind(t, "silence", err, hearth.Timeout)
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("silence: %v is no deadline of a context", err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err = do(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("a cancelled call: %v", err)
		}
		kind(t, "a cancelled call", err, hearth.Canceled)
	}
	nobody := dial(t, freeAddress())
	kind(t, "nobody", nobody.CreateCache(t.Context(), "c"), hearth.Unavailable)
	kind(t, "nobody over HTTP", nobody.HTTP(t.Context(), http.MethodGet, "/admin/caches", nil, nil, nil), hearth.Unavailable)
	_, err = nobody.GetClaim(t.Context(), "hct_x")
	kind(t, "nobody to redeem", err, hearth.Unavailable)
}
