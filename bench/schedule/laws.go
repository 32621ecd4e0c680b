package schedule

import (
	"math/rand/v2"

	"gonum.org/v1/gonum/stat/distuv"
)

// gaps returns the source of the law's gaps, in mean gaps: independent for all
// laws but OnOff, whose spells last over several.
func (s Spec) gaps(source rand.Source) func() float64 {
	switch s.Kind {
	case Gamma:
		return distuv.Gamma{Alpha: s.Shape, Beta: s.Shape, Src: source}.Rand
	case OnOff:
		return s.interrupted(rand.New(source))
	case Constant:
		return func() float64 { return 1 }
	}
	return rand.New(source).ExpFloat64
}

// interrupted draws the gaps of an interrupted Poisson process, which begins
// with a spell of starts.
func (s Spec) interrupted(r *rand.Rand) func() float64 {
	on, off := s.On.Seconds()*s.PerSecond, s.Off.Seconds()*s.PerSecond // in mean gaps
	rate := (on + off) / on                                            // within a spell, so that the mean is 1
	left := r.ExpFloat64() * on
	return func() float64 {
		gap := r.ExpFloat64() / rate
		waited := 0.0
		for gap > left { // exponential gaps have no memory: the rest is drawn anew
			waited += left + r.ExpFloat64()*off
			left = r.ExpFloat64() * on
			gap = r.ExpFloat64() / rate
		}
		left -= gap
		return waited + gap
	}
}
