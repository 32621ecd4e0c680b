package chart

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// A scale maps values to coordinates. Values beyond the ends are held at them.
type scale struct {
	from, to float64 // values at the ends, after warp
	lo, hi   float64 // coordinates
	warp     func(float64) float64
}

func (s scale) at(v float64) float64 {
	u := (s.warp(v) - s.from) / (s.to - s.from)
	if math.IsNaN(u) {
		u = 0
	}
	return s.lo + min(max(u, 0), 1)*(s.hi-s.lo)
}

// beyond tells on which side v lies outside the scale: -1, 0 or 1.
func (s scale) beyond(v float64) int {
	const slack = 1e-9
	switch w := s.warp(v); {
	case w < s.from-slack:
		return -1
	case w > s.to+slack:
		return 1
	}
	return 0
}

func plain(v float64) float64 { return v }

// tail is the log-tail warp of percentiles: the share above q counts by its
// power of ten, so that P90, P99 and P99.9 stand equally far apart.
func tail(q float64) float64 { return -math.Log10(max(1-q, 1e-3)) }

func tailScale(lo, hi float64) scale {
	return scale{from: 0, to: 3, lo: lo, hi: hi, warp: tail}
}

// logFrom is the ratio of largest to smallest value from which an axis of
// latencies is logarithmic.
const logFrom = 60

// longest is the end of the longest axis, in nanoseconds: about a year.
const longest = 3e16

// valueScale spans values upwards from lo to hi and returns its ticks: linear
// from zero, or logarithmic where the values span more than logFrom.
func valueScale(smallest, largest, lo, hi float64) (scale, []float64) {
	if largest < 1 { // nothing to show
		smallest, largest = 1e6, 1e6
	}
	smallest, largest = max(smallest, 1), min(largest, longest)
	if largest/smallest > logFrom {
		return logScale(smallest, largest, lo, hi)
	}
	step := niceStep(largest / 5)
	top := math.Ceil(largest/step-1e-9) * step
	var ticks []float64
	for i := 0; float64(i)*step <= top*(1+1e-9); i++ {
		ticks = append(ticks, float64(i)*step)
	}
	return scale{from: 0, to: top, lo: lo, hi: hi, warp: plain}, ticks
}

// logScale ends at ticks of 1, 2 and 5 times powers of ten; of many decades
// only the powers are marked.
func logScale(smallest, largest, lo, hi float64) (scale, []float64) {
	var ticks []float64
	for decade := math.Pow(10, math.Floor(math.Log10(smallest))); decade <= largest*10; decade *= 10 {
		for _, m := range []float64{1, 2, 5} {
			ticks = append(ticks, m*decade)
		}
	}
	first, _ := slices.BinarySearch(ticks, smallest*(1+1e-9))
	last, _ := slices.BinarySearch(ticks, largest*(1-1e-9))
	ticks = ticks[max(first-1, 0) : last+1]
	s := scale{from: math.Log10(ticks[0]), to: math.Log10(ticks[len(ticks)-1]), lo: lo, hi: hi, warp: math.Log10}
	const most = 8
	if len(ticks) > most {
		ticks = slices.DeleteFunc(slices.Clone(ticks), func(v float64) bool {
			l := math.Log10(v)
			return math.Abs(l-math.Round(l)) > 1e-6
		})
	}
	return s, ticks
}

// niceStep rounds up to 1, 2, 2.5 or 5 times a power of ten.
func niceStep(raw float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(raw)))
	for _, m := range []float64{1, 2, 2.5, 5} {
		if m*power >= raw*(1-1e-9) {
			return m * power
		}
	}
	return 10 * power
}

// An Axis says how effects are measured.
type Axis string

// The axes of effects.
const (
	Ratio      Axis = "ratio"      // candidate / baseline, logarithmic, neutral at 1
	Difference Axis = "difference" // candidate - baseline of a share, neutral at 0
)

func (a Axis) neutral() float64 {
	if a == Difference {
		return 0
	}
	return 1
}

func (a Axis) print(v float64) string {
	if a == Difference {
		return Points(v)
	}
	return Change(v)
}

// An effect axis reaches equally far to both sides of neutral, to one of these
// ends; beside it stands what is marked on either side of it.
type effectEnd struct {
	end         float64
	below, over []float64
}

func ratioEnds() []effectEnd {
	return []effectEnd{
		{1.12, []float64{.9, .95}, []float64{1.05, 1.1}},
		{1.26, []float64{.8, .9}, []float64{1.1, 1.2}},
		{1.55, []float64{.7, .85}, []float64{1.2, 1.5}},
		{2.1, []float64{.5, .75}, []float64{1.5, 2}},
		{4.2, []float64{.25, .5}, []float64{2, 4}},
	}
}

func pointsEnds() []float64 { return []float64{.01, .02, .05, .1, .2, .5, 1} }

// Interval prints two bounds on the axis: [-2.8 %, +0.4 %], [-0.4, +0.4] points.
func (a Axis) Interval(lower, upper float64) string {
	const unit = " points"
	if a == Difference {
		return "[" + strings.TrimSuffix(Points(lower), unit) + ", " + strings.TrimSuffix(Points(upper), unit) + "]" + unit
	}
	return "[" + Change(lower) + ", " + Change(upper) + "]"
}

// tick prints a value of the axis without digits that say nothing.
func (a Axis) tick(v float64) string {
	switch {
	case v == a.neutral():
		return "equal"
	case a == Difference:
		return fmt.Sprintf("%+g points", math.Round(v*1e4)/100)
	}
	return fmt.Sprintf("%+g %%", math.Round((v-1)*1e4)/100)
}

// effectScale spans values symmetrically around neutral and returns its ticks.
func (a Axis) effectScale(values []float64, lo, hi float64) (scale, []float64) {
	if a == Difference {
		return differenceScale(values, lo, hi)
	}
	reach := 0.0
	for _, v := range values {
		if v > 0 && !math.IsInf(v, 0) {
			reach = max(reach, math.Abs(math.Log(v)))
		}
	}
	ends := ratioEnds()
	at := slices.IndexFunc(ends, func(e effectEnd) bool { return math.Log(e.end) >= reach })
	if at < 0 {
		at = len(ends) - 1
	}
	e := ends[at]
	s := scale{from: -math.Log(e.end), to: math.Log(e.end), lo: lo, hi: hi, warp: math.Log}
	return s, slices.Concat(e.below, []float64{1}, e.over)
}

func differenceScale(values []float64, lo, hi float64) (scale, []float64) {
	reach := 0.0
	for _, v := range values {
		if !math.IsNaN(v) && !math.IsInf(v, 0) {
			reach = max(reach, math.Abs(v))
		}
	}
	ends := pointsEnds()
	at := slices.IndexFunc(ends, func(end float64) bool { return end >= reach })
	if at < 0 {
		at = len(ends) - 1
	}
	end := ends[at]
	s := scale{from: -end * 1.15, to: end * 1.15, lo: lo, hi: hi, warp: plain}
	return s, []float64{-end, -end / 2, 0, end / 2, end}
}
