package momento_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
	"time"

	"github.com/hearthcache/hearth/door/h2"
	"github.com/hearthcache/hearth/door/momento"
)

var getK = []byte("\x0a\x01k")

func TestFaultsFailTheFirstCallsOfASession(t *testing.T) {
	h := momento.Faults(newHandler(t))
	get := func(want uint32, headers ...string) {
		t.Helper()
		if a := direct(h, "/cache_client.Scs/Get", cacheName, getK, headers...); a.status.Code != want {
			t.Errorf("Get with %v = %+v, want %d", headers, a.status, want)
		}
	}

	first := []string{"request-id", "a", "return-error", "unavailable", "error-rpcs", "set get", "error-count", "2"}
	get(14, first...)
	get(14, first...)
	get(0, first...)
	get(14, "request-id", "b", "return-error", "unavailable", "error-rpcs", "get", "error-count", "1")
	get(0, "request-id", "c", "return-error", "unavailable", "error-rpcs", "set")
	for range 3 {
		get(5, "request-id", "d", "return-error", "not-found", "error-rpcs", "get")
	}
	get(0)
}

func TestEveryErrorNameHasItsCode(t *testing.T) {
	h := momento.Faults(newHandler(t))
	check := func(name string, want uint32) {
		t.Helper()
		a := direct(h, "/cache_client.Scs/ItemGetTtl", cacheName, getK, "return-error", name, "error-rpcs", "item-get-ttl")
		if a.status.Code != want {
			t.Errorf("%s = %d, want %d", name, a.status.Code, want)
		}
	}

	check("cancelled", 1)
	check("unknown", 2)
	check("invalid-argument", 3)
	check("deadline-exceeded", 4)
	check("not-found", 5)
	check("already-exists", 6)
	check("permission-denied", 7)
	check("resource-exhausted", 8)
	check("failed-precondition", 9)
	check("internal", 13)
	check("unavailable", 14)
	check("unauthenticated", 16)
}

func TestFaultsDelayThenFail(t *testing.T) {
	h := momento.Faults(newHandler(t))
	get := func(code uint32, least, most time.Duration, headers ...string) {
		t.Helper()
		began := time.Now()
		a := direct(h, "/cache_client.Scs/Get", cacheName, getK, append(headers, "delay-rpcs", "get", "delay-ms", "60", "request-id", "x")...)
		if took := time.Since(began); a.status.Code != code || took < least || took > most {
			t.Errorf("Get = %+v after %v", a.status, took)
		}
	}

	get(0, 60*time.Millisecond, time.Minute, "delay-count", "1")
	get(0, 0, 50*time.Millisecond, "delay-count", "1")
	get(14, 60*time.Millisecond, time.Minute, "error-rpcs", "get", "return-error", "unavailable")
}

func TestFaultsEndAStream(t *testing.T) {
	heartbeats := handlerFunc(func(c h2.Call) {
		c.Stream(func() {
			c.End(append(c.Begin(), 0x1a, 0))
			c.Wake()
		}, func() {})
		c.Wake()
	})
	a := direct(momento.Faults(heartbeats), "/cache_client.pubsub.Pubsub/Subscribe", "", nil,
		"stream-error-rpcs", "topic-subscribe", "stream-error", "cancelled", "stream-error-message-limit", "3")
	if a.status.Code != 1 || len(a.messages) != 3 {
		t.Errorf("%d messages, then %+v", len(a.messages), a.status)
	}
}

func TestFaultsDoNotCountWhatIsReplayed(t *testing.T) {
	items := handlerFunc(func(c h2.Call) {
		rounds := 0
		c.Stream(func() {
			rounds++
			for range 4 {
				c.End(append(c.Begin(), 0x0a, 0))
			}
			c.Wake()
		}, func() {})
		c.Wake()
	})
	ask := []string{"stream-error-rpcs", "topic-subscribe", "stream-error", "unavailable", "stream-error-message-limit", "3"}
	fresh := direct(momento.Faults(items), "/cache_client.pubsub.Pubsub/Subscribe", "", nil, ask...)
	resumed := direct(momento.Faults(items), "/cache_client.pubsub.Pubsub/Subscribe", "", []byte{3 << 3, 7}, ask...)
	if len(fresh.messages) != 3 || len(resumed.messages) != 4+3 || resumed.status.Code != 14 {
		t.Errorf("%d messages fresh, %d resumed, then %+v", len(fresh.messages), len(resumed.messages), resumed.status)
	}
}

// handlerFunc makes a handler of a function.
type handlerFunc func(c h2.Call)

func (f handlerFunc) ServeCall(c h2.Call) { f(c) }

func TestGateHoldsTrafficAndLosesNothing(t *testing.T) {
	gate := &momento.Gate{}
	admin := httptest.NewServer(gate)
	defer admin.Close()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	echo := gate.Listen(l)
	defer echo.Close()
	go func() {
		c, err := echo.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		_, _ = io.Copy(c, c)
	}()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ask := func(path string, want int) {
		t.Helper()
		r, err := http.Get(admin.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		r.Body.Close()
		if r.StatusCode != want {
			t.Errorf("GET %s = %d", path, r.StatusCode)
		}
	}
	buf := make([]byte, 5)
	read := func(wait time.Duration) error {
		_ = c.SetReadDeadline(time.Now().Add(wait))
		_, err := io.ReadFull(c, buf)
		return err
	}

	ask("//block", http.StatusOK)
	if _, err := c.Write([]byte("hello")); err != nil {
		t.Fatal(err)
	}
	if err := read(100 * time.Millisecond); !errors.Is(err, context.DeadlineExceeded) && !isTimeout(err) {
		t.Errorf("read while blocked: %v", err)
	}
	ask("//unblock", http.StatusOK)
	if err := read(5 * time.Second); err != nil || string(buf) != "hello" {
		t.Errorf("after unblock: %q, %v", buf, err)
	}
	ask("/else", http.StatusNotFound)
}

func isTimeout(err error) bool {
	var e net.Error
	return errors.As(err, &e) && e.Timeout()
}

// whence answers with where a call comes from.
type whence struct{}

func (whence) ServeCall(c h2.Call) {
	c.End(append(c.Begin(), c.(h2.Peered).Peer().String()...))
	c.Finish(h2.Status{})
}

// Keys that are bound to networks work on calls that are spoilt too.
func TestSpoiltCallsKeepTheirPeer(t *testing.T) {
	h := momento.Faults(whence{})
	for _, headers := range [][]string{nil, {"delay-rpcs", "get", "delay-ms", "1"}} {
		var conn any
		var got string
		x := &momento.Exchange{Path: "/cache_client.Scs/Get", Conn: &conn, From: netip.MustParseAddr("192.0.2.7"),
			Value: func(name string) []byte {
				for i := 0; i < len(headers); i += 2 {
					if headers[i] == name {
						return []byte(headers[i+1])
					}
				}
				return nil
			},
			Output: func(m []byte) error { got = string(m); return nil },
		}
		if s := x.Run(t.Context(), h); s.Code != 0 || got != "192.0.2.7" {
			t.Errorf("with %v: %+v from %q", headers, s, got)
		}
	}
}
