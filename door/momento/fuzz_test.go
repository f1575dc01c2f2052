package momento_test

import (
	"bytes"
	"context"
	"math/rand/v2"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/hearthcache/hearth/door/momento"
	"github.com/hearthcache/hearth/pb/pbtest"
)

// Whatever bytes come for whatever method, the call comes to an end with a status that gRPC knows.
func FuzzRows(f *testing.F) {
	h := newHandler(f)
	all := rpcs(f)
	r := rand.New(rand.NewPCG(9, 10))
	for i, m := range all {
		f.Add(byte(i), marshal(f, pbtest.Random(r, m.request)))
	}
	f.Fuzz(func(t *testing.T, which byte, request []byte) {
		m := all[int(which)%len(all)]
		var conn any
		x := &momento.Exchange{Path: m.path, Body: request, Conn: &conn,
			Value: func(name string) []byte {
				if name == "cache" {
					return []byte(cacheName)
				}
				return nil
			},
			Output: func([]byte) error { return nil }}
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond) // subscriptions end with their client
		defer cancel()
		if s := x.Run(ctx, h); s.Code > 16 || s.Code == 13 {
			t.Errorf("%s: %+v", m.path, s)
		}
	})
}

// Whatever body comes as gRPC-Web, the answer is one, and what was a whole frame gives what gRPC gives.
func FuzzWeb(f *testing.F) {
	h := newHandler(f)
	f.Add(true, []byte("AAAAAAMKAWs="))
	f.Add(true, []byte("AAA=AAADCgFr"))
	f.Add(false, frame(0, string(getK)))
	f.Fuzz(func(t *testing.T, text bool, body []byte) {
		contentType := binaryType
		if text {
			contentType = textType
		}
		r := httptest.NewRequest("POST", getPath, bytes.NewReader(body))
		r.Header.Set("Content-Type", contentType)
		r.Header.Set("Cache", cacheName)
		w := httptest.NewRecorder()
		momento.Web(h).ServeHTTP(w, r)
		answered := w.Body.Len() > 0 || slices.Contains([]string{"3", "8", "9", "12"}, w.Header().Get("Grpc-Status"))
		if w.Code != 200 || !answered {
			t.Errorf("%d %v", w.Code, w.Header())
		}
	})
}
