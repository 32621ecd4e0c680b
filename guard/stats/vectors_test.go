package stats_test

import (
	"math"
	"testing"

	"github.com/firstbyte-dev/firstbyte/guard/stats"
)

// near compares to 1e-9, relative above 1.
func near(t *testing.T, what string, got, want float64) {
	t.Helper()
	within(t, what, got, want, 1e-9*math.Max(1, math.Abs(want)))
}

func within(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tolerance) {
		t.Errorf("%s = %.15g, want %.15g", what, got, want)
	}
}

func fraction(x float64) float64 { return x - math.Floor(x) }

// dataD is D(n, K, r) of the reference.
func dataD(n, k int, r float64) stats.Sample {
	s := stats.Sample{Blocks: k}
	for i := 1; i <= n; i++ {
		x := float64(i)
		u := fraction(x * 0.6180339887498949)
		ea := fraction(x * 0.41421356237309515)
		eb := fraction(x * 0.7320508075688772)
		s.Baseline = append(s.Baseline, math.Log(400*math.Exp(1.5*u+.3*ea)))
		s.Candidate = append(s.Candidate, math.Log(r*400*math.Exp(1.5*u+.3*eb)))
		s.Block = append(s.Block, (i-1)*k/n)
	}
	return s
}

func dataV1() stats.Sample {
	a := []float64{100, 120, 130, 200, 110, 140, 180, 220, 105, 125, 150, 210, 115, 135, 160, 230, 100, 140, 170, 240, 120, 130, 190, 250}
	b := []float64{104, 118, 150, 230, 115, 150, 180, 260, 100, 130, 170, 215, 120, 140, 175, 260, 110, 135, 185, 250, 118, 140, 200, 290}
	s := stats.Sample{Blocks: 6}
	for i := range a {
		s.Baseline = append(s.Baseline, math.Log(a[i]))
		s.Candidate = append(s.Candidate, math.Log(b[i]))
		s.Block = append(s.Block, i/4)
	}
	return s
}

func bandTest(t *testing.T, s stats.Sample, from, to float64) *stats.Test {
	t.Helper()
	p, err := stats.NewPairs(s)
	if err != nil {
		t.Fatal(err)
	}
	return stats.NewTest(p, stats.Band{Pairs: p, From: from, To: to})
}

// expect is what a vector says of a test; zero fields are not checked.
type expect struct {
	t, p, flip, ratio, lower, upper, detectable float64
}

func (e expect) check(t *testing.T, test *stats.Test, tau float64) {
	t.Helper()
	shift := math.Log1p(tau)
	near(t, "t", test.At(shift).T, e.t)
	if e.p != 0 {
		within(t, "p", test.At(shift).P(), e.p, 1e-9*e.p)
	}
	if e.flip != 0 {
		within(t, "sign-flip p", test.SignFlip(shift), e.flip, 1e-9*e.flip)
	}
	if e.ratio == 0 {
		return
	}
	estimate := test.Estimate()
	near(t, "ratio", math.Exp(estimate), e.ratio)
	if e.lower == 0 {
		return
	}
	lower, upper := test.Interval(estimate, .05)
	near(t, "lower", math.Exp(lower), e.lower)
	near(t, "upper", math.Exp(upper), e.upper)
	if e.detectable != 0 {
		se := test.StandardError(lower, upper, .05)
		near(t, "detectable", math.Expm1(test.Detectable(se, .05)), e.detectable)
	}
}

func TestVectorV1(t *testing.T) {
	test := bandTest(t, dataV1(), .5, .9)
	for k, want := range []float64{.3385416666667, .2708333333333, .234375, .2708333333333, .2708333333333, .078125} {
		near(t, "S", test.Sums(0)[k], want)
	}
	expect{
		t: 6.790927180823, p: 0.0005268359417416, flip: 1. / 64, ratio: 1.086956521739,
		lower: 1.058823529412, upper: 1.111111111111,
	}.check(t, test, 0)
}

func TestVectorV2(t *testing.T) {
	test := bandTest(t, dataD(200, 10, 1.10), .90, .99)
	expect{
		t: 3.619502672613, p: 0.002788037498604, flip: 0.005859375, ratio: 1.10529860549,
		lower: 1.049474497125, upper: 1.163499369503, detectable: 0.07942043527245,
	}.check(t, test, 0)
	expect{t: 1.826913393807, p: 0.0504946456111, flip: 0.046875}.check(t, test, .05)
}

func TestVectorV3(t *testing.T) {
	expect{
		t: 7.470796089672, p: 2.280503820362e-07, flip: 2.861022949219e-06, ratio: 1.051120905062,
		lower: 1.040738819458, upper: 1.060956406682,
	}.check(t, bandTest(t, dataD(1000, 20, 1.05), .90, .99), 0)
}

func TestVectorV4(t *testing.T) {
	s := dataD(1000, 20, 1.05)
	for i := range s.Block {
		weight := .5
		if i%4 == 0 { // the reference counts from 1: 1, 5, 9, …
			weight = 2.5
		}
		s.Weight = append(s.Weight, weight)
	}
	expect{t: 3.941742476719, p: 0.000437625355824, ratio: 1.049087153539}.check(t, bandTest(t, s, .90, .99), 0)
}

func TestVectorV5(t *testing.T) {
	watch, err := stats.Watched(dataD(1000, 20, 1.20), stats.Band{From: .90, To: .99}, .95)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []struct {
		block int
		stats.Watch
	}{
		{1, stats.Watch{Band: 0.527190267118, Exceedance: 0.506481640939, Average: 0.516889558971}},
		{2, stats.Watch{Band: 0.916323387189, Exceedance: 0.872641935273, Average: 0.894721150927}},
		{3, stats.Watch{Band: 1.408394529528, Exceedance: 1.376148070807, Average: 1.392401273799}},
		{5, stats.Watch{Band: 2.392553373140, Exceedance: 2.357733905823, Average: 2.375295181239}},
		{10, stats.Watch{Band: 5.218139238225, Exceedance: 5.063355355769, Average: 5.143739068525}},
		{20, stats.Watch{Band: 11.410174520879, Exceedance: 11.219510672218, Average: 11.319379818170}},
	} {
		got := watch[want.block-1]
		near(t, "band", got.Band, want.Band)
		near(t, "exceedance", got.Exceedance, want.Exceedance)
		near(t, "average", got.Average, want.Average)
	}
}

func TestVectorV6(t *testing.T) {
	s := dataD(1000, 20, 1)
	watch, err := stats.Watched(s, stats.Band{From: .90, To: .99}, .95)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "average", watch[19].Average, -0.913247653738)
	expect{t: 0.2002256798318, ratio: 1.00106752863}.check(t, bandTest(t, s, .90, .99), 0)
}

func TestVectorB1(t *testing.T) {
	for _, v := range []struct {
		n, lower, upper int
		coverage        float64
	}{
		{100, 90, 100, .98261},
		{200, 184, 197, .96715},
		{1000, 936, 964, .95810},
		{10000, 9457, 9543, .95153},
	} {
		got := stats.QuantileRanks(v.n, .95, .05)
		if got.Lower != v.lower || got.Upper != v.upper {
			t.Errorf("n=%d: ranks %d, %d, want %d, %d", v.n, got.Lower, got.Upper, v.lower, v.upper)
		}
		within(t, "coverage", got.Coverage, v.coverage, 5.1e-6)
	}
	if got := stats.QuantileRanks(59, .95, .05); got.Lower != 52 || got.Upper != 60 {
		t.Errorf("n=59: %+v, want 52 and 60 (infinite)", got)
	}
	// A finite two-sided upper bound at .05 exists from n = 72 on.
	if stats.QuantileRanks(71, .95, .05).Upper != 72 || stats.QuantileRanks(72, .95, .05).Upper > 72 {
		t.Error("the first finite upper bound is not at n = 72")
	}
}

func TestVectorB2(t *testing.T) {
	a := []float64{102, 98, 105, 97, 101, 99, 103, 100}
	b := []float64{97, 95, 101, 92, 99, 93, 98, 96}
	var d, worse []float64
	for k := range a {
		d = append(d, math.Log(b[k]/a[k]))
		worse = append(worse, math.Log(a[k]/b[k]))
	}
	m := stats.MeanT(d)
	near(t, "mean", m.Value, -0.0432773980)
	near(t, "ratio", math.Exp(m.Value), 0.9576457042)
	near(t, "se", m.SE, 0.0047625571)
	within(t, "t", m.T, -9.0870088, 5.1e-8)
	// The reference prints 2.0033616e-05; the integral of the density from its own
	// t is 2.00338616e-05, a digit was lost in print.
	within(t, "p", stats.TailT(-m.T, 7), 2.00338616e-05, 5.1e-14)
	c := stats.QuantileT(.025, 7)
	within(t, "lower", math.Exp(m.Value-c*m.SE), 0.9469215, 5.1e-8)
	within(t, "upper", math.Exp(m.Value+c*m.SE), 0.9684913, 5.1e-8)
	near(t, "sign-flip", stats.SignFlip(worse), 1./256)
	near(t, "Wilcoxon", stats.Wilcoxon(worse), 1./256)
}

func TestVectorD(t *testing.T) {
	z := stats.QuantileNormal(.025)
	lower, upper := stats.Newcombe(stats.Count{OK: 990, N: 1000}, stats.Count{OK: 975, N: 1000}, z)
	near(t, "lower", lower, -0.0275059779)
	near(t, "upper", upper, -0.0034585413)
}

func TestVectorF(t *testing.T) {
	for i, want := range []float64{.03, .06, .06, .02} {
		near(t, "Holm", stats.Holm([]float64{.01, .04, .03, .005})[i], want)
	}
}
