package stats

import (
	"math"
	"slices"
)

// Energies returns, for every split of x that leaves two values on each side,
// the E-divisive statistic (Matteson & James 2014): how much farther apart
// values lie across the split than on either side, weighted with its size. The
// first is of a split after two values; there is none for fewer than four.
func Energies(x []float64) []float64 {
	if len(x) < 4 {
		return nil
	}
	d := newDistances(x)
	energies := make([]float64, 0, len(x)-3)
	for at := 2; at <= len(x)-2; at++ {
		energies = append(energies, d.energy(at, len(x)))
	}
	return energies
}

// distances holds sums of |x - y| over the first values, so that every energy
// takes constant time.
type distances struct {
	sum  [][]float64 // sum[i][j] over the first i and the first j values
	size int
}

func newDistances(x []float64) distances {
	n := len(x)
	d := distances{sum: make([][]float64, n+1), size: n}
	d.sum[0] = make([]float64, n+1)
	for i := range n {
		d.sum[i+1] = make([]float64, n+1)
		row := 0.0
		for j := range n {
			row += math.Abs(x[i] - x[j])
			d.sum[i+1][j+1] = d.sum[i][j+1] + row
		}
	}
	return d
}

// energy compares the values before at with those from there to end.
func (d distances) energy(at, end int) float64 {
	n, m := float64(at), float64(end-at)
	left := d.sum[at][at]
	across := d.sum[at][end] - left
	right := d.sum[end][end] - 2*across - left
	// left and right count every pair twice: their means divide by n (n-1).
	return n * m / (n + m) * (2*across/(n*m) - left/(n*(n-1)) - right/(m*(m-1)))
}

// best returns the split with the largest energy over all ends; ok is false if
// there is none.
func (d distances) best() (at, end int, ok bool) {
	most := math.Inf(-1)
	for e := 4; e <= d.size; e++ {
		for a := 2; a <= e-2; a++ {
			if energy := d.energy(a, e); energy > most {
				most, at, end = energy, a, e
			}
		}
	}
	return at, end, !math.IsInf(most, -1)
}

// Changes says which changes count. The zero value asks for the defaults.
type Changes struct {
	// Window is how many values are looked at together and on each side of a
	// change; default 50, at least 4.
	Window int
	// P is the two-sided p-value of t that a change must stay under; default
	// .001. Splits are found with ten times as much, and then merged.
	P float64
	// Least is the smallest relative change of the mean; default 0.
	Least float64
}

func (c Changes) withDefaults() Changes {
	if c.Window == 0 {
		c.Window = 50
	}
	c.Window = max(c.Window, 4)
	if c.P == 0 {
		c.P = .001
	}
	return c
}

// A Change is a place in a history where its mean changed.
type Change struct {
	// Index is that of the first value after the change.
	Index int
	// Before and After are the means on both sides, up to the neighbouring
	// changes or a window.
	Before, After float64
	// P is the p-value of t between the sides. The place was chosen, so it is
	// smaller than it should be: it ranks changes and proves none.
	P float64
}

// Find returns the changes in x, ascending, in the way of Hunter (Fleming et al.
// 2023): windows are split at the largest energy as long as the sides differ
// at the weak level, and the weakest splits are merged until all that are left
// count. It is for reading a history, not for a gate. It is deterministic.
func (c Changes) Find(x []float64) []Change {
	c = c.withDefaults()
	var found []int
	for from := 0; from < len(x); {
		to := min(from+c.Window, len(x))
		found = append(found, c.split(x[from:to], from)...)
		if to == len(x) {
			break
		}
		// Windows overlap, but none sees a change that was found before it.
		from += c.Window / 2
		if len(found) > 0 {
			from = max(from, found[len(found)-1])
		}
	}
	slices.Sort(found)
	return c.merge(x, slices.Compact(found))
}

// split returns the weak changes of x, which starts at offset.
func (c Changes) split(x []float64, offset int) []int {
	at, end, ok := newDistances(x).best()
	if !ok || twoSidedT(x[:at], x[at:end]) > 10*c.P {
		return nil
	}
	left, right := c.split(x[:at], offset), c.split(x[at:], offset+at)
	return slices.Concat(left, []int{offset + at}, right)
}

// merge removes the weakest change until all count.
func (c Changes) merge(x []float64, at []int) []Change {
	for {
		changes := c.describe(x, at)
		weakest := -1
		for i, change := range changes {
			if c.counts(change) {
				continue
			}
			if weakest < 0 || change.P > changes[weakest].P {
				weakest = i
			}
		}
		if weakest < 0 {
			return changes
		}
		at = slices.Delete(at, weakest, weakest+1)
	}
}

func (c Changes) counts(change Change) bool {
	return change.P < c.P && math.Abs(change.After-change.Before) >= c.Least*math.Abs(change.Before)
}

func (c Changes) describe(x []float64, at []int) []Change {
	changes := make([]Change, len(at))
	for i, index := range at {
		from, to := 0, len(x)
		if i > 0 {
			from = at[i-1]
		}
		if i+1 < len(at) {
			to = at[i+1]
		}
		before, after := x[max(from, index-c.Window):index], x[index:min(to, index+c.Window)]
		changes[i] = Change{Index: index, Before: mean(before), After: mean(after), P: twoSidedT(before, after)}
	}
	return changes
}

// twoSidedT returns the p-value of Student's t with pooled variance; 1 where
// it cannot tell.
func twoSidedT(x, y []float64) float64 {
	if len(x) < 2 || len(y) < 2 {
		return 1
	}
	n, m := float64(len(x)), float64(len(y))
	pooled := (squaresAround(x) + squaresAround(y)) / (n + m - 2)
	t := studentise(mean(y)-mean(x), math.Sqrt(pooled*(1/n+1/m)))
	return math.Min(1, 2*TailT(math.Abs(t), n+m-2))
}

func mean(x []float64) float64 {
	total := 0.0
	for _, v := range x {
		total += v
	}
	return total / float64(len(x))
}

func squaresAround(x []float64) float64 {
	middle, squares := mean(x), 0.0
	for _, v := range x {
		squares += (v - middle) * (v - middle)
	}
	return squares
}

// Predict returns the one-sided bounds, at 1-alpha each, for the next value of a
// history of independent, normal values: t with the spread of the values and
// the error of their mean. It is infinite for fewer than two.
func Predict(history []float64, alpha float64) (lower, upper float64) {
	h := float64(len(history))
	if h < 2 {
		return math.Inf(-1), math.Inf(1)
	}
	half := QuantileT(alpha, h-1) * math.Sqrt(squaresAround(history)/(h-1)*(1+1/h))
	middle := mean(history)
	return middle - half, middle + half
}
