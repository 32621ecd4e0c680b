package stats

import (
	"math"
	"slices"
)

// MaxExact is the most values per arm for which [MannWhitney] counts every
// arrangement.
const MaxExact = 50

// A RankSum is the result of [MannWhitney].
type RankSum struct {
	// U counts the pairs in which the candidate is larger, ties as half.
	U float64
	// Mean and Sigma are those of U when both arms are alike; Sigma knows ties.
	Mean, Sigma float64
	// Z is U standardised, with the correction for continuity.
	Z float64
	// P is the one-sided p-value of "the candidate is not larger", PTwoSided
	// that of "the arms are alike".
	P, PTwoSided float64
	// Effect is Vargha and Delaney's A: the chance that a value of the candidate
	// is larger than one of the baseline, ties as half.
	Effect float64
	// Exact tells that the p-values are counts over all arrangements and not the
	// normal approximation.
	Exact bool
}

// MannWhitney compares where two sets of independent values lie (Mann & Whitney
// 1947). Both need a value and none may be NaN. It says little about a tail:
// for P95 use a test of that quantile. The p-values are exact for up to
// MaxExact values per arm without ties.
func MannWhitney(baseline, candidate []float64) RankSum {
	a, b := slices.Clone(baseline), slices.Clone(candidate)
	slices.Sort(a)
	slices.Sort(b)
	u, ties := countLarger(a, b)
	na, nb := float64(len(a)), float64(len(b))
	n := na + nb
	r := RankSum{U: u, Mean: na * nb / 2, Effect: u / (na * nb)}
	r.Sigma = math.Sqrt(na * nb / 12 * ((n + 1) - ties/(n*(n-1))))
	if ties == 0 && len(a) <= MaxExact && len(b) <= MaxExact {
		r.Exact = true
	}
	r.judge(len(a), len(b))
	return r
}

// judge fills in Z and the p-values.
func (r *RankSum) judge(na, nb int) {
	distance := r.U - r.Mean
	switch {
	case r.Sigma == 0: // all values equal
		r.P, r.PTwoSided = 1, 1
		return
	case distance > 0:
		r.Z = (distance - .5) / r.Sigma
	case distance < 0:
		r.Z = (distance + .5) / r.Sigma
	}
	if r.Exact {
		r.P = rankSumTail(na, nb, int(r.U))
		below := rankSumTail(na, nb, na*nb-int(r.U)) // U is symmetric about its mean
		r.PTwoSided = math.Min(1, 2*math.Min(r.P, below))
		return
	}
	r.P = TailNormal((distance - .5) / r.Sigma)
	r.PTwoSided = 2 * TailNormal(math.Abs(r.Z))
}

// countLarger returns, of ascending values, the pairs with b > a and half of
// those with b = a, and the sum of t^3 - t over groups of t equal values.
func countLarger(a, b []float64) (u, ties float64) {
	for i, j := 0, 0; i < len(a) || j < len(b); {
		v := lesser(a, i, b, j)
		i2, j2 := i, j
		for i2 < len(a) && a[i2] == v {
			i2++
		}
		for j2 < len(b) && b[j2] == v {
			j2++
		}
		inA, inB := float64(i2-i), float64(j2-j)
		u += inB * (float64(i) + inA/2)
		t := inA + inB
		ties += t*t*t - t
		i, j = i2, j2
	}
	return u, ties
}

// lesser returns the smaller of the next two values; at least one is left.
func lesser(a []float64, i int, b []float64, j int) float64 {
	switch {
	case i == len(a):
		return b[j]
	case j == len(b):
		return a[i]
	}
	return math.Min(a[i], b[j])
}

// rankSumTail returns P(U >= u) over all arrangements of na and nb different
// values. The largest value is in one arm or the other, which gives
// ways(n, m, u) = ways(n-1, m, u) + ways(n, m-1, u-n) for n of the baseline and
// m of the candidate.
func rankSumTail(na, nb, u int) float64 {
	ways := make([][]float64, nb+1) // by candidate's values, for n so far
	for m := range ways {
		ways[m] = make([]float64, na*nb+1)
		ways[m][0] = 1 // without a baseline value U is 0
	}
	for n := 1; n <= na; n++ {
		for m := 1; m <= nb; m++ { // m = 0 stays: one way, U = 0
			for s := n * m; s >= n; s-- {
				ways[m][s] += ways[m-1][s-n]
			}
		}
	}
	above, all := 0.0, 0.0
	for s, w := range ways[nb] {
		all += w
		if s >= u {
			above += w
		}
	}
	return above / all
}

// A Shift is by how much the candidate lies above the baseline: the median of
// all differences between a value of one and a value of the other, with an
// interval whose ends are differences too, or infinite.
type Shift struct{ Estimate, Lower, Upper float64 }

// HodgesLehmann estimates the shift between two sets of independent, finite
// values (Hodges & Lehmann 1963) with a two-sided interval at 1-alpha by the
// normal approximation. Both need a value. For ratios give logarithms. It never
// holds the differences, only counts them.
func HodgesLehmann(baseline, candidate []float64, alpha float64) Shift {
	a, b := slices.Clone(baseline), slices.Clone(candidate)
	slices.Sort(a)
	slices.Sort(b)
	pairs := len(a) * len(b)
	low, high := (pairs+1)/2, pairs/2+1
	s := Shift{
		Estimate: (difference(a, b, low) + difference(a, b, high)) / 2,
		Lower:    math.Inf(-1), Upper: math.Inf(1),
	}
	n := float64(pairs)
	half := QuantileNormal(alpha/2) * math.Sqrt(n*float64(len(a)+len(b)+1)/12)
	if c := int(math.Floor(n/2 - half)); c >= 1 {
		s.Lower, s.Upper = difference(a, b, c), difference(a, b, pairs-c+1)
	}
	return s
}

// difference returns the k-th smallest of all b - a, counted from 1, of
// ascending values. It bisects on the bits of the result, so what it returns is
// a difference and not near one.
func difference(a, b []float64, k int) float64 {
	from, to := ordered(b[0]-a[len(a)-1]), ordered(b[len(b)-1]-a[0])
	for from < to {
		mid := from + (to-from)/2
		if countAtMost(a, b, unordered(mid)) >= k {
			to = mid
		} else {
			from = mid + 1
		}
	}
	return unordered(to) + 0 // never -0, which compares as 0
}

// countAtMost returns how many differences b - a are at most d. Rounding keeps
// their order along a and along b, so two pointers suffice.
func countAtMost(a, b []float64, d float64) int {
	count, j := 0, 0
	for i := range a {
		for j < len(b) && b[j]-a[i] <= d {
			j++
		}
		count += j
	}
	return count
}

const sign = 1 << 63

// ordered maps a number to bits that compare as the numbers do.
func ordered(x float64) uint64 {
	bits := math.Float64bits(x)
	if bits&sign != 0 {
		return ^bits
	}
	return bits | sign
}

// unordered is the inverse of ordered.
func unordered(bits uint64) float64 {
	if bits&sign != 0 {
		return math.Float64frombits(bits &^ sign)
	}
	return math.Float64frombits(^bits)
}
