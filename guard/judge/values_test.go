package judge_test

import (
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"testing"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/guard/judge"
	"github.com/firstbyte-dev/firstbyte/guard/policy"
	"github.com/firstbyte-dev/firstbyte/guard/proof"
)

// demanding is the default policy with one more gating metric.
func demanding(m policy.Metric) policy.Policy {
	p := policy.Default()
	m.Gating = true
	for i := range p.Metrics {
		if p.Metrics[i].Key() == m.Key() {
			p.Metrics[i] = m
			return p
		}
	}
	p.Metrics = append(p.Metrics, m)
	return p
}

var quality = policy.Metric{Measure: policy.Quality, Statistic: policy.Mean, Tau: .02, Margin: .05}

// chance is a number in [0,1) that a request of a pair has in both arms.
func chance(s *sample.Sample, salt string) float64 {
	return float64(crc32.ChecksumIEEE(fmt.Append(nil, s.Item, s.Occurrence, salt))) / (1 << 32)
}

// scored gives every answer of the run a score: 1, or .75 for some items, and
// .25 for the share of the candidate's that is spoiled.
func scored(run sample.Run, spoiled float64) sample.Run {
	for i := range run.Samples {
		s := &run.Samples[i]
		score := 1.0
		if chance(s, "hard") < .2 {
			score = .75
		}
		if s.Arm == run.Header.Arms[1].Name && chance(s, "spoiled") < spoiled {
			score = .25
		}
		s.Quality = &score
	}
	return run
}

func TestQuality(t *testing.T) {
	for _, c := range []struct {
		name    string
		spoiled float64
		change  func(*sample.Run)
		want    judge.Decision
		reason  judge.Reason
		first   string
	}{
		{"equal", 0, nil, judge.Promote, judge.ReasonAllNotWorse, ""},
		// The arms did different work too, by the same answers; the metric says so
		// beyond doubt, and a rollback comes before a hold.
		{"a tenth spoiled", .1, nil, judge.Rollback, judge.ReasonWorse, "quality"},
		{"candidate not scored", 0, func(r *sample.Run) {
			for i := range r.Samples {
				if r.Samples[i].Arm == r.Header.Arms[1].Name {
					r.Samples[i].Quality = nil
				}
			}
		}, judge.Rollback, judge.ReasonWorse, "quality"},
		{"nothing scored", 0, func(r *sample.Run) {
			for i := range r.Samples {
				r.Samples[i].Quality = nil
			}
		}, judge.NoData, judge.ReasonNoData, ""},
		{"a score of 2", 0, func(r *sample.Run) { r.Samples[30].Quality = new(2.0) }, judge.NoData, judge.ReasonNoData, ""},
		{"the source does not tell", 0, func(r *sample.Run) {
			r.Header.Lacks = []sample.Measure{sample.Measure(policy.Quality)}
		}, judge.Hold, judge.ReasonLacks, ""},
		{"invalid run, a tenth spoiled", .1, func(r *sample.Run) { r.Trailer.Validity.Grade = sample.Invalid }, judge.Hold, judge.ReasonInvalid, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			run := scored(usual(c.name).Run(), c.spoiled)
			if c.change != nil {
				c.change(&run)
			}
			v := judge.Judge(demanding(quality), setOf(t, run))
			expect(t, v, c.want, c.reason)
			if first := firstWorse(v); first != c.first {
				t.Errorf("first worse %q, want %q", first, c.first)
			}
		})
	}
}

func TestQualityFigures(t *testing.T) {
	m := metric(t, judge.Judge(demanding(quality), setOf(t, scored(usual(t.Name()).Run(), .1))), "quality.mean")
	// A tenth falls from .95 on average to .25.
	if e := float64(m.Effect); e > -.055 || e < -.085 || !(m.Lower < m.Effect && m.Effect < m.Upper) || m.Scale != "difference" || m.N != 2100 {
		t.Errorf("%+v", m)
	}
	if m.Detectable <= 0 || m.Detectable > .05 || len(m.BlockEffects) != 20 {
		t.Errorf("detectable %v, %d blocks", m.Detectable, len(m.BlockEffects))
	}
	equal := metric(t, judge.Judge(demanding(quality), setOf(t, scored(usual(t.Name()).Run(), 0))), "quality.mean")
	if equal.Effect != 0 || equal.Lower >= 0 || equal.Lower < -.01 {
		t.Errorf("without any difference the interval is not empty: %+v", equal)
	}
	limited := quality
	limited.Limit = &policy.Limit{Value: .99}
	v := judge.Judge(demanding(limited), setOf(t, scored(usual(t.Name()).Run(), 0)))
	expect(t, v, judge.Rollback, judge.ReasonLimit)
}

// TestQualityErrsAsOftenAsItSays lets the candidate be worse by exactly tau, with
// blocks that differ: it may be rolled back in one run of twenty.
func TestQualityErrsAsOftenAsItSays(t *testing.T) {
	p := policy.Default()
	p.Metrics = []policy.Metric{quality}
	p.Metrics[0].Gating = true
	p.SameWork.Quality = 1
	rolled, runs := 0, 400
	seed := proof.Seed(t.Name())
	r := rand.New(rand.NewPCG(seed, 1))
	w := proof.World{Seed: seed, Blocks: 20, PerBlock: 20, Items: 200, Sigma: .1, Between: .9}
	run := w.Run()
	for range runs {
		var worse [20]float64 // of the candidate, mean .02 over blocks
		for k := range worse {
			worse[k] = .02 + .02*r.NormFloat64()
		}
		for i := range run.Samples {
			s := &run.Samples[i]
			score := .5 + .3*r.Float64()
			if s.Arm == run.Header.Arms[1].Name {
				score -= worse[s.Block]
			}
			s.Quality = &score
		}
		if judge.RollsBack(p, setOf(t, run)) {
			rolled++
		}
	}
	if share := float64(rolled) / float64(runs); share > .05+3*.0109 || share < .01 {
		t.Errorf("rolled back %.3f of runs at tau, want about .05", share)
	}
}

func TestTokensAndCost(t *testing.T) {
	tokens := policy.Metric{Measure: policy.Tokens, Statistic: policy.Mean, Tau: .05, Margin: .1}
	cost := policy.Metric{Measure: policy.Cost, Statistic: policy.Mean, Tau: .05, Margin: .1}
	for _, c := range []struct {
		name   string
		metric policy.Metric
		prices *policy.Prices
		change func(*sample.Sample) // of the candidate
		want   judge.Decision
		reason judge.Reason
		first  string
	}{
		{"tokens, equal", tokens, nil, func(*sample.Sample) {}, judge.Promote, judge.ReasonAllNotWorse, ""},
		{"a fifth more tokens", tokens, nil, func(s *sample.Sample) { s.Usage.Output = s.Usage.Output * 6 / 5 }, judge.Rollback, judge.ReasonWorse, "output_tokens"},
		{"no tokens", tokens, nil, func(s *sample.Sample) { s.Usage = sample.Usage{} }, judge.NoData, judge.ReasonNoData, ""},
		{"cost by prices, equal", cost, &policy.Prices{Input: 1, Output: 4, Cached: .1}, func(*sample.Sample) {}, judge.Promote, judge.ReasonAllNotWorse, ""},
		{"cost by prices, dearer", cost, &policy.Prices{Output: 4}, func(s *sample.Sample) { s.Usage.Output = s.Usage.Output * 6 / 5 }, judge.Rollback, judge.ReasonWorse, "cost"},
		{"cost told, dearer", cost, nil, func(s *sample.Sample) { s.Cost *= 1.2 + .2*chance(s, "dearer") }, judge.Rollback, judge.ReasonWorse, "cost"},
		{"no prices", cost, nil, nil, judge.NoData, judge.ReasonNoData, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			run := usual(c.name).Run()
			for i := range run.Samples {
				s := &run.Samples[i]
				if s.Outcome != sample.OK || c.change == nil {
					continue
				}
				s.Cost = 0
				if c.metric.Measure == policy.Cost && c.prices == nil {
					s.Cost = .001 * (1 + chance(s, "cost"))
				}
				if s.Arm == run.Header.Arms[1].Name {
					c.change(s)
				}
			}
			p := demanding(c.metric)
			p.Prices = c.prices
			v := judge.Judge(p, setOf(t, run))
			expect(t, v, c.want, c.reason)
			if first := firstWorse(v); first != c.first {
				t.Errorf("first worse %q, want %q", first, c.first)
			}
		})
	}
}

func TestGoodput(t *testing.T) {
	goodput := policy.Metric{Measure: policy.Goodput, Statistic: policy.Rate, Tau: .02, Margin: .05}
	for _, c := range []struct {
		name    string
		world   func(*proof.World)
		atMost  float64 // of the first token, in its median of the baseline
		decides judge.Standing
	}{
		{"equal", func(*proof.World) {}, 1.5, judge.NotWorse},
		{"slower beyond the objective", func(w *proof.World) { w.FirstToken = 1.3 }, 1.5, judge.Worse},
		{"slower under it", func(w *proof.World) { w.FirstToken = 1.3 }, 1e3, judge.NotWorse},
		{"errors are not good", func(w *proof.World) { w.CandidateErrors = .08 }, 1e3, judge.Worse},
		{"nobody meets it", func(*proof.World) {}, 1e-6, judge.Missing},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := usual(c.name)
			c.world(&w)
			set := setOf(t, w.Run())
			p := demanding(goodput)
			alone := set.PerBlock(sample.FirstToken)[0].Baseline
			p.SLO = []policy.Objective{{Measure: policy.FirstToken, AtMost: policy.Limit{Value: c.atMost * alone[len(alone)/2], Duration: true}}}
			m := metric(t, judge.Judge(p, set), "goodput.rate")
			if m.Standing != c.decides || m.Scale != "difference" {
				t.Errorf("%+v, want %s", m, c.decides)
			}
			if c.decides == judge.Missing {
				return
			}
			var good, n [2]float64
			for _, s := range w.Run().Samples {
				if s.Warmup {
					continue
				}
				side := 0
				if s.Arm == set.Candidate {
					side = 1
				}
				n[side]++
				if s.Outcome == sample.OK && float64(s.TokenNS-s.IntendedNS) <= p.SLO[0].AtMost.Value {
					good[side]++
				}
			}
			if want := good[1]/n[1] - good[0]/n[0]; float64(m.Effect)-want > 1e-12 || want-float64(m.Effect) > 1e-12 {
				t.Errorf("effect %v, counted %v", m.Effect, want)
			}
		})
	}
}
