package summary

import (
	"fmt"
	"slices"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
)

// A Detail is everything that is read off the samples of one arm, warm-up
// excluded.
type Detail struct {
	Arm        string
	Requests   int
	OK         int
	IntendedHz float64 // starts per second, as planned and as done; 0: not known
	AchievedHz float64
	Histograms map[sample.Measure]*Histogram // of every measure that some request has, on both clocks
	Throughput Throughput
	Transport  Transport
	Failures   []Failure // the most frequent first
}

// A Throughput is work by time. The window runs from the first measured intended
// start to the last measured end; that of several turns is all of theirs.
type Throughput struct {
	WindowNS int64 `json:"window_ns"`
	Answers  int   `json:"answers"` // that succeeded
	Tokens   int   `json:"tokens"`  // output tokens of them
	Events   int   `json:"events"`  // content events, of failed requests too

	AnswersPerSecond float64 `json:"answers_per_s"`
	TokensPerSecond  float64 `json:"tokens_per_s"`
	EventsPerSecond  float64 `json:"events_per_s"`

	// TokenSources counts the answers by who counted their tokens: usage,
	// tokenizer, events; "" nobody.
	TokenSources map[string]int `json:"token_sources"`
}

// A Transport is what the requests went over.
type Transport struct {
	Protocols map[string]int `json:"protocols,omitempty"` // requests by the protocol of their answer
	Connected int            `json:"connected"`           // requests that got a connection
	Reused    int            `json:"reused"`              // of them, one that stood already
	Retried   int            `json:"retried,omitzero"`    // of them, sent again by the client's transport, which tells nobody
	Events    int            `json:"events"`              // content events
	Coalesced int            `json:"coalesced"`           // of them, come in the same Read as the one before
}

// A Failure is a class of failures in one phase of the request's life.
type Failure struct {
	Class   sample.Outcome `json:"class"`
	Phase   sample.Phase   `json:"phase,omitzero"`
	Count   int            `json:"count"`
	Code    string         `json:"code,omitzero"` // of the first
	Message string         `json:"message,omitzero"`
}

// Details folds a run into one Detail per arm, in their order.
func Details(run *sample.Run) []Detail {
	all := make([]Detail, len(run.Header.Arms))
	for i, arm := range run.Header.Arms {
		all[i] = detail(arm.Name, Measured(run, arm.Name), run.Trailer.Slots)
	}
	return all
}

// Measured are the samples of one arm without its warm-up.
func Measured(run *sample.Run, arm string) []*sample.Sample {
	var some []*sample.Sample
	for i := range run.Samples {
		if s := &run.Samples[i]; s.Arm == arm && !s.Warmup {
			some = append(some, s)
		}
	}
	return some
}

func detail(arm string, samples []*sample.Sample, slots []sample.Slot) Detail {
	d := Detail{Arm: arm, Requests: len(samples), Histograms: map[sample.Measure]*Histogram{}}
	for _, def := range sample.Definitions() {
		if h := HistogramOf(samples, def.Measure); h.N() > 0 {
			d.Histograms[def.Measure] = h
		}
	}
	for _, s := range samples {
		d.Transport.add(s)
		if s.Outcome == sample.OK {
			d.OK++
		} else {
			d.fail(s)
		}
	}
	slices.SortStableFunc(d.Failures, func(a, b Failure) int { return b.Count - a.Count })
	starts := Arm{Name: arm}
	addSlots(&starts, slots)
	d.IntendedHz, d.AchievedHz = starts.IntendedHz, starts.AchievedHz
	d.Throughput = throughput(samples, Window(arm, samples, slots))
	return d
}

// HistogramOf is the histogram of one measure. Failures are in it only where some
// success has the measure, or nothing succeeded: a measure that cannot exist is
// not infinitely slow. In that of a phase of connecting, which most requests have
// not, only those stand that failed in it.
func HistogramOf(samples []*sample.Sample, m sample.Measure) *Histogram {
	h, failed, succeeded := new(Histogram), 0, 0
	for _, s := range samples {
		if m == EventGap {
			h.recordGaps(s)
			continue
		}
		ns, ok, none := s.Value(m)
		switch {
		case !ok:
			failed += fails(s, m)
		case !none && ns >= 0:
			h.Record(ns)
			succeeded++
		default:
			succeeded++
		}
	}
	if h.N() > 0 || succeeded == 0 {
		h.failed = failed
	}
	return h
}

// fails is 1 where a failed request counts as infinitely slow in the measure.
func fails(s *sample.Sample, m sample.Measure) int {
	phases := map[sample.Measure]sample.Phase{
		sample.DNSTime: sample.PhaseDNS, sample.Connect: sample.PhaseConnect, sample.TLSTime: sample.PhaseTLS,
	}
	if phase, connecting := phases[m]; connecting && s.Phase != phase {
		return 0
	}
	return 1
}

func (h *Histogram) recordGaps(s *sample.Sample) {
	if s.Outcome != sample.OK {
		return
	}
	for _, gap := range s.GapsNS {
		h.Record(gap)
	}
}

func (t *Transport) add(s *sample.Sample) {
	t.Events += s.Events
	t.Coalesced += s.Coalesced
	if s.Conn.Protocol != "" {
		if t.Protocols == nil {
			t.Protocols = map[string]int{}
		}
		t.Protocols[s.Conn.Protocol]++
	}
	if s.Conn.Attempts > 0 {
		t.Connected++
		if s.Conn.Reused {
			t.Reused++
		}
		if s.Conn.Attempts > 1 {
			t.Retried++
		}
	}
}

// fail counts a failure under its class and phase.
func (d *Detail) fail(s *sample.Sample) {
	i := slices.IndexFunc(d.Failures, func(f Failure) bool { return f.Class == s.Outcome && f.Phase == s.Phase })
	if i < 0 {
		i = len(d.Failures)
		d.Failures = append(d.Failures, Failure{Class: s.Outcome, Phase: s.Phase, Code: s.Code, Message: s.Message})
	}
	d.Failures[i].Count++
}

// Window is how long the arm was under measured load, in nanoseconds: its turns,
// or without any the time from the first intended start to the last end.
func Window(arm string, samples []*sample.Sample, slots []sample.Slot) int64 {
	var sum, first, last int64
	for _, slot := range slots {
		if slot.Arm == arm {
			sum += max(slot.EndNS-slot.StartNS, 0)
		}
	}
	if sum > 0 {
		return sum
	}
	for i, s := range samples {
		if i == 0 || s.IntendedNS < first {
			first = s.IntendedNS
		}
		last = max(last, s.CloseNS, s.IntendedNS)
	}
	return last - first
}

func throughput(samples []*sample.Sample, window int64) Throughput {
	t := Throughput{WindowNS: window, TokenSources: map[string]int{}}
	for _, s := range samples {
		t.Events += s.Events
		if s.Outcome != sample.OK {
			continue
		}
		n, source := s.Tokens()
		t.Answers++
		t.Tokens += n
		t.TokenSources[source]++
	}
	t.AnswersPerSecond = rate(t.Answers, window)
	t.TokensPerSecond = rate(t.Tokens, window)
	t.EventsPerSecond = rate(t.Events, window)
	return t
}

// rate is so many in the window by the second; 0 without a window.
func rate(n int, window int64) float64 {
	if window <= 0 {
		return 0
	}
	return float64(n) / (float64(window) / 1e9)
}

// A Goodput is what of the work kept every limit. Failures stand in the
// denominator.
type Goodput struct {
	Attempted int     `json:"attempted"`
	Good      int     `json:"good"`
	Fraction  float64 `json:"good_fraction"` // Good / Attempted
	// GoodPerSecond and TokensPerSecond are good requests, and output tokens of
	// good requests, by the window of the throughput.
	GoodPerSecond   float64 `json:"good_per_s"`
	TokensPerSecond float64 `json:"tokens_per_s"`
	// Unknown says why nothing can be said; the numbers are 0 then.
	Unknown string `json:"unknown,omitzero"`
}

// GoodputOf counts the requests of one arm that succeeded within all limits. It
// is unknown where a source cannot tell a measure that has a limit.
func GoodputOf(run *sample.Run, arm string, slos []SLO) Goodput {
	samples := Measured(run, arm)
	g := Goodput{Attempted: len(samples)}
	for _, slo := range slos {
		if why := untold(run, samples, slo.Measure); why != "" {
			return Goodput{Attempted: len(samples), Unknown: why}
		}
	}
	tokens := 0
	for _, s := range samples {
		if Good(s, slos) {
			n, _ := s.Tokens()
			g.Good, tokens = g.Good+1, tokens+n
		}
	}
	window := Window(arm, samples, run.Trailer.Slots)
	if g.Attempted == 0 {
		return Goodput{Unknown: "no request was measured"}
	}
	g.Fraction = float64(g.Good) / float64(g.Attempted)
	g.GoodPerSecond, g.TokensPerSecond = rate(g.Good, window), rate(tokens, window)
	return g
}

// Good tells whether a request succeeded within all limits.
func Good(s *sample.Sample, slos []SLO) bool {
	return s.Outcome == sample.OK && !slices.ContainsFunc(slos, func(slo SLO) bool { return !slo.keeps(s) })
}

// untold says why a measure is known of no request although some succeeded.
func untold(run *sample.Run, samples []*sample.Sample, m sample.Measure) string {
	if slices.Contains(run.Header.Lacks, m) {
		return fmt.Sprintf("%s does not tell %s", run.Header.Source, m)
	}
	succeeded := false
	for _, s := range samples {
		ns, ok, none := s.Value(m)
		if ok && (!none && ns >= 0 || SLO{Measure: m}.keeps(s)) {
			return ""
		}
		succeeded = succeeded || ok
	}
	if succeeded {
		return fmt.Sprintf("no successful request tells %s", m)
	}
	return ""
}
