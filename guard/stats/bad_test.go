package stats_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/firstbyte-dev/firstbyte/guard/stats"
)

// bursts are blocks of n requests in which both arms fail in bursts of their own
// with the chance rate, and the candidate with the chance extra besides.
func bursts(r *rand.Rand, blocks, n int, rate, extra float64) []stats.Bad {
	out := make([]stats.Bad, blocks)
	for k := range out {
		out[k].N = n
		for side, bad := range [...]*float64{&out[k].Baseline, &out[k].Candidate} {
			chance := 0.0
			if r.Float64() < .2 {
				chance = 5 * rate
			}
			for range n {
				if r.Float64() < chance || side == 1 && r.Float64() < extra {
					*bad++
				}
			}
		}
	}
	return out
}

func ever(steps []stats.Step, bar float64) bool {
	for _, s := range steps {
		if s.Log >= bar {
			return true
		}
	}
	return false
}

// TestWatchBad holds the error rate at the margin itself, on either side, and
// that pairs' coins would not.
func TestWatchBad(t *testing.T) {
	const runs = 200
	bar := math.Log(20)
	most := stats.BinomialQuantile(1-confidence, runs, .05)
	for name, c := range map[string]struct{ rate, extra float64 }{
		"without failures": {0, .02},
		"rare":             {.002, .02},
		"in bursts":        {.02, .02},
		"no margin":        {.02, 0},
	} {
		r := rand.New(rand.NewPCG(seed("bad "+name), 0))
		above, below := 0, 0
		for range runs {
			blocks := bursts(r, 40, 60, c.rate, c.extra)
			if ever(stats.WatchBad(blocks, c.extra, stats.Above), bar) {
				above++
			}
			if ever(stats.WatchBad(blocks, c.extra, stats.Below), bar) {
				below++
			}
		}
		if above > most || below > most {
			t.Errorf("%s: wrong in %d and %d of %d, at most %d", name, above, below, runs, most)
		}
	}
	r := rand.New(rand.NewPCG(seed("bad power"), 0))
	if log := lastLog(stats.WatchBad(bursts(r, 20, 100, 0, 0), .01, stats.Below)); log < bar {
		t.Errorf("20 blocks without a failure: evidence %.2f against one in a hundred", log)
	}
	if log := lastLog(stats.WatchBad(bursts(r, 20, 100, 0, .05), .01, stats.Above)); log < bar {
		t.Errorf("20 blocks with one in twenty: evidence %.2f for more than one in a hundred", log)
	}
}

func lastLog(steps []stats.Step) float64 { return steps[len(steps)-1].Log }

// TestWatchBadMirrors: a negative margin is the positive one with the arms
// exchanged, seen from the other side.
func TestWatchBadMirrors(t *testing.T) {
	blocks := bursts(rand.New(rand.NewPCG(1, 1)), 12, 50, .03, .02)
	mirror := make([]stats.Bad, len(blocks))
	for k, b := range blocks {
		mirror[k] = stats.Bad{N: b.N, Baseline: b.Candidate, Candidate: b.Baseline}
	}
	got, want := stats.WatchBad(blocks, -.01, stats.Above), stats.WatchBad(mirror, .01, stats.Below)
	for k := range got {
		within(t, "log", got[k].Log, want[k].Log, 1e-12)
		within(t, "sum", got[k].Sum, -want[k].Sum, 1e-9)
	}
}

// TestWagers holds that gains are never under -1 and have the mean 0 at the
// margin, and so do not win.
func TestWagers(t *testing.T) {
	r := rand.New(rand.NewPCG(seed("wagers"), 0))
	const runs, n = 300, 400
	wrong := map[stats.Side]int{}
	for range runs {
		for _, side := range []stats.Side{stats.Above, stats.Below} {
			var w stats.Wager
			highest := 0.0
			share := .1 + .8*r.Float64()
			for range n {
				candidate := r.Float64() < share
				chance := .1
				if candidate {
					chance += .03
				}
				bad := 0.0
				if r.Float64() < chance {
					bad = 1
				}
				gain := stats.SplitGain(bad, candidate, share, .03, side)
				if gain < -1-1e-12 {
					t.Fatalf("gain %v", gain)
				}
				w.Add(gain)
				highest = math.Max(highest, w.Log())
			}
			if highest >= math.Log(20) {
				wrong[side]++
			}
		}
	}
	for side, n := range wrong {
		if most := stats.BinomialQuantile(1-confidence, runs, .05); n > most {
			t.Errorf("side %d: wrong in %d of %d, at most %d", side, n, runs, most)
		}
	}
	for _, side := range []stats.Side{stats.Above, stats.Below} {
		for _, margin := range []float64{-.4, 0, .3} {
			for _, x := range []float64{-1, 1} {
				if gain := stats.PairGain(x, margin, side); gain < -1-1e-12 {
					t.Errorf("pair gain %v", gain)
				}
			}
		}
	}
	var w stats.Wager
	for range 100 {
		w.Add(stats.PairGain(.2, .05, stats.Above))
	}
	if w.Log() < math.Log(20) {
		t.Errorf("a steady shortfall of .2 has the evidence %.2f", w.Log())
	}
}

// TestWatchMean is the martingale on sums of log-ratios, by its definition.
func TestWatchMean(t *testing.T) {
	s := dataD(200, 10, 1.1)
	s.Candidate[3], s.Baseline[5] = math.Inf(1), math.Inf(1)
	s.Candidate[7], s.Baseline[7] = math.Inf(1), math.Inf(1)
	w, err := stats.NewWatcher(s)
	if err != nil {
		t.Fatal(err)
	}
	shift := math.Log(1.03)
	var above, below stats.Martingale
	for k, step := range w.WatchMean(shift, stats.Above) {
		sum, squares := 0.0, 0.0
		for i, block := range s.Block {
			d := s.Candidate[i] - s.Baseline[i]
			switch {
			case block != k || i == 7:
				continue
			case i == 3:
				d = math.Log(stats.FailedRatio)
			case i == 5:
				d = -math.Log(stats.FailedRatio)
			}
			sum, squares = sum+d-shift, squares+(d-shift)*(d-shift)
		}
		above.Add(sum, squares)
		below.Add(-sum, squares)
		within(t, "sum", step.Sum, sum, 1e-12)
		within(t, "above", step.Log, above.Log(), 1e-12)
	}
	within(t, "below", lastLog(w.WatchMean(shift, stats.Below)), below.Log(), 1e-12)
}
