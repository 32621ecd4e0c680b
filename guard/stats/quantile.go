package stats

import (
	"errors"
	"fmt"
	"math"
)

// ErrZeroQuantile says that a quantile has no logarithm.
var ErrZeroQuantile = errors.New("the quantile is not above zero, so it has no logarithm")

// Quantile returns the quantile q of ascending values by linear interpolation
// (type 7). +Inf values are failures: a rank that touches one is infinite.
func Quantile(ascending []float64, q float64) float64 {
	if len(ascending) == 0 {
		return math.NaN()
	}
	h := q * float64(len(ascending)-1)
	low := int(math.Floor(h))
	if low+1 >= len(ascending) || h == math.Floor(h) {
		return ascending[low]
	}
	a, b := ascending[low], ascending[low+1]
	if math.IsInf(b, 1) {
		return b
	}
	return a + (h-float64(low))*(b-a)
}

// LogQuantile is the logarithm of [Quantile], or ErrZeroQuantile.
func LogQuantile(ascending []float64, q float64) (float64, error) {
	x := Quantile(ascending, q)
	if !(x > 0) {
		return 0, fmt.Errorf("quantile %g is %g: %w", q, x, ErrZeroQuantile)
	}
	return math.Log(x), nil
}

// Ranks are the 1-based order statistics that bound a quantile; an Upper of n+1
// is infinite. Coverage is exact for independent values.
type Ranks struct {
	Lower, Upper int
	Coverage     float64
}

// QuantileRanks bounds the quantile q of n values at a two-sided alpha, without
// any assumption about their distribution.
func QuantileRanks(n int, q, alpha float64) Ranks {
	l := BinomialQuantile(alpha/2, n, q)
	u := BinomialQuantile(1-alpha/2, n, q) + 1
	return Ranks{Lower: l, Upper: u, Coverage: BinomialCDF(u-1, n, q) - BinomialCDF(l-1, n, q)}
}

// McKeanSchrader returns the standard error of the logarithm of the quantile q
// of ascending, independent values (McKean & Schrader 1984). It is NaN where
// the ranks that it needs do not exist or are not positive and finite.
func McKeanSchrader(ascending []float64, q float64) float64 {
	n := float64(len(ascending))
	half := 1.96 * math.Sqrt(n*q*(1-q))
	l, u := int(math.Round(n*q-half)), int(math.Round(n*q+half))
	if l < 1 || u > len(ascending) || !(ascending[l-1] > 0) || math.IsInf(ascending[u-1], 1) {
		return math.NaN()
	}
	return (math.Log(ascending[u-1]) - math.Log(ascending[l-1])) / (2 * 1.96)
}
