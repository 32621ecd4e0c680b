package stats_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/firstbyte-dev/firstbyte/guard/stats"
)

// reference is the tuning of the reference's vectors.
var reference = stats.Tuning{Samples: 1000, Alpha: .05}

func TestVectorCMixture(t *testing.T) {
	both := stats.NewBetaMixture(.95, stats.TwoSided, reference)
	a, b := both.Prior()
	near(t, "a", a, 118.7553293029)
	near(t, "b", b, 6.2502804896)
	near(t, "930 of 1000", both.Log(930, 1000), 2.1309045143)
	near(t, "950 of 1000", both.Log(950, 1000), -1.1104635124)
	near(t, "970 of 1000", both.Log(970, 1000), 3.3596762638)
	near(t, "180 of 200", both.Log(180, 200), 2.0412503341)

	below := stats.NewBetaMixture(.95, stats.Below, reference)
	a, b = below.Prior()
	near(t, "one-sided a", a, 149.1560316151)
	near(t, "one-sided b", b, 7.8503174535)
	near(t, "below: 930", below.Log(930, 1000), 2.9309401093)
	near(t, "below: 920", below.Log(920, 1000), 6.6964192844)
	near(t, "above: 970", stats.NewBetaMixture(.95, stats.Above, reference).Log(970, 1000), 3.9272993798)
}

func TestVectorCRanks(t *testing.T) {
	m := stats.NewBetaMixture(.95, stats.TwoSided, reference)
	for _, v := range []struct{ n, lower, upper int }{
		{200, 179, 199},
		{500, 459, 489},
		{1000, 928, 970},
		{5000, 4700, 4797},
		{10000, 9428, 9569},
	} {
		if lower, upper := m.Ranks(v.n, .05); lower != v.lower || upper != v.upper {
			t.Errorf("n=%d: ranks %d and %d, want %d and %d", v.n, lower, upper, v.lower, v.upper)
		}
	}
}

// Units of gostevehoward/confseq, printed with nine and seven digits.
func TestVectorCUnits(t *testing.T) {
	rho := stats.BestRho(100, .05)
	within(t, "rho", rho, 12.6005610, 5.1e-8)
	within(t, "normal mixture", stats.NormalMixtureBound(100, rho, .05), 30.3520899, 5.1e-8)
	m := stats.NewBetaMixture(.2, stats.TwoSided, stats.Tuning{Samples: 625, Alpha: .05})
	within(t, "beta-binomial mixture", m.Log(135, 625), -0.6941012, 5.1e-8)
}

func TestRanksAgainstDefinition(t *testing.T) {
	for _, p := range []float64{.05, .5, .95, .99} {
		m := stats.NewBetaMixture(p, stats.TwoSided, stats.Tuning{Samples: 100, Alpha: .05})
		for n := range 150 {
			first, last := n+1, -1
			for k := range n + 1 {
				if m.Log(k, n) < math.Log(20) {
					first, last = min(first, k), k
				}
			}
			if lower, upper := m.Ranks(n, .05); lower != first || upper != last+1 {
				t.Errorf("p=%v n=%d: ranks %d and %d, want %d and %d", p, n, lower, upper, first, last+1)
			}
		}
	}
}

// integrate is Simpson's rule.
func integrate(from, to float64, f func(float64) float64) float64 {
	const cells = 40_000
	h, total := (to-from)/cells, 0.0
	for i := range cells {
		x := from + float64(i)*h
		total += h / 6 * (f(x) + 4*f(x+h/2) + f(x+h))
	}
	return total
}

// slowMixture averages the likelihood ratio over the prior by quadrature, and
// returns by how much the logarithm of that exceeds m's own.
func slowMixture(m stats.BetaMixture, p, from, to float64, k, n int) float64 {
	a, b := m.Prior()
	own := m.Log(k, n)
	prior := func(x float64) float64 {
		if x == 0 || x == 1 {
			return 0 // a and b are above 1 in this test
		}
		return math.Exp((a-1)*math.Log(x/p) + (b-1)*math.Log((1-x)/(1-p)))
	}
	ratio := func(x float64) float64 {
		if x == 0 || x == 1 {
			return 0
		}
		return prior(x) * math.Exp(float64(k)*math.Log(x/p)+float64(n-k)*math.Log((1-x)/(1-p))-own)
	}
	return math.Log(integrate(from, to, ratio) / integrate(from, to, prior))
}

func TestMixtureAgainstDefinition(t *testing.T) {
	for _, p := range []float64{.1, .5, .95} {
		tuning := stats.Tuning{Samples: 2000, Alpha: .05}
		both := stats.NewBetaMixture(p, stats.TwoSided, tuning)
		above, below := stats.NewBetaMixture(p, stats.Above, tuning), stats.NewBetaMixture(p, stats.Below, tuning)
		const n = 500
		middle := int(p * n)
		for _, k := range []int{0, middle / 2, middle - 5, middle, middle + 5, (middle + n) / 2, n} {
			within(t, "both", slowMixture(both, p, 0, 1, k, n), 0, 1e-6)
			within(t, "above", slowMixture(above, p, p, 1, k, n), 0, 1e-6)
			within(t, "below", slowMixture(below, p, 0, p, k, n), 0, 1e-6)
		}
	}
}

// Far on the wrong side the chances underflow, their ratio does not: evidence
// keeps falling, slowly.
func TestMixtureOnTheWrongSide(t *testing.T) {
	above := stats.NewBetaMixture(.5, stats.Above, reference)
	last := above.Log(500_000, 1_000_000)
	for hits := 450_000; hits >= 0; hits -= 50_000 {
		log := above.Log(hits, 1_000_000)
		if !(log < last) || log < -20 {
			t.Errorf("%d of a million: %v after %v", hits, log, last)
		}
		last = log
	}
}

// Fewer samples than a mixture can be tuned for get the widest prior there is.
func TestMixtureOfHardlyAnySamples(t *testing.T) {
	a, b := stats.NewBetaMixture(.8, stats.TwoSided, stats.Tuning{Samples: 1, Alpha: .05}).Prior()
	near(t, "a", a, .8e-3)
	near(t, "b", b, .2e-3)
}

// A mixture is a martingale: over the next toss its mean is what it was.
func TestMixtureIsAMartingale(t *testing.T) {
	for _, side := range []stats.Side{stats.TwoSided, stats.Above, stats.Below} {
		for _, p := range []float64{.01, .3, .95} {
			checkMartingale(t, stats.NewBetaMixture(p, side, reference), p)
			checkMartingale(t, stats.NewBetaMixture(p, side, stats.Tuning{Samples: 1, Alpha: .05}), p)
		}
	}
}

func checkMartingale(t *testing.T, m stats.BetaMixture, p float64) {
	t.Helper()
	near(t, "before any toss", m.Log(0, 0), 0)
	for _, at := range [][2]int{{0, 0}, {0, 7}, {5, 9}, {90, 100}, {700, 1000}} {
		k, n := at[0], at[1]
		now := m.Log(k, n)
		next := p*math.Exp(m.Log(k+1, n+1)-now) + (1-p)*math.Exp(m.Log(k, n+1)-now)
		within(t, "mean of the next", next, 1, 1e-8) // the widest prior loses seven digits
	}
}

// G15: the sequence covers the quantile at all times at once.
func TestRanksEverCoverage(t *testing.T) {
	const runs, n = 400, 2000
	r := rand.New(rand.NewPCG(seed("confidence sequence of ranks"), 0))
	m := stats.NewBetaMixture(.95, stats.TwoSided, reference)
	missed := 0
	for range runs {
		hits := 0
		for i := 1; i <= n; i++ {
			if r.Float64() < .95 {
				hits++
			}
			if m.Log(hits, i) >= math.Log(20) {
				missed++
				break
			}
		}
	}
	between(t, "missed at some time", missed, runs, .005, .05)
}

func TestNormalMixture(t *testing.T) {
	rho := stats.BestRho(100, .05)
	bound := stats.NormalMixtureBound(100, rho, .05)
	near(t, "evidence at the bound", stats.NormalMixture(bound, 100, rho), math.Log(20))
	near(t, "the same below", stats.NormalMixture(-bound, 100, rho), math.Log(20))

	// mSPRT as the reference writes it.
	n, s2, tau2, mean := 40.0, 2.5, .3, .7
	want := math.Log(s2/(s2+n*tau2))/2 + n*n*tau2*mean*mean/(2*s2*(s2+n*tau2))
	near(t, "mSPRT", stats.NormalMixture(n*mean, n*s2, s2*s2/tau2), want)
}

func TestAsymptoticRadius(t *testing.T) {
	n, sd, rho, alpha := 50.0, 1.7, .4, .05
	inside := n*rho*rho + 1
	want := sd * math.Sqrt(2*inside/(n*n*rho*rho)*math.Log(math.Sqrt(inside)/alpha))
	near(t, "radius", stats.AsymptoticRadius(50, sd, rho, alpha), want)
}
