package judge

import (
	"fmt"
	"math"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/guard/evidence"
	"github.com/firstbyte-dev/firstbyte/guard/policy"
	"github.com/firstbyte-dev/firstbyte/guard/stats"
)

// rateTester tests a share of good requests. Blocks carry the noise between restarts,
// but without any failure they have no spread at all; the pooled counts carry
// the noise of counting, but know nothing of blocks. The larger p-value and the
// wider interval of the two are taken.
type rateTester struct{}

func (rateTester) p(c *docket, f *finding) {
	o := c.tallies(f.Measure)
	baseline, candidate := count(o.Baseline), count(o.Candidate)
	f.out.N, f.out.Blocks = min(baseline.N, candidate.N), len(o.Baseline)
	why := damaged(o, baseline, candidate)
	if why == "" || why == noRequests && candidate.N > 0 { // a limit asks for no baseline
		limitRate(c, f, candidate)
	}
	if why != "" {
		f.out.Standing, f.out.Why = Missing, why
		return
	}
	d := differences(o)
	if f.refused.text != "" || len(d) < 2 {
		f.refuse(refusal{ReasonFewBlocks, "fewer than two blocks have requests of both arms", allClaims})
		return
	}
	tau := float64(f.Tau)
	for _, x := range d {
		f.sums = append(f.sums, -x-tau)
	}
	m := stats.MeanT(f.sums)
	p := math.Max(stats.TailT(m.T, float64(len(d)-1)), stats.NewcombeP(baseline, candidate, tau))
	// No test of the pairs can reject below 2^-n on n of them that differ; where
	// requests have no partners, none of failures can below that of each falling
	// where it did.
	least := math.Exp2(-float64(o.OnlyBaseline + o.OnlyCandidate))
	if c.set.Counted() || unpaired(c.set) {
		least = unluckiest(baseline, candidate)
	}
	f.out.T, f.out.P = Float(m.T), Float(math.Max(p, least))
	if f.idle = least > float64(c.policy.Alpha); f.idle {
		f.note("too few failures for this metric to roll back at all" + word(c.counts(f), "", ": it does not count in the correction of the others"))
	}
}

// limitRate compares the candidate's rate alone with the absolute limit.
func limitRate(c *docket, f *finding, candidate stats.Count) {
	if f.Limit == nil {
		return
	}
	_, upper := candidate.Wilson(stats.QuantileNormal(c.horizon.tail))
	f.out.Limit, f.out.Value = Float(f.Limit.Value), Float(candidate.Rate())
	f.limitUnmet = !(candidate.Rate() >= f.Limit.Value)
	f.limitBroken = f.Gating && upper < f.Limit.Value
}

// excuse takes back that f's limit is broken where the run is invalid and the
// baseline breaks that limit, too: what failed may be the machine that both ran on,
// and the run holds for that. A candidate alone under its limit has no excuse.
func (c *docket) excuse(f *finding) {
	if !f.limitBroken || c.set.Validity.Grade != sample.Invalid || f.Measure != policy.Success && f.Measure != policy.Goodput {
		return
	}
	baseline := count(c.tallies(f.Measure).Baseline)
	if _, upper := baseline.Wilson(stats.QuantileNormal(c.horizon.tail)); baseline.N > 0 && upper < f.Limit.Value {
		f.limitBroken = false
		f.note(fmt.Sprintf("the baseline breaks this limit as well (%s %%), and the run is invalid", percent(baseline.Rate())))
	}
}

func (rateTester) bounds(c *docket, f *finding) {
	o := c.tallies(f.Measure)
	baseline, candidate := count(o.Baseline), count(o.Candidate)
	alpha := c.horizon.tail
	z := stats.QuantileNormal(alpha)
	effect := candidate.Rate() - baseline.Rate()
	f.out.Effect = Float(effect)
	d := differences(o)
	for _, x := range d {
		f.out.BlockEffects = append(f.out.BlockEffects, Float(x))
	}
	if len(d) < 2 || designless(c.set) {
		return
	}
	lower, upper := stats.Newcombe(baseline, candidate, z)
	m, t := stats.MeanT(d), stats.QuantileT(alpha, float64(len(d)-1))
	lower, upper = math.Min(lower, m.Value-t*m.SE), math.Max(upper, m.Value+t*m.SE)
	f.out.Lower, f.out.Upper = Float(lower), Float(upper)
	se := (effect - lower) / z
	powered := z + stats.QuantileNormal(.2)
	f.out.Detectable = Float(powered * se)
	f.out.More = more(need{
		n: f.out.N, se: (stats.QuantileNormal(c.horizon.last) + stats.QuantileNormal(.2)) * se,
		gap: math.Max(effect+float64(f.Margin), -float64(f.Tau)-effect),
	})
}

func count(tallies []evidence.Tally) stats.Count {
	sum := evidence.Sum(tallies)
	return stats.Count{OK: sum.OK, N: sum.Attempts}
}

const noRequests = "an arm has no requests"

func damaged(o evidence.Outcomes, baseline, candidate stats.Count) string {
	if len(o.Baseline) != len(o.Candidate) {
		return "the evidence is damaged: the arms have different blocks"
	}
	for k := range o.Baseline {
		for _, t := range [...]evidence.Tally{o.Baseline[k], o.Candidate[k]} {
			if t.OK < 0 || t.OK > t.Attempts {
				return fmt.Sprintf("the evidence is damaged: %d of %d requests succeeded in block %d", t.OK, t.Attempts, k)
			}
		}
	}
	if o.OnlyBaseline < 0 || o.OnlyCandidate < 0 {
		return "the evidence is damaged: a negative count"
	}
	switch {
	case baseline.N == 0 || candidate.N == 0:
		return noRequests
	case baseline.OK == 0 && candidate.OK == 0:
		return "no request of either arm succeeded"
	}
	return ""
}

// differences returns candidate minus baseline by block, where both have
// requests.
func differences(o evidence.Outcomes) []float64 {
	var d []float64
	for k := range o.Baseline {
		a, b := o.Baseline[k], o.Candidate[k]
		if a.Attempts > 0 && b.Attempts > 0 {
			d = append(d, stats.Count{OK: b.OK, N: b.Attempts}.Rate()-stats.Count{OK: a.OK, N: a.Attempts}.Rate())
		}
	}
	return d
}

// unluckiest is the chance that all failures there are fall upon the candidate,
// if each falls upon it as a request does.
func unluckiest(baseline, candidate stats.Count) float64 {
	failures := baseline.N - baseline.OK + candidate.N - candidate.OK
	return math.Pow(float64(candidate.N)/float64(baseline.N+candidate.N), float64(failures))
}

// A need is what the number of further requests follows from: the standard
// error times its quantiles, and the distance to the nearest decision.
type need struct {
	n   int
	se  float64
	gap float64
}

// more returns about how many further requests per arm would decide four times
// in five: n grows with the square of se over gap. It is 0 where none are needed,
// or where more than a hundred times the run would be, and nobody waits for
// that.
func more(x need) int {
	factor := x.se / x.gap * (x.se / x.gap)
	if !(x.gap > 0) || !(factor > 1) || factor > 100 {
		return 0
	}
	return int(math.Ceil(float64(x.n)*(factor-1)/10)) * 10
}
