package stats_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/firstbyte-dev/firstbyte/guard/stats"
)

// TestRepeatedInvertsTheBoundary: the repeated p-value of what lies just on the
// boundary of alpha is alpha, at every look, for any alpha and looks.
func TestRepeatedInvertsTheBoundary(t *testing.T) {
	for _, looks := range []int{1, 2, 5, 12} {
		plan := stats.NewPlan(stats.EqualLooks(looks))
		for _, alpha := range []float64{.5, .2, .05, .005, 1e-4} {
			for k, z := range stats.OBrienFleming(alpha, looks) {
				within(t, "repeated", plan.Repeated(stats.TailNormal(z), k+1), alpha, 1e-9)
				within(t, "tail", plan.Tail(alpha, k+1), stats.TailNormal(z), 1e-9)
			}
		}
	}
}

// TestRepeatedOfTheReference: at the last of five looks z = 1.7510 is .05.
func TestRepeatedOfTheReference(t *testing.T) {
	plan := stats.NewPlan(stats.EqualLooks(5))
	within(t, "p", plan.Repeated(stats.TailNormal(1.7510), 5), .05, 5e-5)
	within(t, "tail", plan.Tail(.05, 1), stats.TailNormal(3.9154), 1e-7)
}

func TestRepeatedIsMonotone(t *testing.T) {
	plan := stats.NewPlan(stats.EqualLooks(5))
	for look := 1; look <= 5; look++ {
		last := 0.0
		for _, p := range []float64{0, 1e-300, 1e-40, 1e-17, 1e-15, 1e-9, 1e-4, .01, .05, .2, .5, .9, .999, 1 - 1e-12, 1} {
			q := plan.Repeated(p, look)
			if q < last || q < p || q > 1 {
				t.Errorf("look %d: %g becomes %g after %g", look, p, q, last)
			}
			if look > 1 && p > 1e-15 && p <= .5 && plan.Repeated(p, look-1) < q {
				t.Errorf("p %g weighs less at look %d than at the one before", p, look)
			}
			last = q
		}
		if !math.IsNaN(plan.Repeated(math.NaN(), look)) {
			t.Error("what is not a number became one")
		}
	}
}

// TestPlanOfUnequalLooks: looks a block more or less apart keep the level too.
func TestPlanOfUnequalLooks(t *testing.T) {
	times := []float64{5. / 22, 9. / 22, 14. / 22, 18. / 22, 1}
	plan := stats.NewPlan(times)
	z := make([]float64, len(times))
	for k := range times {
		z[k] = stats.QuantileNormal(plan.Tail(.05, k+1))
	}
	within(t, "crossing", stats.Crossing(times, z), .05, 1e-9)
}

// TestRepeatedKeepsTheLevel watches walks without effect at five looks: the
// chance that any repeated p-value is at most .05 is .05, and that of a bound
// above the truth is too.
func TestRepeatedKeepsTheLevel(t *testing.T) {
	const looks, runs = 5, 4000
	plan := stats.NewPlan(stats.EqualLooks(looks))
	r := rand.New(rand.NewPCG(seed("repeated p-values"), 0))
	rejected, missed := 0, 0
	var bound [looks]float64
	for k := range bound {
		bound[k] = stats.QuantileNormal(plan.Tail(.05, k+1))
	}
	for range runs {
		at, low, above := 0.0, 1.0, false
		for k := 1; k <= looks; k++ {
			at += r.NormFloat64()
			z := at / math.Sqrt(float64(k))
			low = math.Min(low, plan.Repeated(stats.TailNormal(z), k))
			above = above || z > bound[k-1]
		}
		if low <= .05 {
			rejected++
		}
		if above {
			missed++
		}
	}
	between(t, "rejected", rejected, runs, .05, .05)
	between(t, "missed", missed, runs, .05, .05)
	if rejected != missed {
		t.Errorf("%d rejected, %d bounds missed: they are one event", rejected, missed)
	}
}

// TestRepeatedOfT: with t over 8 to 20 blocks in place of z, looked at four times
// of five as a gate looks, the error is still near .05 on both sides.
func TestRepeatedOfT(t *testing.T) {
	const runs = 3000
	plan := stats.NewPlan(stats.EqualLooks(5))
	var tails [5]float64
	for k := range tails {
		tails[k] = plan.Tail(.05, k+1)
	}
	r := rand.New(rand.NewPCG(seed("repeated p-values of t"), 0))
	rejected, missed := 0, 0
	for range runs {
		var d []float64
		low, above := 1.0, false
		for k := range 20 {
			d = append(d, r.NormFloat64())
			if look := (k + 1) / 4; (k+1)%4 == 0 && look >= 2 {
				m := stats.MeanT(d)
				low = math.Min(low, plan.Repeated(stats.TailT(m.T, float64(k)), look))
				above = above || m.T > stats.QuantileT(tails[look-1], float64(k))
			}
		}
		if low <= .05 {
			rejected++
		}
		if above {
			missed++
		}
	}
	t.Logf("%d of %d rejected", rejected, runs)
	between(t, "rejected", rejected, runs, .04, .06)
	if rejected != missed {
		t.Errorf("%d rejected, %d bounds missed: they are one event", rejected, missed)
	}
}

func BenchmarkRepeated(b *testing.B) {
	plan := stats.NewPlan(stats.EqualLooks(5))
	for b.Loop() {
		plan.Repeated(.01, 3)
	}
}

func BenchmarkNewPlan(b *testing.B) {
	for b.Loop() {
		stats.NewPlan(stats.EqualLooks(5))
	}
}
