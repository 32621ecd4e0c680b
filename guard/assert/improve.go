package assert

import (
	"fmt"
	"math"
	"strings"

	"github.com/firstbyte-dev/firstbyte/guard/evidence"
	"github.com/firstbyte-dev/firstbyte/guard/judge"
	"github.com/firstbyte-dev/firstbyte/guard/policy"
	"github.com/firstbyte-dev/firstbyte/guard/stats"
)

// improvement decides whether the run's arm is better than the baseline by what a
// demands.
func (c *check) improvement(a Assertion) Result {
	if c.Request.Baseline == nil && !c.Point {
		return c.paired(a)
	}
	r, ratio := c.unpaired(a)
	switch bad := c.incomparable(); {
	case r.Verdict == NoData:
	case bad != "":
		r.Verdict, r.Why = Hold, bad
	case c.Point:
		r.Verdict = improved(a, ratio.value, ratio.value)
	case c.RunSpread == 0:
		r.Verdict, r.Why = Hold, "design: one run per side: say how much runs of the same build differ (--run-spread 5%), or take the plain figures (--point)"
	case a.Quantity.measure.unit == share:
		r.Verdict, r.Why = Hold, "design: one run per side: the spread of runs says nothing of shares (--point takes the plain figures)"
	default:
		if r.Verdict = improved(a, ratio.lower, ratio.upper); r.Verdict == Hold {
			r.Why = "the demand lies within the bounds, which the spread of runs widens: more runs per side, in one interleaved run, would decide"
		}
	}
	c.doubt(&r)
	return r
}

// incomparable says why the two sides cannot be compared; "": they can.
func (c *check) incomparable() string {
	var all []string
	for _, d := range c.differs {
		if !d.Allowed {
			all = append(all, d.What)
		}
	}
	if len(all) > 0 {
		return fmt.Sprintf("not comparable: %s (--allow %s)", strings.Join(all, ", "), strings.Join(all, ","))
	}
	for _, doubt := range c.baseline.doubts(append(c.Allow, "simulated")) {
		return "baseline: " + doubt
	}
	for _, s := range []*side{c.run, c.baseline} {
		if o := s.outcomes(); o.Rate() < c.Floor {
			return fmt.Sprintf("arm %s of %s: %d of %d requests failed, which makes every comparison one of failures", s.arm, s.name, o.N-o.OK, o.N)
		}
	}
	return ""
}

// improved holds the change of a quantity, within bounds, against a's demand.
func improved(a Assertion, lower, upper float64) Verdict {
	demand := Assertion{operator: atMost, value: -a.value}
	if a.Quantity.measure.higher {
		demand = Assertion{operator: atLeast, value: a.value}
	}
	return decided(demand, lower, upper)
}

// unpaired compares two estimates as they stand. The result carries the change,
// its bounds and no verdict yet, except NO DATA.
func (c *check) unpaired(a Assertion) (Result, estimate) {
	// Three things may go wrong, each bounded at a third: the bounds of either
	// side, and what one run per side adds.
	alpha := c.Alpha / 3
	old := c.baseline.estimate(a.Quantity, alpha, c.knowledge())
	now := c.run.estimate(a.Quantity, alpha, c.knowledge())
	var change estimate
	switch {
	case now.missing != "":
		change = nothing("%s", now.missing)
	case old.missing != "":
		change = nothing("baseline: %s", old.missing)
	case a.Quantity.measure.unit == share:
		change = estimate{value: now.value - old.value, lower: now.lower - old.upper, upper: now.upper - old.lower}
	default:
		change = ratioOf(now, old, stats.QuantileNormal(alpha)*c.RunSpread*math.Sqrt2)
	}
	change.n = min(now.n, old.n)
	if change.missing == "" && math.IsNaN(change.value) {
		change.missing = "both are infinite or zero, so there is no change to tell"
	}
	r := change.result(a)
	if change.missing != "" {
		r.Verdict = NoData
	}
	return r, change
}

// ratioOf is now / old - 1, its bounds widened on the log scale.
func ratioOf(now, old estimate, widen float64) estimate {
	e := estimate{value: now.value/old.value - 1, lower: -1, upper: math.Inf(1)}
	if now.lower > 0 && old.upper > 0 {
		e.lower = now.lower/old.upper*math.Exp(-widen) - 1
	}
	if old.lower > 0 {
		e.upper = now.upper/old.lower*math.Exp(widen) - 1
	}
	return e
}

// paired has package judge compare the arms of one run, pair by pair: what is
// asked is whether the candidate is worse than the demand, and whether it is
// within it.
func (c *check) paired(a Assertion) Result {
	r := Result{Assertion: a.String(), assertion: a, Verdict: Hold, Observed: judge.NaN(), Lower: judge.NaN(), Upper: judge.NaN()}
	m, ok := judged(a)
	if !ok {
		r.Why = "within a run only p50, p95, p99 and mean are compared pair by pair, and what belongs to an arm (--point takes the plain figures)"
		return r
	}
	set, err := evidence.New(evidence.Source{Run: *c.Run, Baseline: c.baseline.arm, Candidate: c.run.arm})
	if err != nil {
		r.Why = err.Error()
		return r
	}
	p := policy.Default()
	p.Name, p.Alpha, p.Controls = "assert", policy.Share(c.Alpha), policy.ControlsOptional
	p.Metrics = []policy.Metric{m}
	if set.Look == 0 { // it went on to its end, and is looked at once
		p.Mode, p.Looks = policy.Fixed, 0
	}
	v := judge.Judge(p, set)
	r.fill(v)
	c.doubt(&r)
	return r
}

// judged makes a metric of an improvement; ok is false where the judge has none.
func judged(a Assertion) (m policy.Metric, ok bool) {
	m = policy.Metric{
		Measure: policy.Measure(a.Quantity.measure.name), Statistic: policy.Statistic(a.Quantity.statistic.name),
		Gating: true, Tau: policy.Share(-a.value), Margin: policy.Share(-a.value),
	}
	switch a.Quantity.measure.kind {
	case perRequest:
		_, banded := m.Window()
		return m, m.Statistic == policy.Mean || banded
	case rate:
		m.Statistic = policy.Rate
	case fact, uneven:
		return m, false
	default:
		m.Statistic = policy.Mean
	}
	return m, true
}

// fill takes what the judge says of the only metric.
func (r *Result) fill(v judge.Verdict) {
	r.Verdict = map[judge.Decision]Verdict{judge.Promote: Pass, judge.Rollback: Fail, judge.NoData: NoData}[v.Decision]
	if r.Verdict == "" {
		r.Verdict = Hold
	}
	m := v.Metrics[0]
	from := judge.Float(1)
	if m.Scale == "difference" {
		from = 0
	}
	r.N, r.More = m.N, m.More
	r.Observed, r.Lower, r.Upper = m.Effect-from, m.Lower-from, m.Upper-from
	switch {
	case r.Verdict == Pass || r.Verdict == Fail:
		r.Why = m.Name + ", pair by pair"
	case m.Why != "":
		r.Why = m.Why
	default:
		r.Why = string(v.Reason)
		if r.More > 0 {
			r.Why += fmt.Sprintf(": about %d more per arm would decide", r.More)
		}
	}
}
