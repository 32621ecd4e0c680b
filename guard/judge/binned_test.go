package judge_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/guard/evidence"
	"github.com/firstbyte-dev/firstbyte/guard/judge"
	"github.com/firstbyte-dev/firstbyte/guard/policy"
	"github.com/firstbyte-dev/firstbyte/guard/proof"
)

// A service is two deployments of which only histograms are known.
type service struct {
	seed                uint64
	blocks              int
	baseline, candidate int // requests per block
	ratio               float64
	sigma               float64
	failed              [2]float64 // shares of baseline and candidate
	edges               []float64  // in seconds
	measures            []sample.Measure
}

func usualService(name string, edges []float64) service {
	return service{
		seed: proof.Seed(name), blocks: 20, baseline: 400, candidate: 400, ratio: 1, sigma: .5,
		edges: edges, measures: []sample.Measure{sample.Full},
	}
}

var classic = []float64{0, .1, .25, .5, 1, 2.5, 5, 10}

// exponential returns edges that grow by factor, as native histograms have them.
func exponential(from, to, factor float64) []float64 {
	var edges []float64
	for e := from; e < to*factor; e *= factor {
		edges = append(edges, e)
	}
	return edges
}

var native = exponential(.01, 100, math.Exp2(.125))

// set draws medians of one second that drift together over the blocks.
func (s service) set() evidence.Set {
	random := rand.New(rand.NewPCG(s.seed, 2))
	e := evidence.Set{
		Header:   sample.Header{Schema: sample.Schema, Design: sample.Interleaved, Source: "prometheus", Blocks: s.blocks},
		Baseline: "stable", Candidate: "canary", Blocks: s.blocks, Restarts: 3, Concurrent: true,
		Validity: sample.Validity{Grade: sample.Valid}, Pairs: s.blocks * min(s.baseline, s.candidate),
		Binned: map[sample.Measure]evidence.Binned{},
		Work:   evidence.Work{Pairs: 1000, BaselineTokens: 100_000, CandidateTokens: 100_000},
	}
	for k := range s.blocks {
		e.Outcomes.Baseline = append(e.Outcomes.Baseline, s.tally(0, s.baseline))
		e.Outcomes.Candidate = append(e.Outcomes.Candidate, s.tally(1, s.candidate))
		drift := .3 * math.Sin(float64(k)) * random.Float64()
		for _, m := range s.measures {
			b := e.Binned[m]
			b.Baseline = append(b.Baseline, s.histogram(random, e.Outcomes.Baseline[k], drift))
			b.Candidate = append(b.Candidate, s.histogram(random, e.Outcomes.Candidate[k], drift+math.Log(s.ratio)))
			e.Binned[m] = b
		}
	}
	return e
}

func (s service) tally(side, n int) evidence.Tally {
	return evidence.Tally{Attempts: n, OK: n - int(math.Round(s.failed[side]*float64(n)))}
}

func (s service) histogram(random *rand.Rand, t evidence.Tally, shift float64) evidence.Histogram {
	h := evidence.Histogram{Counts: make([]float64, len(s.edges)-1), Over: float64(t.Attempts - t.OK)}
	for _, e := range s.edges {
		h.Edges = append(h.Edges, e*1e9)
	}
	for range t.OK {
		x := math.Exp(shift + s.sigma*random.NormFloat64())
		if x > s.edges[len(s.edges)-1] {
			h.Over++
			continue
		}
		i, _ := slices.BinarySearch(s.edges, x)
		h.Counts[max(i-1, 0)]++
	}
	return h
}

func tailPolicy(tau, margin policy.Share) policy.Policy {
	p := policy.Default()
	p.Metrics = []policy.Metric{{Measure: policy.Full, Statistic: policy.P95, Gating: true, Tau: tau, Margin: margin}}
	return p
}

// TestBinned: what is decided on histograms alone, by how coarse they are (G18).
func TestBinned(t *testing.T) {
	limit := func(p policy.Policy, ns float64) policy.Policy {
		p.Metrics[0].Limit = &policy.Limit{Value: ns, Duration: true}
		return p
	}
	for _, c := range []struct {
		name   string
		edges  []float64
		policy policy.Policy
		spoil  func(*service)
		want   judge.Decision
		reason judge.Reason
	}{
		{"classic, identical", classic, tailPolicy(.05, .10), nil, judge.Hold, judge.ReasonResolution},
		{"classic, +8 %", classic, tailPolicy(.03, .10), func(s *service) { s.ratio = 1.08 }, judge.Hold, judge.ReasonResolution},
		{"classic, much faster", classic, tailPolicy(.05, .10), func(s *service) { s.ratio = .5 }, judge.Hold, judge.ReasonResolution},
		{"classic, a factor of four", classic, tailPolicy(.05, .10), func(s *service) { s.ratio = 4 }, judge.Rollback, judge.ReasonWorse},
		{"classic, within its limit at an edge", classic, limit(tailPolicy(.05, .10), 5e9), nil, judge.Hold, judge.ReasonResolution},
		{"classic, beyond its limit at an edge", classic, limit(tailPolicy(.05, .10), 2.5e9), func(s *service) { s.ratio = 1.6 }, judge.Rollback, judge.ReasonLimit},
		{"classic, margin wider than the bucket", exponential(.01, 100, 1.4), tailPolicy(.5, 1.5), nil, judge.Promote, judge.ReasonAllNotWorse},
		{"native, identical", native, tailPolicy(.05, .10), nil, judge.Promote, judge.ReasonAllNotWorse},
		{"native, faster", native, tailPolicy(.05, .10), func(s *service) { s.ratio = .9 }, judge.Promote, judge.ReasonAllNotWorse},
		{"native, +8 %", native, tailPolicy(.03, .10), func(s *service) { s.ratio = 1.08 }, judge.Rollback, judge.ReasonWorse},
		{"native, +8 %, few in the canary", native, tailPolicy(.03, .10), func(s *service) { s.ratio, s.baseline, s.candidate = 1.08, 4000, 300 }, judge.Rollback, judge.ReasonWorse},
		{"native, margin narrower than the bucket", native, tailPolicy(.03, .05), nil, judge.Hold, judge.ReasonResolution},
		{"native, both fail a little", native, tailPolicy(.05, .10), func(s *service) { s.failed = [2]float64{.02, .02} }, judge.Promote, judge.ReasonAllNotWorse},
		{"native, the candidate fails a little", native, tailPolicy(.05, .10), func(s *service) { s.failed = [2]float64{0, .04} }, judge.Rollback, judge.ReasonWorse},
		{"native, both fail often", native, tailPolicy(.05, .10), func(s *service) { s.failed = [2]float64{.10, .10} }, judge.Hold, judge.ReasonFailures},
		{"native, within its limit", native, limit(tailPolicy(.05, .10), 3e9), nil, judge.Promote, judge.ReasonAllNotWorse},
		{"native, beyond its limit", native, limit(tailPolicy(.05, .10), 2e9), nil, judge.Rollback, judge.ReasonLimit},
		{"native, few blocks", native, tailPolicy(.05, .10), func(s *service) { s.blocks = 7 }, judge.Hold, judge.ReasonFewBlocks},
		{"native, few requests", native, tailPolicy(.05, .10), func(s *service) { s.candidate = 9 }, judge.Hold, judge.ReasonFewPairs},
		{"fine", exponential(.01, 100, 1.001), tailPolicy(.05, .10), nil, judge.Promote, judge.ReasonAllNotWorse},
		{"all in one bucket", []float64{0, 1000}, tailPolicy(.05, .10), nil, judge.Hold, judge.ReasonResolution},
		{"all above the last edge", []float64{0, .0001}, tailPolicy(.05, .10), nil, judge.NoData, judge.ReasonNoData},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := usualService(c.name, c.edges)
			if c.spoil != nil {
				c.spoil(&s)
			}
			v := judge.Judge(c.policy, s.set())
			expect(t, v, c.want, c.reason)
			if !strings.HasPrefix(v.Unit, "these processes, on this traffic (3 per arm") {
				t.Errorf("unit %q", v.Unit)
			}
		})
	}
}

// A resolution is told, and so is what was judged where it was too coarse.
func TestBinnedSaysWhatIsJudged(t *testing.T) {
	for _, c := range []struct {
		name       string
		edges      []float64
		resolution float64
		why        string
	}{
		{"classic", classic, 1, "judged by the share above 2.5 s against the baseline's above 1 s"},
		{"native", native, math.Exp2(.125) - 1, "counted in buckets 9.1 % wide"},
	} {
		s := usualService(c.name, c.edges)
		s.ratio = 1.15
		m := metric(t, judge.Judge(tailPolicy(.05, .10), s.set()), "full.p95")
		if got := float64(m.Resolution); math.Abs(got-c.resolution) > 1e-9 && c.name == "native" || !strings.Contains(m.Why, c.why) {
			t.Errorf("%s: resolution %v, %q", c.name, got, m.Why)
		}
		if !(m.Lower <= 1.15 && 1.15 <= m.Upper) {
			t.Errorf("%s: [%v, %v] misses the truth", c.name, m.Lower, m.Upper)
		}
	}
}

// TestBinnedWithoutEvidence: none of these may be judged, let alone promoted.
func TestBinnedWithoutEvidence(t *testing.T) {
	each := func(change func(*evidence.Histogram)) func(evidence.Binned) evidence.Binned {
		return func(b evidence.Binned) evidence.Binned {
			for k := range b.Candidate {
				change(&b.Candidate[k])
			}
			return b
		}
	}
	for _, c := range []struct {
		name  string
		spoil func(evidence.Binned) evidence.Binned
	}{
		{"no block", func(evidence.Binned) evidence.Binned { return evidence.Binned{} }},
		{"a block short", func(b evidence.Binned) evidence.Binned { b.Candidate = b.Candidate[1:]; return b }},
		{"no candidate", each(func(h *evidence.Histogram) { clear(h.Counts) })},
		{"NaN", each(func(h *evidence.Histogram) { h.Counts[3] = math.NaN() })},
		{"negative", each(func(h *evidence.Histogram) { h.Counts[3] = -1 })},
		{"infinite", each(func(h *evidence.Histogram) { h.Over = math.Inf(1) })},
		{"edges out of order", each(func(h *evidence.Histogram) { h.Edges[3] = h.Edges[2] })},
		{"other edges", each(func(h *evidence.Histogram) {
			for i := range h.Edges {
				h.Edges[i] *= 1.01
			}
		})},
	} {
		set := usualService(c.name, native).set()
		set.Binned[sample.Full] = c.spoil(set.Binned[sample.Full])
		v := judge.Judge(tailPolicy(.05, .10), set)
		if v.Decision == judge.Promote || v.Decision == judge.Rollback {
			t.Errorf("%s: %s", c.name, v.Decision)
		}
	}
	set := usualService("mean", native).set()
	p := tailPolicy(.05, .10)
	p.Metrics[0].Statistic = policy.Mean
	expect(t, judge.Judge(p, set), judge.Hold, judge.ReasonLacks)
}

// The success rate of counted requests has no pairs, and rolls back all the
// same.
func TestCountedSuccess(t *testing.T) {
	for _, c := range []struct {
		failed [2]float64
		want   judge.Decision
		reason judge.Reason
	}{
		{[2]float64{0, .02}, judge.Rollback, judge.ReasonWorse},
		{[2]float64{.01, .01}, judge.Promote, judge.ReasonAllNotWorse},
		{[2]float64{0, 1}, judge.Rollback, judge.ReasonWorse},
		{[2]float64{1, 1}, judge.NoData, judge.ReasonNoData},
	} {
		s := usualService("success", native)
		s.failed = c.failed
		p := policy.Default()
		p.Metrics = []policy.Metric{{Measure: policy.Success, Statistic: policy.Rate, Gating: true, Tau: .005, Margin: .01}}
		expect(t, judge.Judge(p, s.set()), c.want, c.reason)
	}
}

// BenchmarkBinned is G17: six metrics, two arms, 20 blocks of histograms with
// three significant digits that hold a million requests.
func BenchmarkBinned(b *testing.B) {
	s := usualService("G17", exponential(.001, 1000, 1.001))
	s.baseline, s.candidate = 25_000, 25_000
	s.measures = []sample.Measure{sample.TTFB, sample.FirstEvent, sample.FirstToken, sample.FirstText, sample.LastContent, sample.Full}
	set := s.set()
	p := policy.Default()
	p.Metrics = nil
	for _, m := range s.measures {
		p.Metrics = append(p.Metrics, policy.Metric{Measure: policy.Measure(m), Statistic: policy.P95, Gating: true, Tau: .05, Margin: .10})
	}
	b.ReportAllocs()
	for b.Loop() {
		if v := judge.Judge(p, set); v.Decision != judge.Promote {
			b.Fatalf("%s: %q", v.Decision, v.Summary)
		}
	}
}
