package httpapi

import (
	"bufio"
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/hearthcache/hearth/control"
	"github.com/hearthcache/hearth/engine/local"
	"github.com/hearthcache/hearth/gateway"
)

// freshAfter is how many requests one gateway is given: caches and keys that were made do not gather without an end.
const freshAfter = 2000

// Whatever request comes, from somebody who may do everything or from nobody: it is answered, and never by an error of our own.
func FuzzHandler(f *testing.F) {
	for _, request := range []string{
		"PUT /cache/c?key=k&ttl_seconds=60 HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-MD5: kAFQmDzST7DWlj99KOF/cg==\r\n\r\nabc",
		"GET /cache/c?key=k HTTP/1.1\r\nHost: x\r\nRange: bytes=1-1,-1\r\nIf-None-Match: \"a\", W/\"b\"\r\n\r\n",
		"POST /cache/c/batch HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 47\r\n\r\n{\"items\":[{\"op\":\"set\",\"key\":\"a\",\"value\":\"eA==\"}]}",
		"POST /cache/set/c/a%2Fb/c?ttl_seconds=x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
		"GET /topics/c/t?sequence_number=1 HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\nLast-Event-ID: 5:1\r\n\r\n",
		"POST /topics/c/t HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi",
		"POST /claims/c HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}",
		"PUT /claims/c?key=k HTTP/1.1\r\nHost: x\r\nDigest: sha-256=abc\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: 5\r\n\r\n--b--",
		"POST /admin/caches HTTP/1.1\r\nHost: x\r\nContent-Length: 47\r\n\r\n{\"name\":\"d\",\"settings\":{\"item-bytes\":\"1MB\"}}\n\n\n",
		"PATCH /admin/caches/c HTTP/1.1\r\nHost: x\r\nContent-Length: 32\r\n\r\n{\"settings\":{\"connections\":\"1\"}}",
		"POST /admin/keys HTTP/1.1\r\nHost: x\r\nContent-Length: 17\r\n\r\n{\"role\":\"reader\"}",
		"GET /admin/usage?by=verb&from=2020-01-01&to=x HTTP/1.1\r\nHost: x\r\n\r\n",
		"DELETE /cache/c/tags/t HTTP/1.0\r\n\r\n",
		"OPTIONS /cache/c HTTP/1.1\r\nHost: x\r\nOrigin: https://a\r\nAccess-Control-Request-Method: PUT\r\n\r\n",
	} {
		f.Add(true, []byte(request))
		f.Add(false, []byte(request))
	}
	var handler http.Handler
	var root string
	served := freshAfter
	f.Fuzz(func(t *testing.T, known bool, raw []byte) {
		if served++; served > freshAfter {
			handler, root = fuzzedHandler(t)
			served = 0
		}
		r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(raw)))
		if err != nil {
			t.Skip("no request: net/http answers it before us")
		}
		if known {
			r.Header.Set("Authorization", root)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond) // subscriptions end with their client
		defer cancel()
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r.WithContext(ctx))
		if w.Code == http.StatusInternalServerError || w.Code < 200 && w.Code != http.StatusSwitchingProtocols {
			t.Errorf("%q is answered %d %q", raw, w.Code, w.Body)
		}
	})
}

// fuzzedHandler serves a cache c, and returns the key that may do everything.
func fuzzedHandler(t *testing.T) (h http.Handler, root string) {
	ctx := context.Background() // the handler outlives the input that it was made for
	plane, err := control.NewPlane(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := plane.Change(ctx, control.CreateCache{Name: "c"}); err != nil {
		t.Fatal(err)
	}
	g := gateway.New(gateway.Options{Engine: local.New(local.Options{BytesMax: 64 << 20}), Plane: plane, Endpoint: "hearth.test"})
	key, err := g.CreateRoot(ctx)
	if err != nil {
		t.Fatal(err)
	}
	prices, err := control.ParsePriceBook("price 1 per 2 operations")
	if err != nil {
		t.Fatal(err)
	}
	return New(Options{Gateway: g, Prices: prices}), key.Token
}
