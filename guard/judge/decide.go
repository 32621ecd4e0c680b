package judge

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/guard/evidence"
	"github.com/firstbyte-dev/firstbyte/guard/policy"
)

// A decision is what was decided and the sentences that say so.
type decision struct {
	decision Decision
	reason   Reason
	summary  []string
}

// decide applies the order of precedence that the package's comment tells.
func (c *docket) decide() decision {
	if worse := c.worse(); len(worse) > 0 {
		f, reason := first(worse), ReasonWorse
		if f.limitBroken {
			reason = ReasonLimit
		}
		return decision{Rollback, reason, c.sayRollback(f)}
	}
	if missing := c.missing(); missing != "" {
		return decision{NoData, ReasonNoData, []string{"No data: " + missing + ".", "Nothing was decided: see that both arms answer and that the run measures what the policy demands."}}
	}
	if r, ok := c.refusal(); ok {
		return decision{Hold, r.reason, c.sayRefusal(r)}
	}
	if f := c.undecided(); f != nil {
		return decision{Hold, ReasonUndecided, c.sayUndecided(f)}
	}
	return decision{Promote, ReasonAllNotWorse, c.sayPromote()}
}

// first returns the metric that a rollback is named after: a critical one, else
// that of the earliest phase.
func first(worse []*finding) *finding {
	if i := slices.IndexFunc(worse, func(f *finding) bool { return f.Critical }); i >= 0 {
		return worse[i]
	}
	return worse[0]
}

// missing says which metric lacks the data that it must have, or which arm never
// answered; "" if none.
func (c *docket) missing() string {
	o := c.set.Outcomes
	if full(c.set) || c.set.Header.Design == sample.Single && evidence.Sum(o.Candidate).OK > 0 {
		return "" // the baseline, or its pairs, lack by design, and for that the run holds
	}
	for _, arm := range [...]struct {
		name    string
		tallies []evidence.Tally
	}{{c.set.Baseline, o.Baseline}, {c.set.Candidate, o.Candidate}} {
		switch sum := evidence.Sum(arm.tallies); {
		case sum.Attempts <= 0:
			return fmt.Sprintf("the run has no measured request of %q", arm.name)
		case sum.OK <= 0:
			return fmt.Sprintf("%q never answered (%d requests)", arm.name, sum.Attempts)
		}
	}
	for _, f := range c.findings {
		if c.set.Header.Design == sample.Split && c.set.Units == nil {
			continue // nothing was collected for a split, which is a refusal and no lack of data
		}
		if f.refused.reason == ReasonLacks || f.refused.reason == ReasonZero {
			continue // held for that, which says more
		}
		if f.out.Standing == Missing && (f.decides() || f.Required) {
			return f.out.Name + ": " + f.out.Why
		}
	}
	return ""
}

// refusal returns why the evidence supports no promotion, the whole run's
// reasons before those of single metrics.
func (c *docket) refusal() (refusal, bool) {
	if len(c.refused) > 0 {
		return c.refused[0], true
	}
	for _, f := range c.findings {
		if r := cmp.Or(f.refused, f.held); f.decides() && r.text != "" {
			r.text = f.out.Name + ": " + r.text
			return r, true
		}
	}
	r := c.refuseControls()
	return r, r.text != ""
}

// undecided returns the gating metric that needs most requests, or of those
// that do not know, the first; nil if every gating metric is within its margin.
func (c *docket) undecided() *finding {
	var worst *finding
	gating := 0
	for _, f := range c.findings {
		if !f.decides() {
			continue
		}
		gating++
		if f.out.Standing != NotWorse && (worst == nil || f.out.More > worst.out.More) {
			worst = f
		}
	}
	if gating == 0 { // Validate refuses such a policy; here it must not promote
		return &finding{out: Metric{Name: "no metric is gating"}}
	}
	return worst
}

// verdict assembles what is told.
func (c *docket) verdict() Verdict {
	d := c.decide()
	v := Verdict{
		Schema: Schema, Decision: d.decision, ExitCode: d.decision.ExitCode(), Reason: d.reason, Summary: append(d.summary, c.sought()...),
		Guarantee: c.guarantee(), Unit: c.unit(),
		Baseline: c.set.Baseline, Candidate: c.set.Candidate, Design: c.set.Header.Design, Mode: string(cmp.Or(c.policy.Mode, policy.Fixed)),
		Look: c.horizon.look, Looks: c.horizon.looks,
		Alpha: float64(c.policy.Alpha), Blocks: c.set.Blocks, Restarts: c.set.Restarts, Pairs: c.set.Pairs,
		Controls: c.controls(), SameWork: c.work, Validity: c.set.Validity, Warnings: c.warn(),
		Arms: c.set.Arms, Run: c.set.Header, RunDigest: c.set.Digest,
		PolicyName: c.policy.Name, PolicyHash: c.policy.Hash,
	}
	for _, f := range c.findings {
		v.Metrics = append(v.Metrics, f.out)
	}
	if d.reason == ReasonUndecided {
		v.More = c.more()
	}
	return v
}

// more is what the neediest undecided metric needs; 0 if one does not know.
func (c *docket) more() int {
	most := 0
	for _, f := range c.findings {
		if !f.decides() || f.out.Standing != Undecided {
			continue
		}
		if f.out.More == 0 {
			return 0
		}
		most = max(most, f.out.More)
	}
	return most
}

// allDead tells that no arm answers, so that an absolute limit says nothing of the
// candidate.
func (c *docket) allDead() bool {
	return !full(c.set) && evidence.Sum(c.set.Outcomes.Baseline).OK <= 0 && evidence.Sum(c.set.Outcomes.Candidate).OK <= 0
}

// warn lists the doubts that stop nothing.
func (c *docket) warn() []string {
	warnings := slices.Clone(c.set.Validity.Warnings)
	if n := len(c.whole); n > 0 {
		warnings = append(warnings, fmt.Sprintf("%d units came when the candidate had all of the traffic: the step to 100 %% is judged at the stages before, and these count for absolute limits alone", n))
	}
	for _, r := range c.refused {
		warnings = append(warnings, r.text)
	}
	for _, f := range c.findings {
		if f.limitBroken && f.Measure == policy.Success {
			if a := count(c.set.Outcomes.Baseline); a.Rate() < f.Limit.Value {
				warnings = append(warnings, fmt.Sprintf("the baseline is under the limit of the success rate too: %s %%", percent(a.Rate())))
			}
		}
		if f.limitUnmet && !f.limitBroken && f.out.Standing != Missing {
			warnings = append(warnings, f.out.Name+" is beyond its absolute limit, within what sampling explains")
		}
	}
	for _, text := range [...]string{c.enrichedText(), c.widened()} {
		if text != "" {
			warnings = append(warnings, text)
		}
	}
	if x := float64(c.work.Answers); x > 0 {
		warnings = append(warnings, fmt.Sprintf("the answers differ in %s %% of the pairs", percent(x)))
	}
	return warnings
}

// widened says by how much a degraded measurement widened the intervals; "" if
// it did not.
func (c *docket) widened() string {
	var by []string
	for _, m := range [...]policy.Measure{policy.TTFB, policy.FirstToken, policy.Gap, policy.Full} {
		if s := c.prepared[m]; s != nil && s.widen > 0 {
			by = append(by, fmt.Sprintf("%s %s %%", measureName(m), percent(math.Expm1(s.widen))))
		}
	}
	if by == nil {
		return ""
	}
	return "the measurement is degraded: latency intervals are widened on either side, and regressions must be larger, by the measurer's own P99 error: " + strings.Join(by, ", ")
}

const (
	scaleRatio      = "ratio"
	scaleDifference = "difference"
)

// blank returns the metric of m before anything is known of it.
func blank(m policy.Metric) Metric {
	phase := phaseOf(m.Measure)
	scale := scaleRatio
	if m.Measure.Points() {
		scale = scaleDifference
	}
	nan := NaN()
	return Metric{
		Key: m.Key(), Name: nameOf(m), Measure: sample.Measure(m.Measure), Statistic: string(m.Statistic),
		Phase: phase.phase, Gating: m.Gating, Critical: m.Critical, Scale: scale,
		Effect: nan, Lower: nan, Upper: nan, Point: nan, Tau: Float(m.Tau), Margin: Float(m.Margin),
		P: nan, PHolm: nan, T: nan, LogE: nan, LogEWithin: nan, Resolution: nan, DryRun: m.DryRun, Limit: nan, Value: nan, Detectable: nan,
	}
}

// A place is where in a request's life a measure shows, for the order of
// reports.
type place struct {
	phase sample.Phase
	rank  int
}

func phaseOf(m policy.Measure) place {
	switch m {
	case policy.Queue:
		return place{sample.PhaseSchedule, 0}
	case policy.DNS:
		return place{sample.PhaseDNS, 1}
	case policy.Connect:
		return place{sample.PhaseConnect, 2}
	case policy.TLS:
		return place{sample.PhaseTLS, 3}
	case policy.Success:
		return place{sample.PhaseHeaders, 4}
	case policy.TTFB, policy.FirstEvent:
		return place{sample.PhaseHeaders, 5}
	case policy.FirstToken, policy.FirstText, policy.AddedToken:
		return place{sample.PhaseFirstToken, 6}
	case policy.Gap, policy.TPOT, policy.AddedEvent:
		return place{sample.PhaseStream, 7}
	case policy.LastContent, policy.Full, policy.Goodput:
		return place{sample.PhaseClose, 8}
	}
	return place{sample.PhaseClose, 9}
}
