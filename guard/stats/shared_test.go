package stats_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/firstbyte-dev/firstbyte/guard/stats"
)

// TestPairLag: noise that outlasts a request shows, whatever pairs share and
// whatever lies between blocks.
func TestPairLag(t *testing.T) {
	for _, auto := range []float64{0, .9} {
		r := rand.New(rand.NewPCG(1, 1))
		s := stats.Sample{Blocks: 20}
		var noise [2]float64
		for i := range 2000 {
			item, block := 5*r.NormFloat64(), i/100
			for side := range noise {
				noise[side] = auto*noise[side] + math.Sqrt(1-auto*auto)*r.NormFloat64()
			}
			s.Baseline = append(s.Baseline, item+noise[0])
			s.Candidate = append(s.Candidate, item+noise[1]+float64(block))
			s.Block = append(s.Block, block)
		}
		s.Candidate[700], s.Baseline[3] = math.Inf(1), math.Inf(1)
		if got := stats.PairLag(s); math.Abs(got-auto) > .1 {
			t.Errorf("%v, simulated with %v", got, auto)
		}
	}
	if got := stats.PairLag(stats.Sample{Blocks: 1, Baseline: []float64{1, 2}, Candidate: []float64{1, 2}, Block: []int{0, 0}}); got != 0 {
		t.Errorf("without variance: %v", got)
	}
}
