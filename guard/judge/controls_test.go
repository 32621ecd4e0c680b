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

// controlled is evidence of a candidate with both controls, each a world of its own.
func controlled(t testing.TB, candidate, twin, plant func(*proof.World)) evidence.Set {
	world := func(name string, change func(*proof.World)) *evidence.Set {
		w := usual("controls " + name)
		w.PerBlock = 60 // fewer than the candidate has
		if change != nil {
			change(&w)
		}
		set := setOf(t, w.Run())
		set.Candidate = name
		return &set
	}
	w := usual("controls candidate")
	if candidate != nil {
		candidate(&w)
	}
	set := setOf(t, w.Run())
	set.Controls = &evidence.Controls{Twin: world("twin", twin), Plant: world("plant", plant), Planted: .1}
	return set
}

func planted(w *proof.World) { w.FirstToken, w.Gap = 1.1, 1.1 }

func TestControls(t *testing.T) {
	slower := func(w *proof.World) { w.Gap = 1.3 }
	for _, c := range []struct {
		name                   string
		candidate, twin, plant func(*proof.World)
		decision               judge.Decision
		reason                 judge.Reason
		text                   string // in the first sentence
	}{
		{"seen and quiet", nil, nil, planted, judge.Promote, judge.ReasonAllNotWorse, ""},
		{"worse, seen and quiet", slower, nil, planted, judge.Rollback, judge.ReasonWorse, ""},
		{"no plant at work", nil, nil, nil, judge.Hold, judge.ReasonBlind, "this run could not have seen it: its own plant, slowed by 10.0 %, was not called worse in first token, "},
		{"not seen in one measure", nil, nil, func(w *proof.World) { w.FirstToken = 1.1 }, judge.Hold, judge.ReasonBlind, "was not called worse in gap between tokens, "},
		{"a twin that is worse", nil, slower, planted, judge.Hold, judge.ReasonHallucinates, "this run sees what is not there: its own twin of the baseline was called worse in gap between tokens, "},
		{"worse beside a twin that is worse", slower, slower, planted, judge.Hold, judge.ReasonHallucinates, ""},
		{"errors beside a twin that is worse", func(w *proof.World) { w.CandidateErrors = .05 }, slower, planted, judge.Rollback, judge.ReasonWorse, "success rate"},
		{"dead beside a twin that is worse", func(w *proof.World) { w.CandidateErrors = .5 }, slower, planted, judge.Rollback, judge.ReasonLimit, "success rate"},
		{"worse where the plant was not seen", slower, nil, nil, judge.Rollback, judge.ReasonWorse, ""},
		{"a dead twin", nil, func(w *proof.World) { w.CandidateErrors = 1 }, planted, judge.Hold, judge.ReasonDeadControl, "the run's own twin has no data"},
		{"a dead plant", nil, nil, func(w *proof.World) { w.CandidateErrors = 1 }, judge.Hold, judge.ReasonDeadControl, "the run's own plant has no data"},
		{"few pairs of the twin", nil, func(w *proof.World) { w.PerBlock = 9 }, planted, judge.Hold, judge.ReasonDeadControl, "180 pairs of requests, at least 200 are needed"},
		{"few pairs of the plant", nil, nil, func(w *proof.World) { planted(w); w.PerBlock = 9 }, judge.Hold, judge.ReasonBlind, "180 pairs of requests, at least 200 are needed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			set := controlled(t, c.candidate, c.twin, c.plant)
			v := judge.Judge(policy.Default(), set)
			expect(t, v, c.decision, c.reason)
			if !strings.Contains(v.Summary[0], c.text) {
				t.Errorf("%q does not say %q", v.Summary[0], c.text)
			}
			if got := judge.RollsBack(policy.Default(), set); got != (c.decision == judge.Rollback) {
				t.Errorf("RollsBack says %v", got)
			}
			if len(v.Summary) != 2 || c.reason == judge.ReasonBlind && !strings.HasPrefix(v.Summary[1], "Nothing was promoted: a run that does not see its own plant") ||
				c.reason == judge.ReasonHallucinates && !strings.HasPrefix(v.Summary[1], "Nothing was decided: what a run sees in two equal arms") {
				t.Errorf("%q", v.Summary)
			}
			told := v.Controls
			if told.Mode != "on" || told.Planted != .1 || told.Twin == nil || told.Plant == nil {
				t.Fatalf("%+v", told)
			}
			ok := told.Twin.OK && told.Plant.OK
			if v.Decision == judge.Promote && !ok {
				t.Errorf("promoted although twin %v and plant %v", told.Twin, told.Plant)
			}
			if want := "Controls: on"; !strings.Contains(v.Guarantee, want) || ok != strings.Contains(v.Guarantee, "saw its own plant of +10.0 %") {
				t.Errorf("the guarantee is %q", v.Guarantee)
			}
			if n := len(told.Twin.Metrics); n != 10 || told.Twin.Pairs == 0 || told.Twin.Detail == "" || told.Plant.Detail == "" {
				t.Errorf("%d metrics of the twin, %d pairs, %q, %q", n, told.Twin.Pairs, told.Twin.Detail, told.Plant.Detail)
			}
		})
	}
}

// TestMissingControls: a control that left nothing behind never promotes.
func TestMissingControls(t *testing.T) {
	for name, spoil := range map[string]func(*evidence.Controls){
		"no twin":        func(c *evidence.Controls) { c.Twin = nil },
		"no plant":       func(c *evidence.Controls) { c.Plant = nil },
		"neither":        func(c *evidence.Controls) { *c = evidence.Controls{} },
		"an empty twin":  func(c *evidence.Controls) { *c.Twin = evidence.Set{} },
		"an empty plant": func(c *evidence.Controls) { *c.Plant = evidence.Set{} },
		"a twin with NaN": func(c *evidence.Controls) {
			c.Twin.Latencies[sample.Gap].Candidate[7] = math.NaN()
		},
		"a plant with NaN": func(c *evidence.Controls) {
			c.Plant.Latencies[sample.Gap].Candidate[7] = math.NaN()
		},
	} {
		set := controlled(t, nil, nil, planted)
		spoil(set.Controls)
		v := judge.Judge(policy.Default(), set)
		if v.Decision != judge.Hold {
			t.Errorf("%s: %s, %q", name, v.Decision, v.Summary)
		}
		if v.Reason != judge.ReasonDeadControl && v.Reason != judge.ReasonBlind {
			t.Errorf("%s: %s", name, v.Reason)
		}
	}
}

func TestControlsOff(t *testing.T) {
	set := setOf(t, usual("controls off").Run())
	v := judge.Judge(policy.Default(), set)
	expect(t, v, judge.Promote, judge.ReasonAllNotWorse)
	if v.Controls.Mode != "off" || v.Controls.Why == "" || !strings.Contains(v.Guarantee, "Controls: off") {
		t.Errorf("%+v, %q", v.Controls, v.Guarantee)
	}
	set.Header.NoControls = "no time for them"
	if why := judge.Judge(policy.Default(), set).Controls.Why; why != "no time for them" {
		t.Errorf("the run says why it has none, and the verdict says %q", why)
	}
	p := policy.Default()
	p.Controls = policy.ControlsRequired
	expect(t, judge.Judge(p, set), judge.Hold, judge.ReasonNoControls)
	expect(t, judge.Judge(p, controlled(t, nil, nil, planted)), judge.Promote, judge.ReasonAllNotWorse)
	w := usual("controls off")
	w.Gap = 1.3
	expect(t, judge.Judge(p, setOf(t, w.Run())), judge.Rollback, judge.ReasonWorse) // a rollback needs none
}

// TestADryPlant: a metric on a dry run is nothing that a plant must show in.
func TestADryPlant(t *testing.T) {
	p := policy.Default()
	p.Metrics = slices.Clone(p.Metrics)
	for i := range p.Metrics {
		p.Metrics[i].DryRun = p.Metrics[i].Measure == policy.Gap && p.Metrics[i].Gating
	}
	set := controlled(t, nil, nil, func(w *proof.World) { w.FirstToken = 1.1; w.Gap = 1 })
	v := judge.Judge(p, set)
	if v.Reason == judge.ReasonBlind && strings.Contains(v.Summary[0], "gap") {
		t.Errorf("%q", v.Summary)
	}
}

// TestDryRun: judged and told like a gating metric, it decides nothing and costs
// the others nothing.
func TestDryRun(t *testing.T) {
	w := usual("dry run")
	w.Gap = 1.3
	set := setOf(t, w.Run())
	p := policy.Default()
	p.Metrics = slices.Clone(p.Metrics)
	var kept []policy.Metric
	for i := range p.Metrics {
		if m := &p.Metrics[i]; m.Gating && (m.Measure == policy.Gap || m.Measure == policy.Full) {
			m.DryRun = true
		} else {
			kept = append(kept, *m)
		}
	}
	v := judge.Judge(p, set)
	expect(t, v, judge.Promote, judge.ReasonAllNotWorse)
	if judge.RollsBack(p, set) {
		t.Error("a dry run rolls back")
	}
	if m := metric(t, v, "gap.p95"); m.Standing != judge.Worse || !m.DryRun {
		t.Errorf("%+v", m)
	}
	p.Metrics = kept
	a, b := metric(t, v, "first_token.mean"), metric(t, judge.Judge(p, set), "first_token.mean")
	if a.PHolm != b.PHolm {
		t.Errorf("adjusted p %v beside dry runs, %v without", a.PHolm, b.PHolm)
	}
}

// TestWhereNoPlantShows: the plant's delay lies in the upstream's writes. What the
// gateway adds to them is left out of its check, and a policy that gates on nothing
// else is not promoted by a plant that nothing was asked of.
func TestWhereNoPlantShows(t *testing.T) {
	added := policy.Metric{Measure: policy.AddedToken, Statistic: policy.P50, Gating: true, Tau: .05, Margin: .1}
	first := policy.Metric{Measure: policy.FirstToken, Statistic: policy.P50, Gating: true, Tau: .05, Margin: .1}
	success := policy.Metric{Measure: policy.Success, Statistic: policy.Rate, Gating: true, Tau: .01, Margin: .01}
	for name, c := range map[string]struct {
		metrics []policy.Metric
		want    judge.Decision
		says    string
	}{
		"beside one that it shows in": {[]policy.Metric{added, first}, judge.Promote, "The plant cannot show in added to the first token."},
		"alone":                       {[]policy.Metric{added}, judge.Hold, "shows in no metric that the policy gates on"},
		"no latency":                  {[]policy.Metric{success}, judge.Hold, "shows in no metric that the policy gates on"},
	} {
		e := controlled(t, nil, nil, planted)
		for _, set := range []*evidence.Set{&e, e.Controls.Twin, e.Controls.Plant} {
			same := set.Latencies[sample.FirstToken]
			same.Candidate = same.Baseline
			set.Latencies[sample.AddedToken] = same
		}
		p := fixed()
		p.Metrics = c.metrics
		v := judge.Judge(p, e)
		if said := strings.Join(v.Summary, " ") + v.Guarantee; v.Decision != c.want || !strings.Contains(said, c.says) {
			t.Errorf("%s: %s %q", name, v.Decision, said)
		}
	}
}

// TestTurnsOfOneArm: blocks in which only the baseline has a throughput are no
// blocks to leave out.
func TestTurnsOfOneArm(t *testing.T) {
	p := fixed()
	p.Metrics = []policy.Metric{{Measure: policy.Throughput, Statistic: policy.Mean, Gating: true, Tau: .05, Margin: .2}}
	for dead, want := range map[int]judge.Decision{0: judge.Promote, 10: judge.Hold} {
		set := setOf(t, usual("turns of one arm").Run())
		set.Header.Schedule.Kind = "closed"
		for k := range set.Slots {
			set.Slots[k] = evidence.SlotPair{Baseline: &sample.Slot{EndNS: 1e9}, Candidate: &sample.Slot{EndNS: 1e9}}
		}
		for k := range dead {
			set.Outcomes.Candidate[k].OK = 0
		}
		for _, mode := range []policy.Mode{policy.Fixed, policy.Anytime, policy.Threshold} {
			if p.Mode = mode; mode == policy.Anytime && dead == 0 {
				continue // 20 equal blocks are few for it
			}
			if v := judge.Judge(p, set); v.Decision != want {
				t.Errorf("%d dead, %s: %s %q", dead, mode, v.Decision, v.Summary)
			}
		}
	}
}
