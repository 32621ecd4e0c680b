package judge

import (
	"fmt"
	"math"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/guard/evidence"
	"github.com/firstbyte-dev/firstbyte/guard/policy"
	"github.com/firstbyte-dev/firstbyte/guard/stats"
)

// slotTester tests what belongs to a whole turn: throughput and processor time,
// by the log-ratios of blocks.
type slotTester struct {
	d     []float64 // log(candidate / baseline)
	alone []float64 // the candidate's logarithms
	block []int     // of each
	// lacks counts the blocks that only the other arm has: baseline, candidate.
	lacks [2]int
}

func (s *slotTester) p(c *docket, f *finding) {
	s.collect(c.set, f.Measure)
	s.test(c, f)
}

// test tests the log-ratios that were collected.
func (s *slotTester) test(c *docket, f *finding) {
	f.out.N, f.out.Blocks = size(c.set), len(s.d)
	if len(s.d) < 2 {
		f.out.Standing, f.out.Why = Missing, "fewer than two blocks have this measure in both arms"
		f.limitUnmet = f.Limit != nil
		return
	}
	s.limit(c, f)
	f.refuse(s.refuseOneSided())
	if len(s.d) < c.policy.MinBlocks {
		f.refuse(refusal{ReasonFewBlocks, fmt.Sprintf("%d blocks have this measure, at least %d are needed", len(s.d), c.policy.MinBlocks), latencies})
	}
	f.refuse(refuseCorrelated(s.d))
	if f.refused.text != "" {
		return
	}
	f.sums = s.worsening(f)
	m := stats.MeanT(f.sums)
	f.out.T, f.out.P = Float(m.T), Float(stats.TailT(m.T, float64(len(s.d)-1)))
}

// refuseOneSided refuses blocks that one arm lacks: an arm that answered nothing
// has no throughput there, and what is left would not tell.
func (s *slotTester) refuseOneSided() refusal {
	if s.lacks == [2]int{} {
		return refusal{}
	}
	return refusal{ReasonUnpaired, fmt.Sprintf("%d blocks have this measure of one arm alone (%d of the candidate, %d of the baseline): it is not known where the other would lie",
		s.lacks[0]+s.lacks[1], s.lacks[0], s.lacks[1]), latencies}
}

// worsening returns by how much each block is worse beyond tau, on the log
// scale.
func (s *slotTester) worsening(f *finding) []float64 {
	out := make([]float64, len(s.d))
	for i, x := range s.d {
		if f.HigherIsBetter() {
			out[i] = -x + math.Log1p(-float64(f.Tau))
		} else {
			out[i] = x - math.Log1p(float64(f.Tau))
		}
	}
	return out
}

func (s *slotTester) collect(e evidence.Set, m policy.Measure) {
	for k, slot := range e.Slots {
		if slot.Baseline == nil || slot.Candidate == nil || k >= len(e.Outcomes.Baseline) || k >= len(e.Outcomes.Candidate) {
			continue
		}
		a := slotValue(m, slot.Baseline, e.Outcomes.Baseline[k])
		b := slotValue(m, slot.Candidate, e.Outcomes.Candidate[k])
		s.add(k, a, b)
	}
}

// add takes what block k of either arm came to; 0 if that is not known.
func (s *slotTester) add(k int, a, b float64) {
	switch {
	case a > 0 && b > 0 && !math.IsInf(a, 1) && !math.IsInf(b, 1):
		s.d = append(s.d, math.Log(b/a))
		s.alone = append(s.alone, math.Log(b))
		s.block = append(s.block, k)
	case a > 0:
		s.lacks[1]++
	case b > 0:
		s.lacks[0]++
	}
}

// slotValue returns the measure of one turn: successes per second, or
// nanoseconds of processor time; 0 if it is not known.
func slotValue(m policy.Measure, s *sample.Slot, t evidence.Tally) float64 {
	over, under := float64(s.CPUNS), 0.0
	switch m {
	case policy.Throughput:
		over, under = float64(t.OK)*1e9, float64(s.EndNS-s.StartNS)
	case policy.CPUPerEvent:
		under = float64(s.Events)
	case policy.CPUPerRequest:
		under = float64(s.Requests)
	}
	if !(over > 0) || !(under > 0) {
		return 0
	}
	return over / under
}

// limit compares the candidate's mean over blocks (on the log scale) with the
// absolute limit.
func (s *slotTester) limit(c *docket, f *finding) {
	if f.Limit == nil {
		return
	}
	m := stats.MeanT(s.alone)
	slack := stats.QuantileT(c.horizon.tail, float64(len(s.alone)-1)) * m.SE
	over := m.Value - math.Log(f.Limit.Value)
	if f.HigherIsBetter() {
		over = -over
	}
	f.out.Limit, f.out.Value = Float(f.Limit.Value), Float(math.Exp(m.Value))
	f.limitUnmet, f.limitBroken = over > 0, f.Gating && over > slack
}

func (s *slotTester) bounds(c *docket, f *finding) {
	for _, x := range s.d {
		f.out.BlockEffects = append(f.out.BlockEffects, Float(math.Exp(x)))
	}
	if !designless(c.set) {
		s.ratioBounds(c, f, 0)
	}
}

// ratioBounds fills in the effect and what is known of it, widened on the log
// scale by the measurer's own error.
func (s *slotTester) ratioBounds(c *docket, f *finding, widen float64) {
	df := float64(len(s.d) - 1)
	m, t := stats.MeanT(s.d), stats.QuantileT(c.horizon.tail, df)
	f.out.Effect = Float(math.Exp(m.Value))
	f.out.Lower, f.out.Upper = Float(math.Exp(m.Value-t*m.SE-widen)), Float(math.Exp(m.Value+t*m.SE+widen))
	powered := (t + stats.QuantileT(.2, df)) * m.SE
	f.out.Detectable = Float(math.Expm1(powered + widen))
	worse := m.Value
	if f.HigherIsBetter() {
		worse = -worse
	}
	f.out.More = more(need{
		n: f.out.N, se: (stats.QuantileT(c.horizon.last, df) + stats.QuantileT(.2, df)) * m.SE,
		gap: math.Max(math.Log1p(float64(f.Margin))-worse, worse-math.Log1p(float64(f.Tau))) - widen,
	})
}

// refuseCorrelated refuses log-ratios of blocks whose neighbours correlate.
func refuseCorrelated(d []float64) refusal {
	r := stats.Lag1(d)
	if r <= 1.645/math.Sqrt(float64(len(d))) {
		return refusal{}
	}
	return refusal{ReasonAutocorrelated, fmt.Sprintf("neighbouring blocks correlate (%.2f): longer blocks are needed", r), latencies}
}
