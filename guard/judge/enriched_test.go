package judge_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/guard/judge"
	"github.com/firstbyte-dev/firstbyte/guard/policy"
	"github.com/firstbyte-dev/firstbyte/guard/proof"
)

// enrich says of a run that each of four strata has a share of its own, and gives
// one block in five natural weight, as bench/load does.
func enrich(run *sample.Run) {
	run.Header.Draw = &sample.Draw{Pilot: "0123456789abcdef", NaturalEvery: 5, Share: []float64{.1, .2, .3, .4}, Weight: []float64{2.5, 1.25, .25 / .3, .625}}
	stratum := map[string]int{}
	for i := range run.Samples {
		s := &run.Samples[i]
		if _, known := stratum[s.Item]; !known {
			stratum[s.Item] = len(stratum)%4 + 1
		}
		if s.Stratum = stratum[s.Item]; s.Block%5 != 1 {
			s.Weight = run.Header.Draw.Weight[s.Stratum-1]
		}
	}
}

// slowed makes everything of the enriched blocks slower in some arms, as a queue
// does.
func slowed(run *sample.Run, by float64, arms ...string) {
	for i := range run.Samples {
		s := &run.Samples[i]
		if s.Weight == 0 || s.Outcome != sample.OK || !slices.Contains(arms, s.Arm) {
			continue
		}
		for _, at := range []*int64{&s.FirstByteNS, &s.EventNS, &s.TokenNS, &s.TextNS, &s.LastNS, &s.CloseNS} {
			if *at > s.IntendedNS {
				*at = s.IntendedNS + int64((1+by)*float64(*at-s.IntendedNS))
			}
		}
	}
}

func TestAnEnrichedRun(t *testing.T) {
	for _, c := range []struct {
		name   string
		world  func(*proof.World)
		run    func(*sample.Run)
		want   judge.Decision
		reason judge.Reason
	}{
		{"identical", func(*proof.World) {}, func(*sample.Run) {}, judge.Promote, judge.ReasonAllNotWorse},
		{"first token +30 %", func(w *proof.World) { w.FirstToken = 1.3 }, func(*sample.Run) {}, judge.Rollback, judge.ReasonWorse},
		{"every answer a 500", func(w *proof.World) { w.CandidateErrors = 1 }, func(*sample.Run) {}, judge.Rollback, judge.ReasonLimit},
		{"both slower under the enriched load", func(*proof.World) {}, func(r *sample.Run) { slowed(r, .2, "baseline", "candidate") }, judge.Hold, judge.ReasonLoad},
		{"the candidate alone slower under the enriched load", func(*proof.World) {}, func(r *sample.Run) {
			slowed(r, .3, "candidate")
		}, judge.Hold, judge.ReasonLoad},
		{"a worse candidate under another load", func(w *proof.World) { w.FirstToken, w.Gap = 1.3, 1.3 }, func(r *sample.Run) { slowed(r, .2, "baseline", "candidate") }, judge.Hold, judge.ReasonLoad},
		{"weights without a draw", func(*proof.World) {}, func(r *sample.Run) { r.Header.Draw = nil }, judge.Hold, judge.ReasonLoad},
		{"one block at natural weight", func(*proof.World) {}, func(r *sample.Run) {
			for i := range r.Samples {
				if s := &r.Samples[i]; s.Weight == 0 && s.Block > 1 {
					s.Weight = r.Header.Draw.Weight[s.Stratum-1]
				}
			}
		}, judge.Hold, judge.ReasonFewBlocks},
		{"no strata in the samples", func(*proof.World) {}, func(r *sample.Run) {
			for i := range r.Samples {
				r.Samples[i].Stratum = 0
			}
		}, judge.Hold, judge.ReasonLoad},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := usual(c.name)
			w.Sigma, w.Between = .2, .4 // so that four blocks tell what 5 % is
			c.world(&w)
			run := w.Run()
			enrich(&run)
			c.run(&run)
			v := judge.Judge(fixed(), setOf(t, run))
			expect(t, v, c.want, c.reason)
			if c.reason == judge.ReasonLoad && !strings.Contains(v.Summary[1], "--enrich") {
				t.Errorf("no next step: %q", v.Summary)
			}
			if !strings.Contains(strings.Join(v.Warnings, "\n"), "enriched with likely slow items") {
				t.Errorf("the verdict does not say that the run was enriched: %q", v.Warnings)
			}
		})
	}
}

// Limits and success rates are of the load as it is.
func TestLimitsOfAnEnrichedRunAreOfItsNaturalBlocks(t *testing.T) {
	w := usual("limits of an enriched run")
	run := w.Run()
	enrich(&run)
	natural := 0
	for i := range run.Samples {
		switch s := &run.Samples[i]; {
		case s.Weight == 0 && s.Arm == "candidate":
			natural++
		case s.Weight != 0 && i%3 == 0:
			s.Outcome = sample.HTTP5xx
		}
	}
	v := judge.Judge(withLimit(fixed(), "first_token.p95", 1e9), setOf(t, run))
	if m := metric(t, v, "success.rate"); m.N != natural || m.Blocks != 4 || float64(m.Effect) != 0 {
		t.Errorf("success over %d requests in %d blocks differs by %v, want %d in 4 and none", m.N, m.Blocks, m.Effect, natural)
	}
	if m := metric(t, v, "first_token.p95"); !(m.Value > 0 && m.Value < 1e9) {
		t.Errorf("%v against a limit, want what the blocks without failures show", m.Value)
	}
}

func TestModesThatKnowNoWeightsHold(t *testing.T) {
	for _, mode := range []policy.Mode{policy.Threshold, policy.Anytime} {
		w := usual("modes and weights")
		w.FirstToken = 1.3
		run := w.Run()
		enrich(&run)
		p := fixed()
		p.Mode = mode
		if v := judge.Judge(p, setOf(t, run)); v.Decision != judge.Hold {
			t.Errorf("%s: %s (%s)", mode, v.Decision, v.Reason)
		}
	}
}

// What has no weights makes no claim, whatever it shows.
func TestNoClaimOfWhatAnEnrichedRunCannotWeigh(t *testing.T) {
	cpu := policy.Metric{Measure: policy.CPUPerEvent, Statistic: policy.Mean, Tau: .05, Margin: .1, Limit: &policy.Limit{Value: 1}}
	full := policy.Metric{Measure: policy.Full, Statistic: policy.P95, Tau: .05, Margin: .1}
	for m, why := range map[*policy.Metric]string{&cpu: "of the enriched load", &full: "quantiles by block"} {
		perBlock := 105
		if m == &full {
			perBlock = 15
		}
		w := usual(m.Key())
		w.PerBlock, w.Gap = perBlock, 1.5
		run := w.Run()
		run.Header.Schedule.PerSlot = perBlock
		enrich(&run)
		p := only()
		p.Metrics = append(slices.DeleteFunc(p.Metrics, func(o policy.Metric) bool { return o.Key() == m.Key() }), *m)
		p.Metrics[len(p.Metrics)-1].Gating = true
		v := judge.Judge(p, setOf(t, run))
		expect(t, v, judge.Hold, judge.ReasonLoad)
		if got := metric(t, v, m.Key()).Why; !strings.Contains(got, why) {
			t.Errorf("%s: %q, want %q", m.Key(), got, why)
		}
	}
}

// The ratio that is shown beside the band is one of weighted quantiles.
func TestPointOfAnEnrichedRun(t *testing.T) {
	run := usual("point of an enriched run").Run()
	enrich(&run)
	for i := range run.Samples {
		s := &run.Samples[i]
		at := int64(1e8) * int64(s.Stratum)
		if s.Arm == "candidate" && s.Stratum < 4 {
			at = 3 * at / 2
		}
		if s.Weight = 3; s.Stratum == 4 {
			s.Weight = .1
		}
		s.LastNS, s.CloseNS = s.IntendedNS+at, s.IntendedNS+at
	}
	// Three strata of equal weight and one of next to none: P50 is the second's.
	if got := float64(metric(t, judge.Judge(fixed(), setOf(t, run)), "full.p50").Point); got != 1.5 {
		t.Errorf("ratio %v, want 1.5", got)
	}
	p95 := metric(t, judge.Judge(fixed(), setOf(t, run)), "full.p95")
	if got := float64(p95.Point); got != 1.5 {
		t.Errorf("ratio %v, want 1.5: of the weight the fourth stratum has a hundredth", got)
	}
}

// Quality is weighed: an answer is worth the same in any queue.
func TestQualityOfAnEnrichedRun(t *testing.T) {
	for worse, want := range map[float64]judge.Standing{0: judge.NotWorse, .3: judge.Worse} {
		run := usual("quality of an enriched run").Run()
		enrich(&run)
		for i := range run.Samples {
			s := &run.Samples[i]
			quality := 1.
			if s.Arm == "candidate" {
				quality -= worse
			}
			s.Quality = &quality
		}
		if m := metric(t, judge.Judge(fixed(), setOf(t, run)), "quality.mean"); m.Standing != want {
			t.Errorf("worse by %v: %s (%s), want %s", worse, m.Standing, m.Why, want)
		}
	}
}
