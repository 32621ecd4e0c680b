package judge

import (
	"math"

	"github.com/firstbyte-dev/firstbyte/guard/stats"
)

// flipSeed draws the sign flips of the correction. It is no option: the same
// evidence gives the same verdict.
const flipSeed = 1

// correct adjusts the p-values of the gating metrics that make a claim for their
// number: Holm's step-down, over the joint sign flips of the blocks where there
// are enough of them, else with Bonferroni's bound. The statistics of a gate rise
// and fall together, because a restart shows in all of them; Bonferroni's bound
// then spends a tenth of the error rate that the policy grants, and regressions
// pass for it.
func (c *docket) correct() {
	if c.watchedEvidence() {
		c.correctEvidence()
		return
	}
	var in []*finding
	for _, f := range c.findings {
		switch {
		case !f.claims():
		case f.DryRun: // alone, at the whole alpha: it takes nothing from the others
			f.out.PHolm = Float(c.horizon.repeated(float64(f.out.P)))
		case c.counts(f):
			in = append(in, f)
		}
	}
	members, units := c.members(in)
	c.joint = len(in) > 1 && members != nil && c.flippable(units)
	var adjusted []float64
	if c.joint {
		adjusted = stats.StepDown(members, units, flipSeed)
	} else {
		var p []float64
		for _, f := range in {
			p = append(p, c.horizon.repeated(float64(f.out.P)))
		}
		adjusted = stats.Holm(p)
	}
	for i, p := range adjusted {
		in[i].out.PHolm = Float(math.Max(p, float64(in[i].out.P)))
	}
}

// counts tells whether f counts for the correction. A metric that cannot reject
// does not (Tarone 1990), if this is the only look: at a later one it may be able
// to, and then the looks before it would have spent what was not theirs.
func (c *docket) counts(f *finding) bool { return !f.idle || c.horizon.plan != nil }

// flippable tells whether flips of k blocks are fine enough for the number of
// gating metrics: that number, not that of the metrics with data, so that it is
// settled before anything is measured. Where there are several looks flips are
// too coarse for the early ones, and t is taken at all of them.
func (c *docket) flippable(k int) bool {
	if c.horizon.plan != nil {
		return false
	}
	gating := 0
	for _, m := range c.policy.Metrics {
		if m.Gating && !m.DryRun {
			gating++
		}
	}
	return math.Exp2(-float64(k))*float64(gating) < float64(c.policy.Alpha)/2
}

// members brings the findings to the same flipping units: the blocks, joined as
// often as the metric that needed it most. It is nil where a metric lacks
// blocks, so that its sums cannot be lined up with the others'.
func (c *docket) members(in []*finding) (members []stats.Member, units int) {
	deepest := 0
	for _, f := range in {
		deepest = max(deepest, f.merged)
	}
	for _, f := range in {
		if len(f.sums) != c.set.Blocks>>f.merged {
			return nil, 0
		}
		members = append(members, stats.Member{Sums: f.sums, Unit: joined(len(f.sums), deepest-f.merged), P: f.memberP()})
	}
	return members, c.set.Blocks >> deepest
}

// joined returns the unit of each of n sums when neighbours are joined so often.
func joined(n, times int) []int {
	unit := make([]int, n)
	for k := range unit {
		unit[k] = k
	}
	for range times {
		n /= 2
		for k := range unit {
			unit[k] = min(unit[k]/2, n-1)
		}
	}
	return unit
}

// memberP is the p-value on the scale that flips are compared on: that of t over
// the sums, or of f's own t where that is less extreme, or of f where a second
// test of it counts too.
func (f *finding) memberP() float64 {
	df := float64(len(f.sums) - 1)
	p := math.Max(stats.TailT(stats.MeanT(f.sums).T, df), stats.TailT(float64(f.out.T), df))
	if f.Measure.Latency() {
		return p
	}
	return math.Max(p, float64(f.out.P))
}
