package judge

import (
	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/guard/policy"
)

// A tester tests one metric. Bounds are taken after P.
type tester interface {
	// p fills in P, T and what else the decision to roll back needs.
	p(c *docket, f *finding)
	// bounds fills in Effect, Lower, Upper, Detectable and whether the bound
	// lies within the margin.
	bounds(c *docket, f *finding)
}

// testerFor chooses by mode, design and kind of measure how m is tested.
func (c *docket) testerFor(m policy.Metric) tester {
	switch {
	case c.set.Header.Design == sample.Split && !full(c.set):
		return splitTester(m)
	case c.watchedEvidence() && !full(c.set):
		return c.anytimeTester(m)
	case m.Measure == policy.Success:
		return rateTester{}
	case c.counted(m.Measure):
		return &binnedTester{}
	case m.Measure.Latency() && (unpaired(c.set) || c.byBlocks(m)):
		return &blockTester{}
	case m.Measure.Latency():
		return &latencyTester{}
	case (m.Measure == policy.Tokens || m.Measure == policy.Cost) && unpaired(c.set):
		return &worthTester{}
	case m.Measure == policy.Tokens, m.Measure == policy.Cost: // ratios of pairs, as latencies are
		return &latencyTester{}
	case m.Measure == policy.Quality:
		return &qualityTester{}
	case m.Measure == policy.Goodput:
		return rateTester{}
	}
	return &slotTester{}
}
