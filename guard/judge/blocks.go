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

// unpaired tells that the time blocks of a switchback were given requests that
// have no partners.
func unpaired(e evidence.Set) bool {
	return e.Header.Design == sample.Switchback && e.Pairs == 0 && len(e.Requests) > 0
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
	f.out.Name = measureName(f.Measure) + ", mean ratio of blocks"
	if q, ok := f.Statistic.Quantile(); ok { // no band: it is named as what it is
		f.out.Name = fmt.Sprintf("%s, P%s of blocks", measureName(f.Measure), rank(policy.Share(q)))
	}
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
	if failed := failedRequests(c.set.Outcomes); failed > math.Min(failedShare, 1-quantileOf(f.Statistic)) {
		f.refuse(refusal{ReasonFailures, fmt.Sprintf("%s %% of all requests failed: latencies are not compared", percent(failed)), latencies})
	}
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

// gather brings the values of both arms together by block, or says why there are
// none.
func (b *blockTester) gather(c *docket, f *finding) (missing string) {
	if unpaired(c.set) {
		m := sample.Measure(f.Measure)
		for _, block := range c.set.Requests {
			b.baseline, b.candidate = append(b.baseline, values(block.Baseline, m)), append(b.candidate, values(block.Candidate, m))
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
	b.widen = c.calibrated(f.Measure, slices.Concat(b.baseline...))
	return ""
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

func (b *blockTester) bounds(c *docket, f *finding) {
	for _, x := range b.d {
		f.out.BlockEffects = append(f.out.BlockEffects, Float(math.Exp(x)))
	}
	if f.Statistic != policy.Mean {
		f.out.Point = Float(quantile(slices.Concat(b.candidate...), f.Statistic) / quantile(slices.Concat(b.baseline...), f.Statistic))
	}
	if !designless(c.set) {
		b.ratioBounds(c, f, b.widen)
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
