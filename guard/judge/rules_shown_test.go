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
	"github.com/firstbyte-dev/firstbyte/guard/stats"
)

// TestRulesOrderInAPhase: of two metrics of one phase that stands first which is
// worse by more of its own margin.
func TestRulesOrderInAPhase(t *testing.T) {
	w := usual("order in a phase")
	w.FirstToken = 1.2
	set := setOf(t, w.Run())
	for _, wide := range []string{"first_token.p50", "first_token.p95"} {
		p := only("first_token.p50", "first_token.p95")
		for i := range p.Metrics {
			if p.Metrics[i].Key() == wide {
				p.Metrics[i].Margin = .9
			}
		}
		if v := judge.Judge(p, set); v.Metrics[0].Key == wide || v.Metrics[1].Key != wide {
			t.Errorf("%s stands before %s, whose margin is 90 %%", v.Metrics[0].Key, v.Metrics[1].Key)
		}
	}
}

// TestRulesBucketsWiden: the interval is that of the statistic and, on either side,
// what lies between the edges of a bucket and cannot be seen.
func TestRulesBucketsWiden(t *testing.T) {
	set := usualService("buckets widen", native).set()
	p := tailPolicy(.05, .10)
	p.Mode = policy.Fixed
	m := judge.Judge(p, set).Metrics[0]
	bins := func(all []evidence.Histogram) (out []stats.Bins) {
		for _, h := range all {
			out = append(out, stats.Bins(h))
		}
		return out
	}
	b, err := stats.NewBinned(bins(set.Binned[sample.Full].Baseline), bins(set.Binned[sample.Full].Candidate))
	if err != nil {
		t.Fatal(err)
	}
	blur, test := b.Blur(.90, .99), b.Band(.90, .99)
	lower, upper := test.Interval(test.Estimate(), .05)
	if !(blur > .001) || math.Abs(math.Log(float64(m.Upper))-upper-blur) > 1e-9 || math.Abs(math.Log(float64(m.Lower))-lower+blur) > 1e-9 {
		t.Errorf("bounds %.5f and %.5f, want %.5f and %.5f (blur %.4f)", m.Lower, m.Upper, math.Exp(lower-blur), math.Exp(upper+blur), blur)
	}
}

// TestRulesAnswersWithoutAScore: an answer of which nothing could be scored,
// although the other arm's was, has the score 0.
func TestRulesAnswersWithoutAScore(t *testing.T) {
	run := scored(usual("no score").Run(), 0)
	for i := range run.Samples {
		if s := &run.Samples[i]; s.Arm == run.Header.Arms[1].Name && chance(s, "lost") < .2 {
			s.Quality = nil
		}
	}
	for _, mode := range []policy.Mode{policy.Fixed, policy.Anytime} {
		p := demanding(quality)
		p.Mode, p.Looks = mode, 0
		v := judge.Judge(p, setOf(t, run))
		if m := metric(t, v, "quality.mean"); m.Standing != judge.Worse || math.Abs(float64(m.Effect)+.2) > .04 {
			t.Errorf("%s: quality is %s by %.3f: %q", mode, m.Standing, m.Effect, v.Summary)
		}
	}
}

// TestRulesThroughput: what failed was no throughput.
func TestRulesThroughput(t *testing.T) {
	w := usual("throughput of successes")
	w.CandidateErrors = .04
	run := w.Run()
	run.Header.Schedule.Kind = "closed"
	p := fixed()
	p.Metrics = []policy.Metric{{Measure: policy.Throughput, Statistic: policy.Mean, Gating: true, Tau: .05, Margin: .1}}
	if m := judge.Judge(p, setOf(t, run)).Metrics[0]; math.Abs(float64(m.Effect)-.96) > .015 {
		t.Errorf("throughput changed by a factor %.3f, want about .96", m.Effect)
	}
}

// TestRulesFailuresByBlocksAndCounts: failures of one block alone are no doubt one
// candidate's by their count, and one restart's by their block; one failure in each
// block has no spread at all, and is few by its count. Neither rolls back.
func TestRulesFailuresByBlocksAndCounts(t *testing.T) {
	for name, failed := range map[string]func(block int) int{
		"in one block":      func(block int) int { return 40 * btoi(block == 3) },
		"one in each block": func(int) int { return 1 },
	} {
		set := setOf(t, usual("by blocks and counts").Run())
		set.Outcomes.OnlyBaseline = 0
		for k := range set.Outcomes.Candidate {
			set.Outcomes.Candidate[k].OK -= failed(k)
			set.Outcomes.OnlyBaseline += failed(k)
		}
		p := only("success.rate")
		for i := range p.Metrics {
			p.Metrics[i].Tau, p.Metrics[i].Limit = .008, nil
		}
		if m := metric(t, judge.Judge(p, set), "success.rate"); m.P < .05 || m.Standing == judge.Worse {
			t.Errorf("%s: p %.4g, %s", name, m.P, m.Standing)
		}
	}
}

// TestRulesP99AmongFailures: where one request in fifty fails nothing is known of
// the slowest in a hundred.
func TestRulesP99AmongFailures(t *testing.T) {
	w := usual("among failures")
	w.BaselineErrors, w.CandidateErrors = .02, .02
	p := fixed()
	p.Metrics = []policy.Metric{{Measure: policy.FirstToken, Statistic: policy.P99, Gating: true, Tau: .1, Margin: .5}}
	set := setOf(t, w.Run())
	set.Header.Schedule.PerSlot = 0 // by its band
	expect(t, judge.Judge(p, set), judge.Hold, judge.ReasonFailures)
}

// TestRulesUnknownMode: to judge in another mode would claim what was not asked
// for.
func TestRulesUnknownMode(t *testing.T) {
	set := setOf(t, usual("unknown mode").Run())
	p := only("first_token.p50")
	expect(t, judge.Judge(p, set), judge.Promote, judge.ReasonAllNotWorse)
	p.Mode = "sequential"
	expect(t, judge.Judge(p, set), judge.Hold, judge.ReasonMode)
}

// TestRulesBlocksWithoutDifference: arms whose every latency is the same show
// nothing, of which no test of blocks can be made.
func TestRulesBlocksWithoutDifference(t *testing.T) {
	set := setOf(t, usual("without difference").Run())
	pairs := set.Latencies[sample.FirstToken]
	pairs.Candidate = pairs.Baseline
	set.Latencies[sample.FirstToken] = pairs
	p := only("first_token.p50")
	for i := range p.Metrics {
		p.Metrics[i].Tau = 0
	}
	v := judge.Judge(p, set)
	expect(t, v, judge.Hold, judge.ReasonFewBlocks)
	if want := "only 0 blocks show any difference"; !strings.Contains(v.Summary[0], want) {
		t.Errorf("%q does not say %q", v.Summary[0], want)
	}
}

// TestRulesMerged: slow spells of four blocks each are joined until neighbours no
// longer correlate.
func TestRulesMerged(t *testing.T) {
	w := usual("merged")
	w.Blocks = 32
	set := setOf(t, w.Run())
	pairs := set.Latencies[sample.FirstToken]
	pairs.Candidate = slices.Clone(pairs.Candidate)
	for i, k := range pairs.Block {
		if k/4%2 == 0 {
			pairs.Candidate[i] *= 1.1
		}
	}
	set.Latencies[sample.FirstToken] = pairs
	m := metric(t, judge.Judge(only("first_token.p50"), set), "first_token.p50")
	if m.Blocks >= w.Blocks || !strings.Contains(m.Why, "were merged to") {
		t.Errorf("%d blocks: %q", m.Blocks, m.Why)
	}
}
