package proof

import (
	"math"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/clock"
	"github.com/firstbyte-dev/firstbyte/guard/evidence"
	"github.com/firstbyte-dev/firstbyte/guard/judge"
	"github.com/firstbyte-dev/firstbyte/guard/policy"
	"github.com/firstbyte-dev/firstbyte/guard/stats"
)

// A cost is what one judgement takes.
type cost struct {
	milliseconds, mebibytes float64
}

// counted is the evidence of m for six latencies, counted in buckets a thousandth
// wide from 1 ms to 1 s, as histograms with three significant digits have them.
// Arms are equal but for the noise of counting.
func (s *Scratch) counted(m Model, r *rand.Rand) evidence.Set {
	set := s.sound(m.Pairs, m.Blocks)
	set.Binned = map[sample.Measure]evidence.Binned{}
	var edges []float64
	for e := 1e6; e < 1e9; e *= 1.001 {
		edges = append(edges, e)
	}
	for _, measure := range six {
		var b evidence.Binned
		for range m.Blocks {
			b.Baseline = append(b.Baseline, bucketed(edges, m.Pairs/m.Blocks, r))
			b.Candidate = append(b.Candidate, bucketed(edges, m.Pairs/m.Blocks, r))
		}
		set.Binned[sample.Measure(measure)] = b
	}
	return set
}

// bucketed counts n lognormal values, each bucket with the noise of a count.
func bucketed(edges []float64, n int, r *rand.Rand) evidence.Histogram {
	h := evidence.Histogram{Edges: edges, Counts: make([]float64, len(edges)-1)}
	above := func(ns float64) float64 { return float64(n) * stats.TailNormal(math.Log(ns/median)/sigma) }
	for i := range h.Counts {
		expected := above(edges[i]) - above(edges[i+1])
		h.Counts[i] = math.Max(0, math.Round(expected+math.Sqrt(expected)*r.NormFloat64()))
	}
	return h
}

// judged measures one judgement of m's evidence by histograms.
func (s *Scratch) judged(m Model, r *rand.Rand) cost {
	p := p95(.05)
	p.Metrics = nil
	for _, measure := range six {
		p.Metrics = append(p.Metrics, policy.Metric{Measure: measure, Statistic: policy.P95, Gating: true, Tau: .05, Margin: .1})
	}
	set := s.counted(m, r)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	start, err := clock.ProcessCPU(os.Getpid())
	v := judge.Judge(p, set)
	end, err2 := clock.ProcessCPU(os.Getpid())
	runtime.ReadMemStats(&after)
	if v.Decision != judge.Promote || err != nil || err2 != nil {
		return cost{math.Inf(1), math.Inf(1)} // what decides nothing is no measure of speed
	}
	return cost{float64(end-start) / 1e6, float64(after.TotalAlloc-before.TotalAlloc) / (1 << 20)}
}

func milliseconds(m Model, s *Scratch, r *rand.Rand) float64 { return s.judged(m, r).milliseconds }
func mebibytes(m Model, s *Scratch, r *rand.Rand) float64    { return s.judged(m, r).mebibytes }

func speedGoal() Goal {
	w := Model{}.sized(500_000, 20)
	return Goal{
		Name: "G17", Path: viaJudge,
		Asks: "six metrics of two arms, a million requests in all, counted in fine buckets in 20 blocks, are judged in 200 ms and 64 MiB",
		Note: "Measured, not simulated. The time is the process's on its processors, garbage collection included, and so hardly depends on what else the machine does; on an idle one no more than that passes. The memory is all that one judgement allocates, freed or not.",
		Cells: []Cell{
			{Name: "time", Kind: Median, Unit: "ms", Bound: atMost(200), World: w, Try: milliseconds, Dear: 1000, Alone: true},
			{Name: "memory", Kind: Median, Unit: "MiB", Bound: atMost(64), World: w, Try: mebibytes, Dear: 1000, Alone: true},
		},
		Tests: slices.Concat(in("guard/judge/binned_test.go", "BenchmarkBinned"), in("guard/judge/speed_test.go", "BenchmarkMillion")),
	}
}
