package stats

import (
	"math"

	"gonum.org/v1/gonum/mathext"
)

// A Tuning says where a test that may be watched should be at its best. It
// changes how soon such a test decides and never how often it errs.
type Tuning struct {
	// Samples is the number of observations at which it is tightest.
	Samples float64
	// Alpha is the level at which it will decide.
	Alpha float64
}

// bar is the log-evidence from which the hypothesis is rejected.
func (t Tuning) bar() float64 { return -math.Log(t.Alpha) }

// A Side is the direction in which evidence is gathered.
type Side int

// The sides of a chance or a mean, against a hypothesis that states it.
const (
	TwoSided Side = iota // it is another
	Above                // it is larger
	Below                // it is smaller
)

// direction is the sign of what speaks for the side.
func (s Side) direction() float64 {
	if s == Below {
		return -1
	}
	return 1
}

// BestRho returns the rho with which a mixture is tightest at the intrinsic
// time v for the level alpha: v / (2 log(1/alpha) + log(1 + 2 log(1/alpha)))
// (Howard et al. 2021). One-sided mixtures take 2 alpha.
func BestRho(v, alpha float64) float64 {
	twice := -2 * math.Log(alpha)
	return v / (twice + math.Log1p(twice))
}

// A BetaMixture is the evidence that the chance of a hit is not P: the
// likelihood ratio averaged over a Beta prior that is centred on P (Howard &
// Ramdas 2022, theorem 1b), or over the part of it to one side.
type BetaMixture struct {
	p, a, b float64
	side    Side
	prior   float64 // log of the prior's normalising integral
}

// NewBetaMixture returns the mixture against the chance p, 0 < p < 1.
func NewBetaMixture(p float64, side Side, tuning Tuning) BetaMixture {
	alpha := tuning.Alpha
	if side != TwoSided {
		alpha *= 2
	}
	variance := p * (1 - p)
	r := math.Max(BestRho(variance*tuning.Samples, alpha)-variance, 1e-3*variance)
	m := BetaMixture{p: p, a: r / (1 - p), b: r / p, side: side}
	m.prior = m.integral(m.a, m.b)
	return m
}

// Prior returns the parameters of the Beta prior.
func (m BetaMixture) Prior() (a, b float64) { return m.a, m.b }

// Log returns the logarithm of the evidence in hits out of n.
func (m BetaMixture) Log(hits, n int) float64 {
	k, misses := float64(hits), float64(n-hits)
	return m.integral(m.a+k, m.b+misses) - m.prior - k*math.Log(m.p) - misses*math.Log1p(-m.p)
}

// integral returns the log of the Beta integral over the chances on its side.
func (m BetaMixture) integral(a, b float64) float64 {
	switch m.side {
	case Above:
		return logIncompleteBeta(b, a, 1-m.p)
	case Below:
		return logIncompleteBeta(a, b, m.p)
	case TwoSided:
	}
	return mathext.Lbeta(a, b)
}

// Ranks returns the confidence sequence at 1-alpha for the quantile p after n
// independent values: its 1-based order statistics, where a lower of 0 is minus
// and an upper of n+1 plus infinity. It holds for all n at once. The mixture
// must be two-sided.
func (m BetaMixture) Ranks(n int, alpha float64) (lower, upper int) {
	bar := -math.Log(alpha)
	centre := m.centre(n)
	inside := func(k int) bool { return m.Log(k, n) < bar }
	// The evidence is convex in the hits and least at the centre.
	lower = centre
	for from := 0; from < lower; {
		if mid := (from + lower) / 2; inside(mid) {
			lower = mid
		} else {
			from = mid + 1
		}
	}
	last := centre
	for to := n; last < to; {
		if mid := (last + to + 1) / 2; inside(mid) {
			last = mid
		} else {
			to = mid - 1
		}
	}
	return lower, last + 1
}

// centre returns the hits out of n with the least two-sided evidence: from
// there on one hit more raises it.
func (m BetaMixture) centre(n int) int {
	return min(max(int(math.Ceil(m.p*float64(n-1))), 0), n)
}

// logIncompleteBeta returns the logarithm of the integral of
// u^(a-1) (1-u)^(b-1) from 0 to x, where 0 < x < 1. It does not underflow.
func logIncompleteBeta(a, b, x float64) float64 {
	if x <= (a+1)/(a+b+2) {
		return logBetaTail(a, b, x)
	}
	whole := mathext.Lbeta(a, b)
	return whole + math.Log1p(-math.Exp(logBetaTail(b, a, 1-x)-whole))
}

// logBetaTail is logIncompleteBeta for an x below about the mean a/(a+b), by
// the continued fraction DLMF 8.17.22.
func logBetaTail(a, b, x float64) float64 {
	return a*math.Log(x) + b*math.Log1p(-x) - math.Log(a) + math.Log(betaFraction(a, b, x))
}

// betaFraction evaluates 1/(1 + d1/(1 + d2/(1 + ...))) by Lentz's method. It
// takes some sqrt(a+b) steps.
func betaFraction(a, b, x float64) float64 {
	const steps = 1_000_000
	f, c, d := 1.0, 1.0, 0.0
	for i := 1; i < steps; i++ {
		term := betaTerm(a, b, x, i)
		d = 1 / nonzero(1+term*d)
		c = nonzero(1 + term/c)
		f *= c * d
		// Odd and even terms differ in kind, so only every second step may end it.
		if i%2 == 0 && math.Abs(c*d-1) < 1e-15 {
			break
		}
	}
	return 1 / f
}

// betaTerm is the d of number i of DLMF 8.17.23.
func betaTerm(a, b, x float64, i int) float64 {
	m, n := float64(i/2), float64(i)
	if i%2 == 0 {
		return m * (b - m) * x / ((a + n - 1) * (a + n))
	}
	return -(a + m) * (a + b + m) * x / ((a + n - 1) * (a + n))
}

// nonzero keeps Lentz's method from dividing by zero.
func nonzero(x float64) float64 {
	if x == 0 {
		return 1e-300
	}
	return x
}

// NormalMixture returns the log-evidence that a sum with the intrinsic time v
// (its variance so far) has a drift, averaged over drifts that are normal with
// mean 0 and variance 1/rho (Robbins 1970). With v = n s^2 and rho = s^4/tau^2 it is
// the mSPRT of n values of mean sum/n, known variance s^2 and a prior on the
// mean of variance tau^2.
func NormalMixture(sum, v, rho float64) float64 {
	return math.Log(rho/(v+rho))/2 + sum*sum/(2*(v+rho))
}

// NormalMixtureBound is the |sum| at which [NormalMixture] reaches
// log(1/alpha).
func NormalMixtureBound(v, rho, alpha float64) float64 {
	return math.Sqrt((v + rho) * (math.Log1p(v/rho) - 2*math.Log(alpha)))
}

// AsymptoticRadius returns half the width of a confidence sequence for the mean
// of n values with the standard deviation sd, by the time-uniform central limit
// theorem (Waudby-Smith et al. 2024). It is no guarantee below some 20
// values; for blocks in random order use [HalfNormal], which is exact.
func AsymptoticRadius(n int, sd, rho, alpha float64) float64 {
	t := float64(n)
	return NormalMixtureBound(t*sd*sd, sd*sd/(rho*rho), alpha) / t
}
