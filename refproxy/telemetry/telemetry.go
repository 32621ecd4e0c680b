// Package telemetry counts what the proxy does, for Prometheus.
//
// Latencies are histograms in both shapes at once: classic buckets, which every
// scraper understands, and native ones of growth factor 1.1, which tell a change
// of a few percent that classic buckets hide. They hold successes only: a
// request that failed is counted by its class and never looks fast. No label
// is taken from a caller: models are those that have answered, up to a fixed
// number, and nothing of a conversation or a key is ever seen here.
package telemetry

import (
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// A Request is what is known of one request that has ended. Durations below 0
// were not reached.
type Request struct {
	Model   string // the upstream's name
	Stream  bool
	Outcome string // "ok", or a class of failure out of a fixed set
	// Full is from the request's head to the end, FirstByte and FirstToken to
	// those being sent, Added what the proxy itself added to the first token.
	Full, FirstByte, FirstToken, Added time.Duration
	// Tokens as the upstream counts them; Input excludes Cached.
	Input, Cached, Output int
}

// OK is the outcome of a success.
const OK = "ok"

// maxModels is how many models have a label of their own; the others share one.
const maxModels = 32

// other is the label of a model without one of its own.
const other = "other"

// Metrics counts requests. It is safe for concurrent use.
type Metrics struct {
	registry *prometheus.Registry
	inFlight prometheus.Gauge
	requests *prometheus.CounterVec
	tokens   *prometheus.CounterVec
	full     *prometheus.HistogramVec
	byteTime *prometheus.HistogramVec
	token    *prometheus.HistogramVec
	added    *prometheus.HistogramVec

	mu     sync.RWMutex
	models map[string]bool
	timed  map[kind]*timed
	ended  map[ending]prometheus.Counter
}

// A kind is the labels of a timed request, an ending those of a counted one.
type (
	kind struct {
		model  string
		stream bool
	}
	ending struct {
		kind
		outcome string
	}
)

// timed are the series of one kind, looked up once.
type timed struct {
	full, byteTime, token, added prometheus.Observer
	input, cached, output        prometheus.Counter
}

// Classic buckets in seconds: answers of language models take from some
// milliseconds to minutes, what a proxy adds is in microseconds.
var (
	answerBuckets = []float64{.01, .02, .04, .08, .16, .32, .64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92, 163.84}
	addedBuckets  = []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, 1}
)

// growth is the factor between the edges of native buckets: 9 % wide.
const growth = 1.1

// New returns metrics in a registry of their own, with those of the process.
func New() *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		models:   map[string]bool{}, timed: map[kind]*timed{}, ended: map[ending]prometheus.Counter{},
	}
	m.inFlight = prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "firstbyte_proxy_requests_in_flight", Help: "Requests for a message that have come and not ended.",
	})
	m.requests = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "firstbyte_proxy_requests_total", Help: "Requests for a message by outcome: ok, or the class of failure.",
	}, []string{"model", "stream", "outcome"})
	m.tokens = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "firstbyte_proxy_tokens_total", Help: "Tokens of successful requests as the upstream counts them; input excludes cached.",
	}, []string{"model", "stream", "type"})
	m.full = histogram("request_duration", "From a request's head to the end of its answer, successes only.", answerBuckets)
	m.byteTime = histogram("time_to_first_byte", "From a request's head to the first byte sent, successes only.", answerBuckets)
	m.token = histogram("time_to_first_token", "From a request's head to the first content sent, successes only.", answerBuckets)
	m.added = histogram("added_latency", "Time to the first content without the wait for the upstream's, successes only.", addedBuckets)
	m.registry.MustRegister(m.inFlight, m.requests, m.tokens, m.full, m.byteTime, m.token, m.added,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

func histogram(name, help string, buckets []float64) *prometheus.HistogramVec {
	return prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "firstbyte_proxy_" + name + "_seconds", Help: help, Buckets: buckets,
		NativeHistogramBucketFactor: growth, NativeHistogramMaxBucketNumber: 160, NativeHistogramMinResetDuration: time.Hour,
	}, []string{"model", "stream"})
}

// Handler serves the metrics.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

// Began counts a request in.
func (m *Metrics) Began() { m.inFlight.Inc() }

// Ended counts a request out.
func (m *Metrics) Ended(r Request) {
	m.inFlight.Dec()
	k := kind{model: m.label(r), stream: r.Stream}
	m.count(ending{k, r.Outcome}).Inc()
	if r.Outcome != OK {
		return
	}
	t := m.series(k)
	observe(t.full, r.Full)
	observe(t.byteTime, r.FirstByte)
	observe(t.token, r.FirstToken)
	observe(t.added, r.Added)
	t.input.Add(float64(max(r.Input, 0)))
	t.cached.Add(float64(max(r.Cached, 0)))
	t.output.Add(float64(max(r.Output, 0)))
}

func observe(o prometheus.Observer, d time.Duration) {
	if d >= 0 {
		o.Observe(d.Seconds())
	}
}

// label returns the model's label. Only a success makes a model known, so that
// callers cannot fill the scraper with names they make up.
func (m *Metrics) label(r Request) string {
	m.mu.RLock()
	known, full := m.models[r.Model], len(m.models) >= maxModels
	m.mu.RUnlock()
	switch {
	case known:
		return r.Model
	case full || r.Outcome != OK || r.Model == "":
		return other
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.models) >= maxModels && !m.models[r.Model] {
		return other
	}
	m.models[r.Model] = true
	return r.Model
}

func (m *Metrics) count(e ending) prometheus.Counter {
	m.mu.RLock()
	c := m.ended[e]
	m.mu.RUnlock()
	if c != nil {
		return c
	}
	c = m.requests.WithLabelValues(e.model, yes(e.stream), e.outcome)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.ended[e] = c
	return c
}

func (m *Metrics) series(k kind) *timed {
	m.mu.RLock()
	t := m.timed[k]
	m.mu.RUnlock()
	if t != nil {
		return t
	}
	stream := yes(k.stream)
	t = &timed{
		full: m.full.WithLabelValues(k.model, stream), byteTime: m.byteTime.WithLabelValues(k.model, stream),
		token: m.token.WithLabelValues(k.model, stream), added: m.added.WithLabelValues(k.model, stream),
		input:  m.tokens.WithLabelValues(k.model, stream, "input"),
		cached: m.tokens.WithLabelValues(k.model, stream, "cached"),
		output: m.tokens.WithLabelValues(k.model, stream, "output"),
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.timed[k] = t
	return t
}

func yes(b bool) string {
	if b {
		return "true"
	}
	return "false"
}
