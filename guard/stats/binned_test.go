package stats_test

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/firstbyte-dev/firstbyte/guard/stats"
)

// binsOf counts values in buckets that grow by factor from .01 to 100.
func binsOf(values []float64, factor float64) stats.Bins {
	b := stats.Bins{Edges: []float64{.01}}
	for e := .01 * factor; e < 100*factor; e *= factor {
		b.Edges = append(b.Edges, e)
	}
	b.Counts = make([]float64, len(b.Edges)-1)
	for _, v := range values {
		if i, _ := slices.BinarySearch(b.Edges, v); i <= len(b.Counts) {
			b.Counts[i-1]++
		} else {
			b.Over++
		}
	}
	return b
}

func lognormals(random *rand.Rand, n int, shift float64) []float64 {
	out := make([]float64, n)
	for i := range out {
		out[i] = math.Exp(shift + .5*random.NormFloat64())
	}
	return out
}

// In buckets of a thousandth the test of a band is that of listed values.
func TestBinnedBandMatchesListedValues(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	var listed stats.Sample
	var arms [2][]stats.Bins
	for k := range 12 {
		a, b := lognormals(random, 300, 0), lognormals(random, 300, .08)
		for i := range a {
			listed.Baseline = append(listed.Baseline, math.Log(a[i]))
			listed.Candidate = append(listed.Candidate, math.Log(b[i]))
			listed.Block = append(listed.Block, k)
		}
		arms[0], arms[1] = append(arms[0], binsOf(a, 1.001)), append(arms[1], binsOf(b, 1.001))
	}
	listed.Blocks = 12
	pairs, err := stats.NewPairs(listed)
	if err != nil {
		t.Fatal(err)
	}
	binned, err := stats.NewBinned(arms[0], arms[1])
	if err != nil {
		t.Fatal(err)
	}
	for _, band := range [][2]float64{{.25, .75}, {.90, .99}} {
		want := stats.NewTest(pairs, stats.Band{Pairs: pairs, From: band[0], To: band[1]})
		got := binned.Band(band[0], band[1])
		for _, shift := range []float64{-.05, 0, .05} {
			if a, b := want.At(shift).T, got.At(shift).T; math.Abs(a-b) > .1+.03*math.Abs(a) {
				t.Errorf("band %v at %v: t %v listed, %v binned", band, shift, a, b)
			}
		}
		if a, b := want.Estimate(), got.Estimate(); math.Abs(a-b) > .004 {
			t.Errorf("band %v: estimate %v listed, %v binned", band, a, b)
		}
		if blur := binned.Blur(band[0], band[1]); blur > math.Log(1.001) {
			t.Errorf("band %v: blur %v is wider than a bucket", band, blur)
		}
	}
}

// What spreading values evenly over buckets of 9 % gets wrong is less than Blur.
func TestBlurBoundsInterpolation(t *testing.T) {
	random := rand.New(rand.NewPCG(2, 1))
	for range 20 {
		shift := .2 * random.Float64()
		var arms [2][2][]stats.Bins // by coarse or fine, by side
		for range 8 {
			for side, values := range [...][]float64{lognormals(random, 2000, 0), lognormals(random, 2000, shift)} {
				arms[0][side] = append(arms[0][side], binsOf(values, math.Exp2(.125)))
				arms[1][side] = append(arms[1][side], binsOf(values, 1.001))
			}
		}
		var estimates [2]float64
		var blur float64
		for i := range arms {
			binned, err := stats.NewBinned(arms[i][0], arms[i][1])
			if err != nil {
				t.Fatal(err)
			}
			estimates[i] = binned.Band(.95, .95).Estimate()
			if i == 0 {
				blur = binned.Blur(.95, .95)
			}
		}
		if off := math.Abs(estimates[0] - estimates[1]); off > blur+.001 || blur > .05 {
			t.Errorf("shift %.3f: coarse %.4f, fine %.4f, blur %.4f", shift, estimates[0], estimates[1], blur)
		}
	}
}

func TestCommonEdges(t *testing.T) {
	a := stats.Bins{Edges: []float64{.25, 1, 2, 3, 4}, Counts: []float64{0, 5, 6, 7}, Over: 2}
	b := stats.Bins{Edges: []float64{.5, 1, 2, 4, 8}, Counts: []float64{0, 1, 2, 3}}
	binned, err := stats.NewBinned([]stats.Bins{a}, []stats.Bins{b})
	if err != nil {
		t.Fatal(err)
	}
	// 3 splits a bucket of b; 8 would split what lies over 4 in a; .5 splits a
	// bucket of a that holds nothing.
	var edges []float64
	for i := range 5 {
		edges = append(edges, binned.Edge(i))
	}
	if want := []float64{.25, .5, 1, 2, 4}; !slices.Equal(edges, want) {
		t.Errorf("edges %v, want %v", edges, want)
	}
	if x, y := binned.N(); x != 20 || y != 6 {
		t.Errorf("%v and %v values, want 20 and 6", x, y)
	}
	if least, most, n := binned.Exceeding(3); least != 3 || most != 5 || n != 6 {
		t.Errorf("above 3: %v to %v of %v, want 3 to 5 of 6", least, most, n)
	}
	_, err = stats.NewBinned([]stats.Bins{{Edges: []float64{1, 2}, Counts: []float64{1}, Over: 1}}, []stats.Bins{{Edges: []float64{1.5, 3}, Counts: []float64{1}, Over: 1}})
	if !errors.Is(err, stats.ErrNoCommonEdges) {
		t.Errorf("%v, want no common edges", err)
	}
}

// The bounds that shares above edges prove hold whatever lies within the
// buckets: here all the weight of each sits where it hides most.
func TestExactIntervalHolds(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 1))
	edges := []float64{.01, 1, 2, 4, 8, 16}
	count := func(values []float64) stats.Bins {
		b := stats.Bins{Edges: edges, Counts: make([]float64, len(edges)-1)}
		for _, v := range values {
			i, _ := slices.BinarySearch(edges, v)
			b.Counts[i-1]++
		}
		return b
	}
	for _, ratio := range []float64{.4, 1, 1.9, 3, 5} {
		var arms [2][]stats.Bins
		for range 10 {
			a := make([]float64, 200)
			for i := range a {
				a[i] = [...]float64{.9, 1.05, 1.95, 2.05}[random.IntN(4)]
			}
			b := slices.Clone(a)
			for i := range b {
				b[i] *= ratio
			}
			arms[0], arms[1] = append(arms[0], count(a)), append(arms[1], count(b))
		}
		binned, err := stats.NewBinned(arms[0], arms[1])
		if err != nil {
			t.Fatal(err)
		}
		for edge := range edges {
			lower, upper := binned.Exact(edge).Interval(.05)
			if lower > math.Log(ratio)+1e-12 || upper < math.Log(ratio)-1e-12 {
				t.Errorf("ratio %v, edge %v: [%v, %v]", ratio, edges[edge], math.Exp(lower), math.Exp(upper))
			}
		}
		if lower, _ := binned.Exact(3).Interval(.05); ratio == 5 && lower < math.Log(1.9) {
			t.Errorf("a factor of 5 is not seen: %v", math.Exp(lower))
		}
	}
}

// Rollbacks of identical arms in native buckets at tau 0, with unequal traffic
// too, and of quantiles of small blocks.
func TestBinnedErrs(t *testing.T) {
	const runs = 400
	random := rand.New(rand.NewPCG(4, 1))
	for _, n := range [][2]int{{100, 100}, {1000, 100}} {
		band, ratios := 0, 0
		for range runs {
			var arms [2][]stats.Bins
			for range 20 {
				drift := .3 * random.NormFloat64()
				for side := range arms {
					arms[side] = append(arms[side], binsOf(lognormals(random, n[side], drift), math.Exp2(.125)))
				}
			}
			binned, err := stats.NewBinned(arms[0], arms[1])
			if err != nil {
				t.Fatal(err)
			}
			if binned.Band(.90, .99).At(0).P() <= .05 {
				band++
			}
			if m := stats.MeanT(binned.LogRatios(.95)); math.Abs(m.T) >= stats.QuantileT(.05, 19) {
				ratios++
			}
		}
		// 5 % of 400 is 20 +- 4.4; both sides of the ratios together 40 +- 6.
		if band > 34 || band < 6 || ratios > 60 {
			t.Errorf("%v per block: band %d, ratios %d of %d", n, band, ratios, runs)
		}
	}
}

func TestBlockRatios(t *testing.T) {
	inf := math.Inf(1)
	// Type 8 at .5 of 1, 2, 3, 4 is 2.5; of three values the middle one.
	d, err := stats.BlockRatios(
		[][]float64{{1, 2, 3, 4}, {}, {1, inf, inf}, {1, 2, 3}, {2, inf, inf}},
		[][]float64{{5, 5, 5}, {1}, {1, inf, inf}, {1, inf, inf}, {1, 2, 3}}, .5)
	want := []float64{math.Log(2), 0, math.Log(10), -math.Log(10)}
	if err != nil || len(d) != len(want) {
		t.Fatal(d, err)
	}
	for i := range want {
		if math.Abs(d[i]-want[i]) > 1e-12 {
			t.Errorf("block ratio %d is %v, want %v", i, d[i], want[i])
		}
	}
	if _, err := stats.BlockRatios([][]float64{{0, 0}}, [][]float64{{1, 1}}, .5); !errors.Is(err, stats.ErrZeroQuantile) {
		t.Errorf("%v, want a zero quantile", err)
	}
	if _, err := stats.BlockRatios([][]float64{{1, math.NaN()}}, [][]float64{{1, 1}}, .99); !errors.Is(err, stats.ErrNotNumber) {
		t.Errorf("%v, want no number", err)
	}
	if _, err := stats.BlockRatios([][]float64{{1}}, nil, .5); err == nil {
		t.Error("a missing block is no error")
	}
}

func TestMergedBinned(t *testing.T) {
	one := stats.Bins{Edges: []float64{1, 2, 4}, Counts: []float64{1, 2}, Over: 1}
	binned, err := stats.NewBinned([]stats.Bins{one, one, one}, []stats.Bins{one, one, one})
	if err != nil {
		t.Fatal(err)
	}
	merged := binned.Merged()
	if x, y := merged.N(); merged.K() != 1 || x != 12 || y != 12 || merged.Over() != .25 {
		t.Errorf("%d blocks of %v and %v, %v over", merged.K(), x, y, merged.Over())
	}
}
