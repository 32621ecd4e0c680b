package judge_test

import (
	"math"
	"strings"
	"testing"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/bench/summary"
	"github.com/firstbyte-dev/firstbyte/guard/judge"
	"github.com/firstbyte-dev/firstbyte/guard/policy"
)

// past is a run that lies just where earlier ones did.
func past() judge.Past {
	p := judge.Past{
		Validity:  sample.Validity{Grade: sample.Valid},
		Arm:       summary.Arm{Name: "candidate", Requests: 1000, OK: 1000},
		Forecasts: map[string]judge.Forecast{},
	}
	for _, m := range judge.Forecastable(policy.Default()) {
		p.Forecasts[judge.ForecastKey(m)] = judge.Forecast{Runs: 10, Value: 100, Mean: 100, Lower: 97, Upper: 103}
	}
	return p
}

func TestHistory(t *testing.T) {
	const key = "first_token.p95"
	set := func(f judge.Forecast) func(*judge.Past) {
		return func(p *judge.Past) { p.Forecasts[key] = f }
	}
	for _, c := range []struct {
		name  string
		spoil func(*judge.Past)
		want  judge.Decision
		says  string
	}{
		{"as expected", func(*judge.Past) {}, judge.Promote, "no causal claim"},
		{"beyond the bound and tau", set(judge.Forecast{Runs: 10, Value: 109, Mean: 100, Lower: 97, Upper: 103}), judge.Rollback, "no causal claim"},
		{"beyond the bound within tau", set(judge.Forecast{Runs: 10, Value: 107, Mean: 100, Lower: 97, Upper: 103}), judge.Hold, "neither"},
		{"runs that spread too much", set(judge.Forecast{Runs: 10, Value: 100, Mean: 100, Lower: 80, Upper: 125}), judge.Hold, "neither"},
		{"too few runs", set(judge.Forecast{Runs: 4, Value: 100, Why: "4 earlier runs"}), judge.Hold, "4 earlier runs"},
		{"no figure", func(p *judge.Past) { delete(p.Forecasts, key) }, judge.NoData, "first token P95"},
		{"NaN", set(judge.Forecast{Runs: 9, Value: 100, Mean: math.NaN(), Upper: math.NaN()}), judge.Hold, ""},
		{"no bound", set(judge.Forecast{Runs: 9, Value: 100, Mean: 100, Lower: 1, Upper: math.Inf(1)}), judge.Hold, ""},
		{"no requests", func(p *judge.Past) { p.Arm = summary.Arm{} }, judge.NoData, ""},
		{"nothing succeeds", func(p *judge.Past) { p.Arm.OK = 0 }, judge.NoData, ""},
		{"half of it fails", func(p *judge.Past) { p.Arm.OK = 500 }, judge.Rollback, "500 of 1000"},
		{"7 % fail", func(p *judge.Past) { p.Arm.OK = 930 }, judge.Hold, "7.0 %"},
		{"invalid", func(p *judge.Past) { p.Validity.Grade = sample.Invalid }, judge.Hold, "valid"},
		{"worse, but invalid", func(p *judge.Past) {
			p.Validity.Grade = sample.Invalid
			set(judge.Forecast{Runs: 10, Value: 200, Mean: 100, Lower: 97, Upper: 103})(p)
		}, judge.Hold, "valid"},
		{"too few to know the success rate", func(p *judge.Past) { p.Arm.Requests, p.Arm.OK = 200, 200 }, judge.Hold, "200 of 200 requests"},
		{"fewer succeed, within what latencies stand", func(p *judge.Past) { p.Arm.OK = 960 }, judge.Hold, "success rate"},
		{"scored answers", func(p *judge.Past) { p.Arm.Scored = 10 }, judge.Hold, "quality.mean is gating"},
		{"stopped", func(p *judge.Past) { p.Stopped = "interrupted" }, judge.Hold, "interrupted"},
	} {
		p := past()
		c.spoil(&p)
		v := judge.History(policy.Default(), p)
		if v.Decision != c.want || v.ExitCode != c.want.ExitCode() || v.Mode != "history" || !strings.Contains(strings.Join(v.Summary, " "), c.says) {
			t.Errorf("%s: %s %q, want %s %q", c.name, v.Decision, v.Summary, c.want, c.says)
		}
	}
	for name, m := range map[string]policy.Metric{
		"a mean alone":        {Measure: policy.TTFB, Statistic: policy.Mean},
		"throughput":          {Measure: policy.Throughput, Statistic: policy.Mean},
		"goodput":             {Measure: policy.Goodput, Statistic: policy.Rate},
		"a limit that is not": {Measure: policy.FirstToken, Statistic: policy.P95, Margin: .1, Limit: &policy.Limit{Value: 99, Duration: true}},
	} {
		pol := policy.Default()
		m.Gating = true
		pol.Metrics = append(pol.Metrics, m)
		if v := judge.History(pol, past()); v.Decision != judge.Hold || len(v.Summary) != 2 {
			t.Errorf("%s: %s %q", name, v.Decision, v.Summary)
		}
	}
	pol := policy.Default()
	pol.Metrics = nil
	if v := judge.History(pol, past()); v.Decision != judge.Hold {
		t.Errorf("a policy that gates on nothing: %s", v.Decision)
	}
}
