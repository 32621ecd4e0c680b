package proof

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
)

// A Goal is a claim about the judge, with the figures that it has to reach.
type Goal struct {
	Name string // P1
	Asks string // in a sentence
	// Path says through which code a repetition goes.
	Path string
	// Note is what a reader needs to know of the reading that was taken.
	Note string
	// Cells are the figures; a goal without any stands elsewhere.
	Cells []Cell
	// Elsewhere says what holds a goal that has no cells: the goal that replaces
	// it, or the test that shows it.
	Elsewhere string
	Tests     []Test
}

// A Test is where a goal is held that is not simulated.
type Test struct{ File, Func string }

// A Cell is one figure of a goal, found by repeating one thing many times.
type Cell struct {
	Name string // within its goal; together they are the seed
	Kind Kind
	Bound
	World Model
	// Try makes one repetition: 0 or 1 for a Percent, else the number itself;
	// +Inf is "never" and has a place in a median only.
	Try func(m Model, s *Scratch, r *rand.Rand) float64
	// Dear is by how much fewer repetitions the cell gets; 0 means 1.
	Dear int
	// Unit is that of a mean or a median; "" means pairs.
	Unit string
	// Alone gives a cell the process to itself: one repetition after the other.
	Alone bool
}

// A Kind is what is made of the outcomes of all repetitions.
type Kind int

// The kinds.
const (
	Percent Kind = iota // of outcomes that are 1
	Points              // mean of outcomes -1, 0 and 1, times a hundred
	Mean                // of numbers
	Median              // of numbers, +Inf among them
)

// A Bound is between what a figure has to lie; a side that is not needed is
// infinite.
type Bound struct{ Least, Most float64 }

// atMost, atLeast and between are bounds on a figure.
func atMost(x float64) Bound     { return Bound{math.Inf(-1), x} }
func atLeast(x float64) Bound    { return Bound{x, math.Inf(1)} }
func between(x, y float64) Bound { return Bound{x, y} }

// unbounded is for figures that are only shown.
var unbounded = Bound{math.Inf(-1), math.Inf(1)}

// Met tells whether x, as printed, lies within b. A bound of 100 % was printed in
// whole percents and means 99.5.
func (b Bound) Met(x float64) bool {
	least := b.Least
	if least == 100 {
		least = 99.5
	}
	return x >= least && x <= b.Most
}

// In writes "at most 6 %", "31 % or more", "3.5 to 6.5 %" or "none".
func (b Bound) In(unit string) string {
	switch {
	case b == unbounded:
		return "none"
	case math.IsInf(b.Least, -1):
		return fmt.Sprintf("at most %g %s", b.Most, unit)
	case math.IsInf(b.Most, 1):
		return fmt.Sprintf("%g %s or more", b.Least, unit)
	}
	return fmt.Sprintf("%g to %g %s", b.Least, b.Most, unit)
}

// A Figure is what the repetitions of a cell came to, in the unit of its bound.
type Figure struct {
	Value float64
	// Error is the Monte-Carlo standard error of Value.
	Error       float64
	Repetitions int
}

// figure folds outcomes, which it may reorder, into a figure of the kind.
func (k Kind) figure(outcomes []float64) Figure {
	if k == Median {
		return medianOf(outcomes)
	}
	n, sum := float64(len(outcomes)), 0.0
	for _, x := range outcomes {
		sum += x
	}
	mean, squares := sum/n, 0.0
	for _, x := range outcomes {
		squares += (x - mean) * (x - mean)
	}
	unit := 100.0
	if k == Mean {
		unit = 1
	}
	return Figure{Value: unit * mean, Error: unit * math.Sqrt(squares/n/n), Repetitions: len(outcomes)}
}

// medianOf reads the error off the order statistics one standard deviation of
// the binomial rank to either side.
func medianOf(outcomes []float64) Figure {
	slices.Sort(outcomes)
	n := len(outcomes)
	at := func(rank float64) float64 { return outcomes[min(max(int(rank), 0), n-1)] }
	half := math.Sqrt(float64(n)) / 2
	f := Figure{Value: at(float64(n-1) / 2), Repetitions: n}
	if low, high := at(float64(n)/2-half), at(float64(n)/2+half); !math.IsInf(high, 1) {
		f.Error = (high - low) / 2
	} else if !math.IsInf(f.Value, 1) {
		f.Error = math.Inf(1)
	}
	return f
}

func one(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}
