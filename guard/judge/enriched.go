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

// The judge of an enriched run. Pairs enter with their weights. Success rates,
// goodput and the absolute limits of latencies are taken from the blocks at natural
// weight, and no claim is made of what else has no weights.

func (c *docket) enriched() bool { return c.set.Natural != nil }

// refuseLoad refuses claims of m that know no weights, and of latencies whose
// requests are of another load than the natural one: what queues behind more long
// answers is slower, and no weight makes up for that (pairing.md, "Enrichment"). A
// control shares the load of the sides, which have more requests to show it.
func (c *docket) refuseLoad(m policy.Metric) refusal {
	switch {
	case !c.enriched() || weighs(m.Measure):
		return refusal{}
	case !m.Measure.Latency():
		return refusal{ReasonLoad, "the run was enriched, and this is of the enriched load: it knows no weights", latencies}
	case c.byBlocks(m):
		return refusal{ReasonLoad, "the run was enriched, and quantiles by block know no weights", latencies}
	case c.set.Header.Draw == nil:
		return refusal{ReasonLoad, "requests have weights and the run does not say how they were drawn", latencies}
	case c.control || !m.Gating:
		return refusal{}
	}
	for side, name := range [...]string{"baseline", "candidate"} {
		if text := c.otherLoad(m, side); text != "" {
			return refusal{ReasonLoad, fmt.Sprintf("%s: the %s's %s", loadText, name, text), latencies}
		}
	}
	return refusal{}
}

// weighs tells that m is counted over the blocks at natural weight, or is what an
// answer is worth, which no queue changes, over pairs with their weights.
func weighs(m policy.Measure) bool {
	return m == policy.Success || m == policy.Goodput || ofWork(m)
}

const loadText = "the enriched load must be the natural one within strata"

// otherLoad compares one arm's blocks of both kinds; "" if they are known to agree
// to within the margin of a promotion. Tau would hold four of five runs of equal
// arms over 1,000 pairs, and both arms are compared under one load whatever it is.
func (c *docket) otherLoad(m policy.Metric, side int) string {
	strata := len(c.set.Header.Draw.Share)
	var kinds [2][]stats.StratumBlock // enriched, natural
	for k, r := range c.set.Requests {
		requests, kind := r.Baseline, 0
		if side == 1 {
			requests = r.Candidate
		}
		if c.set.Natural[k] {
			kind = 1
		}
		kinds[kind] = append(kinds[kind], stratumBlock(requests, sample.Measure(m.Measure), strata))
	}
	a := stats.Agree(kinds[1], kinds[0], strata, float64(c.policy.Alpha))
	margin := float64(m.Margin)
	switch {
	case a.Within(math.Log1p(margin)):
		return ""
	case math.IsNaN(a.Difference):
		return fmt.Sprintf("%s cannot be compared in %d blocks at natural weight", measureName(m.Measure), len(kinds[1]))
	}
	change := func(log float64) string { return fmt.Sprintf("%+.1f", 100*math.Expm1(log)) }
	return fmt.Sprintf("%s is %s %% there (%s to %s), which must be known to lie within %s %%",
		measureName(m.Measure), change(a.Difference), change(a.Lower), change(a.Upper), percent(margin))
}

// stratumBlock takes the successes of one arm in one block.
func stratumBlock(requests []*sample.Sample, m sample.Measure, strata int) (b stats.StratumBlock) {
	for _, s := range requests {
		ns, ok, missing := s.Value(m)
		if ok && !missing && ns > 0 && s.Stratum > 0 && s.Stratum <= strata {
			b.Latency, b.Stratum = append(b.Latency, math.Log(float64(ns))), append(b.Stratum, s.Stratum-1)
		}
	}
	return b
}

// natural tells whether block k has the load as it is.
func (c *docket) natural(k int) bool { return !c.enriched() || c.set.Natural[k] }

// limitsOfTheLoad takes back what an absolute limit said of an enriched load.
func (c *docket) limitsOfTheLoad(f *finding) {
	if c.enriched() && f.Limit != nil && !f.Measure.Latency() && !weighs(f.Measure) {
		f.limitBroken, f.limitUnmet = false, true
	}
}

// enrichedText says what an enriched run's numbers are; "" for other runs.
func (c *docket) enrichedText() string {
	if !c.enriched() {
		return ""
	}
	pilot := "unknown"
	if d := c.set.Header.Draw; d != nil {
		pilot = d.Pilot
	}
	natural := 0
	for _, is := range c.set.Natural {
		if is {
			natural++
		}
	}
	return fmt.Sprintf("the run was enriched with likely slow items by the pilot %.12s: compared pairs are weighted, success rates and absolute limits of latencies are of the %d blocks at natural weight, "+
		"and quantiles, success and work of the arms as a whole are of the enriched load, not weighted", pilot, natural)
}

// weightedQuantile is the smallest value that at least the share q of the weight
// does not exceed; plain where weights is nil.
func weightedQuantile(values, weights []float64, q float64) float64 {
	if weights == nil {
		ascending := slices.Clone(values)
		slices.Sort(ascending)
		return stats.Quantile(ascending, q)
	}
	order := make([]int, len(values))
	total := 0.0
	for i := range order {
		order[i] = i
		total += weights[i]
	}
	slices.SortFunc(order, func(i, j int) int { return cmp.Compare(values[i], values[j]) })
	sum := 0.0
	for _, i := range order {
		if sum += weights[i]; sum >= q*total*(1-1e-12) {
			return values[i]
		}
	}
	return math.NaN()
}

// refuseWeights refuses modes that take success rates and limits of all blocks
// alike.
func refuseWeights(p policy.Policy, e evidence.Set) refusal {
	if e.Natural == nil || p.Mode != policy.Anytime && p.Mode != policy.Threshold {
		return refusal{}
	}
	return refusal{ReasonMode, fmt.Sprintf("the run was enriched, and the mode %s knows no weights: judge it in the mode fixed", p.Mode), allClaims}
}
