package stats_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/firstbyte-dev/firstbyte/guard/stats"
)

func TestVectorC2(t *testing.T) {
	a := []float64{102, 98, 105, 97, 101, 99, 103, 100}
	b := []float64{97, 95, 101, 92, 99, 93, 98, 96}
	h := stats.HalfNormalRho(.001)
	for k := range a {
		h.Add(math.Log(a[k] / b[k]))
	}
	near(t, "log E", h.Log(), 2.7386200798)
	near(t, "above 0", h.LogAbove(0), 2.7386200798)
}

func TestHalfNormalTuning(t *testing.T) {
	tuned, given := stats.NewHalfNormal(1.6, .05), stats.HalfNormalRho(stats.BestRho(1.6, .1))
	tuned.Add(.3)
	given.Add(.3)
	near(t, "log E", tuned.Log(), given.Log())
}

// slowHalfNormal averages the bets by quadrature.
func slowHalfNormal(sum, squares, rho, most float64) float64 {
	return math.Log(integrate(0, most, func(bet float64) float64 {
		return 2 * math.Sqrt(rho/(2*math.Pi)) * math.Exp(-rho*bet*bet/2+bet*sum-bet*bet*squares/2)
	}))
}

func TestHalfNormalAgainstDefinition(t *testing.T) {
	r := rand.New(rand.NewPCG(12, 1))
	h := stats.HalfNormalRho(2)
	d := normals(r, 30, .2)
	for _, v := range d {
		h.Add(v)
	}
	for _, shift := range []float64{-1, 0, .2, 1, 3} {
		sum, squares := 0.0, 0.0
		for _, v := range d {
			sum += v - shift
			squares += (v - shift) * (v - shift)
		}
		near(t, "above", h.LogAbove(shift), slowHalfNormal(sum, squares, 2, 10))
		near(t, "below", h.LogBelow(shift), slowHalfNormal(-sum, squares, 2, 10))
	}
}

// Far on the wrong side, where the normal tail underflows.
func TestHalfNormalOnTheWrongSide(t *testing.T) {
	for _, blocks := range []int{800, 1000, 2000, 5000} {
		h := stats.HalfNormalRho(1)
		for range blocks {
			h.Add(-1)
		}
		n := float64(blocks)
		near(t, "log E", h.Log(), slowHalfNormal(-n, n, 1, .1))
	}
}

func TestHalfNormalInterval(t *testing.T) {
	r := rand.New(rand.NewPCG(12, 2))
	h := stats.NewHalfNormal(40*.04, .05)
	if lower, upper := h.Interval(.05); !math.IsInf(lower, -1) || !math.IsInf(upper, 1) {
		t.Errorf("without blocks: %v, %v", lower, upper)
	}
	for range 40 {
		h.Add(.1 + .2*r.NormFloat64())
	}
	lower, upper := h.Interval(.05)
	within(t, "evidence at the lower end", h.LogAbove(lower), math.Log(20), 1e-9)
	within(t, "evidence at the upper end", h.LogBelow(upper), math.Log(20), 1e-9)
	if !(-.1 < lower && lower < .1 && .1 < upper && upper < .4) {
		t.Errorf("interval %v, %v around .1", lower, upper)
	}
}

// With few blocks the evidence against a far shift fades: no bound is known.
func TestHalfNormalIntervalOfFewBlocks(t *testing.T) {
	h := stats.HalfNormalRho(.001)
	for range 8 {
		h.Add(.04)
	}
	if h.Log() < math.Log(10) {
		t.Fatalf("log E %v: a lower end near 0 was to be expected", h.Log())
	}
	if lower, upper := h.Interval(.1); !math.IsInf(lower, -1) || !math.IsInf(upper, 1) {
		t.Errorf("interval %v, %v after eight blocks", lower, upper)
	}
}

// Symmetry is all that the test assumes: without any variance it holds too.
func TestHalfNormalErrorRate(t *testing.T) {
	const runs, blocks = 400, 200
	r := rand.New(rand.NewPCG(seed("half-normal mixture"), 0))
	rejected, found := 0, 0
	for range runs {
		cauchy, shifted := stats.NewHalfNormal(1000, .05), stats.NewHalfNormal(blocks, .05)
		wrong := false
		for range blocks {
			cauchy.Add(r.NormFloat64() / r.NormFloat64())
			shifted.Add(.3 + r.NormFloat64())
			wrong = wrong || cauchy.Log() >= math.Log(20)
		}
		if wrong {
			rejected++
		}
		if shifted.Log() >= math.Log(20) {
			found++
		}
	}
	between(t, "rejected at some time", rejected, runs, 0, .05)
	between(t, "a shift of .3 s.d. found", found, runs, .85, 1)
}
