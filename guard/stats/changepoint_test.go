package stats_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/firstbyte-dev/firstbyte/guard/stats"
)

var risen = []float64{100, 101, 99, 100, 102, 98, 110, 111, 109, 110, 112, 108}

func TestVectorG(t *testing.T) {
	want := []float64{8.7778, 15.9583, 25.7143, 32.3056, 49.6, 33.2222, 20.6508, 13.2083, 5.9259}
	got := stats.Energies(risen)
	if len(got) != len(want) {
		t.Fatalf("%d energies, want %d", len(got), len(want))
	}
	for i := range want {
		within(t, "Q", got[i], want[i], 5.1e-5)
	}
	near(t, "Q at 6", got[4], 49.6)
	changes := stats.Changes{}.Find(risen)
	if len(changes) != 1 || changes[0].Index != 6 || changes[0].Before != 100 || changes[0].After != 110 {
		t.Fatalf("changes %+v, want one at 6 from 100 to 110", changes)
	}
	within(t, "p", changes[0].P, 2.4106242e-07, 5.1e-15)
}

func TestEnergiesAgainstDefinition(t *testing.T) {
	r := rand.New(rand.NewPCG(16, 1))
	apart := func(x, y []float64) float64 {
		sum := 0.0
		for _, v := range x {
			for _, w := range y {
				sum += math.Abs(v - w)
			}
		}
		return sum
	}
	for size := range 25 {
		x := normals(r, size, 3)
		got := stats.Energies(x)
		if len(got) != max(size-3, 0) {
			t.Fatalf("%d energies of %d values", len(got), size)
		}
		for i, q := range got {
			left, right := x[:i+2], x[i+2:]
			n, m := float64(len(left)), float64(len(right))
			want := n * m / (n + m) * (2*apart(left, right)/(n*m) - apart(left, left)/(n*(n-1)) - apart(right, right)/(m*(m-1)))
			near(t, "Q", q, want)
		}
	}
}

// steps returns a history that stays at each level for a time.
func steps(r *rand.Rand, length int, noise float64, levels ...float64) []float64 {
	var x []float64
	for _, level := range levels {
		for range length {
			x = append(x, level*(1+noise*r.NormFloat64()))
		}
	}
	return x
}

func TestFindChanges(t *testing.T) {
	r := rand.New(rand.NewPCG(16, 2))
	x := steps(r, 60, .02, 100, 110, 104, 130)
	changes := stats.Changes{}.Find(x)
	var at []int
	for _, c := range changes {
		at = append(at, c.Index)
	}
	if len(at) != 3 {
		t.Fatalf("changes at %v, want about 60, 120 and 180", at)
	}
	for i, want := range []int{60, 120, 180} {
		if at[i] < want-2 || at[i] > want+2 {
			t.Errorf("change at %d, want about %d", at[i], want)
		}
	}
	for _, c := range changes {
		if c.P >= .001 || c.P == 0 {
			t.Errorf("change %+v with that p", c)
		}
	}
	// The middle step is the only one below 6 %.
	large := stats.Changes{Least: .06}.Find(x)
	if len(large) != 2 {
		t.Errorf("changes of 6 %% and more: %+v, want two", large)
	}
}

// zigzag returns so many values of each level, one above and one below in turn.
func zigzag(length int, levels ...float64) []float64 {
	var x []float64
	for _, level := range levels {
		for range length {
			x = append(x, level+float64(1-2*(len(x)%2)))
		}
	}
	return x
}

// A window that holds six values of each side is sure at .006 only; with twelve
// on each side the change counts.
func TestFindChangeThatIsWeakAtFirst(t *testing.T) {
	changes := stats.Changes{Window: 12}.Find(zigzag(12, 100, 102.1))
	if len(changes) != 1 || changes[0].Index != 12 || changes[0].P >= .001 {
		t.Errorf("%+v, want one change at 12", changes)
	}
}

// Of two steps that are too small each the weaker is merged, and the other is
// then large enough.
func TestFindMergesTheWeakest(t *testing.T) {
	x := slices.Concat(zigzag(20, 100), zigzag(6, 106), zigzag(20, 110))
	if both := (stats.Changes{}).Find(x); len(both) != 2 || both[0].Index != 20 || both[1].Index != 26 {
		t.Fatalf("%+v, want changes at 20 and 26", both)
	}
	if large := (stats.Changes{Least: .08}).Find(x); len(large) != 1 || large[0].Index != 20 {
		t.Errorf("%+v, want the change at 20", large)
	}
}

// What lies farther back than a window has no part in the means.
func TestFindDescribesByWindow(t *testing.T) {
	changes := stats.Changes{Window: 10}.Find(slices.Concat(zigzag(20, 100.2, 100), zigzag(20, 110, 110.2)))
	if len(changes) != 1 || changes[0].Index != 40 {
		t.Fatalf("%+v, want one change at 40", changes)
	}
	near(t, "before", changes[0].Before, 100)
	near(t, "after", changes[0].After, 110)
}

func TestFindChangesInNothing(t *testing.T) {
	for name, x := range map[string][]float64{
		"empty":    nil,
		"short":    {1, 2, 3},
		"constant": slices.Repeat([]float64{5}, 200),
		"spike":    append(append(slices.Repeat([]float64{5, 5.1, 4.9}, 10), 50), slices.Repeat([]float64{5, 5.1, 4.9}, 10)...),
	} {
		if changes := (stats.Changes{}).Find(x); len(changes) != 0 {
			t.Errorf("%s: %+v", name, changes)
		}
	}
}

// A level that was without any noise changes all the same.
func TestFindChangeWithoutNoise(t *testing.T) {
	x := append(slices.Repeat([]float64{0}, 20), slices.Repeat([]float64{3}, 20)...)
	changes := stats.Changes{Window: 10, Least: .5}.Find(x)
	if len(changes) != 1 || changes[0].Index != 20 || changes[0].P != 0 {
		t.Errorf("%+v, want one change at 20", changes)
	}
}

func TestFindChangesIsQuiet(t *testing.T) {
	const runs = 100
	r := rand.New(rand.NewPCG(seed("change points of nothing"), 0))
	found := 0
	for range runs {
		found += min(1, len(stats.Changes{}.Find(steps(r, 50, .05, 100))))
	}
	// The choice of the split is not corrected for, hence more than .001.
	between(t, "histories of 50 with a change", found, runs, 0, .05)
}

func TestPredict(t *testing.T) {
	lower, upper := stats.Predict([]float64{10, 12, 14}, .05)
	half := stats.QuantileT(.05, 2) * 2 * math.Sqrt(4./3)
	near(t, "lower", lower, 12-half)
	near(t, "upper", upper, 12+half)
	if lower, upper := stats.Predict([]float64{10}, .05); !math.IsInf(lower, -1) || !math.IsInf(upper, 1) {
		t.Errorf("from one value: %v, %v", lower, upper)
	}
}

// Without the error of the mean it would be .062 (reference, H = 5).
func TestPredictErrorRate(t *testing.T) {
	const runs = 40_000
	r := rand.New(rand.NewPCG(seed("predictive interval"), 0))
	alerts := 0
	for range runs {
		if _, upper := stats.Predict(normals(r, 5, 0), .05); r.NormFloat64() > upper {
			alerts++
		}
	}
	between(t, "false alerts", alerts, runs, .05, .05)
}
