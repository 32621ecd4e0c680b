package proof

import (
	"maps"
	"math/rand/v2"
	"slices"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/guard/evidence"
	"github.com/firstbyte-dev/firstbyte/guard/judge"
	"github.com/firstbyte-dev/firstbyte/guard/policy"
)

// Shifts are the slowdowns that a selftest puts into the candidate's latencies,
// as shares. The last one is the mutation that must flip the verdict.
var Shifts = [...]float64{.05, .10, .20}

// A Seen is how often a slowdown of every latency was found by the policy as it
// stands.
type Seen struct {
	Slower         float64
	Found, Replays int
}

// shifted returns e with every latency of the candidate slower by a share, and
// with its requests and failures as they were.
func shifted(e evidence.Set, slower float64) evidence.Set {
	e.Latencies, e.Alone = maps.Clone(e.Latencies), maps.Clone(e.Alone)
	for m, p := range e.Latencies {
		p.Candidate = scaled(p.Candidate, 1+slower)
		e.Latencies[m] = p
	}
	for m, values := range e.Alone {
		e.Alone[m] = scaled(values, 1+slower)
	}
	return e
}

func scaled(values []float64, by float64) []float64 {
	out := slices.Clone(values)
	for i := range out {
		out[i] *= by
	}
	return out
}

// see looks for each slowdown in replays of e by p, whose tau is its own.
func see(p policy.Policy, e evidence.Set, r Replay) []Seen {
	var out []Seen
	for i, slower := range Shifts {
		random := rand.New(rand.NewPCG(r.Seed, uint64(i)+1))
		s := Seen{Slower: slower, Replays: r.Shifted}
		for range s.Replays {
			if judge.RollsBack(p, shifted(swapped(e, coins(random, e.Blocks)), slower)) {
				s.Found++
			}
		}
		out = append(out, s)
	}
	return out
}

func coins(r *rand.Rand, n int) []bool {
	out := make([]bool, n)
	for i := range out {
		out[i] = r.IntN(2) == 1
	}
	return out
}

// flips tells whether the mutation turns a verdict that is no rollback into one.
func flips(p policy.Policy, e evidence.Set) bool {
	last := Shifts[len(Shifts)-1]
	return !judge.RollsBack(p, e) && judge.RollsBack(p, shifted(e, last))
}

// once returns p for one look at the run as it is, and e without what its own
// measurement says of itself: the question is put to the test.
func once(p policy.Policy, e evidence.Set) (policy.Policy, evidence.Set) {
	p.Metrics = slices.Clone(p.Metrics)
	p.Mode, e.Look, e.Controls = policy.Fixed, 0, nil
	e.Validity = sample.Validity{Grade: sample.Valid}
	return p, e
}
