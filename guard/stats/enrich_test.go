package stats_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/firstbyte-dev/firstbyte/guard/stats"
)

func TestEnrich(t *testing.T) {
	e, err := stats.Enrich([]float64{0, 0, 1, 9})
	if err != nil {
		t.Fatal(err)
	}
	for s, want := range []float64{.05, .05, .05 + .8/4, .05 + .8*3/4} {
		if math.Abs(e.Share[s]-want) > 1e-15 || math.Abs(e.Weight[s]-.25/want) > 1e-12 {
			t.Errorf("stratum %d: share %v weight %v, want %v and %v", s, e.Share[s], e.Weight[s], want, .25/want)
		}
	}
	for _, bad := range [][]float64{{0, 0}, {1, math.NaN()}, {-1, 1}, {math.Inf(1)}, nil} {
		if _, err := stats.Enrich(bad); err == nil {
			t.Errorf("%v is no pilot", bad)
		}
	}
}

// TestEnrichmentDraws: every stratum gets its share, in each block up to one draw.
func TestEnrichmentDraws(t *testing.T) {
	e := stats.Enrichment{Share: []float64{.05, .15, .8}}
	r := rand.New(rand.NewPCG(1, 1))
	var count [3]float64
	const blocks, draws = 2000, 25
	for range blocks {
		var here [3]float64
		for _, s := range e.Draw(draws, r.Float64()) {
			here[s]++
		}
		for s, n := range here {
			if math.Abs(n-draws*e.Share[s]) >= 1 {
				t.Fatalf("%v draws of stratum %d in one block", n, s)
			}
			count[s] += n
		}
	}
	for s, n := range count {
		if got := n / blocks / draws; math.Abs(got-e.Share[s]) > .005 {
			t.Errorf("stratum %d has %v of the draws", s, got)
		}
	}
}

func TestStrata(t *testing.T) {
	got := stats.Strata([]float64{9, 1, 5, 1, 7, 3}, 3)
	for i, want := range []int{2, 0, 1, 0, 2, 1} {
		if got[i] != want {
			t.Fatalf("%v", got)
		}
	}
}

// TestScoreSquares: of a pilot of eight pairs only the strata in the band score.
func TestScoreSquares(t *testing.T) {
	pilot := stats.Sample{
		Baseline:  []float64{1, 2, 3, 4, 5, 6, 7, 8},
		Candidate: []float64{1.1, 2.1, 3.1, 4.1, 5.1, 6.1, 8.1, 7.1},
		Block:     make([]int, 8), Blocks: 1,
	}
	squares, err := stats.ScoreSquares(pilot, stats.Band{From: .75, To: 1}, []int{0, 0, 0, 0, 1, 1, 2, 2}, 4)
	if err != nil {
		t.Fatal(err)
	}
	if squares[0] != 0 || !(squares[2] > squares[1]) || squares[3] != 0 {
		t.Errorf("%v", squares)
	}
	if _, err := stats.ScoreSquares(pilot, stats.Band{From: .75, To: 1}, []int{0}, 4); err == nil {
		t.Error("strata of another length pass")
	}
}

// blocksOf draws blocks of stratified latencies that are slower by shift.
func blocksOf(r *rand.Rand, blocks, from int, shift float64) []stats.StratumBlock {
	out := make([]stats.StratumBlock, blocks)
	for k := range out {
		for i := range 100 {
			s := from + i%(4-from)
			out[k].Stratum = append(out[k].Stratum, s)
			out[k].Latency = append(out[k].Latency, float64(s)+shift+.3*r.NormFloat64())
		}
	}
	return out
}

// TestAgreeErrs: of equal loads whose mixes are far apart, each bound is missed as
// often as alpha says; the noise of the strata is the requests' own, so that the
// mix matters.
func TestAgreeErrs(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 7))
	const runs, alpha = 3000, .05
	var below, above int
	for range runs {
		a := stats.Agree(mixed(r, 6, 20, 5, 5, 20), mixed(r, 24, 2, 5, 15, 28), 4, alpha)
		if a.Upper < 0 {
			below++
		}
		if a.Lower > 0 {
			above++
		}
	}
	se := math.Sqrt(alpha * (1 - alpha) / runs)
	for _, missed := range []int{below, above} {
		if share := float64(missed) / runs; math.Abs(share-alpha) > 3*se+.004 {
			t.Errorf("missed by %.4f of the runs, want %.2f", share, alpha)
		}
	}
}

// mixed draws blocks with so many requests of each stratum.
func mixed(r *rand.Rand, blocks int, of ...int) []stats.StratumBlock {
	out := make([]stats.StratumBlock, blocks)
	for k := range out {
		for s, n := range of {
			for range n {
				out[k].Stratum = append(out[k].Stratum, s)
				out[k].Latency = append(out[k].Latency, float64(s)+.3*r.NormFloat64())
			}
		}
	}
	return out
}

// TestAgree: natural and enriched blocks that differ in their strata only agree; a
// load that slows everything by 10 % does not, nor do too few blocks.
func TestAgree(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 2))
	for _, c := range []struct {
		name             string
		natural          int
		shift            float64
		agree, different bool
	}{
		{"equal", 10, 0, true, false},
		{"10 % slower", 10, math.Log(1.1), false, true},
		{"one block", 1, 0, false, false},
		{"none", 0, 0, false, false},
	} {
		a := stats.Agree(blocksOf(r, c.natural, 0, 0), blocksOf(r, 10, 2, c.shift), 4, .05)
		if a.Within(.05) != c.agree || (a.Lower > 0) != c.different {
			t.Errorf("%s: %+v", c.name, a)
		}
	}
	apart := []stats.StratumBlock{{Latency: []float64{1}, Stratum: []int{0}}, {Latency: []float64{2}, Stratum: []int{0}}}
	other := []stats.StratumBlock{{Latency: []float64{1}, Stratum: []int{1}}, {Latency: []float64{2}, Stratum: []int{1}}}
	if a := stats.Agree(apart, other, 2, .05); a.Within(1) {
		t.Errorf("no stratum in common: %+v", a)
	}
}
