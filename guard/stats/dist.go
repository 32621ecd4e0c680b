package stats

import (
	"math"

	"gonum.org/v1/gonum/mathext"
	"gonum.org/v1/gonum/stat/distuv"
)

// TailT returns P(T > t) for Student's t with df degrees of freedom. It keeps
// its relative precision far out in the tail.
func TailT(t, df float64) float64 {
	switch {
	case math.IsNaN(t) || df <= 0:
		return math.NaN()
	case math.IsInf(t, 1):
		return 0
	case math.IsInf(t, -1):
		return 1
	}
	half := mathext.RegIncBeta(df/2, .5, df/(df+t*t)) / 2
	if t < 0 {
		return 1 - half
	}
	return half
}

// QuantileT returns the t that is exceeded with probability tail; df >= 1.
func QuantileT(tail, df float64) float64 {
	return -distuv.StudentsT{Mu: 0, Sigma: 1, Nu: df}.Quantile(tail)
}

// TailNormal returns P(Z > z).
func TailNormal(z float64) float64 { return math.Erfc(z/math.Sqrt2) / 2 }

// QuantileNormal returns the z that is exceeded with probability tail.
func QuantileNormal(tail float64) float64 { return -distuv.UnitNormal.Quantile(tail) }

// BinomialCDF returns P(X <= k) for X ~ Bin(n, p).
func BinomialCDF(k, n int, p float64) float64 {
	switch {
	case k < 0:
		return 0
	case k >= n:
		return 1
	}
	return mathext.RegIncBeta(float64(n-k), float64(k+1), 1-p)
}

// BinomialQuantile returns the smallest k with P(X <= k) >= q.
func BinomialQuantile(q float64, n int, p float64) int {
	lo, hi := 0, n
	for lo < hi {
		mid := (lo + hi) / 2
		if BinomialCDF(mid, n, p) >= q {
			hi = mid
		} else {
			lo = mid + 1
		}
	}
	return lo
}

// FairCoin returns the exact two-sided p-value of k heads in n throws.
func FairCoin(k, n int) float64 {
	if n == 0 {
		return 1
	}
	return math.Min(1, 2*BinomialCDF(min(k, n-k), n, .5))
}
