package judge

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/guard/evidence"
	"github.com/firstbyte-dev/firstbyte/guard/policy"
	"github.com/firstbyte-dev/firstbyte/guard/stats"
)

// A sampled is one latency measure made ready for every statistic of it.
type sampled struct {
	pairs   evidence.Pairs
	sample  stats.Sample
	sorted  *stats.Pairs
	failed  float64 // share of the pool that is infinite
	widen   float64 // the measurer's own error on the log scale, if the run is degraded
	missing string  // why there is nothing to judge by
	refused refusal
}

// prepare returns the measure m, made ready once.
func (c *docket) prepare(m policy.Measure) *sampled {
	if s := c.prepared[m]; s != nil {
		return s
	}
	s := &sampled{pairs: c.pairsOf(m)}
	c.prepared[m] = s
	var err error
	if s.missing = emptiness(s.pairs, c.set.Blocks); s.missing != "" {
		return s
	}
	s.sample = logs(s.pairs)
	if s.sorted, err = stats.NewPairs(s.sample); err != nil {
		s.missing = "the evidence is damaged: " + err.Error()
		return s
	}
	s.failed = failedOf(s.pairs)
	if s.failed >= 1 {
		s.missing = "no request of either arm succeeded"
		return s
	}
	s.refused = cmp.Or(
		refuseLost(s.pairs.N(), s.pairs.LostBaseline, s.pairs.LostCandidate),
		refusePairs(c.policy, s.pairs.N()),
		refuseBlocks(c.policy, s.sample.Blocks),
		c.refuseLag(s.sample),
	)
	if s.failed > failedShare {
		s.refused = refusal{ReasonFailures, fmt.Sprintf("%s %% of all requests failed: over 5 %% latencies are not compared", percent(s.failed)), latencies}
	}
	s.widen = c.calibrated(m, s.pairs)
	return s
}

// emptiness says why pairs are nothing to judge by; "" if they are something.
func emptiness(p evidence.Pairs, blocks int) string {
	n := p.N()
	if n == 0 {
		return "no pair of requests has this measure"
	}
	if len(p.Candidate) != n || len(p.Block) != n || len(p.Item) != n || p.Weight != nil && len(p.Weight) != n {
		return "the evidence is damaged: its columns differ in length"
	}
	for i := range n {
		if !(p.Baseline[i] > 0) || !(p.Candidate[i] > 0) || p.Block[i] < 0 || p.Block[i] >= blocks || p.Item[i] < 0 {
			return fmt.Sprintf("the evidence is damaged: pair %d is (%g, %g) in block %d", i, p.Baseline[i], p.Candidate[i], p.Block[i])
		}
	}
	return ""
}

func failedOf(p evidence.Pairs) float64 {
	failed, all := 0.0, 0.0
	for i := range p.Baseline {
		w := 1.0
		if p.Weight != nil {
			w = p.Weight[i]
		}
		all += 2 * w
		for _, v := range [...]float64{p.Baseline[i], p.Candidate[i]} {
			if math.IsInf(v, 1) {
				failed += w
			}
		}
	}
	return failed / all
}

// logs turns pairs into a sample.
func logs(p evidence.Pairs) stats.Sample {
	n := p.N()
	s := stats.Sample{Baseline: make([]float64, n), Candidate: make([]float64, n), Weight: p.Weight}
	for i := range n {
		s.Baseline[i], s.Candidate[i] = math.Log(p.Baseline[i]), math.Log(p.Candidate[i])
	}
	label(&s, p.Block, p.Item)
	return s
}

// label numbers blocks, those without pairs left out, and items. These are
// numbered only if some item stands in more than one block: only then is there
// a second standard error to ask for.
func label(s *stats.Sample, blocks, ofItems []int) {
	s.Block, s.Blocks = compact(blocks)
	item, items := compact(ofItems)
	first := make([]int, items)
	for i := range first {
		first[i] = -1
	}
	repeats := false
	for i, it := range item {
		if first[it] < 0 {
			first[it] = s.Block[i]
		}
		repeats = repeats || first[it] != s.Block[i]
	}
	if repeats && items > 1 {
		s.Item, s.Items = item, items
	}
}

// compact renumbers values 0, 1, … in ascending order without holes.
func compact(values []int) (renumbered []int, distinct int) {
	known := slices.Clone(values)
	slices.Sort(known)
	known = slices.Compact(known)
	renumbered = make([]int, len(values))
	for i, v := range values {
		renumbered[i], _ = slices.BinarySearch(known, v)
	}
	return renumbered, len(known)
}

// calibrated returns by how much a degraded run's intervals are widened: the
// measurer's P99 error of this measure against the baseline's median. A measure
// that was not calibrated takes the worst error of those that were.
func (c *docket) calibrated(m policy.Measure, p evidence.Pairs) float64 {
	v := c.set.Validity
	if grade(v) != sample.Degraded || !m.Latency() {
		return 0
	}
	known, ok := v.Error[sample.Measure(m)]
	worst := known.P99
	if !ok {
		for _, e := range v.Error {
			worst = max(worst, e.P99)
		}
	}
	return math.Log1p(float64(worst) / weightedQuantile(p.Baseline, p.Weight, .5))
}

// latencyTester tests pairs of one latency.
type latencyTester struct {
	sampled *sampled
	test    *stats.Test
}

func (l *latencyTester) p(c *docket, f *finding) {
	l.sampled = c.prepare(f.Measure)
	f.out.N, f.out.Blocks = l.sampled.pairs.N(), l.sampled.sample.Blocks
	f.refuse(refuseZero(l.sampled.pairs))
	if l.sampled.missing != "" {
		f.out.Standing, f.out.Why = Missing, l.sampled.missing
		limitLatency(c, f)
		return
	}
	limitLatency(c, f)
	f.refuse(l.sampled.refused)
	l.choose(c, f)
	if l.test == nil {
		return
	}
	f.out.Blocks = l.test.K()
	shift := math.Log1p(float64(f.Tau)) + l.sampled.widen
	f.refuse(refuseScores(l.test.Sums(shift)))
	if f.refused.text != "" {
		return
	}
	f.out.T, f.out.P = Float(l.test.At(shift).T), Float(pValue(c, l.test, shift))
	f.sums = slices.Clone(l.test.Sums(shift))
}

// refuse notes the first refusal.
func (f *finding) refuse(r refusal) {
	if f.refused.text == "" {
		f.refused = r
	}
}

// refuseZero refuses latencies of no time at all: they have no logarithm, and
// nothing is worse by a share of them.
func refuseZero(p evidence.Pairs) refusal {
	zero := 0
	if float64(p.Zero) > lostShare*float64(p.N()+p.Zero) {
		zero = p.Zero
	}
	for _, column := range [...][]float64{p.Baseline, p.Candidate} {
		for _, v := range column {
			if v == 0 {
				zero++
			}
		}
	}
	if zero == 0 {
		return refusal{}
	}
	return refusal{ReasonZero, fmt.Sprintf("%d requests took no time at all by the source's clock: nothing is worse by a share of zero", zero), latencies}
}

func refuseScores(sums []float64) refusal {
	scored := 0
	for _, s := range sums {
		if math.Abs(s) > 1e-12 {
			scored++
		}
	}
	if scored >= leastScores {
		return refusal{}
	}
	return refusal{ReasonFewBlocks, fmt.Sprintf("only %d blocks show any difference, at least %d are needed", scored, leastScores), latencies}
}

// pValue takes the exact sign-flip p below 12 blocks where it is fine enough for
// the correction, else t. Which one follows from the design alone, never from
// the outcome.
func pValue(c *docket, test *stats.Test, shift float64) float64 {
	p := test.At(shift).P()
	if test.K() >= flipBelow || !c.flippable(test.K()) {
		return p
	}
	flip := test.SignFlip(shift)
	if test.Clustered() { // flips know nothing of items that repeat
		return math.Max(p, flip)
	}
	return flip
}

// choose sets up the test of f's statistic, with neighbouring blocks merged
// while they correlate.
func (l *latencyTester) choose(c *docket, f *finding) {
	build := l.statistic(f)
	if build == nil || l.sampled.sample.Blocks < 2 {
		return
	}
	pairs, current := l.sampled.sorted, l.sampled.sample
	l.test = stats.NewTest(pairs, build(pairs))
	for {
		k := l.test.K()
		r := stats.Lag1(l.test.Sums(0))
		if r <= 1.645/math.Sqrt(float64(k)) {
			return
		}
		if k < mergeFrom {
			f.refuse(refusal{ReasonAutocorrelated, fmt.Sprintf("neighbouring blocks correlate (%.2f): longer blocks are needed", r), latencies})
			return
		}
		current = current.Merged()
		merged, err := stats.NewPairs(current)
		if err != nil {
			panic("judge: merging blocks: " + err.Error()) // the same values passed before
		}
		l.test = stats.NewTest(merged, build(merged))
		f.merged++
		f.note(fmt.Sprintf("neighbouring blocks correlate (%.2f) and were merged to %d", r, l.test.K()))
	}
}

// note adds to what is said of f.
func (f *finding) note(text string) {
	if f.out.Why != "" {
		f.out.Why += "; "
	}
	f.out.Why += text
}

// statistic returns how to make f's statistic of pairs; nil if the share of
// failures leaves none.
func (l *latencyTester) statistic(f *finding) func(*stats.Pairs) stats.Statistic {
	band, ok := f.Window()
	if !ok {
		return func(p *stats.Pairs) stats.Statistic { return stats.NewLogMean(p) }
	}
	q, failed := quantileOf(f.Statistic), l.sampled.failed
	switch {
	case failed <= 1-float64(band.To):
		return func(p *stats.Pairs) stats.Statistic {
			return stats.Band{Pairs: p, From: float64(band.From), To: float64(band.To)}
		}
	case failed < 1-q:
		f.note(fmt.Sprintf("%s %% failed, so the upper end of the band is infinite: judged by the share above P%g", percent(failed), 100*q))
		return func(p *stats.Pairs) stats.Statistic { return stats.Exceedance{Pairs: p, At: q} }
	}
	f.refuse(refusal{ReasonFailures, fmt.Sprintf("%s %% failed: P%g is infinite", percent(failed), 100*q), latencies})
	return nil
}

func quantileOf(s policy.Statistic) float64 {
	q, _ := s.Quantile()
	return q
}

// limitLatency compares the candidate alone with the absolute limit: broken when the
// lower confidence bound of its quantile is over it, unmet when the value is.
func limitLatency(c *docket, f *finding) {
	if f.Limit == nil {
		return
	}
	alone, q := c.set.Alone[sample.Measure(f.Measure)], quantileOf(f.Statistic)
	f.out.Limit = Float(f.Limit.Value)
	f.limitUnmet = true
	if len(alone) == 0 || slices.ContainsFunc(alone, math.IsNaN) || !slices.IsSorted(alone) {
		return
	}
	value := stats.Quantile(alone, q)
	f.out.Value, f.limitUnmet = Float(value), !(value <= f.Limit.Value)
	// One-sided; the rank is exact without any assumption on shape.
	lower := stats.QuantileRanks(len(alone), q, 2*c.horizon.tail).Lower
	f.limitBroken = f.Gating && !c.allDead() && lower >= 1 && alone[lower-1] > f.Limit.Value
}

func (l *latencyTester) bounds(c *docket, f *finding) {
	s := l.sampled
	f.out.Point = Float(pointRatio(s.pairs, f.Statistic))
	f.out.BlockEffects = blockEffects(s, f.Statistic)
	if l.test == nil || designless(c.set) {
		return
	}
	estimate := l.test.Estimate()
	alpha := c.horizon.tail
	lower, upper := l.test.Interval(estimate, alpha)
	se := l.test.StandardError(lower, upper, alpha)
	f.out.Effect = Float(math.Exp(estimate))
	f.out.Lower, f.out.Upper = Float(math.Exp(lower-s.widen)), Float(math.Exp(upper+s.widen))
	f.out.Detectable = Float(math.Expm1(l.test.Detectable(se, alpha) + s.widen))
	f.out.More = more(need{
		n: f.out.N, se: se * factor(l.test, c.horizon.last),
		gap: math.Max(math.Log1p(float64(f.Margin))-s.widen-estimate, estimate-math.Log1p(float64(f.Tau))-s.widen),
	})
}

func factor(t *stats.Test, alpha float64) float64 { return t.Detectable(1, alpha) }

// designless tells that an interval would claim what the design cannot support.
func designless(e evidence.Set) bool {
	return e.Header.Design != sample.Interleaved && e.Header.Design != sample.Switchback
}

func pointRatio(p evidence.Pairs, s policy.Statistic) float64 {
	if s == policy.Mean {
		return math.NaN()
	}
	q := quantileOf(s)
	return weightedQuantile(p.Candidate, p.Weight, q) / weightedQuantile(p.Baseline, p.Weight, q)
}

func quantile(values []float64, s policy.Statistic) float64 {
	return weightedQuantile(values, nil, quantileOf(s))
}

// blockEffects returns the ratio of quantiles, or the mean ratio, by block; NaN
// where both are infinite.
func blockEffects(s *sampled, statistic policy.Statistic) []Float {
	arms := make([]evidence.Pairs, s.sample.Blocks)
	for i, k := range s.sample.Block {
		arms[k].Baseline = append(arms[k].Baseline, s.pairs.Baseline[i])
		arms[k].Candidate = append(arms[k].Candidate, s.pairs.Candidate[i])
		if s.pairs.Weight != nil {
			arms[k].Weight = append(arms[k].Weight, s.pairs.Weight[i])
		}
	}
	effects := make([]Float, len(arms))
	for k, p := range arms {
		if statistic == policy.Mean {
			effects[k] = Float(stats.MeanRatio(p.Baseline, p.Candidate))
		} else {
			effects[k] = Float(pointRatio(p, statistic))
		}
	}
	return effects
}
