// Package judge decides: a pure function of a policy and of evidence.
//
// The order of precedence, each step only where no earlier one decided:
//
//	rollback  an absolute limit is broken, or a gating metric rejects "at most tau
//	          worse" after Holm's correction where the evidence supports such a claim
//	no data   a metric that must have data has none, or an arm never answered
//	hold      the evidence supports no claim: the run is invalid, the arms did
//	          different work, the design, too few blocks or pairs, …
//	          or the run's own controls failed: the plant was not seen, or the twin was
//	promote   every gating metric's bound lies within its promote margin
//	hold      otherwise, with the number of requests still needed
//
// Nothing that is missing, broken or infinite ever helps a promotion: the last
// step asks for a finite bound of every gating metric by name.
package judge

import (
	"cmp"
	"math"
	"slices"

	"github.com/firstbyte-dev/firstbyte/guard/evidence"
	"github.com/firstbyte-dev/firstbyte/guard/policy"
)

// Judge decides. It is pure: the same policy and evidence give the same
// verdict, and neither is changed.
func Judge(p policy.Policy, e evidence.Set) Verdict {
	c := open(p, e)
	c.test()
	c.measure()
	return c.verdict()
}

// RollsBack tells whether [Judge] would roll back, without the intervals that a
// promotion and a report need; it is some thirty times faster.
func RollsBack(p policy.Policy, e evidence.Set) bool {
	c := open(p, e)
	c.test()
	return len(c.worse()) > 0
}

// A finding is one metric on its way through the judgement.
type finding struct {
	policy.Metric
	out  Metric
	test tester // nil where nothing can be tested
	// refused says why no claim is made of this metric; "": one is.
	refused refusal
	// held says why the metric supports no promotion although it may roll back.
	held refusal
	// sums are the block sums that were tested, positive where the candidate
	// is worse; merged says how often neighbouring blocks were joined for them.
	sums   []float64
	merged int
	// idle: the metric could not reject on this data whatever happened, so it
	// does not count for Holm (Tarone 1990).
	idle bool
	// pointed: the point estimate is what is judged.
	pointed bool
	// limitUnmet: the observed value passes the absolute limit; limitBroken:
	// by more than sampling explains.
	limitUnmet, limitBroken bool
	watched                 *watched // what e-values say of it; nil: nothing
}

// A docket is one judgement in progress.
type docket struct {
	policy   policy.Policy
	set      evidence.Set
	work     SameWork
	findings []*finding
	refused  []refusal // of the whole run
	joint    bool      // the correction uses the joint sign flips of the blocks
	horizon  horizon
	prepared map[policy.Measure]*sampled
	// whole are the units of a split that came when the candidate had all of the
	// traffic: they are compared with nothing, and count for absolute limits alone.
	whole []evidence.Unit
	// twin and plant are the judgements of the run's own controls; both nil
	// where it has none.
	twin, plant *control
	control     bool // it judges one of those
}

func open(p policy.Policy, e evidence.Set) *docket {
	if unpaired(e) {
		e.Work = unpairedWork(e)
	}
	c := &docket{policy: p, set: e, work: compareWork(p.SameWork, e.Work), horizon: horizonOf(p, e), prepared: map[policy.Measure]*sampled{}}
	c.set.Units, c.whole = stages(e)
	c.twin, c.plant = openControls(p, e)
	c.refused = c.refusals()
	for _, m := range p.Metrics {
		if m.WhereScored && e.Work.Scored == 0 {
			m.Gating, m.Required = false, false
		}
		c.findings = append(c.findings, &finding{Metric: m, out: blank(m), test: c.testerFor(m)})
	}
	return c
}

// test does all that the decision to roll back needs.
func (c *docket) test() {
	for _, f := range c.findings {
		f.refused = cmp.Or(c.refuseMetric(f.Metric), c.refusalFor(f.Metric), c.refuseLoad(f.Metric))
		f.test.p(c, f)
		c.limitsOfTheLoad(f)
		c.excuse(f)
		if c.byThreshold() {
			c.takePoint(f)
		}
	}
	if !c.byThreshold() {
		c.correct()
	}
	c.twin.test()
	c.plant.test()
}

// decides tells whether f takes part in the decision.
func (f *finding) decides() bool { return f.Gating && !f.DryRun }

// claims tells whether something is claimed of f.
func (f *finding) claims() bool {
	return f.Gating && f.out.Standing != Missing && f.refused.text == "" && (f.out.P >= 0 || f.pointed)
}

// measure adds intervals and standings.
func (c *docket) measure() {
	for _, f := range c.findings {
		if f.out.Standing != Missing && !c.byThreshold() {
			f.test.bounds(c, f)
		}
		f.out.Standing = c.standing(f)
		if f.out.Why == "" {
			f.out.Why = f.refused.text
		}
	}
	slices.SortStableFunc(c.findings, inOrder)
	c.twin.measure()
	c.plant.measure()
}

// rejects tells whether f alone rolls back: by its p-value, or where point
// estimates are judged by that.
func (c *docket) rejects(f *finding) bool {
	if f.pointed {
		return f.claims() && f.beyond()
	}
	return f.claims() && !f.idle && float64(f.out.PHolm) <= float64(c.policy.Alpha)
}

func (c *docket) standing(f *finding) Standing {
	switch {
	case f.out.Standing == Missing:
		return Missing
	case !f.Gating:
		return Shown
	case f.limitBroken || c.rejects(f):
		return Worse
	case f.refused.text == "" && f.held.text == "" && f.within() && !f.limitUnmet:
		return NotWorse
	}
	return Undecided
}

// within tells whether the worst that the interval allows is within the margin.
// A bound that is not known is not within anything.
func (f *finding) within() bool {
	switch {
	case f.watched != nil:
		return f.watched.within
	case f.pointed:
		return f.withinTau()
	case f.out.Scale == scaleDifference:
		return float64(f.out.Lower) > -float64(f.Margin)
	case f.HigherIsBetter():
		return float64(f.out.Lower) > 1-float64(f.Margin)
	}
	return float64(f.out.Upper) < 1+float64(f.Margin)
}

// worse lists the metrics that roll back, in report order. Where the run's own
// twin was called worse, that is what an absolute limit or the success rate says.
func (c *docket) worse() []*finding {
	var worse []*finding
	for _, f := range c.findings {
		if f.decides() && (f.limitBroken || c.rejects(f) && (f.Measure == policy.Success || !c.hallucinates())) {
			worse = append(worse, f)
		}
	}
	return worse
}

// inOrder sorts findings for people: what decides before what is shown, then by
// the phase of a request, then by the effect over the margin, the worst first.
func inOrder(a, b *finding) int {
	return cmp.Or(
		cmp.Compare(rankGating(a), rankGating(b)),
		cmp.Compare(phaseOf(a.Measure).rank, phaseOf(b.Measure).rank),
		cmp.Compare(b.overMargin(), a.overMargin()),
	)
}

func rankGating(f *finding) int {
	if f.Gating {
		return 0
	}
	return 1
}

// overMargin is the worsening as a part of the margin; what is not known comes
// last.
func (f *finding) overMargin() float64 {
	x := f.worsenedBy(float64(f.out.Effect)) / math.Max(float64(f.Margin), 1e-9)
	if math.IsNaN(x) {
		return math.Inf(-1)
	}
	return x
}
