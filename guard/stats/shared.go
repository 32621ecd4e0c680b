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
