package stats

import "math"

// A HalfNormal gathers evidence that differences of blocks lie above 0, under
// the sole assumption that each is symmetric about 0 given those before it,
// which the random order within blocks sees to: exp(s d - s^2 d^2/2), averaged
// over half-normal s (de la Pena 1999; Howard et al. 2021). No variance is
// estimated and no tail assumed. It may be looked at after every block.
//
// It differs from [Martingale] in that its bet needs to be chosen beforehand and
// in that it can be asked about any shift afterwards.
type HalfNormal struct {
	rho             float64
	n, sum, squares float64
}

// NewHalfNormal returns a test that is tightest once the squares of the
// differences add up to expected, at the level alpha.
func NewHalfNormal(expected, alpha float64) *HalfNormal {
	return HalfNormalRho(BestRho(expected, 2*alpha))
}

// HalfNormalRho returns a test with the given rho.
func HalfNormalRho(rho float64) *HalfNormal { return &HalfNormal{rho: rho} }

// Add takes the difference of one block, candidate minus baseline in logarithms
// for a ratio.
func (h *HalfNormal) Add(d float64) {
	h.n++
	h.sum += d
	h.squares += d * d
}

// Log implements [EProcess]: the evidence that differences lie above 0.
func (h *HalfNormal) Log() float64 { return h.evidence(0, 1) }

// LogAbove is the evidence that differences lie above shift, and LogBelow that
// they lie below it: for a ratio of more than 1+tau the shift is log(1+tau).
// They are exact if dividing the candidate by the ratio makes the arms alike.
func (h *HalfNormal) LogAbove(shift float64) float64 { return h.evidence(shift, 1) }

// LogBelow is the counterpart of LogAbove.
func (h *HalfNormal) LogBelow(shift float64) float64 { return h.evidence(shift, -1) }

func (h *HalfNormal) evidence(shift, direction float64) float64 {
	sum := direction * (h.sum - h.n*shift)
	v := h.squares - 2*shift*h.sum + h.n*shift*shift + h.rho
	return math.Log(4*h.rho/v)/2 + sum*sum/(2*v) + logNormalCDF(sum/math.Sqrt(v))
}

// implausible is a log-ratio that no two builds have: a factor of a thousand.
// Evidence against a shift fades again far from the data, and with few blocks it
// does so soon, so an interval needs to be told where to stop looking.
const implausible = 3 * math.Ln10

// Interval returns the one-sided bounds of the differences at 1-alpha each, for
// all times at once. A bound is infinite while the evidence does not rule out
// all implausible shifts, log(1000) and more: below some 20 blocks.
func (h *HalfNormal) Interval(alpha float64) (lower, upper float64) {
	if h.n == 0 {
		return math.Inf(-1), math.Inf(1)
	}
	bar, mean := -math.Log(alpha), h.sum/h.n
	lower, upper = math.Inf(-1), math.Inf(1)
	above := func(x float64) bool { return h.LogAbove(x) < bar }
	if !above(-implausible) {
		lower = edge(mean, -scan, above)
	}
	below := func(x float64) bool { return h.LogBelow(x) < bar }
	if !below(implausible) {
		upper = edge(mean, scan, below)
	}
	return lower, upper
}

// logNormalCDF returns log P(Z <= z). Far below 0, where the chance itself
// underflows, it takes the asymptotic series.
func logNormalCDF(z float64) float64 {
	if z > -30 {
		return math.Log(math.Erfc(-z/math.Sqrt2) / 2)
	}
	w := 1 / (z * z)
	series := 1 - w*(1-3*w*(1-5*w*(1-7*w)))
	return -z*z/2 - math.Log(-z) - math.Log(2*math.Pi)/2 + math.Log(series)
}

var _ EProcess = (*HalfNormal)(nil)
