// Package otlp tells an OpenTelemetry collector of the proxy's requests, by the
// OpenTelemetry Protocol over HTTP with protobuf.
//
// Names are those of the semantic conventions for generative AI, of the version
// [semconv.SchemaURL] names: 1.41.0, of the Go library's packages the last that
// has gen_ai.* (the conventions have since moved to a repository of their own,
// and are still in development). What they have no name for begins with
// firstbyte.
//
// A request is told when it has ended, with the instants noted while it ran, so
// its path costs one send to a queue. One goroutine makes a trace and the
// metrics of it: a server span of the caller's request, a child of the caller's
// traceparent if there was one, and below it a client span for each attempt at
// the upstream. Queues are bounded and nobody waits for them; what does not fit
// is dropped and counted.
//
// Nothing of a conversation is ever seen here, nor is a key; a credential is
// known by its opaque id. The environment of the specification counts:
// OTEL_EXPORTER_OTLP_ENDPOINT, _HEADERS, _TIMEOUT and _CERTIFICATE, OTEL_SERVICE_NAME,
// OTEL_RESOURCE_ATTRIBUTES, OTEL_TRACES_SAMPLER, OTEL_METRIC_EXPORT_INTERVAL,
// OTEL_SDK_DISABLED.
package otlp

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/metric"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.41.0"
	"go.opentelemetry.io/otel/trace"
)

// Config says what is told where.
type Config struct {
	// Endpoint is the collector's URL, to which /v1/traces and /v1/metrics are
	// added. "" leaves it to the environment.
	Endpoint string
	// Version is service.version; service.name is firstbyte-proxy unless the
	// environment has another.
	Version string
	// Provider is gen_ai.provider.name: gcp.gemini, gcp.vertex_ai or gcp.gen_ai.
	Provider string
	// Upstream is the URL that is asked, for server.address and server.port.
	Upstream string
	// Queue bounds the requests that wait to be made spans of, and the spans that
	// wait to be sent. Default 2048.
	Queue int
	// Log is told, once in a while, what goes wrong. Default: nobody.
	Log *slog.Logger
}

// scopeName names what makes the spans and metrics.
const scopeName = "github.com/firstbyte-dev/firstbyte/refproxy"

// Validate reports what is wrong with a URL or the environment as getenv tells it.
func (c Config) Validate(getenv func(string) string) error {
	var errs []error
	for name, text := range map[string]string{
		"the endpoint": c.Endpoint, "OTEL_EXPORTER_OTLP_ENDPOINT": getenv("OTEL_EXPORTER_OTLP_ENDPOINT"),
	} {
		if text == "" {
			continue
		}
		if err := checkURL(text); err != nil {
			errs = append(errs, fmt.Errorf("%s of OpenTelemetry %w", name, err))
		}
	}
	for _, name := range []string{"OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_METRICS_PROTOCOL"} {
		if p := getenv(name); p != "" && p != "http/protobuf" {
			errs = append(errs, fmt.Errorf("%s=%q: only http/protobuf is spoken here (a collector takes it on port 4318)", name, p))
		}
	}
	return errors.Join(errs...)
}

// checkURL returns why a URL cannot be used, without repeating it: it may hold a
// password.
func checkURL(text string) error {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		return errors.New("is no URL such as http://127.0.0.1:4318")
	case u.User != nil:
		return errors.New("holds a user or a password: put them into OTEL_EXPORTER_OTLP_HEADERS")
	}
	return nil
}

// Wanted reports whether anything is to be told: an endpoint is known, and the
// environment does not forbid it.
func (c Config) Wanted(getenv func(string) string) bool {
	if strings.EqualFold(getenv("OTEL_SDK_DISABLED"), "true") {
		return false
	}
	return c.Endpoint != "" || getenv("OTEL_EXPORTER_OTLP_ENDPOINT") != ""
}

// An Exporter tells a collector of requests. It is safe for concurrent use.
type Exporter struct {
	cfg    Config
	queue  chan Request
	done   chan struct{} // closed when the last of the queue has been told
	mu     sync.RWMutex  // Ended holds it for reading while it sends
	closed bool          // guarded by mu
	spans  *sdktrace.TracerProvider
	points *sdkmetric.MeterProvider
	teller teller
	counts counts
	faults faults
}

// New begins to export. It waits for no collector. It makes itself the process's
// handler of OpenTelemetry's errors, so there can be one at a time.
func New(ctx context.Context, cfg Config) (*Exporter, error) {
	if cfg.Queue <= 0 {
		cfg.Queue = 2048
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	e := &Exporter{cfg: cfg, queue: make(chan Request, cfg.Queue), done: make(chan struct{}), faults: faults{log: cfg.Log}}
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { e.faults.tell("OpenTelemetry", err) }))
	res, err := resource.New(ctx, resource.WithAttributes(attribute.String("service.name", "firstbyte-proxy"), attribute.String("service.version", cfg.Version)),
		resource.WithTelemetrySDK(), resource.WithFromEnv()) // no process: its arguments are nobody's business
	if err != nil && !errors.Is(err, resource.ErrSchemaURLConflict) {
		return nil, fmt.Errorf("otlp: resource: %w", err)
	}
	if err := e.start(ctx, res); err != nil {
		return nil, fmt.Errorf("otlp: %w", err)
	}
	go e.run()
	return e, nil
}

// start builds the two pipelines.
func (e *Exporter) start(ctx context.Context, res *resource.Resource) error {
	traces, err := otlptracehttp.New(ctx, e.traceOptions()...)
	if err != nil {
		return err
	}
	metrics, err := otlpmetrichttp.New(ctx, e.metricOptions()...)
	if err != nil {
		return errors.Join(err, traces.Shutdown(ctx))
	}
	batch := sdktrace.NewBatchSpanProcessor(&spanExporter{traces, e}, sdktrace.WithMaxQueueSize(e.cfg.Queue))
	e.spans = sdktrace.NewTracerProvider(sdktrace.WithResource(res), sdktrace.WithSpanProcessor(&bounded{batch, e}))
	e.points = sdkmetric.NewMeterProvider(sdkmetric.WithResource(res),
		sdkmetric.WithReader(sdkmetric.NewPeriodicReader(&metricExporter{metrics, e})))
	scope := []trace.TracerOption{trace.WithInstrumentationVersion(e.cfg.Version), trace.WithSchemaURL(semconv.SchemaURL)}
	meter := e.points.Meter(scopeName, metric.WithInstrumentationVersion(e.cfg.Version), metric.WithSchemaURL(semconv.SchemaURL))
	e.teller, err = newTeller(e.cfg, e.spans.Tracer(scopeName, scope...), meter)
	if err == nil {
		err = e.observeDrops(meter)
	}
	if err != nil {
		return errors.Join(err, e.spans.Shutdown(ctx), e.points.Shutdown(ctx))
	}
	return nil
}

func (e *Exporter) traceOptions() []otlptracehttp.Option {
	if e.cfg.Endpoint == "" {
		return nil
	}
	return []otlptracehttp.Option{otlptracehttp.WithEndpointURL(strings.TrimSuffix(e.cfg.Endpoint, "/") + "/v1/traces")}
}

func (e *Exporter) metricOptions() []otlpmetrichttp.Option {
	if e.cfg.Endpoint == "" {
		return nil
	}
	return []otlpmetrichttp.Option{otlpmetrichttp.WithEndpointURL(strings.TrimSuffix(e.cfg.Endpoint, "/") + "/v1/metrics")}
}

// Ended takes a request that has ended. It never waits. r's attempts are the
// exporter's from then on.
func (e *Exporter) Ended(r Request) {
	e.mu.RLock()
	defer e.mu.RUnlock()
	if e.closed {
		e.counts.requests.Add(1)
		return
	}
	select {
	case e.queue <- r:
	default:
		e.counts.requests.Add(1)
	}
}

// run tells what is in the queue until it is closed.
func (e *Exporter) run() {
	defer close(e.done)
	for r := range e.queue {
		e.teller.tell(r)
	}
}

// Close tells what is left, as far as ctx lets it, and ends. What comes after it
// is dropped. It may be called more than once.
func (e *Exporter) Close(ctx context.Context) error {
	e.mu.Lock()
	if !e.closed {
		e.closed = true
		close(e.queue)
	}
	e.mu.Unlock()
	<-e.done // making spans waits for nothing
	err := errors.Join(e.spans.Shutdown(ctx), e.points.Shutdown(ctx))
	if err != nil {
		e.faults.tell("end", err)
	}
	if d := e.Dropped(); d != (Dropped{}) {
		e.cfg.Log.Warn("not all requests were told to the OpenTelemetry collector",
			slog.Int64("dropped_requests", d.Requests), slog.Int64("dropped_spans", d.Spans), slog.Int64("failed_spans", d.Failed))
	}
	if err != nil {
		return fmt.Errorf("otlp: %w", hide(err))
	}
	return nil
}

// Dropped counts what was not told: requests for which there was no room, spans
// for which there was none, and spans that the collector did not take.
type Dropped struct{ Requests, Spans, Failed int64 }

// Dropped returns the counts so far.
func (e *Exporter) Dropped() Dropped {
	return Dropped{e.counts.requests.Load(), e.counts.spans.Load(), e.counts.failed.Load()}
}

type counts struct{ requests, spans, failed, waiting atomic.Int64 }

// observeDrops has the collector told what it was not.
func (e *Exporter) observeDrops(meter metric.Meter) error {
	_, err := meter.Int64ObservableCounter("firstbyte.otlp.dropped",
		metric.WithDescription("Requests and spans that were not told, by what happened to them."), metric.WithUnit("{item}"),
		metric.WithInt64Callback(func(_ context.Context, o metric.Int64Observer) error {
			d := e.Dropped()
			o.Observe(d.Requests, metric.WithAttributes(attribute.String("firstbyte.dropped", "request")))
			o.Observe(d.Spans, metric.WithAttributes(attribute.String("firstbyte.dropped", "span")))
			o.Observe(d.Failed, metric.WithAttributes(attribute.String("firstbyte.dropped", "span_refused")))
			return nil
		}))
	return err
}
