package judge_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/guard/evidence"
	"github.com/firstbyte-dev/firstbyte/guard/judge"
	"github.com/firstbyte-dev/firstbyte/guard/policy"
	"github.com/firstbyte-dev/firstbyte/guard/proof"
)

func byThreshold() policy.Policy {
	p := fixed()
	p.Mode = policy.Threshold
	return p
}

// TestThreshold: point estimates decide, and the verdict says what that is worth.
func TestThreshold(t *testing.T) {
	noisy := func(w *proof.World) { w.PerBlock, w.Between, w.Gap = 50, .5, 1.08 }
	for _, c := range []struct {
		name     string
		world    func(*proof.World)
		decision judge.Decision
		reason   judge.Reason
		text     string
	}{
		{"equal", func(*proof.World) {}, judge.Promote, judge.ReasonAllNotWorse, "Promoted by thresholds: the point estimates of all 10 gating metrics are within tau."},
		{"worse", func(w *proof.World) { w.Gap = 1.3 }, judge.Rollback, judge.ReasonWorse, "(a point estimate), more than the 5 % allowed"},
		{"more than tau by less than a test would see", noisy, judge.Rollback, judge.ReasonWorse, "a point estimate"},
		{"errors", func(w *proof.World) { w.CandidateErrors = .03 }, judge.Rollback, judge.ReasonWorse, "success rate"},
		{"dead", func(w *proof.World) { w.CandidateErrors = 1 }, judge.Rollback, judge.ReasonLimit, ""},
		{"both dead", func(w *proof.World) { w.BaselineErrors, w.CandidateErrors = 1, 1 }, judge.NoData, judge.ReasonNoData, ""},
		{"too few pairs", func(w *proof.World) { w.PerBlock = 9 }, judge.Hold, judge.ReasonFewPairs, ""},
	} {
		w := usual("threshold " + c.name)
		c.world(&w)
		set := setOf(t, w.Run())
		v := judge.Judge(byThreshold(), set)
		expect(t, v, c.decision, c.reason)
		if !strings.Contains(v.Summary[0], c.text) {
			t.Errorf("%s: %q does not say %q", c.name, v.Summary[0], c.text)
		}
		if tested := judge.RollsBack(fixed(), set); tested && strings.HasPrefix(c.name, "more than") {
			t.Errorf("%s: a test sees it", c.name)
		}
		if got := judge.RollsBack(byThreshold(), set); got != (c.decision == judge.Rollback) {
			t.Errorf("%s: RollsBack says %v", c.name, got)
		}
		for _, m := range v.Metrics {
			if m.P >= 0 || m.Lower > 0 || m.Upper > 0 {
				t.Errorf("%s: %s has p %v and bounds", c.name, m.Key, m.P)
			}
		}
	}
}

// TestThresholdSaysItsErrorRate: on noisy evidence two equal builds are rolled
// back in most replays, on quiet evidence in none, and the guarantee says so.
func TestThresholdSaysItsErrorRate(t *testing.T) {
	w := usual("threshold rate")
	w.Between = .99
	quiet := judge.Judge(byThreshold(), setOf(t, w.Run()))
	if want := "rolled back in 0.0 % of 400 replays"; !strings.Contains(quiet.Guarantee, want) {
		t.Errorf("%q does not say %q", quiet.Guarantee, want)
	}
	w.PerBlock, w.Between, w.Sigma = 50, 0, 1
	noisy := judge.Judge(byThreshold(), setOf(t, w.Run()))
	again := judge.Judge(byThreshold(), setOf(t, w.Run()))
	if noisy.Guarantee != again.Guarantee {
		t.Errorf("%q, then %q", noisy.Guarantee, again.Guarantee)
	}
	if strings.Contains(noisy.Guarantee, " 0.0 % of 400") || !strings.Contains(noisy.Guarantee, "in about half of such runs") || !strings.HasPrefix(noisy.Guarantee, "No error rate is kept") {
		t.Errorf("%q", noisy.Guarantee)
	}
}

// TestThresholdRefuses: what evidence must not lack is the same in every mode.
func TestThresholdRefuses(t *testing.T) {
	for reason, spoil := range map[judge.Reason]func(*sample.Run){
		judge.ReasonInvalid:       func(r *sample.Run) { r.Trailer.Validity = sample.Validity{} },
		judge.ReasonDifferentWork: each("candidate", func(s *sample.Sample) { s.Usage.Output -= 2 }),
		judge.ReasonDesign:        func(r *sample.Run) { r.Header.Design = sample.Single },
		judge.ReasonUnpaired:      func(r *sample.Run) { r.Samples = r.Samples[:len(r.Samples)-60] },
	} {
		for _, gap := range []float64{1, 1.3} {
			w := usual("threshold refuses")
			w.Gap = gap
			run := w.Run()
			spoil(&run)
			expect(t, judge.Judge(byThreshold(), setOf(t, run)), judge.Hold, reason)
		}
	}
}

// TestThresholdOfControls: the controls are judged by thresholds too.
func TestThresholdOfControls(t *testing.T) {
	expect(t, judge.Judge(byThreshold(), controlled(t, nil, nil, planted)), judge.Promote, judge.ReasonAllNotWorse)
	expect(t, judge.Judge(byThreshold(), controlled(t, nil, nil, nil)), judge.Hold, judge.ReasonBlind)
}

// fullShare is evidence of a split in which the candidate has all requests.
func fullShare(t *testing.T, errors float64) evidence.Set {
	w := usual("full share")
	w.CandidateErrors = errors
	run := w.Run()
	run.Header.Design = sample.Split
	run.Samples = slices.DeleteFunc(run.Samples, func(s sample.Sample) bool { return s.Arm == "baseline" })
	each("", func(s *sample.Sample) { s.Share, s.Item = 1, "" })(&run)
	return setOf(t, run)
}

// TestFullShare: at 100 % nothing is compared, only absolute limits are judged.
func TestFullShare(t *testing.T) {
	good := fullShare(t, 0)
	if len(good.Units) == 0 {
		t.Fatal("the evidence has no units")
	}
	v := judge.Judge(policy.Default(), good)
	expect(t, v, judge.Hold, judge.ReasonDesign)
	if !strings.Contains(v.Summary[0], "all of the traffic") {
		t.Errorf("%q", v.Summary)
	}
	for _, m := range v.Metrics {
		if m.P >= 0 || m.Lower > 0 || m.Standing == judge.NotWorse {
			t.Errorf("%s claims a comparison: %s, p %v", m.Key, m.Standing, m.P)
		}
	}
	expect(t, judge.Judge(policy.Default(), fullShare(t, .3)), judge.Rollback, judge.ReasonLimit)
	expect(t, judge.Judge(policy.Default(), fullShare(t, 1)), judge.Rollback, judge.ReasonLimit)
	expect(t, judge.Judge(withLimit(policy.Default(), "first_token.p95", 1e6), good), judge.Rollback, judge.ReasonLimit)

	part := fullShare(t, 0) // not all of it: then the baseline is missing
	part.Units[5].Share = .9
	expect(t, judge.Judge(policy.Default(), part), judge.NoData, judge.ReasonNoData)
}

// TestSingle: one run per side is never rolled back by a test, whatever it shows.
func TestSingle(t *testing.T) {
	for _, gap := range []float64{1, 3} {
		w := usual("single")
		w.Gap = gap
		run := w.Run()
		run.Header.Design = sample.Single
		v := judge.Judge(policy.Default(), setOf(t, run))
		expect(t, v, judge.Hold, judge.ReasonDesign)
		if !strings.HasPrefix(v.Summary[0], "Held: design: one run per side") {
			t.Errorf("%q", v.Summary[0])
		}
	}
}

// TestLacks: a gating metric that the source cannot tell is a hold and says so.
func TestLacks(t *testing.T) {
	run := usual("lacks").Run()
	run.Header.Source, run.Header.Lacks = "envoy", []sample.Measure{sample.Gap}
	set := setOf(t, run)
	delete(set.Latencies, sample.Gap)
	v := judge.Judge(policy.Default(), set)
	expect(t, v, judge.Hold, judge.ReasonLacks)
	if !strings.Contains(v.Summary[0], "the source (envoy) does not tell it") {
		t.Errorf("%q", v.Summary[0])
	}
	set.Header.Lacks = nil
	expect(t, judge.Judge(policy.Default(), set), judge.NoData, judge.ReasonNoData)
}

// TestZero: what took no time has no logarithm.
func TestZero(t *testing.T) {
	set := setOf(t, usual("zero").Run())
	some := set.Latencies[sample.Gap]
	some.Zero, some.LostCandidate = 60, 60
	set.Latencies[sample.Gap] = some
	expect(t, judge.Judge(policy.Default(), set), judge.Hold, judge.ReasonZero)
	all := set.Latencies[sample.Gap]
	all = evidence.Pairs{Zero: all.N(), LostCandidate: all.N(), LostBaseline: all.N()}
	set.Latencies[sample.Gap] = all
	expect(t, judge.Judge(policy.Default(), set), judge.Hold, judge.ReasonZero)

	set = setOf(t, usual("zero").Run())
	set.Latencies[sample.Gap].Candidate[3] = 0
	expect(t, judge.Judge(policy.Default(), set), judge.Hold, judge.ReasonZero)
	set.Latencies[sample.Gap].Candidate[3] = -1
	expect(t, judge.Judge(policy.Default(), set), judge.NoData, judge.ReasonNoData)
	set.Latencies[sample.Gap].Candidate[3] = math.NaN()
	expect(t, judge.Judge(policy.Default(), set), judge.NoData, judge.ReasonNoData)
}

// TestThroughput gates in a closed loop only.
func TestThroughput(t *testing.T) {
	p := policy.Default()
	p.Metrics = slices.Clone(p.Metrics)
	for i := range p.Metrics {
		p.Metrics[i].Gating = p.Metrics[i].Gating || p.Metrics[i].Measure == policy.Throughput
	}
	run := usual("throughput").Run()
	for i := range run.Trailer.Slots {
		run.Trailer.Slots[i].IntendedHz, run.Trailer.Slots[i].AchievedHz = 100, 98
	}
	run.Header.Schedule.Kind = "poisson"
	v := judge.Judge(p, setOf(t, run))
	expect(t, v, judge.Hold, judge.ReasonDesign)
	if !strings.Contains(v.Summary[0], "achieved of offered: 98.0 % by the baseline, 98.0 % by the candidate") {
		t.Errorf("%q", v.Summary[0])
	}
	run.Header.Schedule.Kind = "closed"
	expect(t, judge.Judge(p, setOf(t, run)), judge.Promote, judge.ReasonAllNotWorse)
	for i := range run.Trailer.Slots {
		if s := &run.Trailer.Slots[i]; s.Arm == "candidate" {
			s.EndNS += (s.EndNS - s.StartNS) / 2
		}
	}
	expect(t, judge.Judge(p, setOf(t, run)), judge.Rollback, judge.ReasonWorse)
}

// TestAnyQuantile: a quantile that nobody named before is judged by its band.
func TestAnyQuantile(t *testing.T) {
	p := policy.Default()
	p.Metrics = []policy.Metric{
		{Measure: policy.FirstToken, Statistic: "p90", Gating: true, Tau: .05, Margin: .1},
		{Measure: policy.FirstToken, Statistic: "p10", Gating: true, Tau: .05, Margin: .1, Limit: &policy.Limit{Value: 1e9, Duration: true}},
	}
	w := usual("any quantile")
	v := judge.Judge(p, setOf(t, w.Run()))
	expect(t, v, judge.Promote, judge.ReasonAllNotWorse)
	if name := metric(t, v, "first_token.p90").Name; name != "first token, P80-P98 tail" {
		t.Errorf("%q", name)
	}
	low := metric(t, v, "first_token.p10")
	if low.Name != "first token, P2-P20 head" || !(low.Value > 5e6 && low.Value < 16e6) {
		t.Errorf("%q, P10 %v ns", low.Name, low.Value)
	}
	w.FirstToken = 1.3
	expect(t, judge.Judge(p, setOf(t, w.Run())), judge.Rollback, judge.ReasonWorse)
}
