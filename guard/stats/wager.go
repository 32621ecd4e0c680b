package stats

import "math"

// fractions are the parts of the capital that a [Wager] stakes.
var fractions = [...]float64{.02, .07, .2, .5, .95}

// A Wager gathers evidence that gains have a mean above 0. No gain is under -1,
// and under the hypothesis the mean of each given those before it is at most 0;
// nothing else is assumed (Waudby-Smith & Ramdas 2024). It averages over fixed
// stakes, so nothing is tuned. The zero value is ready.
type Wager struct{ logs [len(fractions)]float64 }

// Add takes a gain, at least -1.
func (w *Wager) Add(gain float64) {
	for i, f := range fractions {
		w.logs[i] += math.Log1p(f * math.Max(gain, -1))
	}
}

// Log implements [EProcess].
func (w *Wager) Log() float64 { return logMean(w.logs[:]) }

// PairGain is the gain of a [Wager] against "the mean of shortfalls is at most
// margin" ([Above]) or "at least margin" ([Below]), for a shortfall between -1
// and 1, such as the baseline's score less the candidate's, |margin| < 1.
func PairGain(shortfall, margin float64, side Side) float64 {
	d := side.direction()
	return d * (shortfall - margin) / (1 + d*margin)
}

// SplitGain is the gain of a [Wager] against "the candidate's mean of bad
// outcomes is at most margin above the baseline's" ([Above]) or "at least"
// ([Below]), for one randomised unit of a split: how bad it went, between 0 and
// 1, its arm, and the candidate's share when it was assigned. Weighting by the
// inverse of the share makes the mean exact whatever outcomes depend on, and
// for a margin in points, which a [Label] cannot have.
func SplitGain(bad float64, candidate bool, share, margin float64, side Side) float64 {
	d := side.direction()
	weighted, lowest := bad/share, 1/(1-share)
	if !candidate {
		weighted = -bad / (1 - share)
	}
	if side == Below {
		lowest = 1 / share
	}
	return d * (weighted - margin) / (lowest + d*margin)
}

var _ EProcess = (*Wager)(nil)
