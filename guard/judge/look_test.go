package judge_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/guard/judge"
	"github.com/firstbyte-dev/firstbyte/guard/policy"
	"github.com/firstbyte-dev/firstbyte/guard/proof"
	"github.com/firstbyte-dev/firstbyte/guard/stats"
)

// upTo is a run as it stands after so many blocks.
func upTo(run sample.Run, blocks int) sample.Run {
	run.Samples = slices.DeleteFunc(slices.Clone(run.Samples), func(s sample.Sample) bool { return s.Block >= blocks })
	return run
}

func TestLookAt(t *testing.T) {
	p := policy.Default()
	for _, c := range []struct {
		planned, looks int
		at             map[int]int
	}{
		{20, 5, map[int]int{4: 1, 8: 2, 12: 3, 16: 4, 20: 5}},
		{20, 0, map[int]int{4: 1, 8: 2, 12: 3, 16: 4, 20: 5}},
		{22, 5, map[int]int{5: 1, 9: 2, 14: 3, 18: 4, 22: 5}},
		{8, 2, map[int]int{4: 1, 8: 2}},
		{3, 5, map[int]int{1: 1, 2: 3, 3: 5}},
	} {
		p.Looks = c.looks
		for done := range c.planned + 3 {
			look, ok := judge.LookAt(p, c.planned, done)
			if want := c.at[done]; look != want || ok != (want > 0) {
				t.Errorf("%d of %d blocks, %d looks: look %d %v, want %d", done, c.planned, c.looks, look, ok, want)
			}
		}
	}
	if _, ok := judge.LookAt(fixed(), 20, 20); ok {
		t.Error("the fixed mode has a planned look")
	}
}

// TestLooks: a large change ends a run at a look, in either direction; a run
// between looks, or without a plan, is held.
func TestLooks(t *testing.T) {
	for _, c := range []struct {
		name     string
		gap      float64
		blocks   int
		decision judge.Decision
		reason   judge.Reason
		text     string // in the summary
	}{
		{"worse at the second look", 1.3, 8, judge.Rollback, judge.ReasonWorse, "95 % bounds over all looks"},
		{"equal at the third look", 1, 12, judge.Promote, judge.ReasonAllNotWorse, "all 10 gating metrics"},
		{"worse at the last look", 1.3, 20, judge.Rollback, judge.ReasonWorse, ""},
		{"min_blocks holds at the first look", 1.3, 4, judge.Hold, judge.ReasonFewBlocks, "4 blocks, at least 8 are needed"},
		{"between looks", 1.3, 9, judge.Hold, judge.ReasonMode, "block 9 is no planned look, the next is after block 12 of 20"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := usual("looks")
			w.Gap = c.gap
			set := setOf(t, upTo(w.Run(), c.blocks))
			v := judge.Judge(policy.Default(), set)
			expect(t, v, c.decision, c.reason)
			if !strings.Contains(strings.Join(v.Summary, " "), c.text) {
				t.Errorf("%q does not say %q", v.Summary, c.text)
			}
			d, ok := judge.Decides(policy.Default(), set)
			if want := c.decision == judge.Promote || c.decision == judge.Rollback; ok != want || ok && d != c.decision {
				t.Errorf("Decides: %s, %v", d, ok)
			}
			if v.Mode != "group-sequential" || v.Looks != 5 || v.Look != min(max(1, c.blocks/4), 5) {
				t.Errorf("mode %s, look %d of %d", v.Mode, v.Look, v.Looks)
			}
		})
	}
}

// TestAHeldLookSaysTheNext: what is undecided at a look tells when it is asked again.
func TestAHeldLookSaysTheNext(t *testing.T) {
	w := usual("held at a look")
	w.PerBlock, w.Between, w.Sigma = 50, 0, 1
	v := judge.Judge(policy.Default(), setOf(t, upTo(w.Run(), 8)))
	expect(t, v, judge.Hold, judge.ReasonUndecided)
	if want := "The next planned look is after block 12 of 20."; v.Summary[1] != want {
		t.Errorf("%q, want %q", v.Summary[1], want)
	}
}

// TestEndedAtALook: where a judge ended the run, only the plan that it followed
// may judge it.
func TestEndedAtALook(t *testing.T) {
	w := usual("ended")
	w.Gap = 1.3
	set := setOf(t, upTo(w.Run(), 8))
	set.Look = 2
	expect(t, judge.Judge(policy.Default(), set), judge.Rollback, judge.ReasonWorse)

	v := judge.Judge(fixed(), set)
	expect(t, v, judge.Hold, judge.ReasonMode)
	if want := "Held: the run was ended at a look: judge it in the mode group-sequential (--mode group-sequential)."; v.Summary[0] != want {
		t.Errorf("%q, want %q", v.Summary[0], want)
	}
	other := policy.Default()
	other.Looks = 10
	expect(t, judge.Judge(other, set), judge.Hold, judge.ReasonMode)
}

// TestNoPlan: without a plan no look is a planned one.
func TestNoPlan(t *testing.T) {
	set := setOf(t, usual("no plan").Run())
	for _, planned := range []int{0, -1, 19, math.MaxInt} {
		set.Planned, set.Header.Blocks = planned, planned
		expect(t, judge.Judge(policy.Default(), set), judge.Hold, judge.ReasonMode)
	}
	set.Planned, set.Header.Blocks = 20, 99 // what the evidence says comes first
	expect(t, judge.Judge(policy.Default(), set), judge.Promote, judge.ReasonAllNotWorse)
	for _, looks := range []int{21, 1 << 40} {
		p := policy.Default()
		p.Looks = looks
		expect(t, judge.Judge(p, set), judge.Hold, judge.ReasonMode)
	}
}

// TestBoundariesAreSpent: at a look the p-values are repeated ones before Holm
// corrects them, intervals are wider than those of a single look, and t stands
// where one look may take sign flips.
func TestBoundariesAreSpent(t *testing.T) {
	w := usual("boundaries")
	w.FirstToken = 1.06
	run := w.Run()
	p := policy.Default()
	p.Metrics = p.Metrics[1:4] // three of the first token
	plan := stats.NewPlan(stats.EqualLooks(5))
	for look := 2; look <= 5; look++ {
		set := setOf(t, upTo(run, 4*look))
		v := judge.Judge(p, set)
		var once []float64
		for _, m := range v.Metrics {
			once = append(once, plan.Repeated(float64(m.P), look))
		}
		for i, want := range stats.Holm(once) {
			if got := float64(v.Metrics[i].PHolm); math.Abs(got-want) > 1e-9 {
				t.Errorf("look %d, %s: adjusted p %v, want %v", look, v.Metrics[i].Key, got, want)
			}
		}
		set.Header.Blocks, set.Planned = 4*look, 4*look
		one := fixed()
		one.Metrics = p.Metrics
		for _, m := range judge.Judge(one, set).Metrics {
			wide := metric(t, v, m.Key)
			if !(wide.Lower < m.Lower && wide.Upper > m.Upper) {
				t.Errorf("look %d, %s: [%v, %v] is not wider than [%v, %v]", look, m.Key, wide.Lower, wide.Upper, m.Lower, m.Upper)
			}
		}
	}
}

// TestLooksKeepAlpha: a run that is looked at four times and ended at the first
// decision errs at most with alpha in either direction. The worlds are those in
// which an error is easiest: no worse at all with tau 0, and worse by exactly the
// margin. Package stats has the same with thousands of runs and its lower end.
func TestLooksKeepAlpha(t *testing.T) {
	const runs = 60
	watch := func(seed uint64, tau, margin policy.Share, slower float64, wrong judge.Decision) bool {
		p := policy.Default()
		p.Metrics = slices.Clone(p.Metrics[3:4])
		p.Metrics[0].Tau, p.Metrics[0].Margin = tau, margin
		run := proof.World{Seed: seed, Blocks: 20, PerBlock: 25, Sigma: .3, Between: .5, FirstToken: slower}.Run()
		for done := 8; done <= 20; done += 4 {
			if d, ok := judge.Decides(p, setOf(t, upTo(run, done))); ok {
				return d == wrong
			}
		}
		return false
	}
	rolledBack, promoted := 0, 0
	for i := range uint64(runs) {
		seed := proof.Seed("looks keep alpha") + i
		if watch(seed, 0, 1e-6, 1, judge.Rollback) {
			rolledBack++
		}
		if watch(seed, .1, .1, 1.1, judge.Promote) {
			promoted++
		}
	}
	// At exactly .05 one of 1,000 such tests finds more.
	if most := stats.BinomialQuantile(.999, runs, .05); max(rolledBack, promoted) > most {
		t.Errorf("rolled back %d equal and promoted %d worse of %d, want at most %d", rolledBack, promoted, runs, most)
	}
	t.Logf("rolled back %d, promoted %d of %d", rolledBack, promoted, runs)
}
