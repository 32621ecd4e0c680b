package judge

import (
	"cmp"
	"fmt"
	"math"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/guard/evidence"
	"github.com/firstbyte-dev/firstbyte/guard/policy"
	"github.com/firstbyte-dev/firstbyte/guard/stats"
)

// pairsOf returns the pairs of a measure that is judged by ratios: a latency, or
// the tokens or the cost of pairs that succeeded in both arms.
func (c *docket) pairsOf(m policy.Measure) evidence.Pairs {
	if m == policy.Tokens || m == policy.Cost {
		return worth(c.set.Paired, c.worthOf(m))
	}
	return c.set.Latencies[sample.Measure(m)]
}

// worth returns what each pair that succeeded in both arms came to; a half of
// which it is not known, or is nothing, is lost.
func worth(paired []evidence.Pair, of func(*sample.Sample) float64) evidence.Pairs {
	var out evidence.Pairs
	for _, p := range paired {
		if p.Baseline.Outcome != sample.OK || p.Candidate.Outcome != sample.OK {
			continue
		}
		a, b := of(p.Baseline), of(p.Candidate)
		if !(a > 0) {
			out.LostBaseline++
		}
		if !(b > 0) {
			out.LostCandidate++
		}
		if a > 0 && b > 0 {
			out.Baseline, out.Candidate = append(out.Baseline, a), append(out.Candidate, b)
			out.Block, out.Item = append(out.Block, p.Block), append(out.Item, p.Item)
			out.Weight = append(out.Weight, weight(p))
		}
	}
	return out
}

// weight is that of the pair's item; both halves are one draw.
func weight(p evidence.Pair) float64 { return cmp.Or(p.Baseline.Weight, 1) }

// score is what an answer is worth beside one that was scored.
func score(s *sample.Sample) float64 {
	if s.Quality == nil {
		return 0
	}
	return *s.Quality
}

// scores returns the scores of the pairs that succeeded in both arms and of
// which either answer was scored, with the sign turned: more is worse, as of a
// latency. The difference of a pair is by how many points the candidate is worse.
func scores(paired []evidence.Pair) (s stats.Sample, damaged string) {
	var block, item []int
	for _, pair := range paired {
		a, b := pair.Baseline, pair.Candidate
		if a.Outcome != sample.OK || b.Outcome != sample.OK || a.Quality == nil && b.Quality == nil {
			continue
		}
		for _, x := range [...]float64{score(a), score(b)} {
			if !(x >= 0 && x <= 1) {
				return s, fmt.Sprintf("the evidence is damaged: a score is %v and not between 0 and 1", x)
			}
		}
		s.Baseline, s.Candidate = append(s.Baseline, -score(a)), append(s.Candidate, -score(b))
		s.Weight = append(s.Weight, weight(pair))
		block, item = append(block, pair.Block), append(item, pair.Item)
	}
	label(&s, block, item)
	return s, ""
}

// qualityTester tests the mean score of answers by the differences of pairs,
// with blocks as the unit, in points.
type qualityTester struct {
	sample stats.Sample
	test   *stats.Test
	differ int // pairs whose scores differ
}

func (q *qualityTester) p(c *docket, f *finding) {
	var damaged string
	q.sample, damaged = scores(c.set.Paired)
	n := len(q.sample.Baseline)
	f.out.N, f.out.Blocks = n, q.sample.Blocks
	pairs, err := stats.NewPairs(q.sample)
	switch {
	case damaged != "":
		f.out.Standing, f.out.Why = Missing, damaged
		return
	case n == 0:
		f.out.Standing, f.out.Why = Missing, "no answer was scored"
		return
	case err != nil:
		f.out.Standing, f.out.Why = Missing, "the evidence is damaged: "+err.Error()
		return
	}
	q.limit(c, f)
	f.refuse(refusePairs(c.policy, n))
	f.refuse(refuseBlocks(c.policy, q.sample.Blocks))
	if q.sample.Blocks < 2 {
		return
	}
	q.test = stats.NewTest(pairs, stats.NewLogMean(pairs)) // a mean difference: nothing in it needs logarithms
	if r := stats.Lag1(q.test.Sums(0)); r > 1.645/math.Sqrt(float64(q.test.K())) {
		f.refuse(refusal{ReasonAutocorrelated, fmt.Sprintf("neighbouring blocks correlate (%.2f): longer blocks are needed", r), latencies})
	}
	if f.refused.text != "" {
		return
	}
	q.decide(c, f)
}

// decide takes the p-value of t. No test of the pairs can reject below 2^-n on n
// of them that differ.
func (q *qualityTester) decide(c *docket, f *finding) {
	for i, a := range q.sample.Baseline {
		if a != q.sample.Candidate[i] {
			q.differ++
		}
	}
	least := math.Exp2(-float64(q.differ))
	at := q.test.At(float64(f.Tau))
	f.out.T, f.out.P = Float(at.T), Float(math.Max(at.P(), least))
	f.sums = append(f.sums, q.test.Sums(float64(f.Tau))...)
	if f.idle = least > float64(c.policy.Alpha); f.idle {
		f.note("too few answers differ in their score for this metric to roll back at all")
	}
}

// limit compares the candidate's mean score over blocks with the absolute limit.
func (q *qualityTester) limit(c *docket, f *finding) {
	if f.Limit == nil {
		return
	}
	m := stats.MeanT(q.means(q.sample.Candidate))
	value := -m.Value
	slack := stats.QuantileT(c.horizon.tail, float64(q.sample.Blocks-1)) * m.SE
	f.out.Limit, f.out.Value = Float(f.Limit.Value), Float(value)
	f.limitUnmet = !(value >= f.Limit.Value)
	f.limitBroken = f.Gating && q.sample.Blocks > 1 && value+slack < f.Limit.Value
}

// means returns the mean of values by block.
func (q *qualityTester) means(values []float64) []float64 {
	sum, n := make([]float64, q.sample.Blocks), make([]float64, q.sample.Blocks)
	for i, k := range q.sample.Block {
		sum[k] += q.sample.Weight[i] * values[i]
		n[k] += q.sample.Weight[i]
	}
	for k := range sum {
		sum[k] /= n[k]
	}
	return sum
}

// bounds widens the interval to what so many pairs leave open when none of them
// differs: where nothing differs t knows no spread.
func (q *qualityTester) bounds(c *docket, f *finding) {
	if f.out.Standing == Missing || q.test == nil {
		return
	}
	a, b := q.means(q.sample.Baseline), q.means(q.sample.Candidate)
	for k := range a {
		f.out.BlockEffects = append(f.out.BlockEffects, Float(a[k]-b[k]))
	}
	if designless(c.set) {
		return
	}
	alpha := c.horizon.tail
	estimate := q.test.Estimate()
	if q.differ == 0 {
		estimate = 0 // and not what summing left over
	}
	lower, upper := q.test.Interval(estimate, alpha)
	open := -math.Expm1(math.Log(alpha) / float64(f.out.N))
	lower, upper = math.Min(lower, estimate-open), math.Max(upper, estimate+open)
	se := q.test.StandardError(lower, upper, alpha)
	f.out.Effect, f.out.Lower, f.out.Upper = Float(-estimate), Float(-upper), Float(-lower)
	f.out.Detectable = Float(q.test.Detectable(se, alpha))
	f.out.More = more(need{n: f.out.N, se: q.test.Detectable(se, c.horizon.last), gap: math.Max(float64(f.Margin)-estimate, estimate-float64(f.Tau))})
}
