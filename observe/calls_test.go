package observe

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	otlp "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/hearthcache/hearth/door/momento"
	"github.com/hearthcache/hearth/door/momento/grpchost"
	"github.com/hearthcache/hearth/pb"
)

// receiver is an OTLP collector that keeps the spans it is sent.
type receiver struct {
	mu    sync.Mutex // guards spans
	spans []*otlp.Span
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	var in otlp.TracesData
	body, err := io.ReadAll(req.Body)
	if err == nil {
		body, err = identifiersInBase64(body)
	}
	if err == nil {
		err = protojson.Unmarshal(body, &in)
	}
	if err != nil || req.URL.Path != "/v1/traces" {
		http.Error(w, fmt.Sprint(err), http.StatusBadRequest)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, rs := range in.ResourceSpans {
		for _, ss := range rs.ScopeSpans {
			r.spans = append(r.spans, ss.Spans...)
		}
	}
}

// identifiersInBase64 undoes the one place where OTLP's JSON is not protobuf's: identifiers are in hex.
func identifiersInBase64(body []byte) ([]byte, error) {
	var failed error
	return regexp.MustCompile(`"(traceId|spanId|parentSpanId)":"([0-9a-f]*)"`).ReplaceAllFunc(body, func(m []byte) []byte {
		name, value, _ := bytes.Cut(m, []byte(`":"`))
		raw, err := hex.DecodeString(strings.TrimSuffix(string(value), `"`))
		failed = errors.Join(failed, err)
		return []byte(string(name) + `":"` + base64.StdEncoding.EncodeToString(raw) + `"`)
	}), failed
}

const (
	traceID     = "4bf92f3577b34da6a3ce929d0e0e4736"
	traceparent = "00-" + traceID + "-00f067aa0ba902b7-01"
)

func TestSpansContinueTheCallersTrace(t *testing.T) {
	var got receiver
	srv := httptest.NewServer(&got)
	defer srv.Close()
	tracer, stop := NewTracer(srv.URL, 0, "test")
	watch := &Watch{Tracer: tracer}

	call(t, watch, metadata.AppendToOutgoingContext(t.Context(), "traceparent", traceparent))
	r := httptest.NewRequest("GET", "/cache/secret-name?key=k", nil)
	r.Header.Set("traceparent", traceparent)
	watch.HTTP(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})).ServeHTTP(httptest.NewRecorder(), r)
	call(t, watch, t.Context()) // a trace that begins here is not kept: the share is 0
	if err := stop(t.Context()); err != nil {
		t.Fatal(err)
	}

	got.mu.Lock()
	defer got.mu.Unlock()
	if len(got.spans) != 2 || got.spans[0].Name != "/cache_client.Scs/Get" || got.spans[1].Name != "GET /cache" {
		t.Fatalf("spans: %v", got.spans)
	}
	for _, s := range got.spans {
		if id := hex.EncodeToString(s.TraceId); id != traceID {
			t.Errorf("span %s has trace %s", s.Name, id)
		}
	}
}

// call makes one Get through the door.
func call(t *testing.T, w *Watch, ctx context.Context) {
	t.Helper()
	m := running(t, "prices")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := grpchost.New(w.Calls(momento.New(m.Gateway)))
	go func() { _ = srv.Serve(l) }()
	defer srv.Stop()
	conn, err := grpc.NewClient(l.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	var out pb.XGetResponse
	err = conn.Invoke(metadata.AppendToOutgoingContext(ctx, "cache", "prices"), "/cache_client.Scs/Get", &pb.XGetRequest{CacheKey: []byte("k")}, &out)
	if err != nil || string(out.CacheBody) != "value" {
		t.Fatalf("Get = %v, %v", &out, err)
	}
}

func TestSlowRequestsAreLogged(t *testing.T) {
	var b bytes.Buffer
	log := slog.New(slog.NewTextHandler(&b, nil))
	call(t, &Watch{Slow: time.Nanosecond, Log: log}, t.Context())
	if !strings.Contains(b.String(), "method=/cache_client.Scs/Get cache=prices") {
		t.Errorf("the log has no slow request:\n%s", &b)
	}
	b.Reset()
	call(t, &Watch{Slow: time.Hour, Log: log}, t.Context())
	if b.Len() > 0 {
		t.Errorf("a fast request was logged:\n%s", &b)
	}
}
