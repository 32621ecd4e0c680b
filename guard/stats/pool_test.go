package stats_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/firstbyte-dev/firstbyte/guard/stats"
)

// TestPool compares the one pass with sorting both arms after each swap.
func TestPool(t *testing.T) {
	r := rand.New(rand.NewPCG(seed("pool"), 0))
	for _, n := range []int{1, 2, 7, 40, 41} {
		baseline, candidate, block := make([]float64, n), make([]float64, n), make([]int, n)
		for i := range n {
			baseline[i], candidate[i], block[i] = float64(1+r.IntN(9)), float64(1+r.IntN(9)), r.IntN(5)
		}
		if n > 20 {
			candidate[3] = math.Inf(1)
		}
		pool := stats.NewPool(baseline, candidate, block)
		for range 50 {
			swap := make([]bool, 5)
			for k := range swap {
				swap[k] = r.IntN(2) == 1
			}
			a, b := slices.Clone(baseline), slices.Clone(candidate)
			for i, k := range block {
				if swap[k] {
					a[i], b[i] = b[i], a[i]
				}
			}
			slices.Sort(a)
			slices.Sort(b)
			for _, q := range []float64{.001, .5, .95, .999} {
				got, want := pool.Ratio(q, swap), stats.Quantile(b, q)/stats.Quantile(a, q)
				if math.Abs(got-want) > 1e-12 && !(math.IsNaN(got) && math.IsNaN(want)) && got != want {
					t.Fatalf("n %d, q %v: %v, want %v", n, q, got, want)
				}
			}
		}
	}
}
