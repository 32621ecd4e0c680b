package stats

import "math"

// Events are rare, independent events, such as errors or restarts, over an
// exposure: seconds, requests, anything. Requests of a closed loop are no such
// events: their number varies less; compare block rates instead.
type Events struct {
	N    int
	Over float64
}

// EventShare returns the candidate's share of all events if its rate is ratio
// times the baseline's, given both exposures.
func EventShare(ratio, baselineOver, candidateOver float64) float64 {
	return ratio * candidateOver / (ratio*candidateOver + baselineOver)
}

// An EventRatio is the ratio of two rates, candidate over baseline.
type EventRatio struct {
	// Ratio is NaN or infinite without events of the baseline.
	Ratio float64
	// Lower and Upper are the ends of the two-sided Clopper-Pearson interval.
	Lower, Upper float64
	// P is the exact two-sided p-value of "the rates are equal": twice the
	// smaller tail, so that it agrees with the interval.
	P float64
}

// PoissonRatio compares two rates of events once, with an interval at 1-alpha:
// given how many there were in all, those of the candidate are binomial.
func PoissonRatio(baseline, candidate Events, alpha float64) EventRatio {
	k, n := candidate.N, baseline.N+candidate.N
	scale := baseline.Over / candidate.Over
	odds := func(share float64) float64 { return share / (1 - share) * scale }
	low, high := clopperPearson(Count{OK: k, N: n}, alpha)
	equal := EventShare(1, baseline.Over, candidate.Over)
	tail := math.Min(BinomialCDF(k, n, equal), BinomialCDF(n-k, n, 1-equal))
	return EventRatio{
		Ratio: float64(k) / float64(baseline.N) * scale,
		Lower: odds(low), Upper: odds(high),
		P: math.Min(1, 2*tail),
	}
}

// clopperPearson returns the exact two-sided interval at 1-alpha of a rate.
func clopperPearson(c Count, alpha float64) (lower, upper float64) {
	lower, upper = 0, 1
	if c.OK > 0 { // as large a count is not too unlikely
		lower = bisect(c.Rate(), 0, func(p float64) bool { return BinomialCDF(c.N-c.OK, c.N, 1-p) >= alpha/2 })
	}
	if c.OK < c.N { // as small a count is not
		upper = bisect(c.Rate(), 1, func(p float64) bool { return BinomialCDF(c.OK, c.N, p) >= alpha/2 })
	}
	return lower, upper
}
