package judge

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/firstbyte-dev/firstbyte/guard/policy"
	"github.com/firstbyte-dev/firstbyte/guard/stats"
)

// The mode of this file compares point estimates with tau and with limits, as
// fixed thresholds do. It is for those who migrate from them, and says what it
// is worth on the evidence at hand. What the evidence must not lack is the same
// as in every mode.

// replays is how often the arms of random blocks are swapped for that.
const replays = 400

func (c *docket) byThreshold() bool { return c.policy.Mode == policy.Threshold }

// takePoint replaces what a test found by f's point estimate.
func (c *docket) takePoint(f *finding) {
	if f.out.Standing == Missing {
		return
	}
	nan := NaN()
	if f.idle {
		f.out.Why = "" // that a test could not have rejected
	}
	if l, ok := f.test.(*latencyTester); ok {
		f.out.Point, f.out.BlockEffects = Float(pointRatio(l.sampled.pairs, f.Statistic)), blockEffects(l.sampled, f.Statistic)
		f.out.Effect = f.out.Point
		if f.Statistic == policy.Mean {
			f.out.Effect = Float(stats.MeanRatio(l.sampled.pairs.Baseline, l.sampled.pairs.Candidate))
		}
	} else {
		f.test.bounds(c, f)
	}
	f.out.Lower, f.out.Upper, f.out.Detectable, f.out.P, f.out.PHolm, f.out.T = nan, nan, nan, nan, nan, nan
	f.out.More, f.sums, f.idle, f.pointed = 0, nil, false, !math.IsNaN(float64(f.out.Effect))
	f.limitBroken = f.Gating && f.limitUnmet && !math.IsNaN(float64(f.out.Value))
}

// worsenedBy is by how much an effect is worse: .05 is 5 % of the baseline, or
// five points.
func (f *finding) worsenedBy(effect float64) float64 {
	if f.HigherIsBetter() {
		return f.equal() - effect
	}
	return effect - f.equal()
}

// equal is the effect of two equal arms.
func (f *finding) equal() float64 {
	if f.out.Scale == scaleDifference {
		return 0
	}
	return 1
}

// beyond tells that the point estimate is worse by more than tau. What is not a
// number is neither beyond nor within anything.
func (f *finding) beyond() bool { return f.worsenedBy(float64(f.out.Effect)) > float64(f.Tau) }

func (f *finding) withinTau() bool { return f.worsenedBy(float64(f.out.Effect)) <= float64(f.Tau) }

// falseRollbacks returns the share of replays of this very evidence in which two
// equal builds would be rolled back: the arms of random blocks are swapped, which
// changes nothing that matters if they are equal. It is NaN where nothing is
// compared.
func (c *docket) falseRollbacks() float64 {
	var swapped []func(swap []bool) bool
	for _, f := range c.findings {
		if f.decides() && f.claims() {
			swapped = append(swapped, f.replay())
		}
	}
	if swapped == nil {
		return math.NaN()
	}
	r := rand.New(rand.NewPCG(flipSeed, replays))
	swap := make([]bool, c.set.Blocks)
	count := 0
	for range replays {
		for k := range swap {
			swap[k] = r.Uint64()&1 == 1
		}
		if slices.ContainsFunc(swapped, func(beyond func([]bool) bool) bool { return beyond(swap) }) {
			count++
		}
	}
	return float64(count) / replays
}

// replay returns what tells whether f is worse by more than tau when the arms of
// some blocks are swapped. Quantiles are taken anew; other metrics are a mean over
// blocks, each of which then counts the other way round.
func (f *finding) replay() func(swap []bool) bool {
	tau := float64(f.Tau)
	if l, ok := f.test.(*latencyTester); ok && f.Statistic != policy.Mean {
		pool := stats.NewPool(l.sampled.pairs.Baseline, l.sampled.pairs.Candidate, l.sampled.pairs.Block)
		q := quantileOf(f.Statistic)
		return func(swap []bool) bool { return pool.Ratio(q, swap)-1 > tau }
	}
	d := make([]float64, len(f.out.BlockEffects))
	for k, x := range f.out.BlockEffects {
		d[k] = float64(x)
		if f.out.Scale == scaleRatio {
			d[k] = math.Log(d[k])
		}
	}
	return func(swap []bool) bool {
		sum, n := 0.0, 0.0
		for k, x := range d {
			if math.IsNaN(x) || math.IsInf(x, 0) {
				continue
			}
			if k < len(swap) && swap[k] {
				x = -x
			}
			sum, n = sum+x, n+1
		}
		effect := sum / n
		if f.out.Scale == scaleRatio {
			effect = math.Exp(effect)
		}
		return f.worsenedBy(effect) > tau
	}
}

// thresholdText says what a decision by thresholds is worth.
func (c *docket) thresholdText() string {
	text := "No error rate is kept: point estimates are compared with tau and with limits, whatever chance does to them. " +
		"A candidate that is worse by exactly tau in one metric is rolled back in about half of such runs, however long they are."
	if rate := c.falseRollbacks(); !math.IsNaN(rate) {
		text += fmt.Sprintf(" On this very evidence two equal builds are rolled back in %s %% of %d replays (the arms of random blocks swapped).", percent(rate), replays)
	}
	return text
}
