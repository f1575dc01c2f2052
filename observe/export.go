package observe

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// NewTracer returns a tracer that exports to an OTLP collector over HTTP, such as http://127.0.0.1:4318, keeping the
// given share (0 to 1) of the traces that begin here; a trace that comes in with a request follows its own decision.
// close sends what is left.
func NewTracer(collector string, share float64, version string) (t trace.Tracer, close func(context.Context) error) {
	e := &exporter{url: strings.TrimSuffix(collector, "/") + "/v1/traces", client: &http.Client{Timeout: exportTimeout}}
	provider := sdktrace.NewTracerProvider(
		sdktrace.WithBatcher(e),
		sdktrace.WithSampler(sdktrace.ParentBased(sdktrace.TraceIDRatioBased(share))),
		sdktrace.WithResource(resource.NewSchemaless(attribute.String("service.name", "hearth"), attribute.String("service.version", version))),
	)
	return provider.Tracer("github.com/hearthcache/hearth"), provider.Shutdown
}

const exportTimeout = 10 * time.Second

// exporter sends spans as OTLP's JSON (OTLP 1.x, section "JSON Protobuf Encoding"). The SDK's own exporters link a gRPC
// stack and its registries, which would double the time that this program takes to start.
type exporter struct {
	url    string
	client *http.Client
}

// ExportSpans implements sdktrace.SpanExporter.
func (e *exporter) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	if len(spans) == 0 {
		return nil
	}
	out := make([]span, len(spans))
	for i, s := range spans {
		out[i] = spanJSON(s)
	}
	body, err := json.Marshal(map[string]any{"resourceSpans": []any{map[string]any{
		"resource": map[string]any{"attributes": attributes(spans[0].Resource().Attributes())},
		"scopeSpans": []any{map[string]any{
			"scope": map[string]string{"name": spans[0].InstrumentationScope().Name},
			"spans": out,
		}},
	}}})
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, e.url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := e.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("the trace collector answered %s", resp.Status)
	}
	return nil
}

// Shutdown implements sdktrace.SpanExporter.
func (e *exporter) Shutdown(context.Context) error {
	e.client.CloseIdleConnections()
	return nil
}

// span is a span in OTLP's JSON: identifiers in hex, times in decimal nanoseconds.
type span struct {
	TraceID    string          `json:"traceId"`
	SpanID     string          `json:"spanId"`
	Parent     string          `json:"parentSpanId,omitempty"`
	TraceState string          `json:"traceState,omitempty"`
	Name       string          `json:"name"`
	Kind       int             `json:"kind"`
	Start      string          `json:"startTimeUnixNano"`
	End        string          `json:"endTimeUnixNano"`
	Attributes []attributeJSON `json:"attributes,omitempty"`
	Status     statusJSON      `json:"status"`
}

type statusJSON struct {
	Code    int    `json:"code,omitempty"`
	Message string `json:"message,omitempty"`
}

// OTLP's numbers.
const (
	kindServer  = 2
	statusError = 2
)

func spanJSON(s sdktrace.ReadOnlySpan) span {
	c := s.SpanContext()
	out := span{TraceID: c.TraceID().String(), SpanID: c.SpanID().String(), TraceState: c.TraceState().String(), Name: s.Name(),
		Kind: kindServer, Start: strconv.FormatInt(s.StartTime().UnixNano(), 10), End: strconv.FormatInt(s.EndTime().UnixNano(), 10),
		Attributes: attributes(s.Attributes())}
	if p := s.Parent(); p.HasSpanID() {
		out.Parent = p.SpanID().String()
	}
	if st := s.Status(); st.Code == codes.Error {
		out.Status = statusJSON{statusError, st.Description}
	}
	return out
}

type attributeJSON struct {
	Key   string            `json:"key"`
	Value map[string]string `json:"value"`
}

func attributes(kvs []attribute.KeyValue) []attributeJSON {
	out := make([]attributeJSON, len(kvs))
	for i, kv := range kvs {
		member := "stringValue"
		if kv.Value.Type() == attribute.INT64 {
			member = "intValue"
		}
		out[i] = attributeJSON{string(kv.Key), map[string]string{member: kv.Value.String()}}
	}
	return out
}
