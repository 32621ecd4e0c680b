package judge

import (
	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/guard/evidence"
	"github.com/firstbyte-dev/firstbyte/guard/policy"
)

// tallies counts the requests that are good in the sense of m, by block. An error
// is not good.
func (c *docket) tallies(m policy.Measure) evidence.Outcomes {
	switch {
	case m == policy.Goodput:
		return c.tally(func(s *sample.Sample) bool { return meets(c.policy.SLO, s) })
	case c.enriched():
		return c.tally(func(s *sample.Sample) bool { return s.Outcome == sample.OK })
	}
	return c.set.Outcomes
}

// tally counts the good ones of all requests that were attempted: of an enriched
// run those of the blocks at natural weight.
func (c *docket) tally(good func(*sample.Sample) bool) evidence.Outcomes {
	count := func(requests []*sample.Sample) evidence.Tally {
		t := evidence.Tally{Attempts: len(requests)}
		for _, s := range requests {
			if good(s) {
				t.OK++
			}
		}
		return t
	}
	var o evidence.Outcomes
	for k, r := range c.set.Requests {
		if c.natural(k) {
			o.Baseline, o.Candidate = append(o.Baseline, count(r.Baseline)), append(o.Candidate, count(r.Candidate))
		}
	}
	for _, p := range c.set.Paired {
		switch a, b := good(p.Baseline), good(p.Candidate); {
		case !c.natural(p.Block):
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
