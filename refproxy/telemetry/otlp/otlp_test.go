package otlp_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	collectormetrics "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	collectortrace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	metrics "go.opentelemetry.io/proto/otlp/metrics/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/firstbyte-dev/firstbyte/refproxy/telemetry/otlp"
)

// A collector takes what is exported and keeps it. While hold is set it answers
// nothing.
type collector struct {
	*httptest.Server
	hold   chan struct{}
	status int

	mu      sync.Mutex
	traces  []*collectortrace.ExportTraceServiceRequest
	metrics []*collectormetrics.ExportMetricsServiceRequest
	header  http.Header
}

func collect(t *testing.T) *collector {
	t.Helper()
	c := &collector{status: http.StatusOK}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/traces", func(w http.ResponseWriter, r *http.Request) {
		m := new(collectortrace.ExportTraceServiceRequest)
		if c.take(w, r, m) {
			c.traces = append(c.traces, m)
			c.mu.Unlock()
		}
	})
	mux.HandleFunc("POST /v1/metrics", func(w http.ResponseWriter, r *http.Request) {
		m := new(collectormetrics.ExportMetricsServiceRequest)
		if c.take(w, r, m) {
			c.metrics = append(c.metrics, m)
			c.mu.Unlock()
		}
	})
	c.Server = httptest.NewServer(mux)
	t.Cleanup(c.Close)
	return c
}

// take reads a message and answers; if it is true the lock is held.
func (c *collector) take(w http.ResponseWriter, r *http.Request, m proto.Message) bool {
	body, err := io.ReadAll(r.Body)
	if c.hold != nil {
		select {
		case <-c.hold:
		case <-r.Context().Done():
		}
	}
	if err != nil || r.Header.Get("Content-Type") != "application/x-protobuf" || proto.Unmarshal(body, m) != nil {
		w.WriteHeader(http.StatusBadRequest)
		return false
	}
	w.Header().Set("Content-Type", r.Header.Get("Content-Type"))
	w.WriteHeader(c.status)
	c.mu.Lock()
	c.header = r.Header
	return true
}

func (c *collector) spans() []*tracepb.Span {
	c.mu.Lock()
	defer c.mu.Unlock()
	var all []*tracepb.Span
	for _, m := range c.traces {
		for _, r := range m.ResourceSpans {
			for _, s := range r.ScopeSpans {
				all = append(all, s.Spans...)
			}
		}
	}
	return all
}

// points returns the histograms' points by name, of the last export.
func (c *collector) points() map[string]*metrics.Metric {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := map[string]*metrics.Metric{}
	for _, m := range c.metrics {
		for _, r := range m.ResourceMetrics {
			for _, s := range r.ScopeMetrics {
				for _, one := range s.Metrics {
					all[one.Name] = one
				}
			}
		}
	}
	return all
}

// said returns attributes as text, sorted.
func said(all []*common.KeyValue) string {
	lines := make([]string, len(all))
	for i, kv := range all {
		lines[i] = kv.Key + "=" + text(kv.Value)
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

func text(v *common.AnyValue) string {
	switch v := v.Value.(type) {
	case *common.AnyValue_StringValue:
		return v.StringValue
	case *common.AnyValue_ArrayValue:
		var all []string
		for _, one := range v.ArrayValue.Values {
			all = append(all, text(one))
		}
		return "[" + strings.Join(all, " ") + "]"
	case *common.AnyValue_IntValue:
		return fmt.Sprint(v.IntValue)
	case *common.AnyValue_DoubleValue:
		return fmt.Sprint(v.DoubleValue)
	case *common.AnyValue_BoolValue:
		return fmt.Sprint(v.BoolValue)
	}
	return "?"
}

var noon = time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)

func after(d time.Duration) time.Time { return noon.Add(d) }

// request is a stream that needed a second attempt.
func request() otlp.Request {
	return otlp.Request{
		Traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", RequestID: "req_1",
		Model: "claude-sonnet-4-5", Upstream: "gemini-2.5-pro", Stream: true, Arm: "candidate", Status: 200, Finish: "stop",
		Begun: noon, Answered: after(1900 * time.Millisecond), Token: after(2 * time.Second), Ended: after(3 * time.Second),
		Input: 120, Cached: 20, Output: 51, Thinking: 11,
		Attempts: []otlp.Attempt{
			{Begun: after(time.Millisecond), Ended: after(300 * time.Millisecond), Credential: "c-1", Class: "capacity", Status: 429, Slept: 600 * time.Millisecond},
			{Begun: after(900 * time.Millisecond), Ended: after(3 * time.Second), Credential: "c-2", Status: 200},
		},
	}
}

func start(t *testing.T, cfg otlp.Config) *otlp.Exporter {
	t.Helper()
	cfg.Version, cfg.Provider, cfg.Upstream = "1.2.3", "gcp.gemini", "https://generativelanguage.googleapis.com"
	e, err := otlp.New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close(context.Background()) })
	return e
}

// TestSpans: a request's trace as the conventions name it, to where the
// environment says.
func TestSpans(t *testing.T) {
	c := collect(t)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", c.URL)
	t.Setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-tenant=ours")
	e := start(t, otlp.Config{})
	e.Ended(request())
	if err := e.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	checkTrace(t, c)
	if got := c.header.Get("X-Tenant"); got != "ours" {
		t.Errorf("the header of the environment came as %q", got)
	}
}

func checkTrace(t *testing.T, c *collector) {
	t.Helper()
	spans := map[string]*tracepb.Span{}
	for _, s := range c.spans() {
		spans[fmt.Sprint(s.Kind, " ", s.StartTimeUnixNano-uint64(noon.UnixNano()))] = s
	}
	if len(spans) != 3 {
		t.Fatalf("%d spans: %v", len(spans), slices.Collect(maps.Keys(spans)))
	}
	server, first, second := spans["SPAN_KIND_SERVER 0"], spans["SPAN_KIND_CLIENT 1000000"], spans["SPAN_KIND_CLIENT 900000000"]
	if got := fmt.Sprintf("%x %x", server.TraceId, server.ParentSpanId); got != "0af7651916cd43dd8448eb211c80319c b7ad6b7169203331" {
		t.Errorf("the caller's span is not the parent: %s", got)
	}
	for _, s := range []*tracepb.Span{first, second} {
		if !bytes.Equal(s.TraceId, server.TraceId) || !bytes.Equal(s.ParentSpanId, server.SpanId) || s.Name != "chat gemini-2.5-pro" {
			t.Errorf("%v is not below the request", s)
		}
	}
	ends := []uint64{server.EndTimeUnixNano, first.EndTimeUnixNano, second.EndTimeUnixNano}
	for i, want := range []time.Duration{3 * time.Second, 300 * time.Millisecond, 3 * time.Second} {
		if got := time.Duration(ends[i] - uint64(noon.UnixNano())); got != want {
			t.Errorf("span %d ends at %v, want %v", i, got, want)
		}
	}
	if server.Name != "chat claude-sonnet-4-5" || server.Status.GetCode() != tracepb.Status_STATUS_CODE_UNSET || first.Status.GetCode() != tracepb.Status_STATUS_CODE_ERROR {
		t.Errorf("%v\n%v", server, first)
	}
	answer := `gen_ai.response.finish_reasons=[stop]
gen_ai.response.model=gemini-2.5-pro
gen_ai.response.time_to_first_chunk=%v
gen_ai.usage.cache_read.input_tokens=20
gen_ai.usage.input_tokens=120
gen_ai.usage.output_tokens=51
gen_ai.usage.reasoning.output_tokens=11
http.%sresponse.status_code=200`
	wants(t, server, `firstbyte.arm=candidate
firstbyte.attempts=2
firstbyte.request.id=req_1
gen_ai.operation.name=chat
gen_ai.provider.name=gcp.gemini
gen_ai.request.model=claude-sonnet-4-5
gen_ai.request.stream=true
`+fmt.Sprintf(answer, 2, ""))
	wants(t, first, `error.type=capacity
firstbyte.credential=c-1
firstbyte.retry.sleep=0.6
gen_ai.operation.name=chat
gen_ai.provider.name=gcp.gemini
gen_ai.request.model=gemini-2.5-pro
gen_ai.request.stream=true
http.response.status_code=429
server.address=generativelanguage.googleapis.com
server.port=443`)
	wants(t, second, `firstbyte.credential=c-2
gen_ai.operation.name=chat
gen_ai.provider.name=gcp.gemini
gen_ai.request.model=gemini-2.5-pro
gen_ai.request.stream=true
`+fmt.Sprintf(answer, 1, "request.resend_count=1\nhttp.")+`
server.address=generativelanguage.googleapis.com
server.port=443`)
	res := c.traces[0].ResourceSpans[0]
	if got := said(res.Resource.Attributes); !strings.Contains(got, "service.name=firstbyte-proxy\nservice.version=1.2.3") || strings.Contains(got, "process.") {
		t.Errorf("the resource is\n%s", got)
	}
	if got := res.ScopeSpans[0].SchemaUrl; got != "https://opentelemetry.io/schemas/1.41.0" {
		t.Errorf("the conventions are %s", got)
	}
}

func wants(t *testing.T, s *tracepb.Span, want string) {
	t.Helper()
	if got := said(s.Attributes); got != want {
		t.Errorf("%s has\n%s\nwant\n%s", s.Name, got, want)
	}
}

// TestMetrics of the conventions, with the arm and without a caller's words.
func TestMetrics(t *testing.T) {
	c := collect(t)
	e := start(t, otlp.Config{Endpoint: c.URL + "/"})
	e.Ended(request())
	failed := request()
	failed.Failure, failed.Upstream, failed.Status = "not_found", "made-up-by-a-caller", 404
	failed.Attempts = nil
	e.Ended(failed)
	if err := e.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	all := c.points()
	for name, want := range map[string][]string{
		"gen_ai.server.request.duration": {
			"1 of 3: error.type=not_found firstbyte.arm=candidate gen_ai.operation.name=chat gen_ai.provider.name=gcp.gemini",
			"1 of 3: firstbyte.arm=candidate gen_ai.operation.name=chat gen_ai.provider.name=gcp.gemini gen_ai.request.model=gemini-2.5-pro",
		},
		"gen_ai.server.time_to_first_token": {
			"1 of 2: firstbyte.arm=candidate gen_ai.operation.name=chat gen_ai.provider.name=gcp.gemini gen_ai.request.model=gemini-2.5-pro",
		},
		"gen_ai.server.time_per_output_token": {
			"1 of 0.02: firstbyte.arm=candidate gen_ai.operation.name=chat gen_ai.provider.name=gcp.gemini gen_ai.request.model=gemini-2.5-pro",
		},
		"gen_ai.client.operation.time_to_first_chunk": {
			"1 of 1: " + upstream(""),
		},
		"gen_ai.client.token.usage": {
			"1 of 120: " + upstream(" gen_ai.token.type=input"), "1 of 51: " + upstream(" gen_ai.token.type=output"),
		},
		"gen_ai.client.operation.duration": {"1 of 0.299: error.type=capacity " + upstream(""), "1 of 2.1: " + upstream("")},
	} {
		if got := counted(all[name]); !slices.Equal(got, want) {
			t.Errorf("%s is\n%s\nwant\n%s", name, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
}

func upstream(more string) string {
	return "firstbyte.arm=candidate gen_ai.operation.name=chat gen_ai.provider.name=gcp.gemini gen_ai.request.model=gemini-2.5-pro" +
		more + " server.address=generativelanguage.googleapis.com server.port=443"
}

func counted(m *metrics.Metric) []string {
	var lines []string
	for _, p := range m.GetHistogram().GetDataPoints() {
		lines = append(lines, fmt.Sprintf("%d of %.3g: %s", p.Count, p.GetSum(), strings.ReplaceAll(said(p.Attributes), "\n", " ")))
	}
	slices.Sort(lines)
	return lines
}

// TestCallersFillNothing: names that callers make up get no points of their own,
// and a traceparent or a name out of any bounds makes a trace of its own.
func TestCallersFillNothing(t *testing.T) {
	c := collect(t)
	e := start(t, otlp.Config{Endpoint: c.URL, Queue: 1000})
	for i := range 100 {
		r := request()
		r.Attempts = nil
		r.Upstream, r.Model = fmt.Sprintf("m%d", i), strings.Repeat("name\n", 1000)
		r.Traceparent = strings.Repeat("0", i)
		e.Ended(r)
	}
	if err := e.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := len(counted(c.points()["gen_ai.server.request.duration"])); n != 33 {
		t.Errorf("%d models, want 32 and the others", n)
	}
	spans := c.spans()
	if len(spans) != 100 {
		t.Errorf("%d spans", len(spans))
	}
	for _, s := range spans {
		if len(s.ParentSpanId) != 0 || len(s.Name) > 200 || strings.Contains(s.Name, "\n") {
			t.Fatalf("%v", s)
		}
	}
}

// TestNotSampled: a caller that does not want a trace gets none, and is counted.
func TestNotSampled(t *testing.T) {
	c := collect(t)
	e := start(t, otlp.Config{Endpoint: c.URL})
	r := request()
	r.Traceparent = strings.TrimSuffix(r.Traceparent, "1") + "0"
	e.Ended(r)
	if err := e.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(c.spans()) != 0 || len(counted(c.points()["gen_ai.server.request.duration"])) != 1 || e.Dropped() != (otlp.Dropped{}) {
		t.Errorf("%d spans, %v", len(c.spans()), e.Dropped())
	}
}

// TestASlowCollector: nobody waits for it, what does not fit is counted, and
// what it takes in the end is the rest.
func TestASlowCollector(t *testing.T) {
	c := collect(t)
	c.hold = make(chan struct{})
	e := start(t, otlp.Config{Endpoint: c.URL, Queue: 30})
	const requests = 400
	for range requests {
		r := request()
		r.Attempts = nil
		e.Ended(r) // would hang here
	}
	close(c.hold)
	if err := e.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	d, got := e.Dropped(), int64(len(c.spans()))
	if d.Requests+d.Spans == 0 || d.Failed != 0 || got+d.Requests+d.Spans != requests {
		t.Errorf("%d spans came and %+v were dropped, of %d", got, d, requests)
	}
	e.Ended(request()) // too late
	if e.Dropped().Requests != d.Requests+1 {
		t.Error("what comes after the end is not counted")
	}
}

// TestARefusal is counted and logged once, and neither the collector's address
// nor a token in its path comes into the log.
func TestARefusal(t *testing.T) {
	c := collect(t)
	c.status = http.StatusForbidden
	var log bytes.Buffer
	e := start(t, otlp.Config{Endpoint: c.URL + "/", Log: slog.New(slog.NewJSONHandler(&log, nil))})
	e.Ended(request())
	_ = e.Close(t.Context()) // what was refused is no failure to close
	if d := e.Dropped(); d.Failed != 3 {
		t.Errorf("%+v", d)
	}
	text := log.String()
	if n := strings.Count(text, `"what":"traces"`); n != 1 || strings.Contains(text, c.URL) || !strings.Contains(text, "403") {
		t.Errorf("the log says\n%s", text)
	}
}

// TestNoCollector: the end does not hang.
func TestNoCollector(t *testing.T) {
	e := start(t, otlp.Config{Endpoint: "http://127.0.0.1:1"})
	e.Ended(request())
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := e.Close(ctx); err != nil && !errors.Is(err, context.DeadlineExceeded) && !strings.Contains(err.Error(), "deadline") {
		t.Error(err)
	}
	if d := e.Dropped(); d.Failed != 3 {
		t.Errorf("%+v", d)
	}
}

func TestConfig(t *testing.T) {
	for _, c := range []struct {
		name, endpoint string
		env            map[string]string
		wanted         bool
		wrong          string // part of the complaint; "" for none
	}{
		{name: "nothing"},
		{name: "a flag", endpoint: "http://127.0.0.1:4318", wanted: true},
		{name: "the environment", env: map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "https://collector"}, wanted: true},
		{name: "forbidden", endpoint: "http://127.0.0.1:4318", env: map[string]string{"OTEL_SDK_DISABLED": "TRUE"}},
		{name: "no URL", endpoint: "127.0.0.1:4318", wanted: true, wrong: "is no URL"},
		{name: "a password", env: map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "https://me:hunter2@collector"}, wanted: true, wrong: "OTEL_EXPORTER_OTLP_HEADERS"},
		{name: "JSON", endpoint: "http://x:4318", env: map[string]string{"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/json"}, wanted: true, wrong: "http/protobuf"},
		{name: "gRPC", endpoint: "http://x:4317", env: map[string]string{"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, wanted: true, wrong: "4318"},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := otlp.Config{Endpoint: c.endpoint}
			getenv := func(name string) string { return c.env[name] }
			if got := cfg.Wanted(getenv); got != c.wanted {
				t.Errorf("wanted: %t", got)
			}
			err := cfg.Validate(getenv)
			if (err == nil) != (c.wrong == "") || err != nil && (!strings.Contains(err.Error(), c.wrong) || strings.Contains(err.Error(), "hunter2")) {
				t.Errorf("%v, want %q", err, c.wrong)
			}
		})
	}
}

// BenchmarkEnded is what a request pays.
func BenchmarkEnded(b *testing.B) {
	e, err := otlp.New(b.Context(), otlp.Config{Endpoint: "http://127.0.0.1:1"})
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	defer func() { _ = e.Close(ctx) }()
	r := request()
	b.ReportAllocs()
	for b.Loop() {
		e.Ended(r)
	}
}
