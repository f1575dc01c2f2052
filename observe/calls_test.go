package observe

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	otlp "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"

	"github.com/hearthcache/hearth/client"
	"github.com/hearthcache/hearth/door/momento"
	"github.com/hearthcache/hearth/door/momento/grpchost"
)

// receiver is an OTLP collector that keeps the spans it is sent.
type receiver struct {
	mu    sync.Mutex // guards spans
	spans []*otlp.Span
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	var in collector.ExportTraceServiceRequest
	body, err := io.ReadAll(req.Body)
	if err == nil {
		err = proto.Unmarshal(body, &in)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
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

const (
	traceID     = "4bf92f3577b34da6a3ce929d0e0e4736"
	traceparent = "00-" + traceID + "-00f067aa0ba902b7-01"
)

func TestSpansContinueTheCallersTrace(t *testing.T) {
	var got receiver
	srv := httptest.NewServer(&got)
	defer srv.Close()
	tracer, stop, err := NewTracer(t.Context(), srv.URL, 0, "test")
	if err != nil {
		t.Fatal(err)
	}
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
		if id := hexOf(s.TraceId); id != traceID {
			t.Errorf("span %s has trace %s", s.Name, id)
		}
	}
}

func hexOf(b []byte) string {
	const digits = "0123456789abcdef"
	var s strings.Builder
	for _, c := range b {
		s.WriteByte(digits[c>>4])
		s.WriteByte(digits[c&15])
	}
	return s.String()
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
	c, err := client.New(client.Options{Endpoint: l.Addr().String()})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if v, ok, err := c.Cache("prices").Get(ctx, []byte("k")); err != nil || !ok || string(v) != "value" {
		t.Fatalf("Get = %q, %v, %v", v, ok, err)
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
