package judge

import (
	"fmt"
	"math"
	"slices"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/guard/evidence"
	"github.com/firstbyte-dev/firstbyte/guard/policy"
	"github.com/firstbyte-dev/firstbyte/guard/stats"
)

// blockTester tests one latency by its log-ratio in each block (judging.md b2):
// where requests have no partners, as in the time blocks of a switchback, and
// where the blocks were planned too small for a band of ranks.
type blockTester struct {
	slotTester
	baseline, candidate [][]float64 // nanoseconds by block, a failure +Inf
	widen               float64
}

// byBlocks tells whether the quantile of m is judged by block quantiles although
// the requests are paired: where the plan leaves less than one value of a block
// beyond it. There the one order statistic says more than the rank band, at P95
// below 20 requests in a block, at P99 below 100; simulated with 8 and with 20
// blocks, rho 0 and .8. The plan decides it, never what was measured.
func (c *docket) byBlocks(m policy.Metric) bool {
	q, ok := m.Statistic.Quantile()
	perBlock := float64(c.set.Header.Schedule.PerSlot)
	return ok && m.Band == nil && perBlock > 0 && perBlock*math.Min(q, 1-q) < 1
}

// unpaired tells that requests have no partners: in the time blocks of a
// switchback, or where two deployments served side by side and nothing says which
// request repeats which. Partners that were lost are no such case.
func unpaired(e evidence.Set) bool {
	switch {
	case e.Pairs > 0 || len(e.Requests) == 0:
		return false
	case e.Header.Design == sample.Switchback:
		return true
	}
	return e.Header.Design == sample.Interleaved && e.LostBaseline+e.LostCandidate == 0
}

// size is how many requests each arm was judged by: pairs where there are any.
func size(e evidence.Set) int {
	if !unpaired(e) {
		return e.Pairs
	}
	return min(evidence.Sum(e.Outcomes.Baseline).Attempts, evidence.Sum(e.Outcomes.Candidate).Attempts)
}

func requests(blocks [][]float64) int {
	n := 0
	for _, b := range blocks {
		n += len(b)
	}
	return n
}

func (b *blockTester) p(c *docket, f *finding) {
	b.rename(f)
	limitLatency(c, f)
	missing := b.gather(c, f)
	f.out.N = min(requests(b.baseline), requests(b.candidate))
	if missing == "" {
		missing = b.ratios(f)
	}
	f.out.Blocks = len(b.d)
	if missing != "" {
		f.out.Standing, f.out.Why = Missing, missing
		return
	}
	b.refuse(c, f)
	f.refuse(refusePairs(c.policy, f.out.N))
	f.refuse(refuseBlocks(c.policy, len(b.d)))
	f.refuse(refuseCorrelated(b.d))
	if f.refused.text != "" {
		return
	}
	for _, x := range b.d {
		f.sums = append(f.sums, x-math.Log1p(float64(f.Tau))-b.widen)
	}
	f.refuse(refuseScores(f.sums))
	m := stats.MeanT(f.sums)
	f.out.T, f.out.P = Float(m.T), Float(stats.TailT(m.T, float64(len(b.d)-1)))
}

// rename says that there is no band.
func (b *blockTester) rename(f *finding) {
	f.out.Name = measureName(f.Measure) + ", mean ratio of blocks"
	if q, ok := f.Statistic.Quantile(); ok {
		f.out.Name = fmt.Sprintf("%s, P%s of blocks", measureName(f.Measure), rank(policy.Share(q)))
	}
}

// gather brings the values of both arms together by block, or says why there are
// none.
func (b *blockTester) gather(c *docket, f *finding) (missing string) {
	if unpaired(c.set) {
		m := sample.Measure(f.Measure)
		for _, block := range c.set.Requests {
			old, now := values(block.Baseline, m), values(block.Candidate, m)
			n := min(len(old), len(now))
			b.baseline, b.candidate = append(b.baseline, thinned(old, n)), append(b.candidate, thinned(now, n))
		}
	} else {
		s := c.prepare(f.Measure)
		f.refuse(refuseZero(s.pairs))
		if s.missing != "" {
			return s.missing
		}
		f.refuse(s.refused)
		b.baseline, b.candidate = make([][]float64, c.set.Blocks), make([][]float64, c.set.Blocks)
		for i, k := range s.pairs.Block {
			b.baseline[k], b.candidate[k] = append(b.baseline[k], s.pairs.Baseline[i]), append(b.candidate[k], s.pairs.Candidate[i])
		}
	}
	b.widen = c.calibrated(f.Measure, evidence.Pairs{Baseline: slices.Concat(b.baseline...)})
	if failedOfValues(b.baseline) == 1 && failedOfValues(b.candidate) == 1 {
		return "no request that succeeded has this measure"
	}
	return ""
}

// refuse notes what the values as a whole cannot support, whatever the mode.
func (b *blockTester) refuse(c *docket, f *finding) {
	failed := max(failedRequests(c.set.Outcomes), failedOfValues(b.baseline), failedOfValues(b.candidate))
	if failed > math.Min(failedShare, 1-quantileOf(f.Statistic)) {
		f.refuse(refusal{ReasonFailures, fmt.Sprintf("%s %% of all requests failed: latencies are not compared", percent(failed)), latencies})
	}
	if !unpaired(c.set) {
		return
	}
	f.refuse(refuseGaps(c.set.Requests, sample.Measure(f.Measure)))
	q, ok := f.Statistic.Quantile()
	if n := float64(f.out.N) / float64(max(1, len(b.d))); ok && n*math.Min(q, 1-q) < 1 {
		f.object(refusal{ReasonFewPairs, fmt.Sprintf("%.0f requests to a block do not reach P%g: longer blocks are needed", n, 100*q), promotions})
	}
}

// failedOfValues is the share of values that are infinite; 1 where there are
// none.
func failedOfValues(blocks [][]float64) float64 {
	n := 0
	for _, block := range blocks {
		for _, v := range block {
			if !math.IsInf(v, 1) {
				n++
			}
		}
	}
	if n == 0 {
		return 1
	}
	return 1 - float64(n)/float64(requests(blocks))
}

// refuseGaps refuses a measure that requests without partners should have and do
// not tell, or that one arm tells less often than the other by more than chance:
// what is left out may be the slow ones.
func refuseGaps(blocks []evidence.BlockRequests, m sample.Measure) refusal {
	var arms [2]struct{ ok, none, lost float64 }
	for _, block := range blocks {
		for side, requests := range [...][]*sample.Sample{block.Baseline, block.Candidate} {
			for _, s := range requests {
				ns, ok, none := s.Value(m)
				if !ok {
					continue
				}
				arms[side].ok++
				switch {
				case none:
					arms[side].none++
				case ns <= 0:
					arms[side].lost++
				}
			}
		}
	}
	for side, arm := range arms {
		if arm.lost > lostShare*arm.ok {
			return refusal{ReasonUnpaired, fmt.Sprintf("%.0f of %.0f answers of the %s took no time at all by the source's clock, or do not tell it",
				arm.lost, arm.ok, [...]string{"baseline", "candidate"}[side]), latencies}
		}
	}
	a, b := arms[0].none/math.Max(1, arms[0].ok), arms[1].none/math.Max(1, arms[1].ok)
	chance := lagSigmas * math.Sqrt(a*(1-a)/math.Max(1, arms[0].ok)+b*(1-b)/math.Max(1, arms[1].ok))
	if math.Abs(a-b) > lostShare+chance {
		return refusal{ReasonUnpaired, fmt.Sprintf("%s %% of the baseline's answers have no such latency and %s %% of the candidate's", percent(a), percent(b)), latencies}
	}
	return refusal{}
}

// thinned leaves n values, spread evenly over the block. Arms are compared with as
// many requests each, because the tail of few requests lies lower than that of
// many: a canary with a tenth of the traffic would seem faster than it is.
func thinned(values []float64, n int) []float64 {
	if n == len(values) {
		return values
	}
	out := make([]float64, n)
	for i := range out {
		out[i] = values[(2*i+1)*len(values)/(2*n)]
	}
	return out
}

// values are the latencies of requests; what has none, or took no time, is left
// out.
func values(requests []*sample.Sample, m sample.Measure) []float64 {
	var out []float64
	for _, s := range requests {
		switch ns, ok, none := s.Value(m); {
		case !ok:
			out = append(out, math.Inf(1))
		case !none && ns > 0:
			out = append(out, float64(ns))
		}
	}
	return out
}

// ratios fills in the log-ratio of each block that has values of both arms.
func (b *blockTester) ratios(f *finding) (missing string) {
	for k := range b.baseline {
		if len(b.baseline[k]) > 0 && len(b.candidate[k]) > 0 {
			b.d = append(b.d, blockRatio(b.baseline[k], b.candidate[k], f.Statistic))
			b.block = append(b.block, k)
		}
	}
	if len(b.d) < 2 {
		return "fewer than two blocks have this measure in both arms"
	}
	return ""
}

// blockRatio is the logarithm of candidate over baseline in one block. A side that
// is infinite alone counts as ten times slower, and both cancel.
func blockRatio(baseline, candidate []float64, s policy.Statistic) float64 {
	if s == policy.Mean {
		a, failedA := meanLog(baseline)
		b, failedB := meanLog(candidate)
		if failedA == 1 || failedB == 1 {
			a, b = 0, 0
		}
		return b - a + (failedB-failedA)*math.Log(stats.FailedRatio)
	}
	a, b := quantile(baseline, s), quantile(candidate, s)
	if math.IsInf(a, 1) && math.IsInf(b, 1) {
		return 0
	}
	return math.Log(stats.MeanRatio([]float64{a}, []float64{b}))
}

// watch opens the record of the log-ratios of blocks.
func (b *blockTester) watch(c *docket, f *finding) record {
	b.rename(f)
	(&latencyTester{}).limitAnytime(c, f)
	missing := b.gather(c, f)
	f.out.N = min(requests(b.baseline), requests(b.candidate))
	if missing == "" {
		missing = b.ratios(f)
	}
	f.out.Blocks = len(b.d)
	if missing != "" {
		f.out.Standing, f.out.Why = Missing, missing
		return record{}
	}
	b.refuse(c, f)
	f.object(refusePairs(c.policy, f.out.N).loosen())
	f.object(refuseBlocks(c.policy, len(b.d)).loosen())
	return record{stream: newTurns(b.d, false), looks: b.block, blocks: true, widen: b.widen}
}

func (b *blockTester) bounds(c *docket, f *finding) {
	b.show(c, f)
	if !designless(c.set) {
		b.ratioBounds(c, f, b.widen)
	}
}

func (b *blockTester) show(_ *docket, f *finding) {
	for _, x := range b.d {
		f.out.BlockEffects = append(f.out.BlockEffects, Float(math.Exp(x)))
	}
	if f.Statistic != policy.Mean {
		f.out.Point = Float(quantile(slices.Concat(b.candidate...), f.Statistic) / quantile(slices.Concat(b.baseline...), f.Statistic))
	}
}

// meanLog is the mean logarithm of what is finite, and the share that is not.
func meanLog(values []float64) (mean, failed float64) {
	n := 0.0
	for _, v := range values {
		if !math.IsInf(v, 1) {
			mean, n = mean+math.Log(v), n+1
		}
	}
	if n == 0 {
		return 0, 1
	}
	return mean / n, 1 - n/float64(len(values))
}

// unpairedWork compares what the arms did where requests have no partners: means
// over what succeeded, as if each had been paired with the other arm's mean.
func unpairedWork(e evidence.Set) evidence.Work {
	var done [2]doings
	for _, block := range e.Requests {
		done[0].add(block.Baseline)
		done[1].add(block.Candidate)
	}
	a, b := done[0], done[1]
	n := min(a.n, b.n)
	if n == 0 {
		return evidence.Work{}
	}
	scale := func(x, of int) int { return int(math.Round(float64(x) / float64(of) * float64(n))) }
	w := evidence.Work{
		Pairs: n, BaselineTokens: scale(a.output, a.n), CandidateTokens: scale(b.output, b.n),
		BaselineCached: float64(a.cached) / math.Max(1, float64(a.input)), CandidateCached: float64(b.cached) / math.Max(1, float64(b.input)),
		Scored: min(a.scored, b.scored), BaselineQuality: a.quality / math.Max(1, float64(a.scored)), CandidateQuality: b.quality / math.Max(1, float64(b.scored)),
	}
	differs := 0.0 // half the distance of the two distributions of reasons
	for reason, count := range a.finish {
		differs += math.Max(0, float64(count)/float64(a.n)-float64(b.finish[reason])/float64(b.n))
	}
	w.FinishDiffers = int(math.Ceil(differs*float64(n) - 1e-9))
	return w
}

// doings are what the successful requests of one arm did.
type doings struct {
	n, output, input, cached, scored int
	quality                          float64
	finish                           map[string]int
}

func (d *doings) add(requests []*sample.Sample) {
	if d.finish == nil {
		d.finish = map[string]int{}
	}
	for _, s := range requests {
		if s.Outcome != sample.OK {
			continue
		}
		d.n++
		d.output, d.input, d.cached = d.output+s.Usage.Output, d.input+s.Usage.Input, d.cached+s.Usage.Cached
		d.finish[s.Finish]++
		if s.Quality != nil {
			d.scored++
			d.quality += *s.Quality
		}
	}
}
