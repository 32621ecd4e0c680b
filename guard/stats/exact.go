package stats

import (
	"math"
	"slices"
)

// MaxFlips is the most sums that [SignFlip] takes: its work grows with 2^(n/2).
const MaxFlips = 40

// SignFlip returns the exact one-sided p-value of sum(x) against all 2^n ways
// to flip the signs: the share of flips whose sum is at least as large. Sums
// that differ only by rounding count as equal. It returns NaN for more than
// MaxFlips values.
func SignFlip(x []float64) float64 {
	if len(x) > MaxFlips {
		return math.NaN()
	}
	observed, size := 0.0, 0.0
	for _, v := range x {
		observed += v
		size += math.Abs(v)
	}
	// Meet in the middle: every flip is one of the left sums plus one of the
	// right ones, and both lists are sorted.
	left, right := flips(x[:len(x)/2]), flips(x[len(x)/2:])
	least := observed - 1e-10*size
	count, j := 0, len(right)
	for _, u := range left {
		for j > 0 && u+right[j-1] >= least {
			j--
		}
		count += len(right) - j
	}
	return float64(count) / math.Exp2(float64(len(x)))
}

// flips returns the sums of all sign flips of x, ascending.
func flips(x []float64) []float64 {
	sums := []float64{0}
	for _, v := range x {
		next := make([]float64, 0, 2*len(sums))
		for _, s := range sums {
			next = append(next, s-v, s+v)
		}
		sums = next
	}
	slices.Sort(sums)
	return sums
}

// Wilcoxon returns the exact one-sided p-value of the signed-rank test that x
// lies above 0. Zeros are left out; ties share their mid-rank.
func Wilcoxon(x []float64) float64 {
	ranks := signedRanks(x)
	// Twice the ranks are whole numbers, so the null distribution is a count.
	total, positive := 0, 0
	for _, r := range ranks {
		total += abs(r)
		positive += max(r, 0)
	}
	ways := make([]float64, total+1)
	ways[0] = 1
	for _, r := range ranks {
		for s := total; s >= abs(r); s-- {
			ways[s] += ways[s-abs(r)]
		}
	}
	atLeast := 0.0
	for _, w := range ways[positive:] {
		atLeast += w
	}
	return atLeast / math.Exp2(float64(len(ranks)))
}

// signedRanks returns twice the mid-rank of |x| with the sign of x.
func signedRanks(x []float64) []int {
	values := slices.DeleteFunc(slices.Clone(x), func(v float64) bool { return v == 0 })
	slices.SortFunc(values, func(a, b float64) int {
		switch {
		case math.Abs(a) < math.Abs(b):
			return -1
		case math.Abs(a) > math.Abs(b):
			return 1
		}
		return 0
	})
	ranks := make([]int, len(values))
	for from := 0; from < len(values); {
		to := from
		for to < len(values) && math.Abs(values[to]) == math.Abs(values[from]) {
			to++
		}
		for k := from; k < to; k++ {
			ranks[k] = int(math.Copysign(float64(from+to+1), values[k]))
		}
		from = to
	}
	return ranks
}

func abs(x int) int { return max(x, -x) }

// A Mean is the mean of independent differences with its standard error and t.
type Mean struct{ Value, SE, T float64 }

// MeanT describes x, which needs two elements at least.
func MeanT(x []float64) Mean {
	total, variance := spread(x)
	n, se := float64(len(x)), math.Sqrt(variance)
	return Mean{Value: total / n, SE: se / n, T: studentise(total, se)}
}

// Holm returns the p-values adjusted for their number (Holm 1979).
func Holm(p []float64) []float64 {
	order := make([]int, len(p))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int {
		switch {
		case p[i] < p[j]:
			return -1
		case p[i] > p[j]:
			return 1
		}
		return 0
	})
	adjusted, least := make([]float64, len(p)), 0.0
	for rank, i := range order {
		least = math.Max(least, math.Min(1, float64(len(p)-rank)*p[i]))
		adjusted[i] = least
	}
	return adjusted
}
