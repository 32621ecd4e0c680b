package stats

import "math"

// Bad says how many of a block's requests had a bad outcome, of N in each arm.
type Bad struct {
	N                   int
	Baseline, Candidate float64
}

// WatchBad runs a sign martingale on the differences of bad outcomes between the
// arms of blocks. Its hypothesis, for [Above]: the candidate fails as the
// baseline does, in whatever bursts, so that the arms of a block could be
// exchanged; and of its requests at most the share margin fails besides, each by
// itself. For [Below] it is at least that share. A negative margin exchanges the
// arms.
//
// Without a margin the difference of a block is symmetric about 0. With one it is
// a symmetric part plus a binomial, and each bet is divided by the most that it
// can be expected to win on any such sum; that makes it exact where failures are
// too rare for their difference less the margin to be symmetric. The scale of the
// bets comes from earlier blocks alone.
func WatchBad(blocks []Bad, margin float64, side Side) []Step {
	sign, direction := 1.0, side.direction()
	if margin < 0 {
		sign, margin, direction = -1, -margin, -direction
	}
	prices := map[price]float64{}
	var logs [len(bets)]float64
	squares, out := 0.0, make([]Step, len(blocks))
	for k, b := range blocks {
		n := float64(b.N)
		least := math.Max(1, n*margin*(1-margin))
		scale := coarse(math.Sqrt((squares + least) / float64(k+1)))
		d := sign*(b.Candidate-b.Baseline) - n*margin
		for i, bet := range bets {
			at := price{b.N, margin, direction * bet / scale}
			if _, known := prices[at]; !known {
				prices[at] = math.Log(at.most())
			}
			logs[i] += logOnePlusTanh(at.bet*d) - prices[at]
		}
		squares += d * d
		out[k] = Step{Log: logMean(logs[:]), Sum: sign * d}
	}
	return out
}

// coarse rounds a scale up to one of four to the octave, so that few prices are
// needed.
func coarse(x float64) float64 { return math.Exp2(math.Ceil(4*math.Log2(x)) / 4) }

// A price is that of a bet on a block of n requests.
type price struct {
	n           int
	margin, bet float64
}

// most returns the largest mean of 1 + tanh(bet (D + X - n margin)) over all
// symmetric integers D of up to n, and X binomial: the mixture of two points
// that is worst.
func (p price) most() float64 {
	if p.margin == 0 {
		return 1
	}
	n := p.n
	// wins[n+d] is the mean for D = d.
	wins := make([]float64, 2*n+1)
	factors := make([]float64, 3*n+1)
	for i := range factors {
		factors[i] = 1 + math.Tanh(p.bet*(float64(i-n)-float64(n)*p.margin))
	}
	for x := range n + 1 {
		chance := math.Exp(logBinomial(x, n, p.margin))
		if chance < 1e-18 {
			continue
		}
		for d := range wins {
			wins[d] += chance * factors[d+x]
		}
	}
	most := 1.0
	for d := range n + 1 {
		most = math.Max(most, (wins[n+d]+wins[n-d])/2)
	}
	return most
}

// logBinomial returns the log of the chance of x hits out of n.
func logBinomial(x, n int, p float64) float64 {
	a, _ := math.Lgamma(float64(n + 1))
	b, _ := math.Lgamma(float64(x + 1))
	c, _ := math.Lgamma(float64(n - x + 1))
	return a - b - c + float64(x)*math.Log(p) + float64(n-x)*math.Log1p(-p)
}
