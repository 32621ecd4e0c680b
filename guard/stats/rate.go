package stats

import "math"

// A Count is successes out of attempts.
type Count struct{ OK, N int }

// Rate returns the share of successes; NaN without attempts.
func (c Count) Rate() float64 { return float64(c.OK) / float64(c.N) }

// Wilson returns the score interval of the rate at z standard errors.
func (c Count) Wilson(z float64) (lower, upper float64) {
	n, p := float64(c.N), c.Rate()
	mid := (p + z*z/(2*n)) / (1 + z*z/n)
	half := z / (1 + z*z/n) * math.Sqrt(p*(1-p)/n+z*z/(4*n*n))
	return mid - half, mid + half
}

// Exact returns the exact interval of the rate at a two-sided 1-alpha (Clopper &
// Pearson 1934); c.N must be positive.
func (c Count) Exact(alpha float64) (lower, upper float64) { return clopperPearson(c, alpha) }

// Newcombe returns the bounds of the difference of rates candidate - baseline
// at z standard errors: Newcombe's (1998) hybrid of two Wilson intervals.
func Newcombe(baseline, candidate Count, z float64) (lower, upper float64) {
	la, ua := baseline.Wilson(z)
	lb, ub := candidate.Wilson(z)
	pa, pb := baseline.Rate(), candidate.Rate()
	d := pb - pa
	return d - math.Hypot(pb-lb, ua-pa), d + math.Hypot(ub-pb, pa-la)
}

// NewcombeP returns the one-sided p-value of "the candidate's rate is at most
// tau below the baseline's": the level at which a bound of the difference
// reaches -tau.
func NewcombeP(baseline, candidate Count, tau float64) float64 {
	worse := candidate.Rate()-baseline.Rate() < -tau
	beyond := func(z float64) bool {
		lower, upper := Newcombe(baseline, candidate, z)
		if worse {
			return upper < -tau
		}
		return lower > -tau
	}
	lo, hi := 0.0, 40.0
	for range 60 {
		if z := (lo + hi) / 2; beyond(z) {
			lo = z
		} else {
			hi = z
		}
	}
	if worse {
		return TailNormal(lo)
	}
	return 1 - TailNormal(lo)
}
