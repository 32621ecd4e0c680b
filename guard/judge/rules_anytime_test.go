package judge_test

import (
	"math"
	"slices"
	"testing"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/guard/evidence"
	"github.com/firstbyte-dev/firstbyte/guard/judge"
	"github.com/firstbyte-dev/firstbyte/guard/policy"
	"github.com/firstbyte-dev/firstbyte/guard/proof"
	"github.com/firstbyte-dev/firstbyte/guard/stats"
)

// bar is the evidence that a decision at alpha = 5 % needs.
var bar = judge.Float(math.Log(20))

// watchingOnly is the mode anytime with these metrics and no others.
func watchingOnly(keys ...string) policy.Policy {
	p := only(keys...)
	p.Mode = policy.Anytime
	p.Metrics = slices.DeleteFunc(p.Metrics, func(m policy.Metric) bool { return !m.Gating })
	return p
}

// slowedFrom is evidence of equal arms of which the candidate's first token takes
// ratio times as long in the blocks from to before.
func slowedFrom(t *testing.T, w proof.World, from, before int, ratio float64) evidence.Set {
	set := setOf(t, w.Run())
	p := set.Latencies[sample.FirstToken]
	p.Candidate = slices.Clone(p.Candidate)
	for i, k := range p.Block {
		if k >= from && k < before {
			p.Candidate[i] *= ratio
		}
	}
	set.Latencies[sample.FirstToken] = p
	return set
}

// TestRulesOnceCrossed: the evidence to roll back stood after 12 blocks, and the 18
// that followed speak against it.
func TestRulesOnceCrossed(t *testing.T) {
	p := watchingOnly("first_token.mean")
	w := usual("crossed")
	w.Blocks, w.PerBlock = 30, 40
	if !judge.RollsBack(p, slowedFrom(t, w, 0, 12, 1.4)) {
		t.Error("what once crossed was forgotten")
	}
	if judge.RollsBack(p, slowedFrom(t, w, 0, 0, 1)) {
		t.Error("equal arms were rolled back")
	}
}

// TestRulesAPromotionIsOfNow: the first 14 blocks would promote; in the others the
// candidate is slower by 30 %, and neither its evidence nor its upper bound
// forgets that.
func TestRulesAPromotionIsOfNow(t *testing.T) {
	p := watchingOnly("first_token.mean")
	for i := range p.Metrics {
		p.Metrics[i].Tau, p.Metrics[i].Margin = .5, .6 // never so much worse
	}
	w := usual("of now")
	w.PerBlock = 40
	w.Blocks = 14
	early := judge.Judge(p, slowedFrom(t, w, 0, 0, 1))
	expect(t, early, judge.Promote, judge.ReasonAllNotWorse)
	w.Blocks = 34
	v := judge.Judge(p, slowedFrom(t, w, 14, 34, 1.8))
	if m := metric(t, v, "first_token.mean"); v.Decision == judge.Promote || m.LogEWithin >= bar || m.Upper < 1.7 {
		t.Errorf("%s, evidence %.2f, at most %.3f", v.Decision, m.LogEWithin, m.Upper)
	}
}

// TestRulesUnclaimed: a metric of which nothing is claimed counts with the evidence
// 1, so that e of the other is worth (e+1)/2 when it is less.
func TestRulesUnclaimed(t *testing.T) {
	w := usual("unclaimed")
	w.FirstToken = 1.1
	set := setOf(t, w.Run())
	set.Header.Lacks = []sample.Measure{sample.Gap}
	m := metric(t, judge.Judge(watchingOnly("first_token.mean", "gap.mean"), set), "first_token.mean")
	if want := 2 / (1 + math.Exp(float64(m.LogE))); math.Abs(float64(m.PHolm)-want) > 1e-9 {
		t.Errorf("evidence %.3f, adjusted p %.4g, want %.4g", m.LogE, m.PHolm, want)
	}
}

// TestRulesFewBlocksToJoin: twelve blocks of which neighbours correlate are too few
// to join, and so are no evidence.
func TestRulesFewBlocksToJoin(t *testing.T) {
	w := usual("few to join")
	w.Blocks = 12
	v := judge.Judge(watchingOnly("first_token.mean"), slowedFrom(t, w, 0, 6, .7))
	expect(t, v, judge.Hold, judge.ReasonAutocorrelated)
	if m := metric(t, v, "first_token.mean"); !math.IsInf(float64(m.LogEWithin), -1) {
		t.Errorf("evidence %v", m.LogEWithin)
	}
	set := slowedFrom(t, w, 0, 6, .7)
	set.Planned = w.Blocks
	expect(t, judge.Judge(only("first_token.p50"), set), judge.Hold, judge.ReasonAutocorrelated)
}

// TestRulesDegradedEvidence: what the measurer may be wrong by is no evidence, on
// either side.
func TestRulesDegradedEvidence(t *testing.T) {
	for _, ratio := range []float64{1, 1.1} {
		w := usual("degraded evidence")
		w.FirstToken = ratio
		set, p := setOf(t, w.Run()), watchingOnly("first_token.mean")
		plain := metric(t, judge.Judge(p, set), "first_token.mean")
		set.Validity = sample.Validity{Grade: sample.Degraded, Error: map[sample.Measure]sample.ErrorNS{sample.FirstToken: {P99: 4e5}}}
		wide := metric(t, judge.Judge(p, set), "first_token.mean")
		if !(wide.LogE < plain.LogE && wide.LogEWithin < plain.LogEWithin) {
			t.Errorf("%g: evidence %.2f and %.2f, of a valid run %.2f and %.2f", ratio, wide.LogE, wide.LogEWithin, plain.LogE, plain.LogEWithin)
		}
	}
}

// TestRulesLimitOverAllLooks: 32 failures of 2,100 break a limit of 99 % at one
// look (30 do), and not yet at any.
func TestRulesLimitOverAllLooks(t *testing.T) {
	set := setOf(t, usual("limit over looks").Run())
	for k := range set.Outcomes.Candidate {
		failed := 1
		if k < 12 {
			failed = 2
		}
		set.Outcomes.Candidate[k].OK = set.Outcomes.Candidate[k].Attempts - failed
		set.Outcomes.Baseline[k].OK = set.Outcomes.Baseline[k].Attempts - failed
	}
	p := withLimit(watchingOnly("success.rate"), "success.rate", .99)
	if v := judge.Judge(p, set); v.Decision != judge.Hold {
		t.Errorf("%s: %q", v.Decision, v.Summary)
	}
	p.Mode = policy.Fixed
	expect(t, judge.Judge(p, set), judge.Rollback, judge.ReasonLimit)
}

// TestRulesUnequalLooks: 22 blocks cannot be looked at in five equal steps, and
// alpha is spent by the steps there are.
func TestRulesUnequalLooks(t *testing.T) {
	w := usual("unequal looks")
	w.Blocks, w.FirstToken = 22, 1.055
	p := only("first_token.p50")
	p.Mode, p.Looks = policy.GroupSequential, 5
	set := setOf(t, upTo(w.Run(), 9))
	m := metric(t, judge.Judge(p, set), "first_token.p50")
	plan := stats.NewPlan([]float64{5. / 22, 9. / 22, 14. / 22, 18. / 22, 1})
	if want := plan.Repeated(float64(m.P), 2); math.Abs(float64(m.PHolm)-want) > 1e-9 || !(m.P > 0 && m.P < .9) {
		t.Errorf("p %.4g, adjusted %.6g, want %.6g", m.P, m.PHolm, want)
	}
	p.Mode, p.Looks, p.Alpha = policy.Fixed, 0, policy.Share(plan.Tail(.05, 2)) // what the second look may spend
	once := metric(t, judge.Judge(p, set), "first_token.p50")
	if math.Abs(float64(once.Lower-m.Lower)) > 1e-9 || math.Abs(float64(once.Upper-m.Upper)) > 1e-9 {
		t.Errorf("bounds %v and %v, want %v and %v", m.Lower, m.Upper, once.Lower, once.Upper)
	}
}

// TestRulesWorkOfOneBlock: one block has no spread, and what is not known is not
// equivalent.
func TestRulesWorkOfOneBlock(t *testing.T) {
	set := setOf(t, usual("one block").Run())
	if v := judge.Judge(fixed(), set); !v.SameWork.Same {
		t.Fatalf("%q", v.SameWork.Detail)
	}
	set.Work.Blocks = set.Work.Blocks[:1]
	if v := judge.Judge(fixed(), set); v.SameWork.Same || v.Decision == judge.Promote {
		t.Errorf("%s, same work: %q", v.Decision, v.SameWork.Detail)
	}
}

// TestRulesGoodput: requests that failed are attempts that were not good, and a
// measure that is not told meets no objective.
func TestRulesGoodput(t *testing.T) {
	w := usual("goodput")
	w.CandidateErrors = .04
	p := fixed()
	p.SLO = []policy.Objective{{Measure: policy.Full, AtMost: policy.Limit{Value: 1e12, Duration: true}}}
	p.Metrics = []policy.Metric{{Measure: policy.Goodput, Statistic: policy.Rate, Gating: true, Tau: .01, Margin: .02}}
	set := setOf(t, w.Run())
	v := judge.Judge(p, set)
	expect(t, v, judge.Rollback, judge.ReasonWorse)
	if got, want := float64(metric(t, v, "goodput.rate").Effect), -.04; math.Abs(got-want) > .02 {
		t.Errorf("goodput falls by %v, want about %v", got, want)
	}
	w.CandidateErrors = 0
	set = setOf(t, w.Run())
	expect(t, judge.Judge(p, set), judge.Promote, judge.ReasonAllNotWorse)
	p.SLO[0].Measure = policy.AddedToken // the simulation writes no times of the upstream
	expect(t, judge.Judge(p, set), judge.NoData, judge.ReasonNoData)
}

// TestRulesATwinBeyondALimit: a twin that fails as often as its baseline is not
// called worse, but a limit says that failures came from elsewhere.
func TestRulesATwinBeyondALimit(t *testing.T) {
	set := controlled(t, nil, func(w *proof.World) { w.BaselineErrors, w.CandidateErrors = .03, .03 }, planted)
	p := withLimit(fixed(), "success.rate", .99)
	expect(t, judge.Judge(p, set), judge.Hold, judge.ReasonHallucinates)
}

// TestRulesEvidenceToPromote: after ten blocks of a candidate that is 6 % slower something speaks
// against a worsening by the margin, though less than alpha asks for.
func TestRulesEvidenceToPromote(t *testing.T) {
	w := usual("some evidence")
	w.PerBlock, w.Blocks, w.FirstToken = 40, 10, 1.06
	v := judge.Judge(watchingOnly("first_token.mean"), setOf(t, w.Run()))
	if m := metric(t, v, "first_token.mean"); m.LogEWithin <= 0 || m.LogEWithin >= bar || m.Standing != judge.Undecided {
		t.Errorf("evidence %.2f of %.2f: %s, %s", m.LogEWithin, bar, m.Standing, v.Decision)
	}
	expect(t, v, judge.Hold, judge.ReasonUndecided)
}
