package prometheus_test

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/common/model"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/guard/evidence"
	"github.com/firstbyte-dev/firstbyte/guard/judge"
	"github.com/firstbyte-dev/firstbyte/guard/policy"
	"github.com/firstbyte-dev/firstbyte/guard/prometheus"
)

var start = time.Date(2026, 11, 26, 10, 0, 0, 0, time.UTC)

// usual asks for two blocks of two scrapes.
func usual() prometheus.Config {
	return prometheus.Config{
		ArmLabel: "arm", Baseline: "stable", Candidate: "canary",
		Requests: prometheus.Selector{Metric: "requests_total"}, Success: map[string]string{"outcome": "ok"},
		Tokens:     prometheus.Selector{Metric: "tokens_total"},
		Histograms: []prometheus.Histogram{{Measure: sample.Full, Selector: prometheus.Selector{Metric: "duration"}}},
		Interval:   time.Second, Block: 2 * time.Second, MinPerBlock: 1,
	}
}

// A server answers range queries by the metric's name, as Prometheus does.
type server struct {
	answers  map[string]model.Matrix
	warnings []string
	infos    []string
	queries  []string
	auth     []string
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_ = r.ParseForm()
	query := r.Form.Get("query")
	s.queries, s.auth = append(s.queries, query), append(s.auth, r.Header.Get("Authorization"))
	name, _, _ := strings.Cut(query, "{")
	m := s.answers[name]
	if m == nil {
		m = model.Matrix{}
	}
	result, err := json.Marshal(m)
	if err != nil {
		panic(err)
	}
	_ = json.NewEncoder(w).Encode(map[string]any{
		"status": "success", "warnings": s.warnings, "infos": s.infos,
		"data": map[string]any{"resultType": "matrix", "result": json.RawMessage(result)},
	})
}

// counter is a series with a value at each second from the start; a negative
// one is no sample.
func counter(labels string, values ...float64) *model.SampleStream {
	s := &model.SampleStream{Metric: metric(labels)}
	for i, v := range values {
		if v >= 0 {
			s.Values = append(s.Values, model.SamplePair{Timestamp: at(i), Value: model.SampleValue(v)})
		}
	}
	return s
}

func at(i int) model.Time {
	return model.TimeFromUnixNano(start.Add(time.Duration(i) * time.Second).UnixNano())
}

func metric(labels string) model.Metric {
	m := model.Metric{}
	for pair := range strings.SplitSeq(labels, ",") {
		name, value, _ := strings.Cut(pair, "=")
		m[model.LabelName(name)] = model.LabelValue(value)
	}
	return m
}

// native is a series of native histograms, each given as lower, upper, count.
func native(labels string, at0 int, histograms ...[][3]float64) *model.SampleStream {
	s := &model.SampleStream{Metric: metric(labels)}
	for i, h := range histograms {
		out := &model.SampleHistogram{}
		for _, b := range h {
			out.Count += model.FloatString(b[2])
			out.Buckets = append(out.Buckets, &model.HistogramBucket{Lower: model.FloatString(b[0]), Upper: model.FloatString(b[1]), Count: model.FloatString(b[2])})
		}
		s.Histograms = append(s.Histograms, model.SampleHistogramPair{Timestamp: at(at0 + i), Histogram: out})
	}
	return s
}

func up() model.Matrix {
	return model.Matrix{
		counter("arm=stable,instance=a", 1, 1, 1, 1, 1),
		counter("arm=canary,instance=b", 1, 1, 1, 1, 1),
	}
}

func answers() map[string]model.Matrix {
	return map[string]model.Matrix{
		"up": up(),
		"requests_total": {
			counter("arm=stable,instance=a,outcome=ok", 100, 110, 120, 130, 140),
			counter("arm=stable,instance=a,outcome=timeout", 5, 5, 5, 6, 6),
			// The canary's process starts anew after the second scrape.
			counter("arm=canary,instance=b,outcome=ok", 50, 60, 7, 17, 27),
			// It was not seen before the third: what it had counted is old.
			counter("arm=canary,instance=c,outcome=ok", -1, -1, 1000, 1004, 1008),
			counter("arm=other,instance=z,outcome=ok", 0, 1, 2, 3, 4),
		},
		"tokens_total": {
			counter("arm=stable,instance=a", 0, 100, 200, 300, 400),
			counter("arm=canary,instance=b", 0, 100, 70, 170, 270),
		},
		"duration": {
			native("arm=stable,instance=a", 0,
				[][3]float64{{1, 2, 50}}, [][3]float64{{1, 2, 60}}, [][3]float64{{1, 2, 69}, {4, 8, 1}},
				[][3]float64{{1, 2, 79}, {4, 8, 1}}, [][3]float64{{1, 2, 80}, {4, 8, 10}}),
			native("arm=canary,instance=b", 0,
				[][3]float64{{1, 2, 50}}, [][3]float64{{1, 2, 60}}, [][3]float64{{2, 4, 7}},
				[][3]float64{{2, 4, 17}}, [][3]float64{{2, 4, 27}}),
		},
	}
}

// collect asks a server with those answers.
func collect(t *testing.T, s *server, cfg prometheus.Config) (evidence.Set, error) {
	t.Helper()
	h := httptest.NewServer(s)
	t.Cleanup(h.Close)
	cfg.URL = h.URL
	return prometheus.Collect(t.Context(), cfg, start, start.Add(4*time.Second))
}

func TestCollect(t *testing.T) {
	s := &server{answers: answers(), warnings: []string{"a warning"}, infos: []string{"an info"}}
	cfg := usual()
	cfg.Token, cfg.Matchers = "secret", map[string]string{"job": `a "job"`}
	set, err := collect(t, s, cfg)
	if err != nil {
		t.Fatal(err)
	}
	if want := (evidence.Outcomes{
		Baseline: []evidence.Tally{{Attempts: 20, OK: 20}, {Attempts: 21, OK: 20}}, Candidate: []evidence.Tally{{Attempts: 17, OK: 17}, {Attempts: 28, OK: 28}},
	}); !cmp.Equal(set.Outcomes, want) {
		t.Error(cmp.Diff(want, set.Outcomes))
	}
	second := func(edges ...float64) []float64 {
		for i := range edges {
			edges[i] *= 1e9
		}
		return edges
	}
	if want := (evidence.Binned{
		Baseline: []evidence.Histogram{
			{Edges: second(1, 2, 4, 8), Counts: []float64{19, 0, 1}},
			{Edges: second(1, 2, 4, 8), Counts: []float64{11, 0, 9}, Over: 1}, // it failed
		},
		Candidate: []evidence.Histogram{
			{Edges: second(1, 2, 4), Counts: []float64{10, 7}},
			{Edges: second(2, 4), Counts: []float64{20}},
		},
	}); !cmp.Equal(set.Binned[sample.Full], want) {
		t.Error(cmp.Diff(want, set.Binned[sample.Full]))
	}
	if set.Pairs != 41 || set.Restarts != 1 || !set.Concurrent || set.Header.Design != sample.Interleaved || set.Validity.Grade != sample.Valid || len(set.Digest) != 64 {
		t.Errorf("%+v", set)
	}
	// 400 tokens of 40 successes and 370 of 45, for 40 each.
	if w := set.Work; w.Pairs != 40 || w.BaselineTokens != 400 || w.CandidateTokens != 328 {
		t.Errorf("work %+v", w)
	}
	if !slices.Contains(set.Validity.Warnings, "Prometheus says of up: a warning") || !slices.Contains(set.Validity.Warnings, "Prometheus says of duration: an info") {
		t.Errorf("warnings %q", set.Validity.Warnings)
	}
	if want := `requests_total{arm=~"stable|canary",job="a \"job\""}`; s.queries[1] != want || s.auth[1] != "Bearer secret" {
		t.Errorf("query %s with %q, want %s", s.queries[1], s.auth[1], want)
	}
}

// Classic buckets give the same counts, with their own edges.
func TestCollectClassic(t *testing.T) {
	s := &server{answers: answers()}
	s.answers["duration"] = nil
	s.answers["duration_bucket"] = model.Matrix{
		counter("arm=stable,instance=a,le=1", 0, 1, 2, 3, 4),
		counter("arm=stable,instance=a,le=2.5", 10, 15, 20, 25, 30),
		counter("arm=stable,instance=a,le=+Inf", 10, 16, 22, 28, 35),
		counter("arm=canary,instance=b,le=1", 5, 6, 1, 2, 3),
		counter("arm=canary,instance=b,le=2.5", 5, 6, 7, 17, 27),
		counter("arm=canary,instance=b,le=+Inf", 5, 8, 7, 17, 27), // it starts anew: 2.5 alone does not tell
	}
	set, err := collect(t, s, usual())
	if err != nil {
		t.Fatal(err)
	}
	want := evidence.Binned{
		Baseline: []evidence.Histogram{
			{Edges: []float64{0, 1e9, 2.5e9}, Counts: []float64{2, 8}, Over: 2},
			{Edges: []float64{0, 1e9, 2.5e9}, Counts: []float64{2, 8}, Over: 4},
		},
		Candidate: []evidence.Histogram{
			{Edges: []float64{0, 1e9, 2.5e9}, Counts: []float64{2, 6}, Over: 2},
			{Edges: []float64{0, 1e9, 2.5e9}, Counts: []float64{2, 18}},
		},
	}
	if got := set.Binned[sample.Full]; !cmp.Equal(got, want) {
		t.Error(cmp.Diff(want, got))
	}
}

// None of these is evidence that a candidate is good.
func TestNoData(t *testing.T) {
	pol := policy.Default()
	pol.Mode, pol.MinBlocks, pol.MinPairs = policy.Fixed, 2, 10
	pol.Metrics = []policy.Metric{{Measure: policy.Full, Statistic: policy.P50, Gating: true, Tau: .05, Margin: 5}}
	for _, c := range []struct {
		name   string
		spoil  func(*server, *prometheus.Config)
		want   judge.Decision
		reason judge.Reason
	}{
		{"no series at all", func(s *server, _ *prometheus.Config) { clear(s.answers) }, judge.NoData, judge.ReasonNoData},
		{"no histogram", func(s *server, _ *prometheus.Config) { s.answers["duration"] = nil }, judge.NoData, judge.ReasonNoData},
		{"no candidate", func(s *server, c *prometheus.Config) { c.Candidate = "absent" }, judge.NoData, judge.ReasonNoData},
		{"no traffic", func(s *server, _ *prometheus.Config) {
			s.answers["requests_total"] = model.Matrix{counter("arm=stable,outcome=ok", 5, 5, 5, 5, 5), counter("arm=canary,outcome=ok", 5, 5, 5, 5, 5)}
		}, judge.NoData, judge.ReasonNoData},
		{"NaN", func(s *server, _ *prometheus.Config) {
			nan := counter("arm=stable,outcome=ok", 1, 1, 1, 1, 1)
			for i := range nan.Values {
				nan.Values[i].Value = model.SampleValue(math.NaN())
			}
			s.answers["requests_total"][0] = nan
			s.answers["requests_total"][1] = nan
		}, judge.NoData, judge.ReasonNoData},
		{"too little traffic", func(_ *server, c *prometheus.Config) { c.MinPerBlock = 25 }, judge.NoData, judge.ReasonNoData},
		{"a target that is down", func(s *server, _ *prometheus.Config) {
			s.answers["up"][1] = counter("arm=canary,instance=b", 1, 1, 0, 0, 0)
		}, judge.Hold, judge.ReasonInvalid},
		{"a target that went away", func(s *server, _ *prometheus.Config) {
			s.answers["up"][1] = counter("arm=canary,instance=b", 1, 1)
		}, judge.Hold, judge.ReasonInvalid},
		{"no target", func(s *server, _ *prometheus.Config) { s.answers["up"] = nil }, judge.Hold, judge.ReasonInvalid},
		{"no tokens", func(s *server, c *prometheus.Config) { c.Tokens.Metric = "" }, judge.Hold, judge.ReasonDifferentWork},
		{"other tokens", func(*server, *prometheus.Config) {}, judge.Hold, judge.ReasonDifferentWork},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, cfg := &server{answers: answers()}, usual()
			c.spoil(s, &cfg)
			set, err := collect(t, s, cfg)
			if err != nil {
				t.Fatal(err)
			}
			if v := judge.Judge(pol, set); v.Decision != c.want || v.Reason != c.reason {
				t.Errorf("%s (%s), want %s (%s): %q", v.Decision, v.Reason, c.want, c.reason, v.Summary)
			}
		})
	}
}

func TestDamagedHistograms(t *testing.T) {
	for _, c := range []struct {
		name   string
		series *model.SampleStream
	}{
		{"duration", native("arm=stable,instance=a", 0, [][3]float64{{2, 1, 3}})},
		{"duration", native("arm=stable,instance=a", 0, [][3]float64{{1, 2, math.NaN()}})},
		{"duration", native("arm=stable,instance=a", 0, [][3]float64{{-3, -2, 1}})},
		{"duration_bucket", counter("arm=stable,instance=a,le=soon", 1, 2)},
		{"duration_bucket", counter("arm=stable,instance=a,le=1", 1, 2)},
	} {
		s := &server{answers: answers()}
		s.answers["duration"] = nil
		s.answers[c.name] = model.Matrix{c.series}
		if _, err := collect(t, s, usual()); err == nil || !strings.Contains(err.Error(), "a damaged histogram") {
			t.Errorf("%v: %v", c.series, err)
		}
	}
}

// The server's refusals reach the user, and the token does not.
func TestErrorsHoldNoToken(t *testing.T) {
	h := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", http.StatusUnauthorized) }))
	defer h.Close()
	cfg := usual()
	cfg.URL, cfg.Token = h.URL, "secret"
	_, err := prometheus.Collect(t.Context(), cfg, start, start.Add(4*time.Second))
	if err == nil || !strings.Contains(err.Error(), "ask Prometheus for up") || strings.Contains(err.Error(), "secret") {
		t.Errorf("%v", err)
	}
}

func TestValidate(t *testing.T) {
	for _, c := range []struct {
		want  string
		spoil func(*prometheus.Config)
	}{
		{"must be http://", func(c *prometheus.Config) { c.URL = "localhost:9090" }},
		{"no password", func(c *prometheus.Config) { c.URL = "http://me:secret@host" }},
		{"names of labels", func(c *prometheus.Config) { c.ArmLabel = "arm-label" }},
		{"two values", func(c *prometheus.Config) { c.Candidate = c.Baseline }},
		{"counter of requests", func(c *prometheus.Config) { c.Success = nil }},
		{"at least one measure", func(c *prometheus.Config) { c.Histograms = nil }},
		{"no name of a metric", func(c *prometheus.Config) { c.Tokens.Metric = "a b" }},
		{"no name of a label", func(c *prometheus.Config) { c.Matchers = map[string]string{"a b": ""} }},
		{"no multiple", func(c *prometheus.Config) { c.Block = 1500 * time.Millisecond }},
		{"negative", func(c *prometheus.Config) { c.Warmup = -1 }},
	} {
		cfg := usual()
		cfg.URL = "http://127.0.0.1:9090"
		c.spoil(&cfg)
		err := cfg.Validate()
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%v, want %q", err, c.want)
		}
	}
	cfg := usual()
	cfg.URL = "http://127.0.0.1:1"
	if _, err := prometheus.Collect(t.Context(), cfg, start, start.Add(time.Second)); err == nil || !strings.Contains(err.Error(), "blocks of 2s") {
		t.Errorf("%v", err)
	}
	if _, err := prometheus.Collect(t.Context(), cfg, start, start.Add(12000*time.Second)); err == nil || !strings.Contains(err.Error(), "shorten the time") {
		t.Errorf("%v", err)
	}
}

func TestParse(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"full=duration", `{full {duration map[]} 1s}`},
		{`gap=gap{code="200", path="/v1/a,b"}/ms`, `{gap {gap map[code:200 path:/v1/a,b]} 1ms}`},
		{"ttfb=a:b{code=200,}", `{ttfb {a:b map[code:200]} 1s}`},
		{"duration", "want MEASURE=METRIC"},
		{"full=du ration", "no name of a metric"},
		{"full=duration/lightyears", "no unit of time"},
		{"full=duration{code=200", "not closed"},
		{"full=duration{code}", "want label="},
		{`full=duration{code="200" path="a"}`, "want a comma"},
		{"full=duration{code=200,code=500}", "stands twice"},
	} {
		h, err := prometheus.ParseHistogram(c.text)
		if got := fmt.Sprint(h); err == nil && got != c.want || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %s, %v; want %s", c.text, got, err, c.want)
		}
	}
}

// FuzzCollect: whatever a server answers, what comes out is an error or counts
// that add up.
func FuzzCollect(f *testing.F) {
	for _, name := range []string{"duration", "requests_total"} {
		data, err := json.Marshal(answers()[name])
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data, name)
	}
	f.Add([]byte(`[{"metric":{"arm":"stable","le":"+Inf"},"values":[[1764151200,"1"],[1764151201,"NaN"]]}]`), "duration_bucket")
	f.Fuzz(func(t *testing.T, result []byte, name string) {
		var m model.Matrix
		if !slices.Contains([]string{"duration", "duration_bucket", "requests_total", "tokens_total", "up"}, name) || json.Unmarshal(result, &m) != nil {
			return
		}
		s := &server{answers: answers()}
		if name == "duration_bucket" {
			s.answers["duration"] = nil
		}
		if _, err := json.Marshal(m); err != nil {
			return // no server can say it
		}
		s.answers[name] = m
		set, err := collect(t, s, usual())
		if err != nil {
			return
		}
		for k, tally := range slices.Concat(set.Outcomes.Baseline, set.Outcomes.Candidate) {
			if tally.OK < 0 || tally.OK > tally.Attempts {
				t.Fatalf("block %d: %+v", k, tally)
			}
		}
		b := set.Binned[sample.Full]
		for _, h := range slices.Concat(b.Baseline, b.Candidate) {
			if len(h.Counts) != len(h.Edges)-1 || !slices.IsSorted(h.Edges) || h.Edges[0] < 0 || !(h.Over >= 0) {
				t.Fatal(h)
			}
			for _, n := range h.Counts {
				if !(n >= 0) || math.IsInf(n, 1) {
					t.Fatal(h)
				}
			}
		}
		v := judge.Judge(policy.Default(), set)
		if v.Decision == judge.Promote {
			t.Fatalf("two blocks are promoted: %s", strconv.Quote(string(result)))
		}
	})
}
