// Package telemetry counts what the proxy does, for Prometheus.
//
// Latencies are histograms in both shapes at once: classic buckets, which every
// scraper understands, and native ones of growth factor 1.1, which tell a change
// of a few percent that classic buckets hide. They hold successes only: a
// request that failed is counted by its class and never looks fast. No label
// is taken from a caller: models are those that have answered, up to a fixed
// number, arms are two and one for neither, classes are a table's, credentials
// are opaque and counted up to a fixed number; and nothing of a conversation or
// a key is ever seen here.
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
	Arm     Arm    // the side of a rollout that served it
	Stream  bool
	Outcome string // "ok", or a class of failure out of a fixed set
	// Full is from the request's head to the end, FirstByte and FirstToken to
	// those being sent, Added what the proxy itself added to the first token.
	Full, FirstByte, FirstToken, Added time.Duration
	// Tokens as the upstream counts them; Input excludes Cached.
	Input, Cached, Output int
	// Attempts are the tries at the upstream in order.
	Attempts []Attempt
	// Events are when each content event had been sent, from any one instant on and
	// in order; nil: nobody noted it.
	Events []time.Duration
	// Truncated says that a stream broke off after the answer had begun.
	Truncated bool
	// Thoughts are those of the conversation that another model had signed, Calls
	// those of the answer beyond the one that was asked for: neither was passed on.
	Thoughts, Calls int
}

// An Arm is the side of a rollout that served a request: the baseline, if no
// flag that is on for a part of the traffic was on for it, else the candidate.
type Arm string

// The arms. A request that was refused before it had one is of neither, and so
// is any other value.
const (
	Baseline  Arm = "baseline"
	Candidate Arm = "candidate"
	noArm     Arm = "none"
)

// label returns the arm's label.
func (a Arm) label() Arm {
	if a == Baseline || a == Candidate {
		return a
	}
	return noArm
}

// An Attempt is one try at the upstream.
type Attempt struct {
	// Class is that of its failure, out of a fixed set; "" if it was answered.
	Class string
	// Retried says that another attempt followed, after a sleep of Slept.
	Retried bool
	Slept   time.Duration
}

// OK is the outcome of a success.
const OK = "ok"

// maxModels is how many models have a label of their own; the others share one.
const maxModels = 32

// other is the label of a model without one of its own.
const other = "other"

// Metrics counts requests. It is safe for concurrent use.
type Metrics struct {
	registry  *prometheus.Registry
	inFlight  prometheus.Gauge
	requests  *prometheus.CounterVec
	tokens    *prometheus.CounterVec
	attempts  *prometheus.CounterVec
	retries   *prometheus.CounterVec
	truncated *prometheus.CounterVec
	wasted    *prometheus.CounterVec
	dropped   *prometheus.CounterVec
	full      *prometheus.HistogramVec
	byteTime  *prometheus.HistogramVec
	token     *prometheus.HistogramVec
	added     *prometheus.HistogramVec
	gap       *prometheus.HistogramVec
	slept     *prometheus.HistogramVec

	mu      sync.RWMutex
	models  map[string]bool
	classes map[string]bool
	timed   map[kind]*timed
	ended   map[ending]prometheus.Counter
	tried   map[trial]*tried
	rest    map[Arm]*rest
}

// A kind is the labels of a timed request, an ending those of a counted one, a
// trial those of an attempt.
type (
	kind struct {
		model  string
		stream bool
		arm    Arm
	}
	ending struct {
		kind
		outcome string
	}
	trial struct {
		class string
		arm   Arm
	}
)

// timed are the series of one kind, tried those of one class of attempts, rest
// those that have no label but the arm; all are looked up once.
type (
	timed struct {
		full, byteTime, token, added, gap prometheus.Observer
		input, cached, output             prometheus.Counter
	}
	tried struct {
		attempts, retries prometheus.Counter
		slept             prometheus.Observer
	}
	rest struct {
		truncated, thoughts, calls prometheus.Counter
		input, cached, output      prometheus.Counter // of failures
	}
)

// Classic buckets in seconds: answers of language models take from some
// milliseconds to minutes, what a proxy adds is in microseconds.
var (
	answerBuckets = []float64{.01, .02, .04, .08, .16, .32, .64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92, 163.84}
	gapBuckets    = []float64{.001, .0025, .005, .01, .02, .04, .08, .16, .32, .64, 1.28, 2.56, 5.12, 10.24, 30}
	sleepBuckets  = []float64{.01, .05, .1, .25, .5, 1, 2, 4, 8, 12, 30, 60}
	addedBuckets  = []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, 1}
)

// growth is the factor between the edges of native buckets: 9 % wide.
const growth = 1.1

// New returns metrics in a registry of their own, with those of the process.
func New() *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(), models: map[string]bool{}, classes: map[string]bool{},
		timed: map[kind]*timed{}, ended: map[ending]prometheus.Counter{},
		tried: map[trial]*tried{}, rest: map[Arm]*rest{},
	}
	m.inFlight = prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "firstbyte_proxy_requests_in_flight", Help: "Requests for a message that have come and not ended.",
	})
	m.requests = counter("requests", "Requests for a message by outcome: ok, or the class of failure.", "model", "stream", "arm", "outcome")
	m.tokens = counter("tokens", "Tokens of successful requests as the upstream counts them; input excludes cached.", "model", "stream", "arm", "type")
	m.attempts = counter("attempts", "Tries at the upstream by result: ok, or the class of failure.", "class", "arm")
	m.retries = counter("retries", "Tries that followed a failed one, by the class of that failure.", "class", "arm")
	m.truncated = counter("truncated_streams", "Streams that broke off after the answer had begun.", "arm")
	m.wasted = counter("failed_tokens", "Tokens of requests that failed, as far as the upstream had counted them.", "type", "arm")
	m.dropped = counter("dropped", "Parts of conversations that were not passed on: thoughts with the signature of another model, calls beyond the one asked for.", "type", "arm")
	kinds := []string{"model", "stream", "arm"}
	m.full = histogram("request_duration", "From a request's head to the end of its answer, successes only.", answerBuckets, kinds...)
	m.byteTime = histogram("time_to_first_byte", "From a request's head to the first byte sent, successes only.", answerBuckets, kinds...)
	m.token = histogram("time_to_first_token", "From a request's head to the first content sent, successes only.", answerBuckets, kinds...)
	m.added = histogram("added_latency", "Time to the first content without the wait for the upstream's, successes only.", addedBuckets, kinds...)
	m.gap = histogram("inter_event_gap", "Between two content events of a stream as they were sent, successes only.", gapBuckets, kinds...)
	m.slept = histogram("retry_sleep", "What was slept before a retry, by the class of the failure before it; also of requests that failed.", sleepBuckets, "class", "arm")
	m.registry.MustRegister(m.inFlight, m.requests, m.tokens, m.attempts, m.retries, m.truncated, m.wasted, m.dropped,
		m.full, m.byteTime, m.token, m.added, m.gap, m.slept,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	for _, arm := range []Arm{Baseline, Candidate, noArm} {
		m.others(arm) // a counter that is there at 0 shows its first step
	}
	return m
}

func counter(name, help string, labels ...string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Name: "firstbyte_proxy_" + name + "_total", Help: help}, labels)
}

func histogram(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
	return prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "firstbyte_proxy_" + name + "_seconds", Help: help, Buckets: buckets,
		NativeHistogramBucketFactor: growth, NativeHistogramMaxBucketNumber: 160, NativeHistogramMinResetDuration: time.Hour,
	}, labels)
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
	r.Arm = r.Arm.label()
	k := kind{model: m.label(r), stream: r.Stream, arm: r.Arm}
	m.count(ending{k, r.Outcome}).Inc()
	rest := m.others(r.Arm)
	rest.dropped(r)
	for _, a := range r.Attempts {
		m.attempt(a, r.Arm)
	}
	if r.Outcome != OK {
		rest.failed(r)
		return
	}
	m.series(k).succeeded(r)
}

func (t *timed) succeeded(r Request) {
	observe(t.full, r.Full)
	observe(t.byteTime, r.FirstByte)
	observe(t.token, r.FirstToken)
	observe(t.added, r.Added)
	if r.Stream {
		gaps(t.gap, r.Events)
	}
	add(t.input, r.Input)
	add(t.cached, r.Cached)
	add(t.output, r.Output)
}

func (s *rest) failed(r Request) {
	if r.Truncated {
		s.truncated.Inc()
	}
	add(s.input, r.Input)
	add(s.cached, r.Cached)
	add(s.output, r.Output)
}

func (s *rest) dropped(r Request) {
	add(s.thoughts, r.Thoughts)
	add(s.calls, r.Calls)
}

func add(c prometheus.Counter, n int) {
	if n > 0 {
		c.Add(float64(n))
	}
}

// attempt counts one try, and the retry that it led to.
func (m *Metrics) attempt(a Attempt, arm Arm) {
	t := m.trial(trial{class: m.class(a.Class), arm: arm})
	t.attempts.Inc()
	if a.Retried && t.retries != nil {
		t.retries.Inc()
		observe(t.slept, a.Slept)
	}
}

// gaps observes what lies between events.
func gaps(o prometheus.Observer, events []time.Duration) {
	for i := 1; i < len(events); i++ {
		observe(o, events[i]-events[i-1])
	}
}

func observe(o prometheus.Observer, d time.Duration) {
	if d >= 0 {
		o.Observe(d.Seconds())
	}
}
