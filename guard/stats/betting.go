package stats

import (
	"fmt"
	"math"
)

// A Betting is a confidence sequence for the mean of values between 0 and 1,
// whatever their distribution, that may be looked at after every one: the means
// against which two gamblers, one for larger and one for smaller, have not won
// enough (hedged capital, Waudby-Smith & Ramdas 2024). Each value's mean must be
// the same given those before it.
//
// For the mean difference b - a of paired scores between 0 and 1 give
// (b-a+1)/2, or such means of blocks, and read 2m - 1 off it.
type Betting struct {
	alpha          float64
	n              int
	sum            float64
	deviations     float64   // sum of squares, each from the mean at its time
	larger, lesser []float64 // log capital by cell
}

// bettingCap is the share of the capital that may be lost in one bet.
const bettingCap = .5

// NewBetting returns a sequence at 1-alpha that tells means apart that lie in
// different cells of a grid; 2000 cells are usual.
func NewBetting(alpha float64, cells int) *Betting {
	return &Betting{alpha: alpha, larger: make([]float64, cells), lesser: make([]float64, cells)}
}

// Add takes a value between 0 and 1 and refuses any other, unchanged.
func (b *Betting) Add(x float64) error {
	if !(x >= 0 && x <= 1) {
		return fmt.Errorf("%v is not between 0 and 1", x)
	}
	bet := b.bet()
	for i := range b.larger {
		m := b.mean(i)
		b.larger[i] += math.Log1p(math.Min(bet, bettingCap/m) * (x - m))
		b.lesser[i] += math.Log1p(-math.Min(bet, bettingCap/(1-m)) * (x - m))
	}
	b.n++
	b.sum += x
	d := x - (.5+b.sum)/float64(b.n+1)
	b.deviations += d * d
	return nil
}

// bet is the stake on the next value, from those before it.
func (b *Betting) bet() float64 {
	next := float64(b.n + 1)
	variance := (.25 + b.deviations) / next
	return math.Sqrt(2 * math.Log(2/b.alpha) / (variance * next * math.Log1p(next)))
}

// mean is the middle of cell i.
func (b *Betting) mean(i int) float64 { return (float64(i) + .5) / float64(len(b.larger)) }

// Interval returns the middles of the first and the last cell that are left; the
// mean itself may lie half a cell beyond. Both are NaN if no cell is left.
func (b *Betting) Interval() (lower, upper float64) {
	lower, upper = math.NaN(), math.NaN()
	bar := math.Log(2 / b.alpha)
	for i := range b.larger {
		if math.Max(b.larger[i], b.lesser[i]) >= bar {
			continue
		}
		if math.IsNaN(lower) {
			lower = b.mean(i)
		}
		upper = b.mean(i)
	}
	return lower, upper
}
