package momento_test

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hearthcache/hearth/door/h2"
	"github.com/hearthcache/hearth/door/momento"
	"github.com/hearthcache/hearth/engine/valkey"
	"github.com/hearthcache/hearth/fleet"
	"github.com/hearthcache/hearth/pb"
)

func frame(flags byte, content string) []byte {
	b := binary.BigEndian.AppendUint32([]byte{flags}, uint32(len(content)))
	return append(b, content...)
}

// post sends one request to a server of the handler and returns the response with its body read.
func post(t *testing.T, h h2.Handler, path, contentType string, body []byte, headers ...string) (*http.Response, []byte) {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, path, bytes.NewReader(body))
	r.Header.Set("Content-Type", contentType)
	r.Header.Set("Cache", cacheName)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	if !momento.TakesWeb(r) {
		t.Fatal("not taken for gRPC-Web")
	}
	w := httptest.NewRecorder()
	momento.Web(h).ServeHTTP(w, r)
	got, err := io.ReadAll(w.Result().Body)
	if err != nil {
		t.Fatal(err)
	}
	return w.Result(), got
}

const (
	binaryType = "application/grpc-web+proto"
	textType   = "application/grpc-web-text"
	getPath    = "/cache_client.Scs/Get"
	okTrailers = "grpc-status: 0\r\ngrpc-message: \r\n"
)

func TestWebAnswersInTheFormOfTheRequest(t *testing.T) {
	h := newHandler(t)
	miss := append(frame(0, "\x08\x03"), frame(0x80, okTrailers)...)

	r, body := post(t, h, getPath, binaryType, frame(0, string(getK)))
	if r.StatusCode != 200 || r.Header.Get("Content-Type") != binaryType || !bytes.Equal(body, miss) {
		t.Errorf("binary: %v %q", r.Status, body)
	}
	r, body = post(t, h, getPath, textType, []byte(base64.StdEncoding.EncodeToString(frame(0, string(getK)))))
	want := base64.StdEncoding.EncodeToString(frame(0, "\x08\x03")) + base64.StdEncoding.EncodeToString(frame(0x80, okTrailers))
	if r.Header.Get("Content-Type") != textType || string(body) != want {
		t.Errorf("text: %v %q", r.Status, body)
	}
	chunks := base64.StdEncoding.EncodeToString(frame(0, string(getK))[:4]) + base64.StdEncoding.EncodeToString(frame(0, string(getK))[4:])
	if _, body = post(t, h, getPath, textType, []byte(chunks)); string(body) != want {
		t.Errorf("text in chunks: %q", body)
	}
}

func TestWebErrorsAreHeaders(t *testing.T) {
	h := newHandler(t)
	check := func(path string, body []byte, status string, headers ...string) {
		t.Helper()
		r, got := post(t, h, path, binaryType, body, headers...)
		if r.StatusCode != 200 || r.Header.Get("Grpc-Status") != status || r.Header.Get("Grpc-Message") == "" || len(got) != 0 {
			t.Errorf("%s: %v %v %q", path, r.Status, r.Header, got)
		}
	}

	check(getPath, frame(0, string(getK)), "5", "Cache", "other")
	check(getPath, frame(0, "\x0a"), "3")
	check(getPath, frame(0, string(getK))[:4], "3")
	check(getPath, nil, "3")
	check(getPath, frame(1, string(getK)), "12")
	check("/nowhere", frame(0, ""), "12")
	check(getPath, frame(0, string(getK)), "3", "Grpc-Timeout", "soon")
	check(getPath, frame(0, string(getK)), "3", "Cache", "")
	large := frame(0, string(make([]byte, 7<<20)))
	r, _ := post(t, h, getPath, binaryType, large)
	if r.Header.Get("Grpc-Status") != "8" || r.Header.Get("Err") != "request_size_limit_exceeded" {
		t.Errorf("too large: %v", r.Header)
	}
}

func TestWebTellsBrowsersWhatTheyMay(t *testing.T) {
	r := httptest.NewRequest(http.MethodOptions, getPath, nil)
	r.Header.Set("Origin", "http://page.example")
	r.Header.Set("Access-Control-Request-Method", "POST")
	r.Header.Set("Access-Control-Request-Headers", "authorization,cache,content-type,x-grpc-web,x-user-agent")
	if !momento.TakesWeb(r) {
		t.Fatal("preflight is not taken for gRPC-Web")
	}
	w := httptest.NewRecorder()
	momento.Web(newHandler(t)).ServeHTTP(w, r)
	h := w.Result().Header
	if w.Code != http.StatusNoContent || h.Get("Access-Control-Allow-Origin") != "http://page.example" ||
		h.Get("Access-Control-Allow-Credentials") != "true" || !strings.Contains(h.Get("Access-Control-Allow-Methods"), "POST") {
		t.Errorf("%d %v", w.Code, h)
	}
	for _, name := range []string{"content-type", "x-grpc-web", "authorization", "cache", "agent", "runtime-version", "read-concern", "grpc-timeout", "request-id", "delay-ms"} {
		if !strings.Contains(h.Get("Access-Control-Allow-Headers"), name) {
			t.Errorf("%s is not allowed", name)
		}
	}
	if !strings.Contains(h.Get("Access-Control-Expose-Headers"), "err") {
		t.Errorf("err is not exposed: %v", h)
	}
	r.Header.Set("Access-Control-Request-Headers", "x-other")
	if momento.TakesWeb(r) {
		t.Error("a preflight for something else is taken")
	}
}

func TestWebFlushesEachMessageOfAStream(t *testing.T) {
	next := make(chan struct{})
	two := handlerFunc(func(c h2.Call) {
		sent := 0
		c.Stream(func() {
			if sent++; sent == 3 {
				c.Finish(h2.Status{Code: 8, Message: "änd\n", Err: "why"})
				return
			}
			c.End(append(c.Begin(), byte('0'+sent)))
			go func() {
				<-next
				c.Wake()
			}()
		}, func() {})
		c.Wake()
	})
	server := httptest.NewServer(momento.Web(two))
	defer server.Close()
	client := &http.Client{Timeout: 10 * time.Second}
	resp, err := client.Post(server.URL+"/x", binaryType, bytes.NewReader(frame(0, "")))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	read := func(want []byte) {
		t.Helper()
		got := make([]byte, len(want))
		if _, err := io.ReadFull(resp.Body, got); err != nil || !bytes.Equal(got, want) {
			t.Fatalf("read %q, %v; want %q", got, err, want)
		}
	}
	read(frame(0, "1"))
	next <- struct{}{}
	read(frame(0, "2"))
	next <- struct{}{}
	read(frame(0x80, "grpc-status: 8\r\ngrpc-message: %C3%A4nd%0A\r\nerr: why\r\n"))
}

// Calls that wait for a server are sent to it, though no loop carries them.
func TestWebOverAServer(t *testing.T) {
	s, err := fleet.Start(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Kill()
	e, err := valkey.New(valkey.Options{Addrs: []string{s.Addr}})
	if err != nil {
		t.Fatal(err)
	}
	h := newHandlerOn(t, e)
	for i := range 20 {
		k := strconv.Itoa(i)
		set := marshal(t, &pb.XSetRequest{CacheKey: []byte(k), CacheBody: []byte("v" + k), TtlMilliseconds: 60_000})
		resp, _ := post(t, h, "/cache_client.Scs/Set", binaryType, frame(0, string(set)), "cache", cacheName)
		if s := resp.Header.Get("Grpc-Status"); s != "" {
			t.Fatalf("Set: %s %s", s, resp.Header.Get("Grpc-Message"))
		}
		get := marshal(t, &pb.XGetRequest{CacheKey: []byte(k)})
		if _, body := post(t, h, "/cache_client.Scs/Get", binaryType, frame(0, string(get)), "cache", cacheName); !bytes.Contains(body, []byte("v"+k)) {
			t.Errorf("Get %s: %q", k, body)
		}
	}
}
