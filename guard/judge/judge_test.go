package judge_test

import (
	"testing"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/guard/evidence"
	"github.com/firstbyte-dev/firstbyte/guard/judge"
	"github.com/firstbyte-dev/firstbyte/guard/policy"
	"github.com/firstbyte-dev/firstbyte/guard/proof"
)

// usual is a run as a gate makes it: 20 blocks, 105 requests per arm and block.
func usual(name string) proof.World {
	return proof.World{Seed: proof.Seed(name), Blocks: 20, PerBlock: 105, Items: 200, Sigma: .5, Between: .9}
}

func setOf(t testing.TB, run sample.Run) evidence.Set {
	t.Helper()
	set, err := evidence.New(evidence.Source{Run: run})
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func show(t *testing.T, v judge.Verdict) {
	t.Helper()
	t.Logf("%s (%s): %q more=%d", v.Decision, v.Reason, v.Summary, v.More)
	for _, m := range v.Metrics {
		t.Logf("%-16s %-10s %.4f [%.4f, %.4f] point %.4f t %.2f p %.3g holm %.3g mde %.4f n %d K %d %s", m.Key, m.Standing, m.Effect, m.Lower, m.Upper, m.Point, m.T, m.P, m.PHolm, m.Detectable, m.N, m.Blocks, m.Why)
	}
}

func TestWorlds(t *testing.T) {
	for _, c := range []struct {
		name  string
		world func(*proof.World)
		want  judge.Decision
		first string // of the metrics that are worse
	}{
		{"identical arms", func(*proof.World) {}, judge.Promote, ""},
		{"first token +30 %", func(w *proof.World) { w.FirstToken = 1.3 }, judge.Rollback, "first_token"},
		{"gap +30 %", func(w *proof.World) { w.Gap = 1.3 }, judge.Rollback, "gap"},
		{"slowest tenth +50 %", func(w *proof.World) { w.Tail = 1.5 }, judge.Rollback, "first_token"},
		{"5 % errors", func(w *proof.World) { w.CandidateErrors = .05 }, judge.Rollback, "success"},
		{"every answer a 500", func(w *proof.World) { w.CandidateErrors = 1 }, judge.Rollback, "success"},
		{"both arms dead", func(w *proof.World) { w.BaselineErrors, w.CandidateErrors = 1, 1 }, judge.NoData, ""},
		{"baseline dead", func(w *proof.World) { w.BaselineErrors = 1 }, judge.NoData, ""},
		{"too few blocks", func(w *proof.World) { w.Blocks = 7 }, judge.Hold, ""},
		{"too few pairs", func(w *proof.World) { w.PerBlock = 9 }, judge.Hold, ""},
		{"few blocks, dead candidate", func(w *proof.World) { w.Blocks, w.CandidateErrors = 2, 1 }, judge.Rollback, "success"},
		{"faster", func(w *proof.World) { w.FirstToken, w.Gap = .8, .8 }, judge.Promote, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := usual(c.name)
			c.world(&w)
			v := judge.Judge(policy.Default(), setOf(t, w.Run()))
			show(t, v)
			if v.Decision != c.want {
				t.Errorf("decided %s (%s), want %s", v.Decision, v.Reason, c.want)
			}
			if first := firstWorse(v); first != c.first {
				t.Errorf("first worse measure %q, want %q", first, c.first)
			}
		})
	}
}

func firstWorse(v judge.Verdict) string {
	for _, m := range v.Metrics {
		if m.Standing == judge.Worse {
			return string(m.Measure)
		}
	}
	return ""
}

func BenchmarkJudge(b *testing.B) {
	set := setOf(b, usual("benchmark").Run())
	p := policy.Default()
	b.ReportAllocs()
	for b.Loop() {
		judge.Judge(p, set)
	}
}

func BenchmarkRollsBack(b *testing.B) {
	set := setOf(b, usual("benchmark").Run())
	p := policy.Default()
	b.ReportAllocs()
	for b.Loop() {
		judge.RollsBack(p, set)
	}
}
