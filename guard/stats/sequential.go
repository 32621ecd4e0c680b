package stats

import (
	"math"

	"gonum.org/v1/gonum/integrate/quad"
)

// The boundaries of this file are for a statistic that is looked at a planned
// number of times: z-values, one-sided, one for each look. With few blocks
// compare the p-value of t at a look with TailNormal(z).

// OBrienFleming returns the boundaries z_k = C sqrt(looks/k) for equally spaced
// looks (O'Brien & Fleming 1979), with the C at which the chance of any crossing
// is alpha: hard to pass early, hardly above the fixed test at the end.
func OBrienFleming(alpha float64, looks int) []float64 {
	times := EqualLooks(looks)
	return scaled(NewPlan(times).constant(alpha), times)
}

// EqualLooks returns the shares of the sample at which looks are taken: 1/looks,
// 2/looks, ... 1.
func EqualLooks(looks int) []float64 {
	times := make([]float64, looks)
	for k := range times {
		times[k] = float64(k+1) / float64(looks)
	}
	return times
}

func scaled(c float64, times []float64) []float64 {
	z := make([]float64, len(times))
	for k, t := range times {
		z[k] = c / math.Sqrt(t)
	}
	return z
}

// SpentOBF returns how much of alpha may be spent up to the share t of the
// sample, by the O'Brien-Fleming-like function of Lan & DeMets (1983).
func SpentOBF(alpha, t float64) float64 {
	return 2 * TailNormal(QuantileNormal(alpha/2)/math.Sqrt(t))
}

// Spending returns the boundaries for looks at the shares times of the sample,
// ascending to 1, such that the chance of crossing up to each is spent(time),
// which grows to alpha. The looks need not be planned, only be taken without
// regard to what they showed.
func Spending(times []float64, spent func(t float64) float64) []float64 {
	w := start()
	z := make([]float64, len(times))
	before := 0.0
	for k, t := range times {
		share := spent(t) - before
		before += share
		step, far := w.step(t), 40*math.Sqrt(t)
		edge := math.Inf(1) // for a share that no boundary is far enough for
		if share > w.above(far, step) {
			edge = root(-far, far, func(edge float64) float64 { return math.Log(w.above(edge, step) / share) })
		}
		z[k] = edge / math.Sqrt(t)
		w = w.next(t, edge)
	}
	return z
}

// Crossing returns the chance that a statistic without any effect crosses one of
// the boundaries z at the shares times of the sample.
func Crossing(times, z []float64) float64 {
	w, crossed := start(), 0.0
	for k, t := range times {
		edge := z[k] * math.Sqrt(t)
		crossed += w.above(edge, w.step(t))
		w = w.next(t, edge)
	}
	return crossed
}

// A walk is where a Brownian motion may be at a time, as far as it has not
// crossed: mass at nodes (Armitage, McPherson & Rowe 1969).
type walk struct {
	time     float64
	at, mass []float64
}

func start() walk { return walk{at: []float64{0}, mass: []float64{1}} }

// step returns the standard deviation of the way to time t.
func (w walk) step(t float64) float64 { return math.Sqrt(t - w.time) }

// above returns the mass that steps above edge.
func (w walk) above(edge, step float64) float64 {
	total := 0.0
	for i, x := range w.at {
		total += w.mass[i] * TailNormal((edge-x)/step)
	}
	return total
}

// next returns the walk at time t, of what is then below edge.
func (w walk) next(t, edge float64) walk {
	const nodes, reach = 8, 8 // Gauss-Legendre nodes per panel, s.d. below zero
	step := w.step(t)
	low := -reach * math.Sqrt(t)
	if edge <= low {
		return walk{time: t}
	}
	high := math.Min(edge, reach*math.Sqrt(t))
	panels := int(math.Ceil((high - low) / step))
	out := walk{time: t, at: make([]float64, nodes*panels), mass: make([]float64, nodes*panels)}
	width := (high - low) / float64(panels)
	for p := range panels {
		from, to := nodes*p, nodes*(p+1)
		left := low + float64(p)*width
		quad.Legendre{}.FixedLocations(out.at[from:to], out.mass[from:to], left, left+width)
	}
	for j, y := range out.at {
		out.mass[j] *= w.density(y, step)
	}
	return out
}

// density returns that of the walk after a step, at y.
func (w walk) density(y, step float64) float64 {
	total := 0.0
	for i, x := range w.at {
		d := (y - x) / step
		total += w.mass[i] * math.Exp(-d*d/2)
	}
	return total / (step * math.Sqrt(2*math.Pi))
}

// root returns where the falling f is 0 between lo and hi, by the Illinois
// variant of false position.
func root(lo, hi float64, f func(float64) float64) float64 {
	atLo, atHi := f(lo), f(hi)
	last, kept := math.NaN(), 0 // the end that stayed last: -1 lo, 1 hi
	for range 200 {
		x := hi - atHi*(hi-lo)/(atHi-atLo)
		if !(x > lo && x < hi) { // infinite ends, or as near as it gets
			x = lo + (hi-lo)/2
		}
		y := f(x)
		if y == 0 || math.Abs(x-last) < 1e-13 {
			return x
		}
		last = x
		if y > 0 {
			lo, atLo = x, y
			if kept == 1 {
				atHi /= 2
			}
			kept = 1
		} else {
			hi, atHi = x, y
			if kept == -1 {
				atLo /= 2
			}
			kept = -1
		}
	}
	return lo + (hi-lo)/2
}
