package observe

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/hearthcache/hearth/door"
	"github.com/hearthcache/hearth/door/h2"
)

// Watch says which requests are looked at. The zero Watch looks at none.
type Watch struct {
	Tracer trace.Tracer  // nil traces nothing
	Slow   time.Duration // requests that take at least this long are logged; 0 logs none
	Log    *slog.Logger
}

// on reports whether anything is looked at: requests are left alone otherwise.
func (w *Watch) on() bool { return w.Tracer != nil || w.Slow > 0 }

// Calls returns a handler that looks at every gRPC call of next. A call's span continues the W3C trace context that
// came with it.
func (w *Watch) Calls(next h2.Handler) h2.Handler {
	if !w.on() {
		return next
	}
	return &calls{watch: w, next: next}
}

type calls struct {
	watch *Watch
	next  h2.Handler
}

// ServeCall implements h2.Handler.
func (h *calls) ServeCall(c h2.Call) {
	watched := &watchedCall{Call: c, watch: h.watch, method: c.Method(), cache: string(c.Header("cache")), began: time.Now()}
	if h.watch.Tracer != nil {
		ctx := propagation.TraceContext{}.Extract(context.Background(), headers{c})
		_, watched.span = h.watch.Tracer.Start(ctx, watched.method, trace.WithSpanKind(trace.SpanKindServer),
			trace.WithAttributes(attribute.String("rpc.system", "grpc"), attribute.String("hearth.cache", watched.cache)))
	}
	if s, ok := c.(h2.Suspender); ok {
		h.next.ServeCall(&watchedSuspender{watchedCall: watched, inner: s})
		return
	}
	h.next.ServeCall(watched)
}

// Place implements h2.Placer, where next is one.
func (h *calls) Place(c h2.Call, head []byte, room int) (m h2.Memory, later bool, s h2.Status) {
	if p, ok := h.next.(h2.Placer); ok {
		return p.Place(c, head, room)
	}
	return nil, false, h2.Status{}
}

// watchedCall ends its span, and is logged if it was slow, when it finishes. A stream is only traced: it is meant to
// last.
type watchedCall struct {
	h2.Call
	watch  *Watch
	method string
	cache  string
	began  time.Time
	span   trace.Span // nil without a tracer
	stream bool
}

var (
	_ h2.Placer    = (*calls)(nil)
	_ h2.Peered    = (*watchedCall)(nil)
	_ h2.Referrer  = (*watchedCall)(nil)
	_ h2.Suspender = (*watchedSuspender)(nil)
)

// watchedSuspender is a watchedCall that can be suspended, as the one that is watched can.
type watchedSuspender struct {
	*watchedCall
	inner   h2.Suspender
	resumer h2.Resumer
}

// Suspend implements h2.Suspender.
func (c *watchedSuspender) Suspend(r h2.Resumer) {
	c.resumer = r
	c.inner.Suspend(c)
}

// Resume implements h2.Suspender.
func (c *watchedSuspender) Resume() { c.inner.Resume() }

// Resumed implements h2.Resumer: a call that nobody waits for any more ends here.
func (c *watchedSuspender) Resumed(live bool) {
	if !live {
		const canceled = 1 // of gRPC's codes
		c.end(h2.Status{Code: canceled, Message: "the caller went away"})
	}
	c.resumer.Resumed(live)
}

// Peer implements h2.Peered: the zero Addr where the call that is watched does not know.
func (c *watchedCall) Peer() netip.Addr {
	if p, ok := c.Call.(h2.Peered); ok {
		return p.Peer()
	}
	return netip.Addr{}
}

// EndWith implements h2.Referrer, with a copy where the call that is watched needs one.
func (c *watchedCall) EndWith(b, value []byte, owner door.Releaser) {
	if r, ok := c.Call.(h2.Referrer); ok {
		r.EndWith(b, value, owner)
		return
	}
	c.End(append(b, value...))
	if owner != nil {
		owner.Release()
	}
}

// Stream implements h2.Call.
func (c *watchedCall) Stream(pump, closed func()) {
	c.stream = true
	c.Call.Stream(pump, func() {
		c.end(h2.Status{})
		closed()
	})
}

// Finish implements h2.Call.
func (c *watchedCall) Finish(s h2.Status) {
	if !c.stream {
		c.end(s)
	}
	c.Call.Finish(s)
}

func (c *watchedCall) end(s h2.Status) {
	if took := time.Since(c.began); c.watch.Slow > 0 && took >= c.watch.Slow && !c.stream {
		c.watch.Log.Warn("slow request", "method", c.method, "cache", c.cache, "took", took, "code", s.Code)
	}
	if c.span == nil {
		return
	}
	c.span.SetAttributes(attribute.Int("rpc.grpc.status_code", int(s.Code)))
	if s.Code != 0 {
		c.span.SetStatus(codes.Error, s.Message)
	}
	c.span.End()
}

// headers shows a call's headers to a propagator.
type headers struct{ h2.Call }

// Get implements propagation.TextMapCarrier.
func (h headers) Get(key string) string { return string(h.Header(key)) }

// Set implements propagation.TextMapCarrier; nothing is injected.
func (headers) Set(string, string) {}

// Keys implements propagation.TextMapCarrier.
func (headers) Keys() []string { return []string{"traceparent", "tracestate"} }

// HTTP returns a handler that looks at every request of next.
func (w *Watch) HTTP(next http.Handler) http.Handler {
	if !w.on() {
		return next
	}
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		began := time.Now()
		if w.Tracer != nil {
			ctx := propagation.TraceContext{}.Extract(r.Context(), propagation.HeaderCarrier(r.Header))
			ctx, span := w.Tracer.Start(ctx, r.Method+" "+firstSegment(r.URL.Path), trace.WithSpanKind(trace.SpanKindServer))
			defer span.End()
			r = r.WithContext(ctx)
		}
		next.ServeHTTP(rw, r)
		if took := time.Since(began); w.Slow > 0 && took >= w.Slow {
			w.Log.Warn("slow request", "method", r.Method, "path", firstSegment(r.URL.Path), "took", took)
		}
	})
}

// firstSegment keeps cache names and keys out of span names and logs.
func firstSegment(path string) string {
	for i := 1; i < len(path); i++ {
		if path[i] == '/' {
			return path[:i]
		}
	}
	return path
}
