package judge_test

import (
	"fmt"
	"hash/crc32"
	"slices"
	"strings"
	"testing"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/guard/judge"
	"github.com/firstbyte-dev/firstbyte/guard/policy"
)

// Rules that no larger test would miss: see the list of mutations at the root.

func TestRulesExitCodes(t *testing.T) {
	for d, want := range map[judge.Decision]int{judge.Promote: 0, judge.Rollback: 2, judge.Hold: 3, judge.NoData: 4, "": 1, "PASS": 1} {
		if got := d.ExitCode(); got != want {
			t.Errorf("%q exits with %d, want %d", d, got, want)
		}
	}
}

// only is the default policy with these metrics alone gating.
func only(keys ...string) policy.Policy {
	p := fixed()
	p.Metrics = slices.Clone(p.Metrics)
	for i := range p.Metrics {
		p.Metrics[i].Gating = slices.Contains(keys, p.Metrics[i].Key())
	}
	return p
}

func TestRulesArmWithoutRequests(t *testing.T) {
	run := usual(t.Name()).Run()
	run.Samples = slices.DeleteFunc(run.Samples, func(s sample.Sample) bool { return s.Arm == "candidate" })
	v := judge.Judge(policy.Default(), setOf(t, run))
	expect(t, v, judge.NoData, judge.ReasonNoData)
	if want := `No data: the run has no measured request of "candidate".`; v.Summary[0] != want {
		t.Errorf("%q, want %q", v.Summary[0], want)
	}
}

// TestRulesFailures: over 5 % no latency is compared, though the median lies far
// from any failure.
func TestRulesFailures(t *testing.T) {
	for failed, want := range map[float64]judge.Reason{.03: judge.ReasonAllNotWorse, .08: judge.ReasonFailures} {
		w := usual(t.Name())
		w.BaselineErrors, w.CandidateErrors = failed, failed
		if v := judge.Judge(only("first_token.p50"), setOf(t, w.Run())); v.Reason != want {
			t.Errorf("%g failed: %s (%s), want %s: %q", failed, v.Decision, v.Reason, want, v.Summary)
		}
	}
}

// TestRulesLosses: losses that are fair to both arms hold as well.
func TestRulesLosses(t *testing.T) {
	for every, want := range map[uint32]judge.Reason{500: judge.ReasonAllNotWorse, 30: judge.ReasonUnpaired} {
		run := usual(t.Name()).Run()
		run.Samples = slices.DeleteFunc(run.Samples, func(s sample.Sample) bool {
			return crc32.ChecksumIEEE(fmt.Append(nil, s.Item, s.Occurrence, s.Arm))%every == 0
		})
		if v := judge.Judge(policy.Default(), setOf(t, run)); v.Reason != want {
			t.Errorf("one of %d lost: %s (%s), want %s: %q", every, v.Decision, v.Reason, want, v.Summary)
		}
	}
}

// TestRulesCritical: of several metrics that are worse the critical one is named.
func TestRulesCritical(t *testing.T) {
	w := usual(t.Name())
	w.FirstToken, w.Gap = 1.3, 1.3
	p := only("first_token.p50", "gap.p50")
	for i := range p.Metrics {
		p.Metrics[i].Critical = p.Metrics[i].Key() == "gap.p50"
	}
	v := judge.Judge(p, setOf(t, w.Run()))
	expect(t, v, judge.Rollback, judge.ReasonWorse)
	if !strings.HasPrefix(v.Summary[0], "Rolled back: the gap between tokens") || !strings.Contains(v.Summary[1], "first token") {
		t.Errorf("%q", v.Summary)
	}
}

// TestRulesRequired: a metric that is only shown may be asked to have data.
func TestRulesRequired(t *testing.T) {
	run := usual(t.Name()).Run()
	each("", func(s *sample.Sample) { s.Events = 1 })(&run) // no gap
	p := only("first_token.p50")
	for i := range p.Metrics {
		p.Metrics[i].Required = false
	}
	set := setOf(t, run)
	expect(t, judge.Judge(p, set), judge.Promote, judge.ReasonAllNotWorse)
	for i := range p.Metrics {
		p.Metrics[i].Required = p.Metrics[i].Key() == "gap.p50"
	}
	expect(t, judge.Judge(p, set), judge.NoData, judge.ReasonNoData)
}
