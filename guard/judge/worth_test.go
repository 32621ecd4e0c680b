package judge_test

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/guard/evidence"
	"github.com/firstbyte-dev/firstbyte/guard/judge"
	"github.com/firstbyte-dev/firstbyte/guard/policy"
)

// TestTokensAndCostOfLogs: two deployments' logs have no pairs, but say what each
// answer used and cost: the means of blocks are judged.
func TestTokensAndCostOfLogs(t *testing.T) {
	tokens := policy.Metric{Measure: policy.Tokens, Statistic: policy.Mean, Tau: .05, Margin: .1}
	cost := policy.Metric{Measure: policy.Cost, Statistic: policy.Mean, Tau: .05, Margin: .1}
	for _, c := range []struct {
		name   string
		metric policy.Metric
		change func(*sample.Sample) // of the candidate
		want   judge.Decision
		reason judge.Reason
	}{
		{"tokens, equal", tokens, func(*sample.Sample) {}, judge.Promote, judge.ReasonAllNotWorse},
		{"a fifth more tokens", tokens, func(s *sample.Sample) { s.Usage.Output = s.Usage.Output * 6 / 5 }, judge.Rollback, judge.ReasonWorse},
		{"cost, equal", cost, func(*sample.Sample) {}, judge.Promote, judge.ReasonAllNotWorse},
		{"dearer", cost, func(s *sample.Sample) { s.Cost *= 1.2 }, judge.Rollback, judge.ReasonWorse},
		{"the dear ones are not told", cost, func(s *sample.Sample) {
			if s.Cost > .0018 {
				s.Cost = 0
			}
		}, judge.Hold, judge.ReasonUnpaired},
		{"no cost", cost, func(s *sample.Sample) { s.Cost = 0 }, judge.NoData, judge.ReasonNoData},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := usual("worth of logs")
			w.Blocks, w.PerBlock = 20, 150
			run := sideBySide(w, 1)
			for i := range run.Samples {
				s := &run.Samples[i]
				s.Cost = .001 * (1 + float64(i*2654435761%1000)/1000)
				if s.Arm == run.Header.Arms[1].Name {
					c.change(s)
				}
			}
			p := tailOnly()
			p.Metrics = append(p.Metrics, c.metric)
			p.Metrics[0].Gating, p.Metrics[0].Required = false, false
			p.Metrics[len(p.Metrics)-1].Gating = true
			v := judge.Judge(p, setOf(t, run))
			expect(t, v, c.want, c.reason)
			if m := metric(t, v, c.metric.Key()); c.want != judge.NoData && !strings.HasSuffix(m.Name, "mean ratio of blocks") {
				t.Errorf("the metric is named %q", m.Name)
			}
		})
	}
}

// TestLimitsNeedNoBaseline: where nothing is there to compare with, a broken limit
// of the success rate rolls back all the same, and what breaks none is held for its
// design, or has no data where a comparison was promised.
func TestLimitsNeedNoBaseline(t *testing.T) {
	for _, c := range []struct {
		name   string
		design sample.Design
		errors float64
		want   judge.Decision
		reason judge.Reason
	}{
		{"one run that fails", sample.Single, .3, judge.Rollback, judge.ReasonLimit},
		{"one run that fails always", sample.Single, 1, judge.Rollback, judge.ReasonLimit},
		{"one sound run", sample.Single, 0, judge.Hold, judge.ReasonDesign},
		{"a drained baseline, and failures", sample.Interleaved, .3, judge.Rollback, judge.ReasonLimit},
		{"a drained baseline", sample.Interleaved, 0, judge.NoData, judge.ReasonNoData},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := usual("no baseline")
			w.CandidateErrors = c.errors
			run := sideBySide(w, 1)
			run.Header.Design = c.design
			run.Samples = slices.DeleteFunc(run.Samples, func(s sample.Sample) bool { return s.Arm == "baseline" })
			if c.design == sample.Single {
				run.Header.Arms = run.Header.Arms[1:]
			}
			expect(t, judge.Judge(policy.Default(), setOf(t, run)), c.want, c.reason)
		})
	}
}

// TestOneRunPerSideWithoutPairs is held for its design, as one with pairs is.
func TestOneRunPerSideWithoutPairs(t *testing.T) {
	run := sideBySide(usual("two logs"), 1)
	run.Header.Design = sample.Single
	expect(t, judge.Judge(policy.Default(), setOf(t, run)), judge.Hold, judge.ReasonDesign)
}

// TestSimulatedFilesNeverPromote: the scripts before this tool made records up where
// there were no real ones, and took them for real. A run file that a simulator wrote
// promotes nothing, whatever it shows.
func TestSimulatedFilesNeverPromote(t *testing.T) {
	run := usual("made up").Run()
	expect(t, judge.Judge(policy.Default(), setOf(t, run)), judge.Promote, judge.ReasonAllNotWorse)
	path := filepath.Join(t.TempDir(), "made-up.run.jsonl")
	if err := sample.Write(path, &run); err != nil {
		t.Fatal(err)
	}
	set, err := evidence.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	v := judge.Judge(policy.Default(), set)
	expect(t, v, judge.Hold, judge.ReasonInvalid)
	if !strings.Contains(v.Summary[0], "simulated") {
		t.Errorf("%q does not say why", v.Summary)
	}
}

// TestWorthOfFailures: what a failed request used is no cost of an answer, so an arm
// that fails early and cheaply seems no cheaper.
func TestWorthOfFailures(t *testing.T) {
	w := usual("worth of failures")
	w.PerBlock, w.BaselineErrors, w.CandidateErrors = 150, .02, .02
	run := sideBySide(w, 1)
	for i := range run.Samples {
		s := &run.Samples[i]
		if s.Usage.Output = 100; s.Outcome != sample.OK && s.Arm == "candidate" {
			s.Usage.Output = 1e6
		}
	}
	p := tailOnly()
	p.Metrics[0] = policy.Metric{Measure: policy.Tokens, Statistic: policy.Mean, Tau: .05, Margin: .1, Gating: true}
	if m := metric(t, judge.Judge(p, setOf(t, run)), "output_tokens.mean"); m.Effect != 1 {
		t.Errorf("effect %v, want 1: a failed request's million tokens count", m.Effect)
	}
}
