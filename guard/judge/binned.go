package judge

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/guard/evidence"
	"github.com/firstbyte-dev/firstbyte/guard/policy"
	"github.com/firstbyte-dev/firstbyte/guard/stats"
)

// fineWidth is the widest bucket in which values may be spread evenly: that of
// native Prometheus histograms with growth factors up to 1.1. In wider ones
// interpolation has hidden real regressions, and only shares above their edges
// are taken for known.
const fineWidth = .10

// binnedTester tests one quantile of a latency that was counted by bucket. In
// fine buckets it ranks as [latencyTester] does and widens by what the buckets
// may hide; in coarse ones it compares the shares above their edges. It promotes
// nothing whose margin is narrower than a bucket.
type binnedTester struct {
	binned *stats.Binned
	q      float64
	width  float64 // of the bucket at the quantile, as a share

	test *stats.Test // fine buckets
	blur float64

	exact   *stats.Exact // coarse buckets
	against int
	edge    int
}

func (b *binnedTester) p(c *docket, f *finding) {
	if why := b.open(c.set.Binned[sample.Measure(f.Measure)]); why != "" {
		f.out.Standing, f.out.Why, f.limitUnmet = Missing, why, f.Limit != nil
		return
	}
	baseline, candidate := b.binned.N()
	f.out.N, f.out.Blocks = int(math.Min(baseline, candidate)), b.binned.K()
	b.q = quantileOf(f.Statistic)
	b.limit(c, f)
	f.refuse(refuseBlocks(c.policy, b.binned.K()))
	f.refuse(refusePairs(c.policy, f.out.N))
	b.refuse(c, f)
	b.choose(f)
	b.hold(f)
	if f.refused.text != "" {
		return
	}
	f.sums = b.sums(math.Log1p(float64(f.Tau)) + b.blur)
	f.out.Blocks = len(f.sums)
	f.idle = b.exact != nil && b.against < 0
	if b.test != nil {
		f.refuse(refuseScores(f.sums))
	}
	if f.refused.text == "" {
		m := stats.MeanT(f.sums)
		f.out.T, f.out.P = Float(m.T), Float(stats.TailT(m.T, float64(len(f.sums)-1)))
	}
}

// open lines the histograms up, or says why there is nothing to judge by.
func (b *binnedTester) open(e evidence.Binned) (why string) {
	var err error
	if b.binned, err = stats.NewBinned(bins(e.Baseline), bins(e.Candidate)); err != nil {
		return "the evidence is damaged: " + err.Error()
	}
	switch baseline, candidate := b.binned.N(); {
	case b.binned.K() == 0:
		return "no block has requests of both arms"
	case baseline < 1 || candidate < 1:
		return "an arm has no requests"
	case b.binned.Over() >= 1:
		return "no request of either arm has a known latency"
	}
	return ""
}

func bins(histograms []evidence.Histogram) []stats.Bins {
	out := make([]stats.Bins, len(histograms))
	for i, h := range histograms {
		out[i] = stats.Bins(h)
	}
	return out
}

// refuse notes what the measure as a whole cannot support.
func (b *binnedTester) refuse(c *docket, f *finding) {
	if _, ok := f.Window(); !ok {
		f.refuse(refusal{ReasonLacks, "a histogram has no pairs to take a mean ratio of: judge its quantiles", latencies})
	}
	if grade(c.set.Validity) == sample.Degraded {
		f.refuse(refusal{ReasonInvalid, "the measurement is degraded, and histograms are not judged by its error", latencies})
	}
	if failed := failedRequests(c.set.Outcomes); failed > failedShare {
		f.refuse(refusal{ReasonFailures, fmt.Sprintf("%s %% of all requests failed: over 5 %% latencies are not compared", percent(failed)), latencies})
	}
}

// failedRequests is the share of all attempts that failed.
func failedRequests(o evidence.Outcomes) float64 {
	a, b := evidence.Sum(o.Baseline), evidence.Sum(o.Candidate)
	if a.Attempts+b.Attempts == 0 {
		return 0
	}
	return 1 - float64(a.OK+b.OK)/float64(a.Attempts+b.Attempts)
}

// choose takes the test that the buckets allow, with neighbouring blocks merged
// while they correlate.
func (b *binnedTester) choose(f *finding) {
	if b.binned.K() < 2 {
		f.refuse(refusal{ReasonFewBlocks, "fewer than two blocks have requests of both arms", latencies})
		return
	}
	b.build(f)
	for {
		r, k := stats.Lag1(b.sums(0)), b.binned.K()
		if r <= 1.645/math.Sqrt(float64(k)) {
			break
		}
		if k < mergeFrom {
			f.refuse(refusal{ReasonAutocorrelated, fmt.Sprintf("neighbouring blocks correlate (%.2f): longer blocks are needed", r), latencies})
			break
		}
		b.binned = b.binned.Merged()
		f.merged++
		b.build(f)
		f.note(fmt.Sprintf("neighbouring blocks correlate (%.2f) and were merged to %d", r, b.binned.K()))
	}
	f.note(b.described(f))
}

func (b *binnedTester) build(f *finding) {
	b.width = b.binned.Width(b.q)
	f.out.Resolution = Float(b.width)
	b.test, b.exact, b.blur = nil, nil, 0
	if b.width <= fineWidth {
		from, to := b.window(f)
		b.test, b.blur = b.binned.Band(from, to), b.binned.Blur(from, to)
		return
	}
	b.edge = b.binned.EdgeOf(b.q)
	if f.Limit != nil {
		b.edge = b.binned.EdgeAt(f.Limit.Value)
	}
	exact := b.binned.Exact(b.edge)
	b.exact, b.against = &exact, exact.Against(math.Log1p(float64(f.Tau)))
}

// window is the band in force, or the quantile alone where failures reach into
// the band.
func (b *binnedTester) window(f *finding) (from, to float64) {
	band, _ := f.Window()
	if b.binned.Over() <= 1-float64(band.To) {
		return float64(band.From), float64(band.To)
	}
	return b.q, b.q
}

// sums returns the worsening beyond shift, a log-ratio, by block.
func (b *binnedTester) sums(shift float64) []float64 {
	if b.exact != nil {
		return b.exact.Sums(b.exact.Against(shift))
	}
	return slices.Clone(b.test.Sums(shift))
}

// described says what is judged, and how exactly.
func (b *binnedTester) described(f *finding) string {
	if b.exact == nil {
		return fmt.Sprintf("counted in buckets %s %% wide, between whose edges the interval allows for %s %%", percent(b.width), percent(math.Expm1(b.blur)))
	}
	text := "judged by the share above " + inSeconds(b.binned.Edge(b.edge))
	switch {
	case b.against < 0:
		return text + ", which no edge of the baseline is low enough to refute"
	case b.against != b.edge:
		text += fmt.Sprintf(" against the baseline's above %s, the next edge that %s slower reaches", inSeconds(b.binned.Edge(b.against)), f.allowed(f.Tau))
	}
	return text
}

func inSeconds(ns float64) string { return fmt.Sprintf("%.4g s", ns/float64(time.Second)) }

// hold forbids to promote what the buckets cannot tell from a regression.
func (b *binnedTester) hold(f *finding) {
	allowed := float64(f.Margin)
	if b.exact != nil {
		allowed = math.Min(allowed, float64(f.Tau))
	}
	if b.width <= allowed {
		return
	}
	wide := "is not bounded"
	if !math.IsInf(b.width, 1) {
		wide = fmt.Sprintf("is %s %% wide", percent(b.width))
	}
	f.held = refusal{ReasonResolution, fmt.Sprintf("the bucket in which P%g lies %s, a change of %s %% can hide in it", 100*b.q, wide, percent(allowed)), promotions}
}

// limit compares the candidate's share above the limit with what its quantile
// allows. An edge at the limit makes it exact; else the next edge above decides
// whether it is broken, the next one below whether it is met.
func (b *binnedTester) limit(c *docket, f *finding) {
	if f.Limit == nil {
		return
	}
	least, most, n := b.binned.Exceeding(f.Limit.Value)
	f.out.Limit, f.out.Value = Float(f.Limit.Value), Float(b.binned.Candidate(b.q))
	f.limitUnmet = !(most <= (1-b.q)*n)
	p := 1 - stats.BinomialCDF(int(least)-1, int(n), 1-b.q) // of so many above a limit that is met
	f.limitBroken = f.Gating && !c.allDead() && p <= c.horizon.tail
}

func (b *binnedTester) bounds(c *docket, f *finding) {
	b.show(c, f)
	if b.binned.K() < 2 || designless(c.set) {
		return
	}
	alpha := c.horizon.tail
	if b.exact != nil {
		lower, upper := b.exact.Interval(alpha)
		f.out.Effect = f.out.Point
		f.out.Lower, f.out.Upper = Float(math.Exp(lower)), Float(math.Exp(upper))
		return
	}
	estimate := b.test.Estimate()
	lower, upper := b.test.Interval(estimate, alpha)
	se := b.test.StandardError(lower, upper, alpha)
	f.out.Effect = Float(math.Exp(estimate))
	f.out.Lower, f.out.Upper = Float(math.Exp(lower-b.blur)), Float(math.Exp(upper+b.blur))
	f.out.Detectable = Float(math.Expm1(b.test.Detectable(se, alpha) + b.blur))
	f.out.More = more(need{
		n: f.out.N, se: se * factor(b.test, c.horizon.last),
		gap: math.Max(math.Log1p(float64(f.Margin))-b.blur-estimate, estimate-math.Log1p(float64(f.Tau))-b.blur),
	})
}

// counted tells whether m was counted by bucket, not listed.
func (c *docket) counted(m policy.Measure) bool {
	_, ok := c.set.Binned[sample.Measure(m)]
	return ok
}
