package assert_test

import (
	"strings"
	"testing"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/guard/assert"
)

// TestImprovesWithinRun: the judge compares the arms pair by pair.
func TestImprovesWithinRun(t *testing.T) {
	for _, c := range []struct {
		name, demand string
		faster       float64
		spoil        func(*sample.Run)
		want         assert.Verdict
	}{
		{"30 % faster passes 20 %", "first_token.p95 improves 20%", .7, nil, assert.Pass},
		{"30 % faster fails 40 %", "first_token.p95 improves 40%", .7, nil, assert.Fail},
		{"20 % faster is no proof of 20 %", "first_token.p95 improves 20%", .8, nil, assert.Hold},
		{"equal arms improve nothing", "first_token.p50 improves 5%", 1, nil, assert.Fail},
		{"equal arms are not 5 % worse", "first_token.p50 improves -5%", 1, nil, assert.Pass},
		{"10 % slower is 5 % worse", "first_token.p50 improves -5%", 1.1, nil, assert.Fail},
		{"success is equal within a point", "success improves -1%", 1, nil, assert.Pass},
		{"a tenth fails", "success improves -1%", 1, func(r *sample.Run) { failEvery(r, 10) }, assert.Fail},
		{"failing fast is no improvement", "first_token.p50 improves 20%", .7, func(r *sample.Run) { failEvery(r, 5) }, assert.Hold},
		{"invalid", "first_token.p95 improves 20%", .7, func(r *sample.Run) { r.Trailer.Validity.Grade = sample.Invalid }, assert.Hold},
		{"different work", "first_token.p95 improves 20%", .7, func(r *sample.Run) {
			candidates(r, func(_ int, s *sample.Sample) { s.Usage.Output = 5 })
		}, assert.Hold},
		{"too few blocks", "first_token.p95 improves 20%", .7, func(r *sample.Run) { keepBlocks(r, 5) }, assert.Hold},
		{"no requests", "first_token.p95 improves 20%", .7, func(r *sample.Run) { r.Samples = nil }, assert.NoData},
		{"a single design", "first_token.p95 improves 20%", .7, func(r *sample.Run) { r.Header.Design = sample.Single }, assert.Hold},
	} {
		w := world()
		w.FirstToken = c.faster
		run := recorded(w)
		if c.spoil != nil {
			c.spoil(run)
		}
		if got := last(t, request(t, run, c.demand)); got.Verdict != c.want {
			t.Errorf("%s: %s, %v in [%v, %v], %q, want %s", c.name, got.Verdict, got.Observed, got.Lower, got.Upper, got.Why, c.want)
		}
	}
}

func keepBlocks(run *sample.Run, n int) {
	var kept []sample.Sample
	for _, s := range run.Samples {
		if s.Block < n {
			kept = append(kept, s)
		}
	}
	run.Samples = kept
}

// TestImprovesOverAnotherRun: one run per side passes only if the caller says what
// it is worth, and only if the runs are alike.
func TestImprovesOverAnotherRun(t *testing.T) {
	spread := func(r *assert.Request) { r.RunSpread = .05 }
	for _, c := range []struct {
		name   string
		change func(*assert.Request)
		want   assert.Verdict
		why    string
	}{
		{"unasked", func(*assert.Request) {}, assert.Hold, "design: one run per side"},
		{"with the spread of runs", spread, assert.Pass, ""},
		{"with a spread as large", func(r *assert.Request) { r.RunSpread = .2 }, assert.Hold, "widens"},
		{"plain figures", func(r *assert.Request) { r.Point = true }, assert.Pass, ""},
		{"another model", func(r *assert.Request) { spread(r); r.Baseline.Header.Model = "n" }, assert.Hold, "not comparable: model"},
		{"another dataset", func(r *assert.Request) { spread(r); r.Baseline.Header.Dataset.Hash = "x" }, assert.Hold, "dataset"},
		{"another rate", func(r *assert.Request) { spread(r); r.Baseline.Header.Schedule.PerSecond = 9 }, assert.Hold, "schedule"},
		{"another seed", func(r *assert.Request) { spread(r); r.Baseline.Header.Schedule.Hash = "x" }, assert.Pass, ""},
		{"another machine", func(r *assert.Request) { r.Point = true; r.Baseline.Header.Machine.Cores = 4 }, assert.Hold, "machine"},
		{"another dialect", func(r *assert.Request) { spread(r); r.Baseline.Header.Dialect = "openai" }, assert.Hold, "dialect"},
		{"another clock", func(r *assert.Request) { spread(r); r.Baseline.Header.ClockScale = 2 }, assert.Hold, "clock"},
		{"another scenario", func(r *assert.Request) { spread(r); r.Baseline.Header.Scenario = "gate" }, assert.Hold, "scenario"},
		{"another source", func(r *assert.Request) { spread(r); r.Baseline.Header.Source = "envoy" }, assert.Hold, "source"},
		{"a machine that nobody recorded", func(r *assert.Request) {
			spread(r)
			r.Baseline.Header.Machine, r.Run.Header.Machine = sample.Machine{}, sample.Machine{}
		}, assert.Hold, "machine"},
		{"other work", func(r *assert.Request) {
			spread(r)
			candidates(r.Run, func(_ int, s *sample.Sample) { s.Usage.Output = 9 })
		}, assert.Hold, "work"},
		{"an allowed machine", func(r *assert.Request) {
			spread(r)
			r.Baseline.Header.Machine.Cores, r.Allow = 4, []string{"machine"}
		}, assert.Pass, ""},
		{"a baseline that fails", func(r *assert.Request) { r.Point = true; failEvery(r.Baseline, 9) }, assert.Hold, "failed"},
		{"an invalid baseline", func(r *assert.Request) { spread(r); r.Baseline.Trailer.Validity.Grade = sample.Invalid }, assert.Hold, "baseline: "},
		{"a baseline without requests", func(r *assert.Request) { spread(r); r.Baseline.Samples = nil }, assert.NoData, "baseline: "},
	} {
		fast, slow := world(), world()
		fast.FirstToken = .6
		r := request(t, recorded(fast), "first_token.p95 improves 20%")
		r.Baseline, r.BaselineName = recorded(slow), "b.run.jsonl"
		r.Baseline.Trailer.Digest = "fedcba987654"
		c.change(&r)
		got := last(t, r)
		if got.Verdict != c.want || !strings.Contains(got.Why, c.why) {
			t.Errorf("%s: %s, %v in [%v, %v], %q, want %s %q", c.name, got.Verdict, got.Observed, got.Lower, got.Upper, got.Why, c.want, c.why)
		}
		report, err := assert.Check(r)
		if err != nil || !strings.Contains(strings.Join(report.Notes, "\n"), "no causal claim is possible") {
			t.Errorf("%s: no word of one run per side: %q, %v", c.name, report.Notes, err)
		}
	}
}
