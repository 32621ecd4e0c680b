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
)

// switchback is one process, toggled by time blocks, whose requests have no
// partners.
func switchback(w proof.World) sample.Run {
	w.Sigma = .2
	run := w.Run()
	run.Header.Design, run.Header.Tool = sample.Switchback, "firstbyte v1" // and no simulation
	each("", func(s *sample.Sample) { s.Item, s.Restart = "", 0 })(&run)
	return run
}

func TestSwitchback(t *testing.T) {
	for _, c := range []struct {
		name   string
		world  func(*proof.World)
		want   judge.Decision
		reason judge.Reason
	}{
		{"equal", func(*proof.World) {}, judge.Promote, judge.ReasonAllNotWorse},
		{"gap +30 %", func(w *proof.World) { w.Gap = 1.3 }, judge.Rollback, judge.ReasonWorse},
		{"slowest tenth +50 %", func(w *proof.World) { w.Tail = 1.5 }, judge.Rollback, judge.ReasonWorse},
		{"too few blocks", func(w *proof.World) { w.Blocks = 7 }, judge.Hold, judge.ReasonFewBlocks},
		{"too few requests", func(w *proof.World) { w.PerBlock = 9 }, judge.Hold, judge.ReasonFewPairs},
		{"both fail", func(w *proof.World) { w.BaselineErrors, w.CandidateErrors = .07, .07 }, judge.Hold, judge.ReasonFailures},
	} {
		w := usual("switchback " + c.name)
		c.world(&w)
		v := judge.Judge(policy.Default(), setOf(t, switchback(w)))
		expect(t, v, c.want, c.reason)
		if v.Pairs != 0 || !strings.HasPrefix(v.Unit, "this one process") {
			t.Errorf("%s: %d pairs, %q", c.name, v.Pairs, v.Unit)
		}
		if v.Decision == judge.Promote && !strings.Contains(v.Guarantee, "20 pairs of randomised time blocks as the unit") {
			t.Errorf("%q", v.Guarantee)
		}
	}
}

// TestSwitchbackWork: without partners the work of the arms is compared as a whole.
func TestSwitchbackWork(t *testing.T) {
	for name, spoil := range map[string]func(*sample.Sample){
		"fewer output tokens": func(s *sample.Sample) { s.Usage.Output -= 2 },
		"other reasons":       func(s *sample.Sample) { s.Finish = "max_tokens" },
		"more cached":         func(s *sample.Sample) { s.Usage.Cached = 50 },
		"not counted":         func(s *sample.Sample) { s.Usage = sample.Usage{} },
	} {
		run := switchback(usual("switchback work"))
		each("candidate", spoil)(&run)
		v := judge.Judge(policy.Default(), setOf(t, run))
		if v.Reason != judge.ReasonDifferentWork {
			t.Errorf("%s: %s (%s), %q", name, v.Decision, v.Reason, v.Summary)
		}
	}
}

// tailOnly is a policy of one tail, tested without a margin.
func tailOnly() policy.Policy {
	p := fixed()
	p.Metrics = []policy.Metric{{Measure: policy.FirstToken, Statistic: policy.P95, Gating: true, Margin: .1}}
	return p
}

// TestSmallBlocks: the plan alone chooses block quantiles, where it leaves less
// than one request of a block beyond the quantile.
func TestSmallBlocks(t *testing.T) {
	w := usual("small blocks")
	w.PerBlock, w.FirstToken = 15, 1.2
	run := w.Run()
	effect := func(planned int, change func(*policy.Metric)) judge.Metric {
		run.Header.Schedule.PerSlot = planned
		p := tailOnly()
		change(&p.Metrics[0])
		return judge.Judge(p, setOf(t, run)).Metrics[0]
	}
	same := func(*policy.Metric) {}
	blocks := effect(19, same)
	sum := 0.0
	for _, x := range blocks.BlockEffects {
		sum += math.Log(float64(x))
	}
	if want := math.Exp(sum / 20); len(blocks.BlockEffects) != 20 || math.Abs(float64(blocks.Effect)-want) > 1e-12 {
		t.Errorf("effect %v, the mean of %d blocks is %v", blocks.Effect, len(blocks.BlockEffects), want)
	}
	if !(blocks.Lower < blocks.Effect && blocks.Effect < blocks.Upper && blocks.Detectable > 0 && blocks.P < .05) {
		t.Errorf("%+v", blocks)
	}
	if blocks.Name != "first token, P95 of blocks" {
		t.Errorf("it is called %q", blocks.Name)
	}
	band := effect(0, same)
	for what, m := range map[string]judge.Metric{
		"20 planned": effect(20, same), "its own band": effect(15, func(m *policy.Metric) { m.Band = &policy.Band{From: .9, To: .99} }),
	} {
		if m.Effect != band.Effect || m.Effect == blocks.Effect {
			t.Errorf("%s: effect %v, the band has %v", what, m.Effect, band.Effect)
		}
	}
	if m := effect(15, func(m *policy.Metric) { m.Statistic = policy.P50 }); m.Effect != effect(0, func(m *policy.Metric) { m.Statistic = policy.P50 }).Effect {
		t.Error("the median is judged by block quantiles")
	}
}

// TestSmallBlocksAreStronger: why: at 200 pairs block quantiles find a tail that
// is 10 % slower more often than the band does, and err no more.
func TestSmallBlocksAreStronger(t *testing.T) {
	const runs = 80
	count := func(planned int, slower float64) (n int) {
		for i := range uint64(runs) {
			run := proof.World{Seed: proof.Seed("small blocks are stronger") + i, Blocks: 20, PerBlock: 10, Sigma: .5, Between: .8, FirstToken: slower}.Run()
			run.Header.Schedule.PerSlot = planned
			if judge.RollsBack(tailOnly(), setOf(t, run)) {
				n++
			}
		}
		return n
	}
	quantiles, band := count(10, 1.1), count(0, 1.1)
	if quantiles <= band {
		t.Errorf("block quantiles found %d, the band %d of %d", quantiles, band, runs)
	}
	if wrong := count(10, 1); wrong > 10 { // .05 exceeds it in 1 of 1,000
		t.Errorf("%d of %d equal arms are rolled back", wrong, runs)
	}
	t.Logf("block quantiles %d, band %d of %d", quantiles, band, runs)
}

// TestFailuresInSmallBlocks: a failure in one arm counts as ten times slower, in
// both it cancels.
func TestFailuresInSmallBlocks(t *testing.T) {
	w := usual("failures in small blocks")
	w.PerBlock = 12
	run := w.Run()
	run.Header.Schedule.PerSlot = 12
	fail := func(arm string, blocks ...int) {
		for _, k := range blocks {
			for i := range run.Samples {
				if s := &run.Samples[i]; s.Block == k && s.Arm == arm {
					s.Outcome = sample.HTTP5xx
					break
				}
			}
		}
	}
	fail("candidate", 0, 1, 2)
	fail("baseline", 1, 2, 3)
	m := judge.Judge(tailOnly(), setOf(t, run)).Metrics[0]
	for k, want := range map[int]float64{0: 10, 1: 1, 2: 1, 3: .1} {
		if got := float64(m.BlockEffects[k]); math.Abs(got-want) > 1e-12 {
			t.Errorf("block %d: effect %v, want %v", k, got, want)
		}
	}
}

// sideBySide is what two deployments log, of which the candidate gets every
// keep-th request, and whose requests have no partners.
func sideBySide(w proof.World, keep int) sample.Run {
	w.Sigma = .2
	run := w.Run()
	run.Header.Source, run.Header.Schedule.Kind = "proxy", "observed"
	each("", func(s *sample.Sample) { s.Item, s.Restart = "", 0 })(&run)
	seen := 0
	run.Samples = slices.DeleteFunc(run.Samples, func(s sample.Sample) bool {
		if s.Arm == "candidate" {
			seen++
		}
		return s.Arm == "candidate" && seen%keep != 0
	})
	return run
}

// TestSideBySide: requests without partners are judged by blocks of time in every
// mode; the tail of a canary with a third of the traffic is no lower for that.
func TestSideBySide(t *testing.T) {
	for _, mode := range []policy.Mode{policy.Fixed, policy.GroupSequential, policy.Anytime, policy.Threshold} {
		p := tailOnly()
		p.Mode = mode
		p.Metrics[0].Tau, p.Metrics[0].Margin = .05, .15
		for slower, want := range map[float64]judge.Decision{1: judge.Promote, 1.3: judge.Rollback} {
			w := usual("side by side")
			w.Blocks, w.PerBlock, w.FirstToken = 40, 150, slower
			set := setOf(t, sideBySide(w, 3))
			v := judge.Judge(p, set)
			m := v.Metrics[0]
			if v.Decision != want || m.Name != "first token, P95 of blocks" || !strings.HasPrefix(v.Unit, "these processes") && !strings.HasPrefix(v.Unit, "no build") {
				t.Errorf("%s, %g: %s %q by %s (%v), %s", mode, slower, v.Decision, v.Summary, m.Name, m.Effect, v.Unit)
			}
			if mode == policy.Fixed && math.Abs(float64(m.Effect)/slower-1) > .04 {
				t.Errorf("%g times slower shows as %v", slower, m.Effect)
			}
		}
	}
}

// TestSideBySideHolds: what requests without partners leave out is no reason to
// promote.
func TestSideBySideHolds(t *testing.T) {
	slowest := func(spoil func(*sample.Sample)) func(*sample.Run) {
		return each("candidate", func(s *sample.Sample) {
			if s.TokenNS-s.IntendedNS > 25e6 {
				spoil(s)
			}
		})
	}
	for name, spoil := range map[string]func(*sample.Run){
		"the slowest do not tell":  slowest(func(s *sample.Sample) { s.TokenNS = 0 }),
		"the slowest took no time": slowest(func(s *sample.Sample) { s.TokenNS = s.IntendedNS }),
		"nothing but failures tell": func(run *sample.Run) {
			for i := range run.Samples {
				if s := &run.Samples[i]; i%40 == 0 {
					s.Outcome = sample.HTTP5xx
				} else {
					s.TokenNS = 0
				}
			}
		},
		"few to a block": func(run *sample.Run) {
			run.Samples = slices.DeleteFunc(run.Samples, func(s sample.Sample) bool { return s.Seq%10 != 0 })
		},
		"other items": func(run *sample.Run) {
			for i := range run.Samples {
				run.Samples[i].Item = run.Samples[i].Arm
				run.Samples[i].Occurrence = i
			}
		},
		"some say their item": func(run *sample.Run) {
			for i := range run.Samples {
				if s := &run.Samples[i]; s.Seq%10 == 0 {
					s.Item, s.Occurrence = "item", s.Seq
				}
			}
		},
	} {
		for _, mode := range []policy.Mode{policy.Fixed, policy.Anytime, policy.Threshold} {
			p := tailOnly()
			p.Mode, p.Metrics[0].Tau = mode, .05
			w := usual("side by side holds")
			w.FirstToken = 1.3
			run := sideBySide(w, 1)
			spoil(&run)
			if v := judge.Judge(p, setOf(t, run)); v.Decision == judge.Promote {
				t.Errorf("%s, %s: promoted: %q", name, mode, v.Summary)
			}
		}
	}
}

// TestUnpairedFailures: without partners a success rate still rolls back.
func TestUnpairedFailures(t *testing.T) {
	for name, run := range map[string]func(proof.World) sample.Run{
		"switchback": switchback, "side by side": func(w proof.World) sample.Run { return sideBySide(w, 1) },
	} {
		w := usual("unpaired failures")
		w.CandidateErrors = .1
		p := fixed()
		p.Metrics = []policy.Metric{{Measure: policy.Success, Statistic: policy.Rate, Gating: true, Tau: .01, Margin: .02}}
		v := judge.Judge(p, setOf(t, run(w)))
		if v.Decision != judge.Rollback {
			t.Errorf("%s: %s %q", name, v.Decision, v.Summary)
		}
	}
}
