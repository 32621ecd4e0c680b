package chart

import (
	"math"
	"strconv"
	"strings"
)

// Unknown is printed where there is no number.
const Unknown = "–"

// Duration prints nanoseconds to three digits with the unit that suits them:
// 812 µs, 12.4 ms, 1.24 s. Infinity is ∞, NaN is Unknown.
func Duration(ns float64) string {
	switch a := math.Abs(ns); {
	case math.IsNaN(ns):
		return Unknown
	case math.IsInf(ns, 1):
		return "∞"
	case a == 0:
		return "0 ms"
	case a < 999.5:
		return digits(ns) + " ns"
	case a < 999.5e3:
		return digits(ns/1e3) + " µs"
	case a < 999.5e6:
		return digits(ns/1e6) + " ms"
	default:
		return digits(ns/1e9) + " s"
	}
}

// digits prints three significant digits, and every digit before the point.
func digits(x float64) string {
	decimals := 2
	switch a := math.Abs(x); {
	case a >= 99.95:
		decimals = 0
	case a >= 9.995:
		decimals = 1
	}
	return strconv.FormatFloat(x, 'f', decimals, 64)
}

// most is the largest change that is printed as it is: a bound beyond ten times
// more says only that nothing bounds it.
const most = 11

// Change prints a ratio as a change: 1.053 is +5.3 %, and whatever is beyond ten
// times more is > +1000 %.
func Change(ratio float64) string {
	if s, odd := oddity(ratio); odd {
		return s
	}
	if ratio > most {
		return "> +1000 %"
	}
	return signed(100*(ratio-1)) + " %"
}

// Points prints a difference of shares in percentage points: -0.015 is
// -1.5 points.
func Points(difference float64) string {
	if s, odd := oddity(difference); odd {
		return s
	}
	return signed(100*difference) + " points"
}

func oddity(x float64) (string, bool) {
	switch {
	case math.IsNaN(x):
		return Unknown, true
	case math.IsInf(x, 1):
		return "∞", true
	case math.IsInf(x, -1):
		return "-∞", true
	}
	return "", false
}

// signed prints a number of percent with its sign: one decimal, two under one
// percent, none from a hundred.
func signed(x float64) string {
	decimals := 1
	switch a := math.Abs(x); {
	case a >= 99.95:
		decimals = 0
	case a < 0.995:
		decimals = 2
	}
	s := strconv.FormatFloat(x, 'f', decimals, 64)
	if strings.Trim(s, "-0.") == "" {
		return "0"
	}
	if x > 0 {
		s = "+" + s
	}
	return s
}
