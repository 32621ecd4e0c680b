package stats_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/firstbyte-dev/firstbyte/guard/stats"
)

func TestVectorDBetting(t *testing.T) {
	for _, v := range []struct {
		ones, times  int
		lower, upper float64
	}{
		{19, 25, .91725, .97825},
		{9, 50, .85475, .94475},
	} {
		b := stats.NewBetting(.05, 2000)
		for range v.times {
			for range v.ones {
				add(t, b, 1)
			}
			add(t, b, 0)
		}
		lower, upper := b.Interval()
		near(t, "lower", lower, v.lower)
		near(t, "upper", upper, v.upper)
	}
}

func add(t *testing.T, b *stats.Betting, x float64) {
	t.Helper()
	if err := b.Add(x); err != nil {
		t.Fatal(err)
	}
}

func TestBettingRefuses(t *testing.T) {
	b := stats.NewBetting(.05, 100)
	for range 50 {
		add(t, b, .25)
	}
	lower, upper := b.Interval()
	for _, x := range []float64{-1e-9, 1.000001, math.NaN(), math.Inf(1)} {
		if b.Add(x) == nil {
			t.Errorf("took %v", x)
		}
	}
	if l, u := b.Interval(); l != lower || u != upper {
		t.Errorf("a refused value changed %v, %v to %v, %v", lower, upper, l, u)
	}
}

func TestBettingNarrows(t *testing.T) {
	r := rand.New(rand.NewPCG(15, 1))
	b := stats.NewBetting(.05, 1000)
	if lower, upper := b.Interval(); lower != .0005 || upper != .9995 {
		t.Errorf("before any value: %v, %v", lower, upper)
	}
	width := 1.0
	for range 4 {
		for range 250 {
			add(t, b, .5+.1*(r.Float64()-.5))
		}
		lower, upper := b.Interval()
		if !(upper-lower < width && lower < .5 && .5 < upper) {
			t.Errorf("%v, %v around .5, before %v wide", lower, upper, width)
		}
		width = upper - lower
	}
	if width > .02 {
		t.Errorf("%v wide after 1000 values with a spread of .03", width)
	}
}

// Paired scores: the mean difference of bounded, skewed values is covered at
// all times.
func TestBettingEverCoverage(t *testing.T) {
	const runs, n, cells = 200, 200, 100
	r := rand.New(rand.NewPCG(seed("betting"), 0))
	missed := 0
	for range runs {
		b := stats.NewBetting(.05, cells)
		for range n {
			// Scores are 1 with chance .9 and .8: a mean difference of -.1.
			base, cand := 0.0, 0.0
			if r.Float64() < .9 {
				base = 1
			}
			if r.Float64() < .8 {
				cand = 1
			}
			add(t, b, (cand-base+1)/2)
			lower, upper := b.Interval()
			if 2*(lower-.5/cells)-1 > -.1 || 2*(upper+.5/cells)-1 < -.1 {
				missed++
				break
			}
		}
	}
	between(t, "missed at some time", missed, runs, 0, .05)
}

func BenchmarkBettingAdd(b *testing.B) {
	s := stats.NewBetting(.05, 2000)
	b.ReportAllocs()
	for b.Loop() {
		if err := s.Add(.5); err != nil {
			b.Fatal(err)
		}
	}
}
