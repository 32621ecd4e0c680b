package proof

import (
	"math"
	"math/rand/v2"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/guard/judge"
	"github.com/firstbyte-dev/firstbyte/guard/policy"
	"github.com/firstbyte-dev/firstbyte/guard/stats"
)

// A try is one repetition of a cell in its world.
type try = func(m Model, s *Scratch, r *rand.Rand) float64

const alpha = .05

var tailBand = stats.Band{From: .90, To: .99}

// rollsBack asks the judge at one look.
func rollsBack(p policy.Policy) try {
	return func(m Model, s *Scratch, r *rand.Rand) float64 {
		m.draw(r, &s.table)
		return one(judge.RollsBack(p, s.evidenceOf(m)))
	}
}

// p95 is the policy of most goals: the P90-P99 tail of the first token.
func p95(tau policy.Share) policy.Policy { return demanding(policy.P95, tau) }

// decides asks the judge for the whole verdict.
func decides(p policy.Policy, want judge.Decision) try {
	return func(m Model, s *Scratch, r *rand.Rand) float64 {
		m.draw(r, &s.table)
		return one(judge.Judge(p, s.evidenceOf(m)).Decision == want)
	}
}

// notHeldForDesign asks the judge about one run per side: 1 unless it holds and
// names the design.
func notHeldForDesign(m Model, s *Scratch, r *rand.Rand) float64 {
	m.draw(r, &s.table)
	e := s.evidenceOf(m)
	e.Header.Design, e.Restarts = sample.Single, 1
	v := judge.Judge(p95(0), e)
	return one(v.Decision != judge.Hold || v.Reason != judge.ReasonDesign)
}

// sampled makes the pairs of one repetition ready for the statistics.
func (m Model) sampled(s *Scratch, r *rand.Rand) stats.Sample {
	m.draw(r, &s.table)
	sample := s.table.sampleOf(m.Blocks)
	sample.Weight = s.table.weight
	return sample
}

// until returns the pairs of the first blocks of s, of which the pairs are
// ordered by block.
func until(s stats.Sample, blocks int) stats.Sample {
	n := 0
	for n < len(s.Block) && s.Block[n] < blocks {
		n++
	}
	s.Baseline, s.Candidate, s.Block, s.Blocks = s.Baseline[:n], s.Candidate[:n], s.Block[:n], blocks
	if s.Weight != nil {
		s.Weight = s.Weight[:n]
	}
	return s
}

// student tests the tail band as the judge does at one look: t over the block sums,
// neighbours merged while they correlate; 1 where they do and are too few.
func student(s stats.Sample) float64 {
	for {
		p, err := stats.NewPairs(s)
		if err != nil {
			panic("proof: " + err.Error()) // what was drawn here is finite
		}
		band := tailBand
		band.Pairs = p
		test := stats.NewTest(p, band)
		k := test.K()
		switch {
		case stats.Lag1(test.Sums(0)) <= 1.645/math.Sqrt(float64(k)):
			return test.At(0).P()
		case k < 16:
			return 1
		}
		s = s.Merged()
	}
}

// A staged test is one with planned looks: at which of them it stopped (in
// pairs, or +Inf) and what the fixed test says at the end.
type staged struct {
	stopped float64
	fixed   bool
}

const (
	looks       = 5
	leastBlocks = 8 // of the judge: earlier looks decide nothing
)

// levels returns at which level the p-value of t rejects at each look: what the
// judge's repeated p-values come to for a single metric.
func levels() []float64 {
	plan := stats.NewPlan(stats.EqualLooks(looks))
	out := make([]float64, looks)
	for k := range out {
		out[k] = plan.Tail(alpha, k+1)
	}
	return out
}

// looked runs the group-sequential test over equally spaced looks.
func (m Model) looked(s *Scratch, r *rand.Rand, levels []float64) staged {
	sample := m.sampled(s, r)
	out := staged{stopped: math.Inf(1), fixed: student(sample) <= alpha}
	for k, level := range levels {
		blocks := (k + 1) * m.Blocks / len(levels)
		if blocks < leastBlocks {
			continue
		}
		if student(until(sample, blocks)) <= level {
			out.stopped = float64(blocks * m.Pairs / m.Blocks)
			break
		}
	}
	return out
}

// powerLost is 1 where only the fixed test rejects, -1 where only the staged one
// does.
func powerLost() try {
	levels := levels()
	return func(m Model, s *Scratch, r *rand.Rand) float64 {
		t := m.looked(s, r, levels)
		return one(t.fixed) - one(!math.IsInf(t.stopped, 1))
	}
}

// stagedPairs is how many pairs the staged test takes to its decision or to the
// end.
func stagedPairs() try {
	levels := levels()
	return func(m Model, s *Scratch, r *rand.Rand) float64 {
		return math.Min(m.looked(s, r, levels).stopped, float64(m.Pairs))
	}
}

// stagedStop is likewise, but +Inf where it never stopped.
func stagedStop() try {
	levels := levels()
	return func(m Model, s *Scratch, r *rand.Rand) float64 { return m.looked(s, r, levels).stopped }
}

// watched returns after how many pairs the anytime test rolls back, looked at
// after every block; +Inf if it never does.
func watched(m Model, s *Scratch, r *rand.Rand) float64 {
	sample := m.sampled(s, r)
	// What it says of the first blocks does not depend on later ones, so most
	// repetitions with an effect need no more than some of them.
	blocks := m.Blocks
	if m.Slower != 0 || m.Tail != 0 {
		blocks = max(m.Blocks/10, 1)
	}
	for ; ; blocks = min(3*blocks, m.Blocks) {
		watch, err := stats.Watched(until(sample, blocks), tailBand, .95)
		if err != nil {
			panic("proof: " + err.Error())
		}
		for k, at := range watch {
			if at.Average >= -math.Log(alpha) {
				return float64((k + 1) * m.Pairs / m.Blocks)
			}
		}
		if blocks == m.Blocks {
			return math.Inf(1)
		}
	}
}

// everRolledBack is 1 where watched ends at all.
func everRolledBack(m Model, s *Scratch, r *rand.Rand) float64 {
	return one(!math.IsInf(watched(m, s, r), 1))
}
