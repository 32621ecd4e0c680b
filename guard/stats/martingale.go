package stats

import (
	"math"
)

// bets are the sizes over which the sign martingale averages.
var bets = [...]float64{.1, .2, .4, .8, 1.6}

// A Martingale gathers evidence that block sums lie above 0, under the sole
// assumption that each is symmetric given the blocks before it. Its value may be
// looked at after every block: the chance that it ever passes 1/alpha is at
// most alpha when the assumption holds. The zero value is ready.
type Martingale struct {
	blocks  int
	squares float64 // of the sums of earlier blocks
	logs    [len(bets)]float64
}

// Add takes the sum of one block's scores and the sum of their squares.
func (m *Martingale) Add(sum, squares float64) {
	m.blocks++
	scale := math.Sqrt((m.squares + squares) / float64(m.blocks))
	z := 0.0
	if scale > 0 {
		z = sum / scale
	}
	for i, bet := range bets {
		m.logs[i] += math.Ln2 - math.Log1p(math.Exp(-2*bet*z))
	}
	m.squares += sum * sum
}

// Log returns the logarithm of the evidence; reject when it is at least
// log(1/alpha).
func (m *Martingale) Log() float64 { return logMean(m.logs[:]) }

// logMean returns the logarithm of the mean of exp(x).
func logMean(x []float64) float64 {
	top := math.Inf(-1)
	for _, v := range x {
		top = math.Max(top, v)
	}
	sum := 0.0
	for _, v := range x {
		sum += math.Exp(v - top)
	}
	return top + math.Log(sum/float64(len(x)))
}

// A Watch is the evidence after one block.
type Watch struct{ Band, Exceedance, Average float64 } // logarithms

// Watched runs the sign martingale over s block by block, on the band and on
// exceedances of the quantile at, and averages the two. Ranks and thresholds
// come from all pairs up to a block, and only that block's scores enter, so
// nothing looks ahead.
func Watched(s Sample, band Band, at float64) ([]Watch, error) {
	var inBand, above Martingale
	out := make([]Watch, 0, s.Blocks)
	for k := range s.Blocks {
		past := s.until(k)
		p, err := NewPairs(past)
		if err != nil {
			return nil, err
		}
		band.Pairs = p
		inBand.Add(lastBlock(p, band))
		above.Add(lastBlock(p, Exceedance{Pairs: p, At: at}))
		w := Watch{Band: inBand.Log(), Exceedance: above.Log()}
		w.Average = logMean([]float64{w.Band, w.Exceedance})
		out = append(out, w)
	}
	return out, nil
}

// until returns the pairs of the blocks up to k, each pair its own item, so
// that scores can be had by pair.
func (s Sample) until(k int) Sample {
	past := Sample{Blocks: k + 1}
	for i, block := range s.Block {
		if block > k {
			continue
		}
		past.Baseline = append(past.Baseline, s.Baseline[i])
		past.Candidate = append(past.Candidate, s.Candidate[i])
		past.Block = append(past.Block, block)
		past.Item = append(past.Item, past.Items)
		past.Items++
		if s.Weight != nil {
			past.Weight = append(past.Weight, s.Weight[i])
		}
	}
	return past
}

// lastBlock returns the sum of the scores of the last block and of their
// squares.
func lastBlock(p *Pairs, statistic Statistic) (sum, squares float64) {
	s, sums := p.sample, p.sums()
	statistic.Score(0, &sums)
	for i, block := range s.Block {
		if block == s.Blocks-1 {
			squares += sums.Item[i] * sums.Item[i]
		}
	}
	return sums.Block[s.Blocks-1], squares
}
