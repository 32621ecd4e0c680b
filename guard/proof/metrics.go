package proof

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/guard/evidence"
	"github.com/firstbyte-dev/firstbyte/guard/judge"
	"github.com/firstbyte-dev/firstbyte/guard/policy"
	"github.com/firstbyte-dev/firstbyte/guard/stats"
)

// six are latencies that a policy may gate on at once.
var six = [...]policy.Measure{policy.Connect, policy.TTFB, policy.FirstToken, policy.Gap, policy.Full, policy.LastContent}

// sixRollBack asks the judge about six latencies whose normal variates correlate
// within a request: 1 if any rolls back.
func sixRollBack(correlation float64) try {
	p := p95(0)
	p.Metrics = nil
	for _, m := range six {
		p.Metrics = append(p.Metrics, policy.Metric{Measure: m, Statistic: policy.P95, Gating: true, Margin: .1})
	}
	common, own := math.Sqrt(correlation), math.Sqrt(1-correlation)
	return func(m Model, s *Scratch, r *rand.Rand) float64 {
		set := s.sound(m.Pairs, m.Blocks)
		set.Latencies = map[sample.Measure]evidence.Pairs{}
		s.common.resize(m.Pairs)
		for i := range m.Pairs {
			s.common.baseline[i], s.common.candidate[i] = r.NormFloat64(), r.NormFloat64()
		}
		for j, measure := range six {
			t := &s.six[j]
			t.table.resize(m.Pairs)
			for i := range m.Pairs {
				t.table.block[i] = i * m.Blocks / m.Pairs
				t.table.baseline[i] = m.baseline(common*s.common.baseline[i] + own*r.NormFloat64())
				t.table.candidate[i] = m.candidate(common*s.common.candidate[i] + own*r.NormFloat64())
			}
			set.Latencies[sample.Measure(measure)] = s.pairs(&t.table, &t.ns)
		}
		return one(judge.RollsBack(p, set))
	}
}

// A column is one latency of several.
type column struct {
	table table
	ns    [2][]float64
}

// A side is one of the two one-sided bounds that are printed.
type side int

const (
	lower side = iota
	upper
)

// covers tells whether the bound that the judge prints of its first metric is on
// the right side of the truth. A bound that is not printed covers nothing.
func covers(v judge.Verdict, of side, truth float64) float64 {
	m := v.Metrics[0]
	if of == lower {
		return one(float64(m.Lower) <= truth)
	}
	return one(float64(m.Upper) >= truth)
}

// coversRatio asks for a statistic of the latency; the truth is the slowdown.
func coversRatio(statistic policy.Statistic, of side) try {
	p := demanding(statistic, .05)
	return func(m Model, s *Scratch, r *rand.Rand) float64 {
		m.draw(r, &s.table)
		return covers(judge.Judge(p, s.evidenceOf(m)), of, 1+m.Slower)
	}
}

// coversRate asks for the success rate: 2 % of the baseline's requests fail and
// 3 % of the candidate's.
func coversRate(of side) try {
	p := p95(0)
	p.Metrics = []policy.Metric{{Measure: policy.Success, Statistic: policy.Rate, Gating: true, Tau: .01, Margin: .02}}
	const baseline, candidate = .98, .97
	return func(m Model, s *Scratch, r *rand.Rand) float64 {
		set := s.sound(m.Pairs, m.Blocks)
		set.Outcomes = evidence.Outcomes{}
		for _, t := range s.tally {
			a, aOnly, b, bOnly := evidence.Tally{Attempts: t.Attempts}, 0, evidence.Tally{Attempts: t.Attempts}, 0
			for range t.Attempts {
				switch x, y := r.Float64() < baseline, r.Float64() < candidate; {
				case x && y:
					a.OK, b.OK = a.OK+1, b.OK+1
				case x:
					a.OK, aOnly = a.OK+1, aOnly+1
				case y:
					b.OK, bOnly = b.OK+1, bOnly+1
				}
			}
			set.Outcomes.Baseline = append(set.Outcomes.Baseline, a)
			set.Outcomes.Candidate = append(set.Outcomes.Candidate, b)
			set.Outcomes.OnlyBaseline += aOnly
			set.Outcomes.OnlyCandidate += bOnly
		}
		return covers(judge.Judge(p, set), of, candidate-baseline)
	}
}

// coversSlots asks for the processor time by request, which belongs to whole
// turns: 5 % of noise in each.
func coversSlots(of side) try {
	p := p95(0)
	p.Metrics = []policy.Metric{{Measure: policy.CPUPerRequest, Statistic: policy.Mean, Gating: true, Tau: .05, Margin: .1}}
	return func(m Model, s *Scratch, r *rand.Rand) float64 {
		set := s.sound(m.Pairs, m.Blocks)
		for k := range m.Blocks {
			n := s.tally[k].Attempts
			turn := func(factor float64) *sample.Slot {
				return &sample.Slot{Block: k, Requests: n, CPUNS: int64(float64(n) * 1e6 * factor * math.Exp(.05*r.NormFloat64()))}
			}
			set.Slots = append(set.Slots, evidence.SlotPair{Baseline: turn(1), Candidate: turn(1 + m.Slower)})
		}
		return covers(judge.Judge(p, set), of, 1+m.Slower)
	}
}

// coversEver tells whether a bound of the anytime mode is on the right side of the
// truth after every block: bounds are what the evidence does not reach its bar
// against, so they are as long as it does not at the truth.
func coversEver(watch func(w *stats.Watcher, shift float64, side stats.Side) []stats.Step, of side) try {
	against := stats.Above
	if of == upper {
		against = stats.Below
	}
	return func(m Model, s *Scratch, r *rand.Rand) float64 {
		w, err := stats.NewWatcher(m.sampled(s, r))
		if err != nil {
			panic("proof: " + err.Error()) // what was drawn here is finite
		}
		steps := watch(w, math.Log1p(m.Slower), against)
		return one(!slices.ContainsFunc(steps, func(at stats.Step) bool { return at.Log >= -math.Log(alpha) }))
	}
}

// watchTail and watchMean are the anytime tests of a tail and of a mean.
func watchTail(w *stats.Watcher, shift float64, side stats.Side) []stats.Step {
	var out []stats.Step
	for _, at := range w.Watch(tailBand, .95, shift, side) {
		out = append(out, stats.Step{Log: at.Average})
	}
	return out
}

func watchMean(w *stats.Watcher, shift float64, side stats.Side) []stats.Step {
	return w.WatchMean(shift, side)
}

func metricGoals() []Goal {
	var families []Cell
	for _, c := range [...]float64{0, .5, .9} {
		families = append(families, Cell{
			Name: fmt.Sprintf("correlation %v", c), Bound: atMost(5.5), World: Model{}.sized(1000, 20), Try: sixRollBack(c),
		})
	}
	return []Goal{
		{
			Name: "G4", Path: viaRollsBack, Cells: families,
			Asks: "six gating latencies of equal arms roll back in at most 5.5 % of runs, all together (n = 1,000)",
		},
		{
			Name: "G15", Path: viaJudge, Cells: coverage(),
			Asks: "each bound that is printed, one-sided at 95 %, holds in 94 to 97 % of runs; in the anytime mode after every block of 95 % of runs or more",
			Note: "The cells \"ever\" go through stats.Watcher, as the judge's anytime mode calls it.",
		},
	}
}

func coverage() []Cell {
	var cells []Cell
	add := func(name string, w Model, of func(side) try) {
		for i, s := range [...]side{lower, upper} {
			cells = append(cells, Cell{
				Name: [...]string{"lower", "upper"}[i] + " bound, " + name, Bound: between(94, 97), World: w, Try: of(s),
			})
		}
	}
	for _, w := range [...]named{
		{"lognormal, rho 0", Model{}},
		{"lognormal, rho 0.8", Model{Rho: .8}},
		{"bimodal, rho 0", Model{Shape: Bimodal}},
		{"restart 5 %, rho 0.8", Model{Restart: .05, Rho: .8}},
	} {
		for _, statistic := range [...]policy.Statistic{policy.P50, policy.P95, policy.Mean} {
			add(fmt.Sprintf("%s, %s +5 %%", w.name, statistic), w.slower(.05).sized(1000, 20), func(s side) try { return coversRatio(statistic, s) })
		}
	}
	for _, rho := range [...]float64{0, .8} {
		for i, s := range [...]side{lower, upper} {
			w := Model{Slower: .05}.sharing(rho).sized(1000, 20)
			name := fmt.Sprintf("ever, %s bound, lognormal, rho %v, ", [...]string{"lower", "upper"}[i], rho)
			cells = append(
				cells,
				Cell{Name: name + "p95 +5 %", Bound: atLeast(95), World: w, Try: coversEver(watchTail, s)},
				Cell{Name: name + "mean +5 %", Bound: atLeast(95), World: w, Try: coversEver(watchMean, s)},
			)
		}
	}
	add("success rate 98 and 97 %, n 2000", Model{}.sized(2000, 20), coversRate)
	add("processor time by request +5 %", Model{}.slower(.05).sized(1000, 20), coversSlots)
	return cells
}
