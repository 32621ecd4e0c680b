package judge_test

import (
	"math"
	"testing"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/guard/judge"
	"github.com/firstbyte-dev/firstbyte/guard/policy"
)

// TestRulesFewToABlock: the tail of ten requests is no lower for there being a
// hundred of the other arm, but ten do not reach P95, so that nothing is promoted.
func TestRulesFewToABlock(t *testing.T) {
	p := tailOnly()
	p.Mode, p.Metrics[0].Tau, p.Metrics[0].Margin = policy.Fixed, .05, .5
	w := usual("few to a block")
	w.Blocks, w.PerBlock, w.Items = 100, 100, 0 // else either arm would get the same few items again and again
	v := judge.Judge(p, setOf(t, sideBySide(w, 10)))
	expect(t, v, judge.Hold, judge.ReasonFewPairs)
	if effect := float64(v.Metrics[0].Effect); math.Abs(effect-1) > .03 {
		t.Errorf("of equal arms the candidate's tail is %.3f times as slow", effect)
	}
}

// TestRulesTellAsOften: a fifth of the candidate's answers came in one piece and
// have no gap, of the baseline's none. The gaps that are left are no comparison.
func TestRulesTellAsOften(t *testing.T) {
	p := fixed()
	p.Metrics = []policy.Metric{{Measure: policy.Gap, Statistic: policy.P50, Gating: true, Tau: .05, Margin: .3}}
	w := usual("tell as often")
	run := sideBySide(w, 1)
	expect(t, judge.Judge(p, setOf(t, run)), judge.Promote, judge.ReasonAllNotWorse)
	each("candidate", func(s *sample.Sample) {
		if s.Seq%5 == 0 {
			s.Events = 1
		}
	})(&run)
	expect(t, judge.Judge(p, setOf(t, run)), judge.Hold, judge.ReasonUnpaired)
}
