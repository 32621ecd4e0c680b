package stats

import (
	"math"

	"gonum.org/v1/gonum/integrate/quad"
)

// A Plan is the looks that are planned at a statistic, under boundaries of the
// shape of O'Brien & Fleming (1979): z_k = C / sqrt(time_k), whatever C. Seen as
// a Brownian motion, such a boundary is the one level C at all looks, so that
// what steps from look to look, counted from the level, is the same for every C
// and is worked out once. A Plan is read-only and safe for several goroutines.
type Plan struct {
	times []float64
	// below are places under the level, and weight what they stand for in an
	// integral.
	below, weight []float64
	steps         []*step // from look k to look k+1
}

// A step is how a motion gets from one look to the next.
type step struct {
	over []float64   // the chance to be above the level, by the place it starts from
	to   [][]float64 // the density at a place, by the place it starts from
}

const (
	farLevel = 8 // a level that is passed in one of 10^15 runs
	reach    = 8 // s.d. below zero beyond which nothing is looked for
)

// NewPlan works out the plan of looks at the shares times of the sample,
// ascending to 1.
func NewPlan(times []float64) *Plan {
	p := &Plan{times: times}
	width := 1.0
	for k := range times[1:] {
		width = math.Min(width, math.Sqrt(times[k+1]-times[k]))
	}
	p.place(width)
	known := map[int64]*step{} // looks a block more or less apart have two lengths
	for k := range times[1:] {
		length := times[k+1] - times[k]
		key := int64(math.Round(length * 1e12))
		if known[key] == nil {
			known[key] = p.step(math.Sqrt(length))
		}
		p.steps = append(p.steps, known[key])
	}
	return p
}

// place lays out Gauss-Legendre nodes in panels of the width of the shortest step.
func (p *Plan) place(width float64) {
	const nodes = 8
	panels := int(math.Ceil((farLevel + reach) / width))
	p.below, p.weight = make([]float64, nodes*panels), make([]float64, nodes*panels)
	for i := range panels {
		from, to := nodes*i, nodes*(i+1)
		left := float64(i) * width
		quad.Legendre{}.FixedLocations(p.below[from:to], p.weight[from:to], left, left+width)
	}
}

func (p *Plan) step(sd float64) *step {
	n := len(p.below)
	s := &step{over: make([]float64, n), to: make([][]float64, n)}
	for i, from := range p.below {
		s.over[i] = TailNormal(from / sd)
		s.to[i] = make([]float64, n)
		for j, to := range p.below {
			s.to[i][j] = density((from-to)/sd) / sd
		}
	}
	return s
}

func density(z float64) float64 { return math.Exp(-z*z/2) / math.Sqrt(2*math.Pi) }

// crossing returns the chance that a motion without any effect is above the
// level at some look.
func (p *Plan) crossing(level float64) float64 {
	switch {
	case level > farLevel: // no more than the looks one by one
		sum := 0.0
		for _, t := range p.times {
			sum += TailNormal(level / math.Sqrt(t))
		}
		return sum
	case level < -farLevel:
		return 1
	}
	first := math.Sqrt(p.times[0])
	crossed := TailNormal(level / first)
	n := 0
	for n < len(p.below) && p.below[n] < level+reach {
		n++
	}
	mass, next := make([]float64, n), make([]float64, n)
	for i := range mass {
		mass[i] = p.weight[i] * density((level-p.below[i])/first) / first
	}
	for k, s := range p.steps {
		for i, m := range mass {
			crossed += m * s.over[i]
		}
		if k < len(p.steps)-1 {
			s.walk(mass, next, p.weight)
			mass, next = next, mass
		}
	}
	return math.Min(1, crossed)
}

// walk fills next with the mass after the step, of what stays below the level.
func (s *step) walk(mass, next, weight []float64) {
	clear(next)
	for i, m := range mass {
		if m == 0 {
			continue
		}
		to := s.to[i][:len(next)]
		for j := range next {
			next[j] += m * to[j]
		}
	}
	for j := range next {
		next[j] *= weight[j]
	}
}

// constant returns the C whose boundaries are crossed with probability alpha.
func (p *Plan) constant(alpha float64) float64 {
	// A Brownian motion at a time before 1 passes C less often than at 1.
	lo, hi := QuantileNormal(alpha), QuantileNormal(alpha/float64(len(p.times)))
	return root(lo, hi, func(c float64) float64 { return p.crossing(c) - alpha })
}

// Repeated turns the one-sided p-value of a look, counted from 1, into a repeated
// p-value (Jennison & Turnbull 2000, chapter 9): the alpha whose boundary passes
// just through what the look showed. The chance that it is ever at most alpha, at
// whichever look, is alpha; so it may be corrected for several metrics like any
// other p-value, and needs no boundary for each alpha that the correction uses.
func (p *Plan) Repeated(value float64, look int) float64 {
	switch {
	case math.IsNaN(value) || value <= 0 || value >= 1:
		return value
	}
	level := QuantileNormal(value) * math.Sqrt(p.times[look-1])
	return math.Max(value, p.crossing(level))
}

// Tail returns the level at which a one-sided bound is to be taken at a look,
// counted from 1, so that the bounds of all looks hold together at alpha
// (repeated confidence bounds).
func (p *Plan) Tail(alpha float64, look int) float64 {
	return TailNormal(p.constant(alpha) / math.Sqrt(p.times[look-1]))
}
