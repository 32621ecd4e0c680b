package otlp

import (
	"context"
	"net"
	"net/url"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	semconv "go.opentelemetry.io/otel/semconv/v1.41.0"
	"go.opentelemetry.io/otel/trace"
)

// A teller makes spans and points of requests. One goroutine uses it.
type teller struct {
	tracer   trace.Tracer
	points   points
	provider attribute.KeyValue
	server   []attribute.KeyValue // address and port of the upstream
}

func newTeller(cfg Config, tracer trace.Tracer, meter metric.Meter) (teller, error) {
	t := teller{tracer: tracer, provider: semconv.GenAIProviderNameKey.String(cfg.Provider), server: address(cfg.Upstream)}
	var err error
	t.points, err = newPoints(meter)
	return t, err
}

// address returns the attributes of the upstream's address, none for no URL.
func address(text string) []attribute.KeyValue {
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" {
		return nil
	}
	port, err := net.LookupPort("tcp", u.Port())
	if err != nil || u.Port() == "" {
		port = map[string]int{"http": 80, "https": 443}[u.Scheme]
	}
	return []attribute.KeyValue{semconv.ServerAddress(u.Hostname()), semconv.ServerPort(port)}
}

// tell makes a trace and points of one request.
func (t *teller) tell(r Request) {
	for i := range r.Attempts {
		r.Attempts[i] = r.within(r.Attempts[i])
	}
	ctx, span := t.tracer.Start(r.parent(), "chat "+bound(r.Model),
		trace.WithSpanKind(trace.SpanKindServer), trace.WithTimestamp(r.Begun), trace.WithAttributes(t.ofRequest(r)...))
	for i := range r.Attempts {
		t.attempt(ctx, r, i)
	}
	fail(span, r.Failure)
	span.End(trace.WithTimestamp(r.Ended))
	t.points.record(t, r)
}

// ofRequest returns the attributes of the caller's request.
func (t *teller) ofRequest(r Request) []attribute.KeyValue {
	all := []attribute.KeyValue{
		semconv.GenAIOperationNameChat, t.provider, semconv.GenAIRequestModel(bound(r.Model)), semconv.GenAIRequestStream(r.Stream),
		attribute.String("firstbyte.request.id", bound(r.RequestID)), attribute.Int("firstbyte.attempts", len(r.Attempts)),
	}
	if r.Arm != "" {
		all = append(all, arm(r))
	}
	if r.Status != 0 {
		all = append(all, semconv.HTTPResponseStatusCode(r.Status))
	}
	if !r.Token.IsZero() {
		all = append(all, semconv.GenAIResponseTimeToFirstChunk(r.Token.Sub(r.Begun).Seconds()))
	}
	return append(all, ofAnswer(r)...)
}

func arm(r Request) attribute.KeyValue { return attribute.String("firstbyte.arm", r.Arm) }

// ofAnswer returns the attributes of what was answered, also of a part: tokens
// that the upstream counted before a stream broke off were used.
func ofAnswer(r Request) []attribute.KeyValue {
	var all []attribute.KeyValue
	if r.Upstream != "" && (r.Failure == "" || !r.Token.IsZero()) {
		all = append(all, semconv.GenAIResponseModel(r.Upstream))
	}
	if r.Finish != "" {
		all = append(all, semconv.GenAIResponseFinishReasons(r.Finish))
	}
	if r.Input+r.Output == 0 {
		return all
	}
	return append(all, semconv.GenAIUsageInputTokens(r.Input), semconv.GenAIUsageCacheReadInputTokens(r.Cached),
		semconv.GenAIUsageOutputTokens(r.Output), semconv.GenAIUsageReasoningOutputTokens(r.Thinking))
}

// attempt makes the span of attempt i, below the one in ctx.
func (t *teller) attempt(ctx context.Context, r Request, i int) {
	a := r.Attempts[i]
	all := append([]attribute.KeyValue{
		semconv.GenAIOperationNameChat, t.provider, semconv.GenAIRequestModel(r.Upstream), semconv.GenAIRequestStream(r.Stream),
	}, t.server...)
	if a.Credential != "" {
		all = append(all, attribute.String("firstbyte.credential", a.Credential))
	}
	if a.Status != 0 {
		all = append(all, semconv.HTTPResponseStatusCode(a.Status))
	}
	if i > 0 {
		all = append(all, semconv.HTTPRequestResendCount(i))
	}
	if a.Slept > 0 {
		all = append(all, attribute.Float64("firstbyte.retry.sleep", a.Slept.Seconds()))
	}
	if r.served(i) {
		all = append(all, ofAnswer(r)...)
		if !r.Answered.IsZero() {
			all = append(all, semconv.GenAIResponseTimeToFirstChunk(r.Answered.Sub(a.Begun).Seconds()))
		}
	}
	_, span := t.tracer.Start(ctx, "chat "+r.Upstream,
		trace.WithSpanKind(trace.SpanKindClient), trace.WithTimestamp(a.Begun), trace.WithAttributes(all...))
	fail(span, a.Class)
	span.End(trace.WithTimestamp(a.Ended))
}

// fail marks a span as failed by a class; "" leaves it.
func fail(span trace.Span, class string) {
	if class != "" {
		span.SetStatus(codes.Error, class)
		span.SetAttributes(semconv.ErrorTypeKey.String(class))
	}
}
