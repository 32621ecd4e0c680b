package stats_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/firstbyte-dev/firstbyte/guard/stats"
)

// watchedSlowly is the definition that [stats.Watcher] is held against: at every
// block all pairs so far are ranked anew, in n^2.
func watchedSlowly(s stats.Sample, band stats.Band, at, shift float64, side stats.Side) []stats.Watch {
	direction := 1.0
	if side == stats.Below {
		direction = -1
	}
	var inBand, above stats.Martingale
	var out []stats.Watch
	for k := range s.Blocks {
		var pool []weighted
		for i, block := range s.Block {
			if block <= k {
				w := weightOf(s, i)
				pool = append(pool, weighted{s.Baseline[i], w}, weighted{s.Candidate[i] - shift, w})
			}
		}
		g := func(v float64) float64 {
			return math.Min(math.Max((midRank(pool, v)-band.From)/(band.To-band.From), 0), 1)
		}
		exceeds := func(v float64) float64 {
			if weightFrom(pool, v) <= math.Floor((1-at)*total(pool)+.5) {
				return 1
			}
			return 0
		}
		add := func(m *stats.Martingale, of func(float64) float64) {
			sum, squares := 0.0, 0.0
			for i, block := range s.Block {
				if block == k {
					d := weightOf(s, i) * (of(s.Candidate[i]-shift) - of(s.Baseline[i]))
					sum, squares = sum+d, squares+d*d
				}
			}
			m.Add(direction*sum, squares)
		}
		add(&inBand, g)
		add(&above, exceeds)
		w := stats.Watch{Band: inBand.Log(), Exceedance: above.Log()}
		w.Average = math.Log((math.Exp(w.Band) + math.Exp(w.Exceedance)) / 2)
		out = append(out, w)
	}
	return out
}

type weighted struct{ value, weight float64 }

func weightOf(s stats.Sample, i int) float64 {
	if s.Weight == nil {
		return 1
	}
	return s.Weight[i]
}

func total(pool []weighted) float64 { return weightFrom(pool, math.Inf(-1)) }

// weightFrom is the weight of the values of at least v.
func weightFrom(pool []weighted, v float64) (sum float64) {
	for _, x := range pool {
		if x.value >= v {
			sum += x.weight
		}
	}
	return sum
}

func midRank(pool []weighted, v float64) float64 {
	below, upTo := 0.0, 0.0
	for _, x := range pool {
		if x.value < v {
			below += x.weight
		}
		if x.value <= v {
			upTo += x.weight
		}
	}
	return (below + upTo) / 2 / total(pool)
}

// TestWatcherIsTheDefinition compares both on small random samples with ties,
// failures, weights, uneven blocks and blocks out of order. Weights are such
// that sums of them are exact, because a threshold may lie on one.
func TestWatcherIsTheDefinition(t *testing.T) {
	r := rand.New(rand.NewPCG(seed("watcher"), 0))
	value := func() float64 {
		switch u := r.Float64(); {
		case u < .03:
			return math.Inf(1)
		case u < .06:
			return math.Copysign(0, -1)
		case u < .5:
			return float64(r.IntN(6)) / 4 // ties, also after a shift
		}
		return r.NormFloat64()
	}
	for run := range 60 {
		s := stats.Sample{Blocks: 1 + r.IntN(12)}
		for i := range s.Blocks + r.IntN(120) {
			block := r.IntN(s.Blocks)
			if i < s.Blocks {
				block = i
			}
			s.Block = append(s.Block, block)
			s.Baseline, s.Candidate = append(s.Baseline, value()), append(s.Candidate, value())
			if run%2 == 1 {
				s.Weight = append(s.Weight, []float64{.5, 1, 2.5}[r.IntN(3)])
			}
		}
		band := stats.Band{From: []float64{.9, .25, 0}[run%3], To: []float64{.99, .75, 1}[run%3]}
		shift := []float64{0, .25, -.5, .1}[run%4]
		for _, side := range []stats.Side{stats.Above, stats.Below} {
			w, err := stats.NewWatcher(s)
			if err != nil {
				t.Fatal(err)
			}
			got, want := w.Watch(band, .8, shift, side), watchedSlowly(s, band, .8, shift, side)
			for k := range want {
				within(t, "band", got[k].Band, want[k].Band, 1e-12)
				within(t, "exceedance", got[k].Exceedance, want[k].Exceedance, 1e-12)
				within(t, "average", got[k].Average, want[k].Average, 1e-12)
			}
		}
	}
}

// TestWatcherSidesMirror: what is evidence that the candidate is slower than the
// shift is, with the arms exchanged, evidence that the baseline is less slow than
// its inverse.
func TestWatcherSidesMirror(t *testing.T) {
	s := dataD(600, 12, 1.1)
	mirror := s
	mirror.Baseline, mirror.Candidate = s.Candidate, s.Baseline
	shift := math.Log(1.05)
	w, err := stats.NewWatcher(s)
	if err != nil {
		t.Fatal(err)
	}
	m, err := stats.NewWatcher(mirror)
	if err != nil {
		t.Fatal(err)
	}
	band := stats.Band{From: .9, To: .99}
	got, want := w.Watch(band, .95, shift, stats.Above), m.Watch(band, .95, -shift, stats.Below)
	for k := range got {
		within(t, "average", got[k].Average, want[k].Average, 1e-9)
	}
	if got[11].Average == w.Watch(band, .95, shift, stats.Below)[11].Average {
		t.Error("both sides have the same evidence")
	}
}

func TestWatcherRefusesWhatCannotBeRanked(t *testing.T) {
	s := dataD(100, 10, 1)
	s.Candidate[7] = math.NaN()
	if _, err := stats.Watched(s, stats.Band{From: .9, To: .99}, .95); err == nil {
		t.Error("NaN was watched")
	}
	if _, err := stats.NewWatcher(stats.Sample{}); err == nil {
		t.Error("nothing was watched")
	}
}

func BenchmarkWatched(b *testing.B) {
	s := world{n: 10_000, k: 200, rho: .5}.draw(rand.New(rand.NewPCG(1, 1)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := stats.Watched(s, stats.Band{From: .90, To: .99}, .95); err != nil {
			b.Fatal(err)
		}
	}
}
