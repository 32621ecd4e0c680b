package stats_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/firstbyte-dev/firstbyte/guard/stats"
)

// random returns a sample with ties and failures: what the fast paths could
// get wrong.
func random(r *rand.Rand, n, blocks, items int) stats.Sample {
	s := stats.Sample{Blocks: blocks, Items: items}
	value := func() float64 {
		switch r.IntN(20) {
		case 0:
			return math.Inf(1)
		case 1, 2, 3:
			return math.Log(float64(1 + r.IntN(5))) // ties
		}
		return r.NormFloat64()
	}
	for i := range n {
		s.Baseline, s.Candidate = append(s.Baseline, value()), append(s.Candidate, value())
		s.Block = append(s.Block, i*blocks/n)
		s.Weight = append(s.Weight, float64(1+r.IntN(3)))
		if items > 0 {
			s.Item = append(s.Item, r.IntN(items))
		}
	}
	return s
}

// slowScores follows the definition to the letter: F counts every value for every
// value.
func slowScores(s stats.Sample, score func(rank float64) float64, shift float64) []float64 {
	var pool, weight []float64
	for i := range s.Baseline {
		pool = append(pool, s.Baseline[i], s.Candidate[i]-shift)
		weight = append(weight, s.Weight[i], s.Weight[i])
	}
	rank := func(v float64) float64 {
		var less, most, total float64
		for i, x := range pool {
			total += weight[i]
			if x < v {
				less += weight[i]
			}
			if x <= v {
				most += weight[i]
			}
		}
		return (less + most) / 2 / total
	}
	d := make([]float64, len(s.Baseline))
	for i := range d {
		d[i] = s.Weight[i] * (score(rank(s.Candidate[i]-shift)) - score(rank(s.Baseline[i])))
	}
	return d
}

func TestBandAgainstDefinition(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for range 60 {
		s := random(r, 30+r.IntN(60), 5, 7)
		shift := []float64{0, .3, -.7, math.Ln2}[r.IntN(4)]
		from := []float64{0, .25, .5, .9}[r.IntN(4)]
		to := from + .1
		d := slowScores(s, func(rank float64) float64 { return min(max((rank-from)/(to-from), 0), 1) }, shift)
		wantBlock, wantItem := make([]float64, s.Blocks), make([]float64, s.Items)
		for i := range d {
			wantBlock[s.Block[i]] += d[i]
			wantItem[s.Item[i]] += d[i]
		}
		p, err := stats.NewPairs(s)
		if err != nil {
			t.Fatal(err)
		}
		got := stats.Sums{Block: make([]float64, s.Blocks), Item: make([]float64, s.Items), Cell: make([]float64, len(d))}
		stats.Band{Pairs: p, From: from, To: to}.Score(shift, &got)
		for k := range wantBlock {
			near(t, fmt.Sprintf("block %d at shift %v", k, shift), got.Block[k], wantBlock[k])
		}
		for k := range wantItem {
			near(t, fmt.Sprintf("item %d at shift %v", k, shift), got.Item[k], wantItem[k])
		}
	}
}

func TestExceedanceAgainstDefinition(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 2))
	for range 60 {
		s := random(r, 40, 4, 0)
		for i := range s.Weight {
			s.Weight[i] = 1 // the definition of the threshold knows no weights
		}
		var pool []float64
		for i := range s.Baseline {
			pool = append(pool, s.Baseline[i], s.Candidate[i]-.1)
		}
		slices.Sort(pool)
		m := int(math.Floor((1-.9)*float64(len(pool)) + .5))
		x := pool[len(pool)-1-m]
		want := make([]float64, s.Blocks)
		for i, k := range s.Block {
			if s.Candidate[i]-.1 > x {
				want[k]++
			}
			if s.Baseline[i] > x {
				want[k]--
			}
		}
		p, err := stats.NewPairs(s)
		if err != nil {
			t.Fatal(err)
		}
		got := stats.NewTest(p, stats.Exceedance{Pairs: p, At: .9}).Sums(.1)
		for k := range want {
			near(t, "block", got[k], want[k])
		}
	}
}

// TestFailuresCancel holds the rule that a pair that failed in both arms counts
// for neither.
func TestFailuresCancel(t *testing.T) {
	s := dataD(200, 10, 1.1)
	p := func(s stats.Sample) *stats.Pairs {
		t.Helper()
		pairs, err := stats.NewPairs(s)
		if err != nil {
			t.Fatal(err)
		}
		return pairs
	}
	plain := stats.NewTest(p(s), stats.NewLogMean(p(s))).At(0).T
	for _, k := range []int{0, 50, 199} {
		s.Baseline = append(s.Baseline, math.Inf(1))
		s.Candidate = append(s.Candidate, math.Inf(1))
		s.Block = append(s.Block, s.Block[k])
	}
	near(t, "t of the mean with three double failures", stats.NewTest(p(s), stats.NewLogMean(p(s))).At(0).T, plain)

	one := stats.Sample{Baseline: []float64{0, 0}, Candidate: []float64{math.Inf(1), 0}, Block: []int{0, 1}, Blocks: 2}
	near(t, "a lone failure", stats.NewTest(p(one), stats.NewLogMean(p(one))).Sums(0)[0], math.Log(10))
	one.Baseline, one.Candidate = one.Candidate, one.Baseline
	near(t, "a lone failure of the baseline", stats.NewTest(p(one), stats.NewLogMean(p(one))).Sums(0)[0], -math.Log(10))
}

// TestFailuresBeyondTheBand: where the candidate's failures fill the band there
// is no finite ratio, and the bounds say so.
func TestFailuresBeyondTheBand(t *testing.T) {
	s := dataD(1000, 20, 1)
	for i := 0; i < 1000; i += 4 {
		s.Candidate[i] = math.Inf(1)
	}
	test := bandTest(t, s, .90, .99)
	estimate := test.Estimate()
	lower, upper := test.Interval(estimate, .05)
	if !math.IsInf(estimate, 1) || !math.IsInf(upper, 1) {
		t.Errorf("estimate %v, upper %v: want infinite", estimate, upper)
	}
	if math.IsNaN(lower) || lower < 0 {
		t.Errorf("lower %v: want positive", lower)
	}
	s.Baseline, s.Candidate = s.Candidate, s.Baseline
	test = bandTest(t, s, .90, .99)
	estimate = test.Estimate()
	lower, _ = test.Interval(estimate, .05)
	if !math.IsInf(estimate, -1) || !math.IsInf(lower, -1) {
		t.Errorf("swapped: estimate %v, lower %v: want minus infinite", estimate, lower)
	}
}

// TestIntervalIsTheFirstCrossing walks in steps a hundred times finer.
func TestIntervalIsTheFirstCrossing(t *testing.T) {
	test := bandTest(t, dataD(1000, 20, 1.05), .90, .99)
	estimate := test.Estimate()
	lower, upper := test.Interval(estimate, .05)
	critical := stats.QuantileT(.05, 19)
	for _, side := range []struct{ end, step float64 }{{lower, -1e-5}, {upper, 1e-5}} {
		x := estimate
		for math.Abs(test.At(x).T) <= critical {
			x += side.step
		}
		if d := (x - side.end) / side.step; d < 0 || d > 1 {
			t.Errorf("the first crossing is at %v, the interval ends at %v", x, side.end)
		}
	}
}

func TestShiftingTheCandidateShiftsTheEstimate(t *testing.T) {
	s := dataD(500, 10, 1)
	base := bandTest(t, s, .25, .75).Estimate()
	for i := range s.Candidate {
		s.Candidate[i] += .25
	}
	within(t, "estimate", bandTest(t, s, .25, .75).Estimate(), base+.25, 1e-9)
	s.Baseline, s.Candidate = s.Candidate, s.Baseline
	// Where scores cancel exactly the total is 0 over a stretch between two
	// ranks, and the estimate is its lower end.
	within(t, "estimate, arms swapped", bandTest(t, s, .25, .75).Estimate(), -base-.25, 1e-3)
}

func TestEqualArmsHaveNoEffect(t *testing.T) {
	s := dataD(200, 10, 1)
	s.Candidate = slices.Clone(s.Baseline)
	test := bandTest(t, s, .25, .75)
	if at := test.At(0); at.T != 0 || at.P() != .5 {
		t.Errorf("t = %v, p = %v", at.T, at.P())
	}
	within(t, "estimate", test.Estimate(), 0, 1e-9)
}

func TestSignFlipAgainstEveryFlip(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	for range 40 {
		x := make([]float64, 1+r.IntN(12))
		for i := range x {
			x[i] = float64(r.IntN(9)-3) / 3 // ties and zeros
		}
		observed := 0.0
		for _, v := range x {
			observed += v
		}
		count := 0
		for bits := range 1 << len(x) {
			sum := 0.0
			for i, v := range x {
				if bits>>i&1 == 1 {
					v = -v
				}
				sum += v
			}
			if sum >= observed-1e-9 {
				count++
			}
		}
		near(t, fmt.Sprint(x), stats.SignFlip(x), float64(count)/float64(int(1)<<len(x)))
	}
	if !math.IsNaN(stats.SignFlip(make([]float64, stats.MaxFlips+1))) {
		t.Error("more values than it takes did not give NaN")
	}
}

func TestPairsRefuse(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(-1)
	good := func() stats.Sample {
		return stats.Sample{Baseline: []float64{1, 2}, Candidate: []float64{1, 2}, Block: []int{0, 1}, Blocks: 2}
	}
	for name, spoil := range map[string]func(*stats.Sample){
		"NaN":            func(s *stats.Sample) { s.Baseline[0] = nan },
		"log of zero":    func(s *stats.Sample) { s.Candidate[1] = inf },
		"lengths":        func(s *stats.Sample) { s.Block = s.Block[:1] },
		"block":          func(s *stats.Sample) { s.Block[0] = 2 },
		"negative block": func(s *stats.Sample) { s.Block[0] = -1 },
		"item":           func(s *stats.Sample) { s.Item, s.Items = []int{0, 3}, 2 },
		"no items":       func(s *stats.Sample) { s.Items = 2 },
		"weight":         func(s *stats.Sample) { s.Weight = []float64{1, 0} },
		"nothing":        func(s *stats.Sample) { *s = stats.Sample{} },
	} {
		s := good()
		spoil(&s)
		if _, err := stats.NewPairs(s); err == nil {
			t.Errorf("%s: it was taken", name)
		}
	}
	if _, err := stats.NewPairs(good()); err != nil {
		t.Error(err)
	}
}

func TestMerged(t *testing.T) {
	s := stats.Sample{Baseline: make([]float64, 7), Candidate: make([]float64, 7), Block: []int{0, 1, 2, 3, 4, 5, 6}, Blocks: 7}
	m := s.Merged()
	if want := []int{0, 0, 1, 1, 2, 2, 2}; m.Blocks != 3 || !slices.Equal(m.Block, want) {
		t.Errorf("%d blocks, %v; want 3, %v", m.Blocks, m.Block, want)
	}
	if s.Block[6] != 6 {
		t.Error("the original was changed")
	}
}

func TestQuantile(t *testing.T) {
	inf := math.Inf(1)
	for _, c := range []struct {
		values  []float64
		q, want float64
	}{
		{[]float64{1, 2, 3, 4}, .5, 2.5},
		{[]float64{1, 2, 3, 4}, 0, 1},
		{[]float64{1, 2, 3, 4}, 1, 4},
		{[]float64{7}, .95, 7},
		{[]float64{1, 2, inf}, .5, 2},
		{[]float64{1, 2, inf}, .6, inf},
		{[]float64{inf, inf}, .5, inf},
	} {
		if got := stats.Quantile(c.values, c.q); got != c.want {
			t.Errorf("quantile %v of %v = %v, want %v", c.q, c.values, got, c.want)
		}
	}
	if !math.IsNaN(stats.Quantile(nil, .5)) {
		t.Error("the quantile of nothing is a number")
	}
	for _, zero := range [][]float64{{0, 0}, {-1}, nil} {
		if x, err := stats.LogQuantile(zero, .5); err == nil {
			t.Errorf("the logarithm of the quantile of %v is %v", zero, x)
		}
	}
	if x, err := stats.LogQuantile([]float64{math.E}, .5); err != nil || x != 1 {
		t.Errorf("%v, %v", x, err)
	}
}

// TestMcKeanSchrader compares with the spread of the quantile itself.
func TestMcKeanSchrader(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 4))
	var quantiles []float64
	se := 0.0
	const runs = 400
	for range runs {
		x := make([]float64, 1000)
		for i := range x {
			x[i] = math.Exp(.5 * r.NormFloat64())
		}
		slices.Sort(x)
		quantiles = append(quantiles, math.Log(stats.Quantile(x, .95)))
		se += stats.McKeanSchrader(x, .95) / runs
	}
	m := stats.MeanT(quantiles)
	within(t, "mean standard error over the true spread", se/(m.SE*math.Sqrt(runs)), 1, .15)
	if !math.IsNaN(stats.McKeanSchrader([]float64{1, 2, 3}, .95)) {
		t.Error("three values gave a standard error of P95")
	}
}

func TestNewcombeP(t *testing.T) {
	a, b := stats.Count{OK: 990, N: 1000}, stats.Count{OK: 975, N: 1000}
	p := stats.NewcombeP(a, b, 0)
	_, upper := stats.Newcombe(a, b, stats.QuantileNormal(p))
	within(t, "the bound at that level", upper, 0, 1e-9)
	within(t, "p both ways round", stats.NewcombeP(a, b, 0)+stats.NewcombeP(b, a, 0), 1, .02)
	if p := stats.NewcombeP(a, a, .01); p < .9 {
		t.Errorf("equal rates with a margin: p = %v", p)
	}
	if p := stats.NewcombeP(stats.Count{OK: 2000, N: 2000}, stats.Count{OK: 1900, N: 2000}, .01); p > 1e-6 {
		t.Errorf("5 %% failures: p = %v", p)
	}
}

func TestFairCoin(t *testing.T) {
	for _, c := range []struct {
		k, n int
		want float64
	}{{0, 0, 1}, {0, 1, 1}, {0, 8, 2. / 256}, {8, 8, 2. / 256}, {4, 8, 1}, {1, 8, 18. / 256}} {
		near(t, fmt.Sprint(c), stats.FairCoin(c.k, c.n), c.want)
	}
}

func TestShared(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 5))
	var a, b []float64
	var block []int
	for i := range 20000 {
		common, drift := r.NormFloat64()*math.Sqrt(.8), float64(i/1000)
		a = append(a, drift+common+r.NormFloat64()*math.Sqrt(.2))
		b = append(b, drift+common+r.NormFloat64()*math.Sqrt(.2))
		block = append(block, i/1000)
	}
	within(t, "share", stats.Shared(a, b, block), .8, .02)
	if !math.IsNaN(stats.Shared([]float64{1, 1}, []float64{2, 3}, []int{0, 0})) {
		t.Error("no variance gave a share")
	}
}

func TestLag1(t *testing.T) {
	near(t, "alternating", stats.Lag1([]float64{1, -1, 1, -1}), -.75)
	near(t, "constant", stats.Lag1([]float64{2, 2, 2}), 0)
	near(t, "constant but for rounding", stats.Lag1([]float64{.4, .4, .4 + 6e-17, .4 + 6e-17}), 0)
	near(t, "two halves", stats.Lag1([]float64{1, 1, -1, -1}), .25)
}

func TestScoreDoesNotAllocate(t *testing.T) {
	test := bandTest(t, dataD(1000, 20, 1.05), .25, .75)
	if n := testing.AllocsPerRun(20, func() { test.At(.01) }); n != 0 {
		t.Errorf("%v allocations per evaluation", n)
	}
}

func BenchmarkInterval(b *testing.B) {
	s := dataD(2100, 20, 1.02)
	for i := range s.Block {
		s.Item = append(s.Item, i%222)
	}
	s.Items = 222
	p, err := stats.NewPairs(s)
	if err != nil {
		b.Fatal(err)
	}
	for _, band := range []stats.Band{{Pairs: p, From: .25, To: .75}, {Pairs: p, From: .90, To: .99}} {
		b.Run(fmt.Sprintf("P%v-P%v", 100*band.From, 100*band.To), func(b *testing.B) {
			test := stats.NewTest(p, band)
			b.ReportAllocs()
			for b.Loop() {
				test.Interval(test.Estimate(), .05)
			}
		})
	}
}

// TestFailuresInAMean: a failure of one arm alone counts as ten times slower, and
// one of both arms not at all.
func TestFailuresInAMean(t *testing.T) {
	inf := math.Inf(1)
	near(t, "the candidate's", stats.MeanRatio([]float64{1, 1}, []float64{1, inf}), math.Sqrt(10))
	near(t, "the baseline's", stats.MeanRatio([]float64{1, inf}, []float64{1, 1}), math.Sqrt(.1))
	near(t, "both", stats.MeanRatio([]float64{1, inf}, []float64{3, inf}), 3)
}
