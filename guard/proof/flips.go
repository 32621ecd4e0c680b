package proof

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/guard/evidence"
	"github.com/firstbyte-dev/firstbyte/guard/judge"
	"github.com/firstbyte-dev/firstbyte/guard/policy"
	"github.com/firstbyte-dev/firstbyte/guard/stats"
)

// A Replay says how a run is replayed.
type Replay struct {
	Flips int     // how often
	Tau   float64 // the tau of every metric, in place of the policy's
	// Shifted is in how many replays each slowdown is looked for, by the taus of
	// the policy.
	Shifted int
	Seed    uint64
}

// Validate joins every problem of r.
func (r Replay) Validate() error {
	var problems []error
	if r.Flips < 1 || r.Flips > 1_000_000 {
		problems = append(problems, fmt.Errorf("%d flips: between 1 and 1,000,000 are possible", r.Flips))
	}
	if r.Shifted < 0 || r.Shifted > 1_000_000 {
		problems = append(problems, fmt.Errorf("%d replays with a shift: between 0 and 1,000,000 are possible", r.Shifted))
	}
	if !(r.Tau >= 0 && r.Tau < 1) {
		problems = append(problems, fmt.Errorf("tau is %v: it is 0 or a share under 1", r.Tau))
	}
	return errors.Join(problems...)
}

// A Selftest is what a run of two identical arms says of the judge on the user's
// own machine and workload.
type Selftest struct {
	Flips      int
	RolledBack int
	Alpha      float64
	Shares     []Share
	// Metrics is how the run as it stands is judged at tau: what it could see.
	Metrics []judge.Metric
	// Seen is how often slowdowns that were put into the candidate's latencies
	// were found, by the policy's own taus.
	Seen []Seen
	// Flipped tells whether the largest of them turned the verdict on the run as
	// it stands, which was no rollback, into one.
	Flipped bool
}

// A Share is what pairing cancels in one latency.
type Share struct {
	Measure policy.Measure
	// Between is the share of log-latency variance that both halves of a pair
	// have in common. NaN if it cannot be told.
	Between float64
}

// Range returns between how many rollbacks the selftest of a test lies that errs
// with probability exactly Alpha: more would be seen in 1 of 100 selftests, fewer
// in 1 of 1,000. To err less than stated is wasteful and not wrong, so the lower
// end is the wider one.
func (s Selftest) Range() (least, most int) {
	return stats.BinomialQuantile(.001, s.Flips, s.Alpha), stats.BinomialQuantile(.99, s.Flips, s.Alpha)
}

// Flips replays a recorded run of two *identical* arms: in every replay it swaps
// the arms of randomly chosen blocks, which changes nothing that matters if the
// arms are equal, judges, and counts the rollbacks. What the run says of its
// own validity is set aside, because the question is put to the test and not to
// the measurement. The error says why the run supports no claim at all.
func Flips(p policy.Policy, e evidence.Set, r Replay) (Selftest, error) {
	if err := r.Validate(); err != nil {
		return Selftest{}, err
	}
	own, e := once(p, e)
	p, _ = once(p, e)
	for i := range p.Metrics {
		p.Metrics[i].Tau, p.Metrics[i].Limit = policy.Share(r.Tau), nil
		p.Metrics[i].Margin = max(p.Metrics[i].Margin, policy.Share(r.Tau))
	}
	v := judge.Judge(p, e)
	if !judgeable(v) {
		return Selftest{}, &Unproven{NoData: v.Decision == judge.NoData, Why: v.Summary[0]}
	}
	out := Selftest{Flips: r.Flips, Alpha: float64(p.Alpha), Shares: shares(e), Metrics: v.Metrics}
	random := rand.New(rand.NewPCG(r.Seed, 0))
	for range r.Flips {
		if judge.RollsBack(p, swapped(e, coins(random, e.Blocks))) {
			out.RolledBack++
		}
	}
	out.Seen, out.Flipped = see(own, e, r), flips(own, e)
	return out, nil
}

// An Unproven run holds too little for any replay of it to say something.
type Unproven struct {
	NoData bool // it holds nothing at all
	Why    string
}

func (u *Unproven) Error() string { return "this run proves nothing: " + u.Why }

// judgeable tells whether some gating metric was tested.
func judgeable(v judge.Verdict) bool {
	return slices.ContainsFunc(v.Metrics, func(m judge.Metric) bool {
		return m.Gating && m.Measure != sample.Measure(policy.Success) && m.P >= 0
	})
}

// swapped returns e with the arms exchanged in the blocks marked.
func swapped(e evidence.Set, swap []bool) evidence.Set {
	latencies := maps.Clone(e.Latencies)
	for m, p := range latencies {
		a, b := slices.Clone(p.Baseline), slices.Clone(p.Candidate)
		for i, k := range p.Block {
			if swap[k] {
				a[i], b[i] = b[i], a[i]
			}
		}
		p.Baseline, p.Candidate = a, b
		latencies[m] = p
	}
	e.Latencies = latencies
	a, b := slices.Clone(e.Outcomes.Baseline), slices.Clone(e.Outcomes.Candidate)
	slots := slices.Clone(e.Slots)
	for k, s := range swap {
		if s {
			a[k], b[k] = b[k], a[k]
			slots[k].Baseline, slots[k].Candidate = slots[k].Candidate, slots[k].Baseline
		}
	}
	e.Outcomes.Baseline, e.Outcomes.Candidate, e.Slots = a, b, slots
	return e
}

// shares tells for each latency what pairing cancels.
func shares(e evidence.Set) []Share {
	var out []Share
	for _, m := range [...]policy.Measure{policy.FirstToken, policy.Gap, policy.Full} {
		p := e.Latencies[sample.Measure(m)]
		var a, b []float64
		var block []int
		for i := range p.Baseline {
			if math.IsInf(p.Baseline[i], 1) || math.IsInf(p.Candidate[i], 1) {
				continue
			}
			a, b = append(a, math.Log(p.Baseline[i])), append(b, math.Log(p.Candidate[i]))
			block = append(block, p.Block[i])
		}
		out = append(out, Share{m, stats.Shared(a, b, block)})
	}
	return out
}
