package proof

import (
	"math"
	"math/rand/v2"
)

// A Model says how the latencies of one simulated comparison come about: pairs
// of the same item in the same block, drawn as logarithms. Its zero value, with
// Pairs and Blocks set, is two equal lognormal arms whose pairs share nothing.
//
// What a latency is made of, as shares of its variance on the log scale (in the
// bimodal shape: of the normal variate that is mapped to it):
//
//	Drift             a slow environment, .2 where there is one
//	Rho of the rest   the item, the same in both arms
//	what is left      the request, new in each arm, or correlated in time by Auto
//
// Restart offsets come on top of it.
type Model struct {
	Shape         Shape
	Pairs, Blocks int
	// Rho is the share of the variance that lies between items.
	Rho float64
	// Auto is the coefficient of an AR(1) process in each arm, over its requests
	// in order, in place of independent requests.
	Auto  float64
	Drift Drift
	// Restart is the standard deviation of the log factor that each process
	// carries: one process per arm and block, or with OneProcess per arm.
	Restart    float64
	OneProcess bool
	// Slower is by how much the candidate is slower (.05: 5 %), and Tail by how
	// much what is among its slowest tenth is slower, or that alone.
	Slower, Tail float64
	// Narrower is by how much less the candidate's latencies spread on the log
	// scale, about their P95, which stays where it is.
	Narrower float64
	// Predictor enriches the sample with items from the tail: it is the share of
	// the variance between items that a prediction explains (1: all). 0 draws
	// items as they come.
	Predictor float64
}

// A Shape is a distribution of latencies.
type Shape int

// The shapes.
const (
	Lognormal Shape = iota // sigma .5
	Bimodal                // nine in ten about 400 ms, the rest about 2.5 s, sigma .25 each
)

// A Drift is an environment that changes slowly: AR(1) with coefficient .99
// over the pairs in order, with a fifth of the variance.
type Drift int

// The drifts.
const (
	NoDrift       Drift = iota
	SharedDrift         // both halves of a pair see the same environment
	SeparateDrift       // each arm has its own
)

const (
	sigma      = .5
	median     = 20e6 // nanoseconds
	driftShare = .2
	driftAuto  = .99
	slowest    = 1.2815515655446004 // the normal quantile .9
	z95        = 1.6448536269514722 // and .95
)

// A process is an AR(1) process of variance 1, started where it is stationary.
type process struct{ coefficient, fresh, at float64 }

func newProcess(coefficient float64, r *rand.Rand) process {
	return process{coefficient, math.Sqrt(1 - coefficient*coefficient), r.NormFloat64()}
}

func (p *process) next(r *rand.Rand) float64 {
	p.at = p.coefficient*p.at + p.fresh*r.NormFloat64()
	return p.at
}

// A table is the pairs of one repetition, reused by the next one.
type table struct {
	baseline, candidate []float64 // log nanoseconds
	block               []int
	weight              []float64 // nil: all 1
	stratum             []int     // of each pair, where items are stratified
}

func (t *table) resize(n int) {
	if cap(t.baseline) < n {
		t.baseline, t.candidate, t.block = make([]float64, n), make([]float64, n), make([]int, n)
	}
	t.baseline, t.candidate, t.block = t.baseline[:n], t.candidate[:n], t.block[:n]
}

// draw fills t with one repetition of m. Pair i lies in block i*Blocks/Pairs.
func (m Model) draw(r *rand.Rand, t *table) {
	t.resize(m.Pairs)
	items := m.items(r, t)
	w := m.weights()
	arms := [2]arm{m.start(r), m.start(r)}
	environment := newProcess(driftAuto, r)
	block := -1
	for i := range m.Pairs {
		if k := i * m.Blocks / m.Pairs; k != block {
			block = k
			m.restart(r, block, &arms)
		}
		item, shared := items(i), 0.0
		if m.Drift == SharedDrift {
			shared = environment.next(r)
		}
		t.block[i] = block
		t.baseline[i] = m.baseline(w.mix(r, &arms[0], item, shared)) + arms[0].offset
		t.candidate[i] = m.candidate(w.mix(r, &arms[1], item, shared)) + arms[1].offset
	}
}

// An arm is what an arm carries from request to request.
type arm struct {
	noise, drift process
	offset       float64
}

func (m Model) start(r *rand.Rand) arm {
	return arm{noise: newProcess(m.Auto, r), drift: newProcess(driftAuto, r)}
}

func (m Model) restart(r *rand.Rand, block int, arms *[2]arm) {
	if m.Restart == 0 || m.OneProcess && block > 0 {
		return
	}
	for side := range arms {
		arms[side].offset = m.Restart * r.NormFloat64()
	}
}

// weights are the square roots of the shares of the variance.
type weights struct {
	item, noise, drift float64
	own                bool // the drift is the arm's own
}

func (m Model) weights() weights {
	drift := 0.0
	if m.Drift != NoDrift {
		drift = driftShare
	}
	return weights{
		item: math.Sqrt((1 - drift) * m.Rho), noise: math.Sqrt((1 - drift) * (1 - m.Rho)),
		drift: math.Sqrt(drift), own: m.Drift == SeparateDrift,
	}
}

// mix returns the standard normal variate of one request.
func (w weights) mix(r *rand.Rand, a *arm, item, environment float64) float64 {
	if w.own {
		environment = a.drift.next(r)
	}
	return w.item*item + w.noise*a.noise.next(r) + w.drift*environment
}

// baseline maps a normal variate to a log latency.
func (m Model) baseline(z float64) float64 {
	if m.Shape == Bimodal {
		return bimodal(z)
	}
	return math.Log(median) + sigma*z
}

// candidate is baseline with the effects of m.
func (m Model) candidate(z float64) float64 {
	slower := math.Log1p(m.Slower)
	if m.Tail != 0 && z > slowest {
		slower += math.Log1p(m.Tail)
	}
	if m.Narrower != 0 {
		z = z95 + (z-z95)*(1-m.Narrower)
	}
	return m.baseline(z) + slower
}

// bimodal maps a normal variate to the mixture by its quantiles: what is among
// the slowest tenth of the variate is in the slow mode. So what two requests
// share (the item) decides about the mode as it does about the place in it.
func bimodal(z float64) float64 {
	const spread = .25
	u := math.Erfc(-z/math.Sqrt2) / 2
	if u > .9 {
		return math.Log(2500e6) + spread*normalQuantile((u-.9)/.1)
	}
	return math.Log(400e6) + spread*normalQuantile(u/.9)
}

// normalQuantile keeps away from the ends, where rounding would be infinite.
func normalQuantile(u float64) float64 {
	u = min(max(u, 1e-15), 1-1e-15)
	return -math.Sqrt2 * math.Erfcinv(2*u)
}
