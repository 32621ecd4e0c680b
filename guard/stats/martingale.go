package stats

import (
	"math"
)

// bets are the sizes over which the sign martingale averages.
var bets = [...]float64{.1, .2, .4, .8, 1.6}

// A Martingale gathers evidence that block sums lie above 0, under the sole
// assumption that each is symmetric given the blocks before it. Its value may be
// looked at after every block: the chance that it ever passes 1/alpha is at
// most alpha when the assumption holds. The zero value is ready.
type Martingale struct {
	blocks  int
	squares float64 // of the sums of earlier blocks
	logs    [len(bets)]float64
}

// Add takes the sum of one block's scores and the sum of their squares.
func (m *Martingale) Add(sum, squares float64) {
	m.blocks++
	scale := math.Sqrt((m.squares + squares) / float64(m.blocks))
	z := 0.0
	if scale > 0 {
		z = sum / scale
	}
	for i, bet := range bets {
		m.logs[i] += logOnePlusTanh(bet * z)
	}
	m.squares += sum * sum
}

// Log returns the logarithm of the evidence; reject when it is at least
// log(1/alpha).
func (m *Martingale) Log() float64 { return logMean(m.logs[:]) }

// logOnePlusTanh returns log(1 + tanh(x)), also where that underflows.
func logOnePlusTanh(x float64) float64 {
	if x < -350 {
		return math.Ln2 + 2*x
	}
	return math.Ln2 - math.Log1p(math.Exp(-2*x))
}

// logMean returns the logarithm of the mean of exp(x); of evidence that is all
// lost it is minus infinity.
func logMean(x []float64) float64 {
	top := math.Inf(-1)
	for _, v := range x {
		top = math.Max(top, v)
	}
	if math.IsInf(top, 0) {
		return top
	}
	sum := 0.0
	for _, v := range x {
		sum += math.Exp(v - top)
	}
	return top + math.Log(sum/float64(len(x)))
}
