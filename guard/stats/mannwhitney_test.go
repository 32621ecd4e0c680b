package stats_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/firstbyte-dev/firstbyte/guard/stats"
)

func TestVectorA1(t *testing.T) {
	a := []float64{12, 15, 15, 18, 20, 22, 25}
	b := []float64{15, 17, 19, 21, 24, 26, 30, 31}
	r := stats.MannWhitney(a, b)
	near(t, "U", r.U, 41)
	near(t, "mean", r.Mean, 28)
	near(t, "sigma", r.Sigma, 8.6100716218)
	near(t, "z", r.Z, 1.4517881557)
	near(t, "two-sided p", r.PTwoSided, 0.1465605183)
	near(t, "p", r.P, 0.0732802591)
	near(t, "A", r.Effect, 0.7321428571)
	if r.Exact {
		t.Error("exact in spite of ties")
	}
	if got, want := stats.HodgesLehmann(a, b, .05), (stats.Shift{Estimate: 4.5, Lower: -1, Upper: 11}); got != want {
		t.Errorf("shift %+v, want %+v", got, want)
	}
}

func TestVectorA2(t *testing.T) {
	r := stats.MannWhitney([]float64{5.9, 1.1, 2.3, 3.5, 4.7}, []float64{10, 8, 6, 4, 2})
	if !r.Exact || r.U != 19 {
		t.Errorf("%+v, want exact and U = 19", r)
	}
	near(t, "two-sided p", r.PTwoSided, 0.2222222222)
}

// slowU counts pair by pair.
func slowU(a, b []float64) float64 {
	u := 0.0
	for _, x := range a {
		for _, y := range b {
			switch {
			case y > x:
				u++
			case y == x:
				u += .5
			}
		}
	}
	return u
}

// coarse returns n values, of which some are equal.
func coarse(r *rand.Rand, n int) []float64 {
	out := make([]float64, n)
	for i := range out {
		out[i] = math.Round(8*r.NormFloat64()) / 4
	}
	return out
}

func TestRankSumAgainstDefinition(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 1))
	for range 100 {
		a, b := coarse(r, 1+r.IntN(40)), coarse(r, 1+r.IntN(40))
		got := stats.MannWhitney(a, b)
		near(t, "U", got.U, slowU(a, b))
		near(t, "A", got.Effect, slowU(a, b)/float64(len(a)*len(b)))
		swapped := stats.MannWhitney(b, a)
		near(t, "U of swapped arms", swapped.U, float64(len(a)*len(b))-got.U)
		near(t, "two-sided p of swapped arms", swapped.PTwoSided, got.PTwoSided)
	}
}

// Every way to deal eleven different values to arms of 5 and 6.
func TestExactRankSumAgainstEveryArrangement(t *testing.T) {
	const na, n = 5, 11
	count := map[float64]float64{}
	total := 0.0
	var dealt [][2][]float64
	for bits := range uint(1) << n {
		var arms [2][]float64
		for v := range n {
			arm := bits >> v & 1
			arms[arm] = append(arms[arm], float64(v))
		}
		if len(arms[0]) != na {
			continue
		}
		count[slowU(arms[0], arms[1])]++
		total++
		dealt = append(dealt, arms)
	}
	for _, arms := range dealt {
		got := stats.MannWhitney(arms[0], arms[1])
		above, below := 0.0, 0.0
		for u, ways := range count {
			if u >= got.U {
				above += ways / total
			}
			if u <= got.U {
				below += ways / total
			}
		}
		near(t, "p", got.P, above)
		near(t, "two-sided p", got.PTwoSided, math.Min(1, 2*math.Min(above, below)))
	}
}

// The exact and the normal p-values meet where one takes over from the other.
func TestRankSumExactMeetsNormal(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 2))
	a, b := normals(r, stats.MaxExact, 0), normals(r, stats.MaxExact, .4)
	exact := stats.MannWhitney(a, b)
	if !exact.Exact {
		t.Fatal("not exact")
	}
	within(t, "p", exact.P, stats.TailNormal((exact.U-exact.Mean-.5)/exact.Sigma), .002)
	if more := stats.MannWhitney(append(a, 9), b); more.Exact {
		t.Error("exact beyond MaxExact")
	}
}

func TestRankSumOfEqualValues(t *testing.T) {
	got := stats.MannWhitney([]float64{3, 3}, []float64{3, 3, 3})
	if got.P != 1 || got.PTwoSided != 1 || got.Effect != .5 {
		t.Errorf("%+v, want p = 1 and A = 1/2", got)
	}
}

func TestHodgesLehmannAgainstDefinition(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 3))
	for range 100 {
		a, b := coarse(r, 1+r.IntN(30)), normals(r, 1+r.IntN(30), 1)
		var d []float64
		for _, x := range a {
			for _, y := range b {
				d = append(d, y-x)
			}
		}
		slices.Sort(d)
		n := len(d)
		want := stats.Shift{Estimate: (d[(n-1)/2] + d[n/2]) / 2, Lower: math.Inf(-1), Upper: math.Inf(1)}
		c := int(math.Floor(float64(n)/2 - stats.QuantileNormal(.025)*math.Sqrt(float64(n*(len(a)+len(b)+1))/12)))
		if c >= 1 {
			want.Lower, want.Upper = d[c-1], d[n-c]
		}
		if got := stats.HodgesLehmann(a, b, .05); got != want {
			t.Fatalf("%d and %d values: %+v, want %+v", len(a), len(b), got, want)
		}
	}
}

func TestHodgesLehmannHoldsNoDifferences(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 4))
	a, b := normals(r, 5000, 0), normals(r, 5000, .2)
	if got := testing.AllocsPerRun(3, func() { stats.HodgesLehmann(a, b, .05) }); got > 2 {
		t.Errorf("%v allocations, want the two sorted copies", got)
	}
}

func BenchmarkHodgesLehmann(b *testing.B) {
	r := rand.New(rand.NewPCG(11, 5))
	x, y := normals(r, 100_000, 0), normals(r, 100_000, .1)
	b.ReportAllocs()
	for b.Loop() {
		stats.HodgesLehmann(x, y, .05)
	}
}
