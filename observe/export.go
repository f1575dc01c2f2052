package observe

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// NewTracer returns a tracer that exports to an OTLP collector over HTTP, such as http://127.0.0.1:4318, keeping the
// given share (0 to 1) of the traces that begin here; a trace that comes in with a request follows its own decision.
// close sends what is left.
func NewTracer(ctx context.Context, collector string, share float64, version string) (t trace.Tracer, close func(context.Context) error, err error) {
	exporter, err := otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(collector))
	if err != nil {
		return nil, nil, err
	}
	provider := sdktrace.NewTracerProvider(
		sdktrace.WithBatcher(exporter),
		sdktrace.WithSampler(sdktrace.ParentBased(sdktrace.TraceIDRatioBased(share))),
		sdktrace.WithResource(resource.NewSchemaless(attribute.String("service.name", "hearth"), attribute.String("service.version", version))),
	)
	return provider.Tracer("github.com/hearthcache/hearth"), provider.Shutdown, nil
}
