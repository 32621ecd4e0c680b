package stats

import "math"

// Shared returns the correlation of the two halves of pairs within their
// blocks: the share of the variance that lies between items, if what is left is
// independent in the arms. It is NaN without variance.
func Shared(a, b []float64, block []int) float64 {
	type moments struct{ n, a, b float64 }
	means := map[int]moments{}
	for i, k := range block {
		m := means[k]
		m.n, m.a, m.b = m.n+1, m.a+a[i], m.b+b[i]
		means[k] = m
	}
	var aa, bb, ab float64
	for i, k := range block {
		m := means[k]
		x, y := a[i]-m.a/m.n, b[i]-m.b/m.n
		aa, bb, ab = aa+x*x, bb+y*y, ab+x*y
	}
	if aa == 0 || bb == 0 {
		return math.NaN()
	}
	return ab / math.Sqrt(aa*bb)
}

// PairLag returns the lag-1 autocorrelation of the log-ratios of successive pairs
// within their blocks, each block about its own mean. What pairs share cancels, so
// it shows whether the arms' own noise outlasts a request. A pair with a failure
// is left out. It is 0 without variance.
func PairLag(s Sample) float64 {
	sum, count := make([]float64, s.Blocks), make([]float64, s.Blocks)
	ratio := make([]float64, len(s.Block))
	for i, k := range s.Block {
		ratio[i] = s.Candidate[i] - s.Baseline[i]
		if math.IsInf(s.Candidate[i], 0) || math.IsInf(s.Baseline[i], 0) {
			ratio[i] = math.NaN()
			continue
		}
		sum[k] += ratio[i]
		count[k]++
	}
	product, squares, last, block := 0.0, 0.0, 0.0, -1
	for i, k := range s.Block {
		if math.IsNaN(ratio[i]) {
			continue
		}
		d := ratio[i] - sum[k]/count[k]
		squares += d * d
		if k == block {
			product += d * last
		}
		last, block = d, k
	}
	if squares == 0 {
		return 0
	}
	return product / squares
}
