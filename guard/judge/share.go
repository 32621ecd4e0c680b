package judge

import (
	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/guard/evidence"
	"github.com/firstbyte-dev/firstbyte/guard/policy"
)

// tallies counts the requests that are good in the sense of m, by block.
func (c *docket) tallies(m policy.Measure) evidence.Outcomes {
	if m == policy.Goodput {
		return goodput(c.policy.SLO, c.set)
	}
	return c.outcomes()
}

// goodput counts the requests that succeeded within all objectives, of all that
// were attempted: an error is not good.
func goodput(slo []policy.Objective, e evidence.Set) evidence.Outcomes {
	count := func(requests []*sample.Sample) evidence.Tally {
		t := evidence.Tally{Attempts: len(requests)}
		for _, s := range requests {
			if meets(slo, s) {
				t.OK++
			}
		}
		return t
	}
	var o evidence.Outcomes
	for _, r := range e.Requests {
		o.Baseline, o.Candidate = append(o.Baseline, count(r.Baseline)), append(o.Candidate, count(r.Candidate))
	}
	for _, p := range e.Paired {
		switch a, b := meets(slo, p.Baseline), meets(slo, p.Candidate); {
		case a && !b:
			o.OnlyBaseline++
		case b && !a:
			o.OnlyCandidate++
		}
	}
	return o
}

// meets tells whether s succeeded within all objectives. What it does not tell
// it does not meet, but for what did not take place: an answer of one event has
// no gap that could be too long, and a connection that stood needed no set-up.
func meets(slo []policy.Objective, s *sample.Sample) bool {
	for _, o := range slo {
		ns, ok, none := s.Value(sample.Measure(o.Measure))
		if ok && none && spared(o.Measure, s) {
			continue
		}
		if !ok || none || ns < 0 || float64(ns) > o.AtMost.Value {
			return false
		}
	}
	return s.Outcome == sample.OK && len(slo) > 0
}

func spared(m policy.Measure, s *sample.Sample) bool {
	switch m {
	case policy.Gap:
		return s.Events == 1
	case policy.DNS, policy.Connect, policy.TLS:
		return true
	}
	return false
}
